/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/btf_subset.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"

enum { KERNEL_MOST = 64 << 20, DEPTH_MOST = 16, ROOTS_MOST = 64 };

/* The kernel's types as they lie in the file (Documentation/bpf/btf.rst): numbered from 1 on. */
struct kernel {
	char *data;
	const struct btf_header *header;
	const struct btf_type **types; /* by number; 0: void */
	unsigned int count;
};

struct subset {
	const struct kernel *kernel;
	const struct btf *wanted;
	struct btf *made;
	int *done; /* by wanted type: the number of what was made of it; 0: nothing yet */
	int pointer;
};

/* -- the kernel's ----------------------------------------------------------------------------- */

static void kernel_clear(struct kernel *kernel)
{
	free(kernel->data);
	free(kernel->types);
}

static size_t type_size(const struct btf_type *t)
{
	size_t n = btf_vlen(t);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*t) + sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(*t) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return sizeof(*t) + n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return sizeof(*t) + n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return sizeof(*t) + n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*t) + n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return sizeof(*t) + n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return sizeof(*t);
	default:
		return 0; /* of a kernel that is newer than this file */
	}
}

static bool kernel_index(struct kernel *kernel)
{
	const char *at = kernel->data + kernel->header->hdr_len + kernel->header->type_off;
	const char *end = at + kernel->header->type_len;

	/* none is shorter */
	kernel->types =
		calloc((size_t)(end - at) / sizeof(struct btf_type) + 1, sizeof(*kernel->types));
	if (!kernel->types)
		return false;
	for (kernel->count = 1; at < end; kernel->count++) {
		const struct btf_type *t = (const void *)at;
		size_t size = type_size(t);

		if (size == 0)
			return false;
		kernel->types[kernel->count] = t;
		at += size;
	}
	return true;
}

static bool kernel_read(struct kernel *kernel)
{
	int fd = open(KERNEL_TYPES, O_RDONLY | O_CLOEXEC);
	size_t have = 0, size;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*kernel->header) ||
	    st.st_size > KERNEL_MOST) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	size = (size_t)st.st_size;
	kernel->data = malloc(size);
	while (kernel->data && have < size && (n = read(fd, kernel->data + have, size - have)) > 0)
		have += (size_t)n;
	(void)close(fd);
	kernel->header = (const void *)kernel->data;
	return kernel->data && have == size && kernel->header->magic == BTF_MAGIC &&
	       (size_t)kernel->header->hdr_len + kernel->header->type_off +
			       kernel->header->type_len <=
		       size &&
	       kernel_index(kernel);
}

static const char *kernel_name(const struct kernel *kernel, __u32 offset)
{
	return kernel->data + kernel->header->hdr_len + kernel->header->str_off + offset;
}

/* Without typedef, const and the like. NULL: void. */
static const struct btf_type *kernel_plain(const struct kernel *kernel, __u32 id)
{
	const struct btf_type *t = kernel->types[id];

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = kernel->types[t->type];
	return t;
}

struct place {
	const struct btf_type *type; /* NULL: void */
	__u32 bit, bits;	     /* bits: of a bit field, else 0 */
};

/* A member by its name, also within members that have none. */
static bool member_find(const struct kernel *kernel, const struct btf_type *t, const char *name,
			__u32 base, int depth, struct place *ret)
{
	for (__u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *own = kernel_name(kernel, m->name_off);
		const struct btf_type *type = kernel_plain(kernel, m->type);
		__u32 bit = base + btf_member_bit_offset(t, i);

		if (strcmp(own, name) == 0) {
			*ret = (struct place){ type, bit, btf_member_bitfield_size(t, i) };
			return true;
		}
		if (!*own && type && btf_is_composite(type) && depth < DEPTH_MOST &&
		    member_find(kernel, type, name, bit, depth + 1, ret))
			return true;
	}
	return false;
}

/* -- what is made of them --------------------------------------------------------------------- */

static const struct btf_type *wanted_plain(const struct subset *subset, __u32 *id)
{
	const struct btf_type *t = btf__type_by_id(subset->wanted, *id);

	while (btf_is_mod(t) || btf_is_typedef(t)) {
		*id = t->type;
		t = btf__type_by_id(subset->wanted, *id);
	}
	return t;
}

static int composite_make(struct subset *subset, __u32 id, const struct btf_type *theirs,
			  int depth);

