/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/btf_subset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <cmocka.h>

static const struct btf_type *structure(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id < 0 ? NULL : btf__type_by_id(btf, (unsigned int)id);
}

/* Bits from the begin of t, also within members without a name; -1: it has none. */
static long member_bit(const struct btf *btf, const struct btf_type *t, const char *name)
{
	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *own = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *type = btf__type_by_id(btf, m->type);
		long bit = -1;

		if (strcmp(own, name) == 0)
			return btf_member_bit_offset(t, i);
		if (!*own && btf_is_composite(type))
			bit = member_bit(btf, type, name);
		if (bit >= 0)
			return btf_member_bit_offset(t, i) + bit;
	}
	return -1;
}

/* What libbpf reads from all of the kernel's types is what it reads from ours. */
static void offsets_and_sizes_are_the_kernels(void **state)
{
	static const char *const members[][2] = {
		{ "sock_common", "skc_daddr" },
		{ "sock_common", "skc_net_refcnt" },
		{ "sock_common", "skc_nulls_node" },
		{ "sock", "sk_socket" },
		{ "tcp_sock", "snd_una" },
		{ "net", "ipv4" },
		{ "inet_hashinfo", "lhash2" },
		{ "socket_alloc", "vfs_inode" },
		{ "inode", "i_ino" },
		{ "netns_ipv4", "tcp_death_row" },
	};
	int fd = btf_subset_make(TCP_TABLE_OBJECT);
	struct btf *kernel, *made;
	char path[32];

	(void)state;
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		skip();
	assert_true(fd >= 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	made = btf__parse(path, NULL);
	kernel = btf__load_vmlinux_btf();
	assert_non_null(made);
	assert_non_null(kernel);
	assert_in_range(btf__type_cnt(made), 20, 200);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct btf_type *ours = structure(made, members[i][0]);
		const struct btf_type *theirs = structure(kernel, members[i][0]);

		assert_non_null(ours);
		assert_int_equal(ours->size, theirs->size);
		assert_int_equal(member_bit(made, ours, members[i][1]),
				 member_bit(kernel, theirs, members[i][1]));
		assert_true(member_bit(made, ours, members[i][1]) >= 0);
	}
	assert_null(structure(made, "dentry"));
	btf__free(made);
	btf__free(kernel);
	(void)close(fd);
}

static void an_object_that_is_none_makes_none(void **state)
{
	(void)state;
	assert_int_equal(btf_subset_make("/dev/null"), -1);
	assert_int_equal(btf_subset_make("/nowhere"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_and_sizes_are_the_kernels),
		cmocka_unit_test(an_object_that_is_none_makes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
