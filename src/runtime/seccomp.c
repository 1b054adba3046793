/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/seccomp.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/seccomp_list.h"
#include "runtime/seccomp_oci.h"
#include "runtime/seccomp_profile.h"
#include "runtime/seccomp_tree.h"

enum {
	FORMAT =
		1, /* of cache files and of what seccomp_tree.c makes: count up when either changes */
	PROFILE_LIMIT = 1 << 20,
};

/* -- compiling -------------------------------------------------------------------------------- */

static int rules_compile(struct seccomp_rules *rules, struct seccomp_program *ret_program,
			 struct err *err)
{
	seccomp_resolve_fn *resolve = NULL;
	void *library = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);
	int r;

	if (!library) {
		err_set(err, ENOENT, "load libseccomp: %s", dlerror());
		return err_hint(
			err,
			"install it (libseccomp2), or run with --security-opt seccomp=unconfined");
	}
	/* dlsym's void * is a function here by POSIX. Its kin that rewrites hides x86's two ways. */
	*(void **)&resolve = dlsym(library, "seccomp_syscall_resolve_name_arch");
	if (resolve)
		r = seccomp_tree_write(rules, resolve, ret_program, err);
	else
		r = err_set(err, ENOSYS,
			    "libseccomp.so.2 has no seccomp_syscall_resolve_name_arch");
	(void)dlclose(library);
	return r;
}

/* -- the cache -------------------------------------------------------------------------------- */

struct cache_head {
	char magic[8];
	uint64_t key, checksum;
	uint32_t flags, length; /* instructions, which follow */
};

static const char cache_magic[8] = { 'C', 'L', 'O', 'C', 'B', 'P', 'F', '\n' };

/* FNV's way, eight bytes at a time: this runs at every start. It tells policies apart and finds
 * broken files; the folder is ours alone, so nobody makes collisions. */
static uint64_t hash(uint64_t h, const void *data, size_t length)
{
	const char *p = data;

	h ^= length;
	while (length > 0) {
		uint64_t word = 0;
		size_t n = length < sizeof(word) ? length : sizeof(word);

		memcpy(&word, p, n);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		p += n;
		length -= n;
	}
	return h;
}

static uint64_t hash_rules(uint64_t h, const struct seccomp_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct seccomp_rule *rule = &rules->items[i];
		uint32_t head[] = { rule->action, rule->guard, rule->compare_count };

		h = hash(h, rule->names, strlen(rule->names));
		h = hash(h, head, sizeof(head));
		for (size_t k = 0; k < rule->compare_count; k++) {
			const struct seccomp_compare *compare = &rule->compares[k];
			uint64_t words[] = { compare->arg, compare->op, compare->low,
					     compare->value, compare->other };

			h = hash(h, words, sizeof(words));
		}
	}
	return h;
}

static int cache_read(int dir, const char *name, uint64_t key, struct seccomp_program *ret_program)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct {
		struct cache_head head;
		struct sock_filter insns[BPF_MAXINSNS];
	} file;
	struct stat st;
	size_t bytes;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_size <= (off_t)sizeof(file.head) || st.st_size > (off_t)sizeof(file) ||
	    read(fd, &file, (size_t)st.st_size) != st.st_size)
		return -EINVAL;
	bytes = (size_t)st.st_size - sizeof(file.head);
	if (memcmp(file.head.magic, cache_magic, sizeof(cache_magic)) != 0 ||
	    file.head.key != key || file.head.length > BPF_MAXINSNS ||
	    bytes != file.head.length * sizeof(*file.insns) ||
	    file.head.checksum != hash(key ^ file.head.flags, file.insns, bytes))
		return -EINVAL;
	ret_program->length = (unsigned short)file.head.length;
	ret_program->flags = file.head.flags;
	ret_program->filter = mem_new(bytes);
	memcpy(ret_program->filter, file.insns, bytes);
	return 0;
}

