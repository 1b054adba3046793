/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seccomp filter of a container: compiled once per distinct policy, cached as BPF below
 * cache_dir, loaded by the child with one seccomp(2) call. libseccomp, which knows the numbers of
 * system calls on each architecture, is loaded by dlopen and only on a cache miss, so that the hot
 * path does not link it. The BPF is made here, as a search tree over ranges of numbers, because the
 * kernel translates a filter anew at each load: a quarter of libseccomp's length, and 0.1 ms instead
 * of 0.25 ms (its linear form: 0.7 ms). It is also exact where libseccomp 2.5.4 lets calls through
 * that no rule allows: several rules of one call with comparisons by size.
 *
 *	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
 *	r = seccomp_compile(&policy, cache_dir, &program, err);
 *	... in the child:
 *	r = seccomp_load(&program);
 */
#ifndef CLOCHE_RUNTIME_SECCOMP_H
#define CLOCHE_RUNTIME_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

struct err;

struct seccomp_policy {
	const char *profile_path; /* Docker's JSON format; NULL: the built-in list */
	const char *oci_json;	  /* linux.seccomp of a config.json in its place; NULL: none */
	uint64_t capabilities;	  /* some rules depend on them, as in Docker's list */
	int no_set_id; /* refuse modes with set-id bits (EPERM): chmod and its kin, creat, mknod and
			* its kin, open and openat where they may create. openat2 is ENOSYS, io_uring
			* EPERM: their modes lie in memory. mkdir ignores the bits. setxattr of
			* security.capability cannot be seen: the caller drops CAP_SETFCAP */
};

struct seccomp_program {
	struct sock_filter *filter; /* allocated; seccomp_clear frees it */
	unsigned short length;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_*, as a profile may ask for */
};
/* In flags: some action is to notify, so that the load gives a descriptor. */
#define SECCOMP_PROGRAM_LISTENER SECCOMP_FILTER_FLAG_NEW_LISTENER

/* cache_dir: a 0700 folder of ours, or -1 for none. A cache that cannot be read or written costs
 * time only. 0 or -errno; -EINVAL: what is wrong with the profile, and where. */
int seccomp_compile(const struct seccomp_policy *policy, int cache_dir,
		    struct seccomp_program *ret_program, struct err *err);
/* "clone3", by libseccomp; its number where that does not know. To be freed. */
char *seccomp_call_name(unsigned int number);
void seccomp_clear(struct seccomp_program *program);
/* In the child; system calls only. Needs CAP_SYS_ADMIN in the user namespace or no_new_privs.
 * 0 or -errno; with SECCOMP_PROGRAM_LISTENER the descriptor. */
int seccomp_load(const struct seccomp_program *program);

#endif
