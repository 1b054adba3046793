/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's types (BTF) are five megabytes, which libbpf reads, checks and searches once for each structure that a program
 * relocates by: most of the time that a load takes. A program asks for some twenty structures and a few members of each, by the names in its own
 * types. This reads the kernel's types in one pass and makes types of just those, with the kernel's offsets and sizes, for the option
 * btf_custom_path of bpf_object__open_file().
 *
 *	fd = btf_subset_make("tcp_table.bpf.o");	-1: let libbpf read all of them
 *	"/proc/self/fd/FD"
 *
 * What relocates by a type that has no name of its own, or by anything but offsets, sizes and being there, is not for it.
 */
#ifndef CLOCHE_GUARD_BTF_SUBSET_H
#define CLOCHE_GUARD_BTF_SUBSET_H

/* A memfd, to be closed. */
int btf_subset_make(const char *object);

#endif
