/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the compiler of filters shares with the reader of profiles; private to seccomp*.c. */
#ifndef CLOCHE_RUNTIME_SECCOMP_INTERNAL_H
#define CLOCHE_RUNTIME_SECCOMP_INTERNAL_H

/* the library has a function of the name that ours has */
#define seccomp_load seccomp_load_of_library
#include <seccomp.h>
#undef seccomp_load

#include "base/str.h"
#include "runtime/seccomp.h"

struct seccomp_library { /* loaded only when something must be compiled; it stays until the program ends */
	void *handle;
	scmp_filter_ctx (*init)(uint32_t action);
	void (*release)(scmp_filter_ctx filter);
	int (*rule_add)(scmp_filter_ctx filter, uint32_t action, int number, unsigned int count,
			const struct scmp_arg_cmp *args);
	int (*export_bpf)(const scmp_filter_ctx filter, int fd);
	int (*arch_add)(scmp_filter_ctx filter, uint32_t arch);
	int (*attr_set)(scmp_filter_ctx filter, enum scmp_filter_attr attr, uint32_t value);
	int (*resolve)(const char *name);
	uint32_t (*arch_native)(void);
};

int seccomp_number(const struct seccomp_library *library, const char *name);
int seccomp_rule(const struct seccomp_library *library, scmp_filter_ctx filter, uint32_t action,
		 const char *name, unsigned int count, const struct scmp_arg_cmp *args);
int seccomp_set_id_rules(const struct seccomp_library *library, scmp_filter_ctx filter);

/* Docker's JSON: what to do with calls that it does not name, and the rules. Words name the place. */
int seccomp_profile_default(const struct buf *profile, const char *path, uint32_t *ret_action,
			    struct err *err);
int seccomp_profile_rules(const struct seccomp_library *library, scmp_filter_ctx filter,
			  const struct buf *profile, const struct seccomp_policy *policy,
			  struct err *err);

#endif
