/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/cgroup_device.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/spec.h"

enum { ACCESS_ALL = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };

static unsigned access_bits(const struct spec_device_rule *rule)
{
	unsigned bits = 0;

	for (size_t i = 0; i < sizeof(rule->access) && rule->access[i]; i++) {
		switch (rule->access[i]) {
		case 'r':
			bits |= BPF_DEVCG_ACC_READ;
			break;
		case 'w':
			bits |= BPF_DEVCG_ACC_WRITE;
			break;
		case 'm':
			bits |= BPF_DEVCG_ACC_MKNOD;
			break;
		default:
			return 0;
		}
	}
	return rule->access[0] ? bits : ACCESS_ALL; /* the spec: "access" may be left out */
}

static int rule_check(const struct spec_device_rule *rule, struct err *err)
{
	if (rule->type != 'a' && rule->type != 'b' && rule->type != 'c')
		return err_set(err, EINVAL, "device rule: type \"%c\" is none of a, b, c",
			       rule->type);
	if (!access_bits(rule))
		return err_set(err, EINVAL, "device rule: access \"%.4s\" is not made of r, w, m",
			       rule->access);
	if (rule->major < -1 || rule->major > UINT32_MAX || rule->minor < -1 ||
	    rule->minor > UINT32_MAX)
		return err_set(err, EINVAL,
			       "device rule: no such device number, %" PRId64 ":%" PRId64,
			       rule->major, rule->minor);
	return 0;
}

static bool rule_is_all(const struct spec_device_rule *rule)
{
	return rule->type == 'a' && rule->major == -1 && rule->minor == -1 &&
	       access_bits(rule) == ACCESS_ALL;
}

/* -- v1 --------------------------------------------------------------------------------------- */

static bool number_covers(int64_t wide, int64_t narrow)
{
	return wide == -1 || wide == narrow;
}

static bool covers(const struct cgroup_device *wide, const struct cgroup_device *narrow)
{
	return wide->type == narrow->type && number_covers(wide->major, narrow->major) &&
	       number_covers(wide->minor, narrow->minor);
}

static bool number_meets(int64_t a, int64_t b)
{
	return a == -1 || b == -1 || a == b;
}

static bool meets(const struct cgroup_device *a, const struct cgroup_device *b)
{
	return a->type == b->type && number_meets(a->major, b->major) &&
	       number_meets(a->minor, b->minor);
}

static void exceptions_pack(struct cgroup_device_plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->exceptions[i].access)
			plan->exceptions[kept++] = plan->exceptions[i];
	plan->count = kept;
}

/* `exceptions` has room for two per rule. */
static void exception_add(struct cgroup_device_plan *plan, struct cgroup_device device)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct cgroup_device *e = &plan->exceptions[i];

		if (covers(e, &device) && covers(&device, e)) {
			device.access |= e->access;
			e->access = 0;
		} else if (covers(e, &device)) {
			device.access &= ~e->access;
		} else if (covers(&device, e)) {
			e->access &= ~device.access;
		}
	}
	exceptions_pack(plan);
	if (device.access)
		plan->exceptions[plan->count++] = device;
}

static int exception_take(struct cgroup_device_plan *plan, const struct cgroup_device *device,
			  struct err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct cgroup_device *e = &plan->exceptions[i];

		if (covers(device, e)) {
			e->access &= ~device->access;
		} else if (meets(device, e) && e->access & device->access) {
			char part[CGROUP_DEVICE_TEXT], wide[CGROUP_DEVICE_TEXT];

			cgroup_device_text(device, part);
			cgroup_device_text(e, wide);
			err_set(err, EOPNOTSUPP,
				"device rule %s: cgroup v1 cannot take a part out of an earlier rule, %s",
				part, wide);
			return err_hint(err, "name the devices one by one");
		}
	}
	exceptions_pack(plan);
	return 0;
}

static int plan_rule(struct cgroup_device_plan *plan, const struct spec_device_rule *rule,
		     struct err *err)
{
	static const char types[] = { 'b', 'c' };
	int r = 0;

	if (rule_is_all(rule)) {
		plan->allow = rule->allow;
		plan->count = 0;
		return 0;
	}
	/* v1 reads 'a' as "all devices" whatever numbers stand behind it, so such a rule becomes two. */
	for (size_t i = 0; r == 0 && i < sizeof(types); i++) {
		struct cgroup_device device = { types[i], rule->major, rule->minor,
						access_bits(rule) };

		if (rule->type != 'a' && rule->type != types[i])
			continue;
		if (rule->allow == plan->allow)
			r = exception_take(plan, &device, err);
		else
			exception_add(plan, device);
	}
	return r;
}

