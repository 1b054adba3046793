/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the seccomp module: rules as a profile states them, before they are compiled, and the
 * built-in profile. How rules of one system call combine (the same as in libseccomp, so that
 * Docker's profiles mean here what they mean there):
 *  1. A guard whose comparisons all hold decides, in order; guards are ours, no profile has them.
 *  2. Else the first rule without comparisons decides and covers all with some.
 *  3. Else the first rule whose comparisons all hold.
 *  4. Else the default action.
 */
#ifndef CLOCHE_RUNTIME_SECCOMP_LIST_H
#define CLOCHE_RUNTIME_SECCOMP_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECCOMP_ARCHS = 3, SECCOMP_ARGS = 6 };

enum seccomp_op {
	SECCOMP_NE,
	SECCOMP_LT,
	SECCOMP_LE,
	SECCOMP_EQ,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_MASKED_EQ, /* (argument & value) == other */
	SECCOMP_ANY,	   /* (argument & value) != 0 */
};

struct seccomp_compare {
	uint8_t arg;
	uint8_t op;
	bool low; /* the kernel takes 32 bits; looking at the others would be a way round */
	uint64_t value, other;
};

struct seccomp_rule {
	const char *names; /* of system calls, a blank between them; unknown ones are left out */
	uint64_t with;	   /* holds when the container has all of these capabilities */
	uint64_t without;  /* and none of these */
	uint32_t action;   /* SECCOMP_RET_* with its data */
	bool guard;
	uint8_t compare_count;
	struct seccomp_compare compares[SECCOMP_ARGS];
};

/* libseccomp's names and numbers for what a filter tells apart; x32 shares the kernel's number with
 * x86-64 and is told by a bit in the system call's number. */
struct seccomp_arch {
	const char *name; /* "SCMP_ARCH_X86_64" */
	uint32_t token;	  /* libseccomp's */
	uint32_t audit;	  /* the kernel's AUDIT_ARCH_* */
	uint32_t bit;	  /* set in its numbers */
	uint32_t hole_first,
		hole_last;   /* numbers that the kernel has not given away, below the last */
	uint32_t last_least; /* its own numbers go up to here at least */
};

struct seccomp_rules {
	struct seccomp_rule *items;
	size_t count, room;
	char **strings; /* what names point to, where they are not constant */
	const struct seccomp_arch *archs[SECCOMP_ARCHS];
	size_t arch_count;
	uint32_t default_action;
	bool newer_enosys;   /* calls above last_known answer ENOSYS, so that libc falls back */
	uint32_t last_known; /* 0: the largest number that a rule names */
	unsigned int flags;  /* SECCOMP_FILTER_FLAG_* */
};

void seccomp_rules_add(struct seccomp_rules *rules, const struct seccomp_rule *rule);
/* The same with args. Two about the same argument are alternatives, each a rule of its own with nothing else: so it has always been
 * with Docker and runc, whose profiles count on it. At most SECCOMP_ARGS of different arguments, any number else. */
void seccomp_rules_add_args(struct seccomp_rules *rules, const struct seccomp_rule *rule,
			    const struct seccomp_compare *compares, size_t count);
void seccomp_rules_clear(struct seccomp_rules *rules);

/* Archs: the native one is first. */
const struct seccomp_arch *seccomp_list_arch_native(void);
const struct seccomp_arch *seccomp_list_arch(const char *name); /* NULL: not of this machine */
void seccomp_rules_add_arch(struct seccomp_rules *rules, const struct seccomp_arch *arch);

/* The built-in profile for a container with these capabilities. */
void seccomp_list_builtin(struct seccomp_rules *rules, uint64_t capabilities);
/* Guards that refuse modes with set-id bits, before any other rule. */
void seccomp_list_no_set_id(struct seccomp_rules *rules);
/* The number of a system call that libseccomp may be too old to know, without the arch's bit, or
 * -1. */
int seccomp_list_number(const struct seccomp_arch *arch, const char *name, size_t length);

#endif