static void cache_write(int dir, const char *name, uint64_t key,
			const struct seccomp_program *program)
{
	_cleanup_(buf_clear) struct buf file = BUF_EMPTY;
	size_t bytes = program->length * sizeof(*program->filter);
	struct cache_head head = { .key = key,
				   .checksum = hash(key ^ program->flags, program->filter, bytes),
				   .flags = program->flags,
				   .length = program->length };
	struct err ignored = ERR_NONE;

	memcpy(head.magic, cache_magic, sizeof(head.magic));
	buf_add(&file, &head, sizeof(head));
	buf_add(&file, program->filter, bytes);
	/* Without the file, on a full disk say, the next start compiles again: slower, as right. */
	(void)file_replace(dir, name, file.data, file.length, 0600, false, &ignored);
}

/* -- the interface ---------------------------------------------------------------------------- */

static int profile_read(const char *path, struct buf *text, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open seccomp profile %s", path);
	if (!fd_is_regular(fd))
		return err_set(err, EINVAL, "seccomp profile %s is not a regular file", path);
	r = fd_read_all(fd, PROFILE_LIMIT, text);
	return r < 0 ? err_sys(err, r, "read seccomp profile %s", path) : 0;
}

static int compile_cached(const struct seccomp_policy *policy, struct seccomp_rules *rules,
			  int cache_dir, struct seccomp_program *ret_program, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct utsname host = { 0 };
	uint64_t key = hash(FORMAT, seccomp_list_arch_native()->name,
			    strlen(seccomp_list_arch_native()->name));
	char name[48];
	int r;

	if (policy->oci_json) {
		key = hash(key, policy->oci_json, strlen(policy->oci_json));
	} else if (policy->profile_path) {
		r = profile_read(policy->profile_path, &text, err);
		if (r < 0)
			return r;
		(void)uname(&host); /* profiles have rules by the kernel's version */
		key = hash(key, &policy->capabilities, sizeof(policy->capabilities));
		key = hash(key, host.release, strlen(host.release));
		key = hash(key, text.data, text.length);
	} else {
		seccomp_list_builtin(rules, policy->capabilities);
	}
	if (policy->no_set_id)
		seccomp_list_no_set_id(rules);
	key = hash_rules(key, rules);
	(void)snprintf(name, sizeof(name), "seccomp-%016llx.bpf", (unsigned long long)key);
	if (cache_dir >= 0 && cache_read(cache_dir, name, key, ret_program) == 0)
		return 0;
	if (policy->oci_json) {
		r = seccomp_oci_parse(policy->oci_json, rules, err);
		if (r < 0)
			return r;
	} else if (policy->profile_path) {
		r = seccomp_profile_parse(text.data, text.length, policy->capabilities,
					  host.release, rules, err);
		if (r < 0)
			return err_wrap(err, "seccomp profile %s", policy->profile_path);
	}
	r = rules_compile(rules, ret_program, err);
	if (r == 0 && cache_dir >= 0)
		cache_write(cache_dir, name, key, ret_program);
	return r;
}

int seccomp_compile(const struct seccomp_policy *policy, int cache_dir,
		    struct seccomp_program *ret_program, struct err *err)
{
	struct seccomp_rules rules = { 0 };
	int r = compile_cached(policy, &rules, cache_dir, ret_program, err);

	seccomp_rules_clear(&rules);
	return r;
}

void seccomp_clear(struct seccomp_program *program)
{
	free(program->filter);
	*program = (struct seccomp_program){ 0 };
}

int seccomp_load(const struct seccomp_program *program)
{
	struct sock_fprog load = { .len = program->length, .filter = program->filter };

	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program->flags, &load);

	return r < 0 ? -errno : (int)r;
}

char *seccomp_call_name(unsigned int number)
{
	void *library = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);
	char *(*resolve)(uint32_t arch, int number) = NULL;
	char *name;

	if (library)
		*(void **)&resolve = dlsym(library, "seccomp_syscall_resolve_num_arch");
	name = resolve ? resolve(seccomp_list_arch_native()->token, (int)number) : NULL;
	if (!name)
		name = str_printf("%u", number);
	if (library)
		(void)dlclose(library);
	return name;
}