int cgroup_device_plan_make(const struct spec_device_rule *rules, size_t count,
			    struct cgroup_device_plan *ret_plan, struct err *err)
{
	struct cgroup_device_plan plan = { .allow = true };
	int r = 0;

	if (count > CGROUP_DEVICE_PROGRAM_MAX)
		return err_set(err, E2BIG, "%zu device rules are too many", count);
	plan.exceptions = mem_new((2 * count + 1) * sizeof(*plan.exceptions));
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = rule_check(&rules[i], err);
		if (r == 0)
			r = plan_rule(&plan, &rules[i], err);
	}
	if (r < 0) {
		cgroup_device_plan_clear(&plan);
		return r;
	}
	*ret_plan = plan;
	return 0;
}

void cgroup_device_plan_clear(struct cgroup_device_plan *plan)
{
	free(plan->exceptions);
	*plan = (struct cgroup_device_plan){ 0 };
}

static void number_text(int64_t number, char out[16])
{
	if (number < 0)
		(void)snprintf(out, 16, "*");
	else
		(void)snprintf(out, 16, "%" PRIu32, (uint32_t)number);
}

void cgroup_device_text(const struct cgroup_device *device, char out[CGROUP_DEVICE_TEXT])
{
	char major[16], minor[16];

	number_text(device->major, major);
	number_text(device->minor, minor);
	(void)snprintf(out, CGROUP_DEVICE_TEXT, "%c %s:%s %s%s%s", device->type, major, minor,
		       device->access & BPF_DEVCG_ACC_READ ? "r" : "",
		       device->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		       device->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

/* -- v2 --------------------------------------------------------------------------------------- */

struct program {
	struct bpf_insn *out;
	size_t length;
};

static void emit(struct program *p, int code, int dst, int src, int off, uint32_t imm)
{
	/* The caller of rule_emit has seen to the room. */
	p->out[p->length++] = (struct bpf_insn){
		.code = (__u8)code,
		.dst_reg = (__u8)(dst & 15),
		.src_reg = (__u8)(src & 15),
		.off = (__s16)off,
		.imm = (__s32)imm,
	};
}

static void emit_return(struct program *p, bool allow)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Registers: 2 the type, 3 those accesses that no rule has decided yet, 4 major, 5 minor. */
static void head_emit(struct program *p)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

enum { RULE_LENGTH_MAX = 7, TAIL_LENGTH = 2 };

static void rule_emit(struct program *p, const struct spec_device_rule *rule)
{
	unsigned access = access_bits(rule);
	int body = 4; /* instructions behind the comparisons */

	int compares = (rule->type != 'a') + (rule->major >= 0) + (rule->minor >= 0);

	/* 32 bits are compared, because a 64-bit jump would extend the sign of numbers past 2^31. */
	if (rule->type != 'a')
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, --compares + body,
		     rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major >= 0)
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_4, 0, --compares + body,
		     (uint32_t)rule->major);
	if (rule->minor >= 0)
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_5, 0, --compares + body,
		     (uint32_t)rule->minor);
	if (rule->allow) {
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, ~access);
		emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0);
	} else {
		emit(p, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, 0, 1, access);
		emit(p, BPF_JMP | BPF_JA, 0, 0, 2, 0);
	}
	emit_return(p, rule->allow);
}

int cgroup_device_program(const struct spec_device_rule *rules, size_t count, struct bpf_insn *out,
			  struct err *err)
{
	struct program p = { .out = out };

	head_emit(&p);
	for (size_t i = count; i-- > 0;) {
		int r = rule_check(&rules[i], err);

		if (r < 0)
			return r;
		if (p.length + RULE_LENGTH_MAX + TAIL_LENGTH > CGROUP_DEVICE_PROGRAM_MAX)
			return err_set(err, E2BIG, "%zu device rules are too many", count);
		if (rule_is_all(&rules[i])) {
			/* Nothing before it counts, and the verifier refuses code that is never reached. */
			emit_return(&p, rules[i].allow);
			return (int)p.length;
		}
		rule_emit(&p, &rules[i]);
	}
	emit_return(&p, true);
	return (int)p.length;
}