/* The number of a type for a member; 0: none that is of use. */
static int type_make(struct subset *subset, __u32 wanted_id, const struct btf_type *theirs,
		     int depth)
{
	const struct btf_type *wanted = wanted_plain(subset, &wanted_id);

	if (!theirs)
		return 0;
	if (btf_is_ptr(theirs))
		return subset->pointer;
	if (btf_is_int(theirs))
		return btf__add_int(subset->made, kernel_name(subset->kernel, theirs->name_off),
				    theirs->size, btf_int_encoding(theirs));
	if (btf_is_composite(theirs) && btf_is_composite(wanted) && depth < DEPTH_MOST)
		return composite_make(subset, wanted_id, theirs, depth + 1);
	return 0;
}

/* A structure with those members that both have. What is in it comes before it. */
static int composite_make(struct subset *subset, __u32 id, const struct btf_type *theirs, int depth)
{
	const struct btf_type *wanted = btf__type_by_id(subset->wanted, id);
	const char *name = btf__name_by_offset(subset->wanted, wanted->name_off);
	__u32 count = btf_vlen(wanted);
	struct place *places;
	int *types, r;

	if (subset->done[id] != 0)
		return subset->done[id];
	places = calloc(count + 1, sizeof(*places));
	types = calloc(count + 1, sizeof(*types));
	for (__u32 i = 0; places && types && i < count; i++) {
		const struct btf_member *m = &btf_members(wanted)[i];
		const char *member = btf__name_by_offset(subset->wanted, m->name_off);

		if (member_find(subset->kernel, theirs, member, 0, 0, &places[i]))
			types[i] = type_make(subset, m->type, places[i].type, depth);
	}
	r = places && types ? btf__add_struct(subset->made, name, theirs->size) : -ENOMEM;
	subset->done[id] = r;
	for (__u32 i = 0; r > 0 && i < count; i++) {
		const struct btf_member *m = &btf_members(wanted)[i];

		if (types[i] > 0 &&
		    btf__add_field(subset->made, btf__name_by_offset(subset->wanted, m->name_off),
				   types[i], places[i].bit, places[i].bits) < 0)
			r = -ENOMEM;
	}
	free(places);
	free(types);
	return r;
}

/* The kernel's structures by the names of ours. */
static bool all_make(struct subset *subset)
{
	const struct kernel *kernel = subset->kernel;
	const char *names[ROOTS_MOST];
	unsigned int ids[ROOTS_MOST], count = 0;

	for (unsigned int id = 1; id < btf__type_cnt(subset->wanted); id++) {
		const struct btf_type *wanted = btf__type_by_id(subset->wanted, id);

		if (!btf_is_struct(wanted) || wanted->name_off == 0)
			continue;
		if (count == ROOTS_MOST)
			return false;
		names[count] = btf__name_by_offset(subset->wanted, wanted->name_off);
		ids[count++] = id;
	}
	subset->pointer = btf__add_ptr(subset->made, 0);
	for (unsigned int k = 1; k < kernel->count; k++) {
		const struct btf_type *theirs = kernel->types[k];
		const char *name;

		if (!btf_is_struct(theirs) || theirs->name_off == 0)
			continue;
		name = kernel_name(kernel, theirs->name_off);
		for (unsigned int i = 0; i < count; i++)
			if (names[i][0] == name[0] && strcmp(names[i], name) == 0 &&
			    composite_make(subset, ids[i], theirs, 0) < 0)
				return false;
	}
	return subset->pointer > 0;
}

static int made_write(const struct btf *made)
{
	__u32 size;
	const char *data = btf__raw_data(made, &size);
	int fd = data ? memfd_create("btf", MFD_CLOEXEC) : -1;

	if (fd >= 0 && write(fd, data, size) != (ssize_t)size) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int btf_subset_make(const char *object)
{
	struct kernel kernel = { 0 };
	struct btf *wanted = btf__parse_elf(object, NULL), *made = btf__new_empty();
	struct subset subset = { .kernel = &kernel, .wanted = wanted, .made = made };
	int fd = -1;

	if (wanted && made)
		subset.done = calloc(btf__type_cnt(wanted), sizeof(*subset.done));
	if (subset.done && kernel_read(&kernel) && all_make(&subset))
		fd = made_write(made);
	free(subset.done);
	btf__free(made);
	btf__free(wanted);
	kernel_clear(&kernel);
	return fd;
}
