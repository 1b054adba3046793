/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/cgroup_device.h"
#include "runtime/spec.h"

static const struct spec_device_rule usual[] = {
	{ false, 'a', -1, -1, "rwm" }, { true, 'c', 1, 3, "rwm" }, { true, 'c', 1, 5, "rw" },
	{ true, 'c', 136, -1, "rw" },  { true, 'b', 8, 1, "r" },
};

/* -- the program, run here -------------------------------------------------------------------- */

struct request {
	uint32_t type, access, major, minor;
};

/* As much of the kernel's interpreter as such programs use. */
static bool program_runs(const struct bpf_insn *code, int length, const struct request *request)
{
	struct bpf_cgroup_dev_ctx ctx = { request->access << 16 | request->type, request->major,
					  request->minor };
	uint64_t reg[11] = { 0 };

	for (int at = 0, steps = 0; steps < 8192; at++, steps++) {
		const struct bpf_insn *i = &code[at];
		uint64_t *dst = &reg[i->dst_reg], imm = (uint64_t)(int64_t)i->imm;

		assert_in_range(at, 0, length - 1);
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W: {
			uint32_t word;

			assert_int_equal(i->src_reg, BPF_REG_1);
			assert_in_range(i->off, 0, sizeof(ctx) - sizeof(word));
			memcpy(&word, (const char *)&ctx + i->off, sizeof(word));
			*dst = word;
			break;
		}
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = reg[i->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			at += (uint32_t)*dst != (uint32_t)imm ? i->off : 0;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			at += *dst != imm ? i->off : 0;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += *dst & imm ? i->off : 0;
			break;
		case BPF_JMP | BPF_JA:
			at += i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0] != 0;
		default:
			fail_msg("instruction %d has code 0x%x", at, i->code);
		}
	}
	fail_msg("the program does not end");
	return false;
}

static bool allowed(const struct spec_device_rule *rules, size_t count, char type, uint32_t major,
		    uint32_t minor, uint32_t access)
{
	struct bpf_insn code[CGROUP_DEVICE_PROGRAM_MAX];
	struct request request = { type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, access,
				   major, minor };
	struct err err = ERR_NONE;
	int length = cgroup_device_program(rules, count, code, &err);

	assert_true(length > 0);
	return program_runs(code, length, &request);
}

enum { R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, M = BPF_DEVCG_ACC_MKNOD };

static void the_program_allows_what_is_listed_and_no_more(void **state)
{
	size_t n = ARRAY_SIZE(usual);

	(void)state;
	assert_true(allowed(usual, n, 'c', 1, 3, R | W));
	assert_true(allowed(usual, n, 'c', 1, 3, M));
	assert_true(allowed(usual, n, 'c', 1, 5, R));
	assert_false(allowed(usual, n, 'c', 1, 5, M));
	assert_false(allowed(usual, n, 'c', 1, 5, R | M));
	assert_false(allowed(usual, n, 'b', 1, 3, R));
	assert_false(allowed(usual, n, 'c', 1, 4, R));
	assert_false(allowed(usual, n, 'c', 2, 3, R));
	assert_true(allowed(usual, n, 'c', 136, 77777, W));
	assert_true(allowed(usual, n, 'b', 8, 1, R));
	assert_false(allowed(usual, n, 'b', 8, 1, R | W));
}

static void a_later_rule_of_the_program_wins(void **state)
{
	static const struct spec_device_rule rules[] = {
		{ false, 'a', -1, -1, "" },  { true, 'c', -1, -1, "rwm" },
		{ false, 'c', 1, 3, "w" },   { false, 'a', 10, -1, "rwm" },
		{ true, 'c', 10, 200, "r" },
	};
	size_t n = ARRAY_SIZE(rules);

	(void)state;
	assert_true(allowed(rules, n, 'c', 1, 3, R));
	assert_false(allowed(rules, n, 'c', 1, 3, W));
	assert_false(allowed(rules, n, 'c', 1, 3, R | W));
	assert_true(allowed(rules, n, 'c', 1, 4, R | W | M));
	assert_false(allowed(rules, n, 'c', 10, 1, R));
	assert_true(allowed(rules, n, 'c', 10, 200, R));
	assert_false(allowed(rules, n, 'c', 10, 200, R | W));
	assert_false(allowed(rules, n, 'b', 7, 0, R));
}

static void one_access_may_be_allowed_by_two_rules(void **state)
{
	static const struct spec_device_rule rules[] = {
		{ false, 'a', -1, -1, "rwm" },
		{ true, 'c', 1, -1, "r" },
		{ true, 'c', 1, 3, "w" },
	};

	(void)state;
	assert_true(allowed(rules, 3, 'c', 1, 3, R | W));
	assert_false(allowed(rules, 3, 'c', 1, 4, R | W));
}

static void without_a_rule_for_all_the_program_allows(void **state)
{
	static const struct spec_device_rule rules[] = { { false, 'c', UINT32_MAX, 0, "rwm" } };

	(void)state;
	assert_true(allowed(NULL, 0, 'c', 1, 3, R | W | M));
	assert_true(allowed(rules, 1, 'c', 1, 3, R));
	assert_false(allowed(rules, 1, 'c', UINT32_MAX, 0, R)); /* no sign is extended */
}

static void the_program_ends_at_the_last_rule_for_all(void **state)
{
	static const struct bpf_insn wanted[] = {
		{ BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0 },
		{ BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff },
		{ BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16 },
		{ BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0 },
		{ BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0 },
		{ BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, 6, 2 },
		{ BPF_JMP32 | BPF_JNE | BPF_K, 4, 0, 5, 1 },
		{ BPF_JMP32 | BPF_JNE | BPF_K, 5, 0, 4, 3 },
		{ BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, ~6 },
		{ BPF_JMP | BPF_JNE | BPF_K, 3, 0, 2, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	static const struct spec_device_rule rules[] = {
		{ true, 'c', 5, 5, "r" },
		{ false, 'a', -1, -1, "rwm" },
		{ true, 'c', 1, 3, "rw" },
	};
	struct bpf_insn code[CGROUP_DEVICE_PROGRAM_MAX];
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(cgroup_device_program(rules, 3, code, &err), ARRAY_SIZE(wanted));
	assert_memory_equal(code, wanted, sizeof(wanted));
}

static void more_rules_than_fit_are_refused(void **state)
{
	static struct spec_device_rule rules[CGROUP_DEVICE_PROGRAM_MAX];
	struct bpf_insn code[CGROUP_DEVICE_PROGRAM_MAX];
	struct err err = ERR_NONE;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i] = (struct spec_device_rule){ true, 'c', 1, (int64_t)i, "rw" };
	assert_int_equal(cgroup_device_program(rules, ARRAY_SIZE(rules), code, &err), -E2BIG);
	assert_string_equal(err.words, "4096 device rules are too many");
}

/* -- the plan for v1 -------------------------------------------------------------------------- */

static char *plan_text(const struct spec_device_rule *rules, size_t count)
{
	_cleanup_(cgroup_device_plan_clear) struct cgroup_device_plan plan = { 0 };
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;

	if (cgroup_device_plan_make(rules, count, &plan, &err) < 0)
		return str_dup(err.words);
	buf_puts(&text, plan.allow ? "all but" : "none but");
	for (size_t i = 0; i < plan.count; i++) {
		char device[CGROUP_DEVICE_TEXT];

		cgroup_device_text(&plan.exceptions[i], device);
		buf_printf(&text, ", %s", device);
	}
	return ptr_take(&text.data);
}

static void check_plan(const struct spec_device_rule *rules, size_t count, const char *wanted)
{
	_cleanup_free_ char *text = plan_text(rules, count);

	assert_string_equal(text, wanted);
}

static void the_plan_begins_at_the_last_rule_for_all(void **state)
{
	static const struct spec_device_rule twice[] = {
		{ true, 'c', 1, 3, "r" },
		{ false, 'a', -1, -1, "rwm" },
		{ true, 'b', 8, 0, "m" },
		{ true, 'a', -1, -1, "rwm" },
	};

	(void)state;
	check_plan(usual, ARRAY_SIZE(usual), "none but, c 1:3 rwm, c 1:5 rw, c 136:* rw, b 8:1 r");
	check_plan(twice, ARRAY_SIZE(twice), "all but");
	check_plan(NULL, 0, "all but");
}

static void rules_of_one_device_are_merged(void **state)
{
	static const struct spec_device_rule rules[] = {
		{ false, 'a', -1, -1, "rwm" }, { true, 'c', 1, 3, "r" },
		{ true, 'c', 1, 3, "w" },      { true, 'c', 1, -1, "r" },
		{ true, 'c', 1, 9, "r" },      { true, 'a', 7, 7, "m" },
		{ false, 'b', 7, 7, "rwm" },   { false, 'c', 99, 1, "rwm" },
	};

	(void)state;
	check_plan(rules, ARRAY_SIZE(rules), "none but, c 1:3 w, c 1:* r, c 7:7 m");
}

static void a_part_of_a_wider_rule_cannot_be_taken_out_on_v1(void **state)
{
	static const struct spec_device_rule rules[] = {
		{ false, 'a', -1, -1, "rwm" },
		{ true, 'c', 1, -1, "rw" },
		{ false, 'c', 1, 3, "w" },
	};

	(void)state;
	check_plan(
		rules, 3,
		"device rule c 1:3 w: cgroup v1 cannot take a part out of an earlier rule, c 1:* rw");
}

static void malformed_rules_are_refused(void **state)
{
	static const struct spec_device_rule bad_type = { true, 'p', 1, 3, "rw" };
	static const struct spec_device_rule bad_access = { true, 'c', 1, 3, "rx" };
	static const struct spec_device_rule bad_number = { true, 'c', 1LL << 32, 3, "rw" };

	(void)state;
	check_plan(&bad_type, 1, "device rule: type \"p\" is none of a, b, c");
	check_plan(&bad_access, 1, "device rule: access \"rx\" is not made of r, w, m");
	check_plan(&bad_number, 1, "device rule: no such device number, 4294967296:3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_allows_what_is_listed_and_no_more),
		cmocka_unit_test(a_later_rule_of_the_program_wins),
		cmocka_unit_test(one_access_may_be_allowed_by_two_rules),
		cmocka_unit_test(without_a_rule_for_all_the_program_allows),
		cmocka_unit_test(the_program_ends_at_the_last_rule_for_all),
		cmocka_unit_test(more_rules_than_fit_are_refused),
		cmocka_unit_test(the_plan_begins_at_the_last_rule_for_all),
		cmocka_unit_test(rules_of_one_device_are_merged),
		cmocka_unit_test(a_part_of_a_wider_rule_cannot_be_taken_out_on_v1),
		cmocka_unit_test(malformed_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
