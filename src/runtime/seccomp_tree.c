/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In three steps: names become numbers (pairs), the rules of one number become what it leads to
 * (leaves: an action, or comparisons and then an action), and neighbouring numbers that lead to the
 * same become spans, over which a binary tree is written.
 *
 * BPF jumps forwards only, conditional ones by 255 instructions at most. So the program is written
 * from its end to its start: every target exists before the jump to it, and what is too far gets
 * a copy or a long jump nearer by (writer_near).
 */
#include "runtime/seccomp_tree.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_list.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "halves of arguments are swapped");

enum {
	NEAR = 250,	   /* below 255: a jump's second target may push its first by one */
	NEAR_RETURN = 200, /* how far a return may be before another one is made */
	RETURNS = 16,
};

#define X32_BIT 0x40000000u
#define OFFSET_NUMBER ((uint32_t)offsetof(struct seccomp_data, nr))
#define OFFSET_ARCH ((uint32_t)offsetof(struct seccomp_data, arch))
#define OFFSET_LOW(arg) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)(arg)))
#define OFFSET_HIGH(arg) (OFFSET_LOW(arg) + 4)
#define ACTION_ENOSYS (SECCOMP_RET_ERRNO | ENOSYS)

/* -- writing BPF backwards -------------------------------------------------------------------- */

struct writer {
	struct sock_filter insns[BPF_MAXINSNS];
	size_t at; /* the first one written, which is the last in time */
	bool full;
	struct {
		uint32_t action;
		size_t at; /* 0: none yet */
	} returns[RETURNS];
};

static size_t put(struct writer *w, unsigned int code, uint32_t k, size_t yes, size_t no)
{
	if (w->at == 0) {
		w->full = true;
		return 0;
	}
	w->at--;
	w->insns[w->at] = (struct sock_filter){ .code = (uint16_t)code,
						.jt = (uint8_t)(yes - w->at - 1),
						.jf = (uint8_t)(no - w->at - 1),
						.k = k };
	return w->at;
}

static size_t put_plain(struct writer *w, unsigned int code, uint32_t k)
{
	return put(w, code, k, w->at, w->at); /* both offsets 0 */
}

static size_t put_goto(struct writer *w, size_t target)
{
	return put_plain(w, BPF_JMP | BPF_JA, (uint32_t)(target - w->at));
}

/* A return of action not too far off. */
static size_t put_return(struct writer *w, uint32_t action)
{
	size_t slot = action % RETURNS;

	if (w->returns[slot].at && w->returns[slot].action == action &&
	    w->returns[slot].at - w->at <= NEAR_RETURN)
		return w->returns[slot].at;
	w->returns[slot].action = action;
	w->returns[slot].at = put_plain(w, BPF_RET | BPF_K, action);
	return w->returns[slot].at;
}

/* target, or what does the same within a conditional jump's reach. */
static size_t writer_near(struct writer *w, size_t target)
{
	if (target - w->at <= NEAR)
		return target;
	if (w->insns[target].code == (BPF_RET | BPF_K))
		return put_return(w, w->insns[target].k);
	return put_goto(w, target);
}

static size_t put_branch(struct writer *w, unsigned int test, uint32_t k, size_t yes, size_t no)
{
	yes = writer_near(w, yes);
	no = writer_near(w, no);
	return put(w, BPF_JMP | test | BPF_K, k, yes, no);
}

/* Load the word at offset, and go on at target. */
static size_t put_load(struct writer *w, uint32_t offset, size_t target)
{
	if (target != w->at)
		(void)put_goto(w, target);
	return put_plain(w, BPF_LD | BPF_W | BPF_ABS, offset);
}

static size_t put_word(struct writer *w, uint32_t offset, uint32_t mask, unsigned int test,
		       uint32_t k, size_t yes, size_t no)
{
	size_t at = put_branch(w, test, k, yes, no);

	if (mask != UINT32_MAX)
		at = put_plain(w, BPF_ALU | BPF_AND | BPF_K, mask);
	return put_load(w, offset, at);
}

static size_t put_equal(struct writer *w, const struct seccomp_compare *c, uint64_t mask,
			uint64_t value, size_t yes, size_t no)
{
	uint32_t mask_high = (uint32_t)(mask >> 32), high = (uint32_t)(value >> 32);
	size_t at =
		put_word(w, OFFSET_LOW(c->arg), (uint32_t)mask, BPF_JEQ, (uint32_t)value, yes, no);

	if (c->low || (mask_high == 0 && high == 0))
		return at;
	return put_word(w, OFFSET_HIGH(c->arg), mask_high, BPF_JEQ, high, at, no);
}

/* test: BPF_JGT or BPF_JGE of the whole. */
static size_t put_greater(struct writer *w, const struct seccomp_compare *c, unsigned int test,
			  size_t yes, size_t no)
{
	uint32_t high = (uint32_t)(c->value >> 32);
	size_t at = put_word(w, OFFSET_LOW(c->arg), UINT32_MAX, test, (uint32_t)c->value, yes, no);

	if (c->low)
		return at;
	at = put_branch(w, BPF_JEQ, high, at, no);
	return put_word(w, OFFSET_HIGH(c->arg), UINT32_MAX, BPF_JGT, high, yes, at);
}

static size_t put_compare(struct writer *w, const struct seccomp_compare *c, size_t yes, size_t no)
{
	switch ((enum seccomp_op)c->op) {
	case SECCOMP_NE:
		return put_equal(w, c, UINT64_MAX, c->value, no, yes);
	case SECCOMP_EQ:
		return put_equal(w, c, UINT64_MAX, c->value, yes, no);
	case SECCOMP_MASKED_EQ:
		return put_equal(w, c, c->value, c->other, yes, no);
	case SECCOMP_GT:
		return put_greater(w, c, BPF_JGT, yes, no);
	case SECCOMP_GE:
		return put_greater(w, c, BPF_JGE, yes, no);
	case SECCOMP_LT:
		return put_greater(w, c, BPF_JGE, no, yes);
	case SECCOMP_LE:
		return put_greater(w, c, BPF_JGT, no, yes);
	case SECCOMP_ANY: /* of 32 bits: all that our own rules need */
		return put_word(w, OFFSET_LOW(c->arg), UINT32_MAX, BPF_JSET, (uint32_t)c->value,
				yes, no);
	}
	abort();
}

/* -- from rules to numbers -------------------------------------------------------------------- */

struct pair {
	uint32_t number, rule; /* an index into rules->items */
};

struct leaf {
	uint32_t action;       /* after the comparisons */
	uint32_t first, count; /* in compiler.tests: rules with comparisons, tried in this order */
	size_t at;	       /* 0: not written yet */
};

struct span {
	uint32_t start, leaf; /* up to the next one's start */
};

struct compiler {
	struct seccomp_rules *rules;
	seccomp_resolve_fn *resolve;
	struct pair *pairs;
	struct leaf *leaves;
	uint32_t *tests;
	struct span *spans;
	size_t pair_count, pair_room, leaf_count, leaf_room, test_count, test_room, span_count,
		span_room;
	struct writer writer;
};

/* Room for one more of `size` bytes; the array may move. */
static void *grown(void *array, size_t count, size_t *room, size_t size)
{
	void *more;

	if (count < *room)
		return array;
	*room = *room ? 2 * *room : 128;
	more = mem_new(*room * size);
	if (count)
		memcpy(more, array, count * size);
	free(array);
	return more;
}

static void pair_add(struct compiler *c, uint32_t number, size_t rule)
{
	c->pairs = grown(c->pairs, c->pair_count, &c->pair_room, sizeof(*c->pairs));
	c->pairs[c->pair_count++] = (struct pair){ number, (uint32_t)rule };
}

/* On 32-bit x86 sockets and System V's messages have two ways in: calls of their own, since Linux 4.3,
 * and socketcall(2) and ipc(2) with the call as first argument. libseccomp names the latter, by
 * negative numbers: -100 and -200 less the argument. */
enum { X86_SOCKETCALL = 102, X86_IPC = 117 };

static const uint16_t x86_socket_direct[] = { 0,   359, 361, 362, 363, 0,   367, 368, 360, 0,  0,
					      369, 371, 373, 366, 365, 370, 372, 364, 337, 345 };
static const uint16_t x86_ipc_direct[] = { 0,	0,   393, 394, 0, 0, 0, 0, 0,	0,   0,	  400, 401,
					   399, 402, 0,	  0,   0, 0, 0, 0, 397, 398, 395, 396 };

static void pair_add_x86(struct compiler *c, int pseudo, size_t rule)
{
	bool ipc = pseudo <= -200;
	uint32_t call = (uint32_t)(-(ipc ? 200 : 100) - pseudo);
	const uint16_t *direct = ipc ? x86_ipc_direct : x86_socket_direct;
	size_t direct_count = ipc ? ARRAY_SIZE(x86_ipc_direct) : ARRAY_SIZE(x86_socket_direct);
	struct seccomp_rule through = c->rules->items[rule];

	if (call < direct_count && direct[call])
		pair_add(c, direct[call], rule);
	if (through.compare_count > 0) /* socketcall's own arguments lie in memory */
		return;
	/* ipc(2) has a version in the upper half of its first argument. */
	through.compare_count = 1;
	through.compares[0] = (struct seccomp_compare){ .op = SECCOMP_MASKED_EQ,
							.low = true,
							.value = ipc ? 0xffff : UINT32_MAX,
							.other = call };
	pair_add(c, ipc ? X86_IPC : X86_SOCKETCALL, c->rules->count);
	seccomp_rules_add(c->rules, &through);
}

static void name_resolve(struct compiler *c, const struct seccomp_arch *arch, size_t rule,
			 const char *name, size_t length)
{
	char copy[64];
	int number = -1;

	if (length == 0 || length >= sizeof(copy))
		return;
	memcpy(copy, name, length);
	copy[length] = '\0';
	number = seccomp_list_number(arch, copy, length);
	if (number >= 0)
		number |= (int)arch->bit;
	else
		number = c->resolve(arch->token, copy);
	if (number >= 0)
		pair_add(c, (uint32_t)number, rule);
	else if (arch->audit == AUDIT_ARCH_I386 && number < -100 && number > -300)
		pair_add_x86(c, number, rule);
}

static int pair_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* -- from numbers to a tree ------------------------------------------------------------------- */

static uint32_t leaf_find(struct compiler *c, const struct leaf *wanted)
{
	for (size_t i = 0; i < c->leaf_count; i++)
		if (c->leaves[i].action == wanted->action && c->leaves[i].count == wanted->count &&
		    (wanted->count == 0 ||
		     memcmp(&c->tests[c->leaves[i].first], &c->tests[wanted->first],
			    wanted->count * sizeof(*c->tests)) == 0))
			return (uint32_t)i;
	c->leaves = grown(c->leaves, c->leaf_count, &c->leaf_room, sizeof(*c->leaves));
	c->leaves[c->leaf_count] = *wanted;
	return (uint32_t)c->leaf_count++;
}

static void test_add(struct compiler *c, uint32_t rule, struct leaf *leaf)
{
	c->tests = grown(c->tests, c->test_count, &c->test_room, sizeof(*c->tests));
	c->tests[c->test_count++] = rule;
	leaf->count++;
}

/* What the rules of one number come to: the order is told in seccomp_list.h. */
static uint32_t leaf_of(struct compiler *c, const struct pair *pairs, size_t count)
{
	const struct seccomp_rule *items = c->rules->items;
	struct leaf leaf = { .action = c->rules->default_action, .first = (uint32_t)c->test_count };
	bool settled = false;

	for (size_t i = 0; i < count && !settled; i++) {
		if (!items[pairs[i].rule].guard)
			continue;
		settled = items[pairs[i].rule].compare_count == 0;
		if (settled)
			leaf.action = items[pairs[i].rule].action;
		else
			test_add(c, pairs[i].rule, &leaf);
	}
	for (size_t i = 0; i < count && !settled; i++) {
		if (items[pairs[i].rule].guard || items[pairs[i].rule].compare_count > 0)
			continue;
		settled = true;
		leaf.action = items[pairs[i].rule].action;
	}
	for (size_t i = 0; i < count && !settled; i++)
		if (!items[pairs[i].rule].guard)
			test_add(c, pairs[i].rule, &leaf);
	return leaf_find(c, &leaf);
}

static void span_add(struct compiler *c, uint32_t start, uint32_t leaf)
{
	if (c->span_count > 0 && c->spans[c->span_count - 1].leaf == leaf)
		return;
	c->spans = grown(c->spans, c->span_count, &c->span_room, sizeof(*c->spans));
	c->spans[c->span_count++] = (struct span){ start, leaf };
}

/* The numbers that no rule names: the default action up to the last known one, ENOSYS above it and
 * for those that no kernel has yet. x32's are all unknown where the profile has no x32, or a profile
 * that allows by default could be walked round. */
struct gaps {
	const struct seccomp_arch *plain, *x32;
	uint32_t last, x32_last;
	bool newer_enosys;
};

static uint32_t gap_action(const struct gaps *g, uint32_t number, uint32_t default_action)
{
	const struct seccomp_arch *arch = g->plain;
	uint32_t last = g->last;

	if (arch->audit == AUDIT_ARCH_X86_64 && number >= X32_BIT) {
		if (!g->x32)
			return ACTION_ENOSYS;
		arch = g->x32;
		last = g->x32_last;
		number &= ~X32_BIT;
	}
	if (!g->newer_enosys)
		return default_action;
	if (number > last ||
	    (arch->hole_last && number >= arch->hole_first && number <= arch->hole_last))
		return ACTION_ENOSYS;
	return default_action;
}

/* Spans for the unnamed numbers from `start` up to, not including, `end`. */
static void gap_add(struct compiler *c, const struct gaps *g, uint64_t start, uint64_t end)
{
	const struct seccomp_arch *x32 = g->x32 ? g->x32 : g->plain;
	const uint64_t borders[] = { g->plain->hole_first,
				     (uint64_t)g->plain->hole_last + 1,
				     (uint64_t)g->last + 1,
				     X32_BIT,
				     X32_BIT + (uint64_t)x32->hole_first,
				     X32_BIT + (uint64_t)x32->hole_last + 1,
				     X32_BIT + (uint64_t)g->x32_last + 1 };

	while (start < end) {
		struct leaf leaf = { .action = gap_action(g, (uint32_t)start,
							  c->rules->default_action) };
		uint64_t next = end;

		for (size_t i = 0; i < ARRAY_SIZE(borders); i++)
			if (borders[i] > start && borders[i] < next)
				next = borders[i];
		span_add(c, (uint32_t)start, leaf_find(c, &leaf));
		start = next;
	}
}

static size_t leaf_write(struct compiler *c, uint32_t index)
{
	struct leaf *leaf = &c->leaves[index];
	struct writer *w = &c->writer;
	size_t at;

	if (leaf->count == 0)
		return put_return(w, leaf->action);
	if (leaf->at)
		return leaf->at;
	at = put_return(w, leaf->action);
	for (size_t i = leaf->count; i-- > 0;) {
		const struct seccomp_rule *rule = &c->rules->items[c->tests[leaf->first + i]];
		size_t otherwise = at;

		at = put_return(w, rule->action);
		for (size_t k = rule->compare_count; k-- > 0;)
			at = put_compare(w, &rule->compares[k], at, otherwise);
	}
	leaf->at = at;
	return at;
}

static size_t tree_write(struct compiler *c, size_t first, size_t end)
{
	size_t middle = first + (end - first) / 2, above, below;

	if (end - first == 1)
		return leaf_write(c, c->spans[first].leaf);
	above = tree_write(c, middle, end);
	below = tree_write(c, first, middle);
	return put_branch(&c->writer, BPF_JGE, c->spans[middle].start, above, below);
}

/* Everything for one of the kernel's architectures (x86-64 with x32, where the profile has it). */
static size_t arch_write(struct compiler *c, const struct seccomp_arch *main_arch)
{
	struct gaps gaps = { .plain = main_arch, .newer_enosys = c->rules->newer_enosys };
	uint64_t cursor = 0;

	c->pair_count = c->span_count = 0;
	for (size_t a = 0; a < c->rules->arch_count; a++) {
		const struct seccomp_arch *arch = c->rules->archs[a];
		size_t rule_count = c->rules->count; /* resolving may add rules behind these */

		if (arch->audit != main_arch->audit)
			continue;
		if (arch->bit)
			gaps.x32 = arch;
		for (size_t i = 0; i < rule_count; i++) {
			const char *name = c->rules->items[i].names;

			for (const char *end; name && *name; name = *end ? end + 1 : end) {
				end = strchrnul(name, ' ');
				name_resolve(c, arch, i, name, (size_t)(end - name));
			}
		}
	}
	if (c->pair_count)
		qsort(c->pairs, c->pair_count, sizeof(*c->pairs), pair_order);
	for (size_t i = 0; i < c->pair_count; i++) {
		uint32_t number = c->pairs[i].number;

		if (number >= X32_BIT)
			gaps.x32_last = number & ~X32_BIT;
		else if (number < 0xf0000) /* ARM's private ones tell nothing of what is newer */
			gaps.last = number;
	}
	if (c->rules->last_known)
		gaps.last = gaps.x32_last = c->rules->last_known;
	if (gaps.x32 && gaps.x32_last < gaps.x32->last_least)
		gaps.x32_last = gaps.x32->last_least;

	for (size_t i = 0, next; i < c->pair_count; i = next) {
		uint32_t number = c->pairs[i].number;

		for (next = i + 1; next < c->pair_count && c->pairs[next].number == number;)
			next++;
		gap_add(c, &gaps, cursor, number);
		span_add(c, number, leaf_of(c, &c->pairs[i], next - i));
		cursor = (uint64_t)number + 1;
	}
	gap_add(c, &gaps, cursor, UINT64_C(1) << 32);
	return put_load(&c->writer, OFFSET_NUMBER, tree_write(c, 0, c->span_count));
}

static int rules_write(struct compiler *c, struct seccomp_program *ret_program, struct err *err)
{
	const struct seccomp_rules *rules = c->rules;
	struct writer *w = &c->writer;
	size_t entries[SECCOMP_ARCHS] = { 0 }, at;

	w->at = BPF_MAXINSNS;
	for (size_t a = rules->arch_count; a-- > 0;)
		if (!rules->archs[a]->bit)
			entries[a] = arch_write(c, rules->archs[a]);
	at = put_return(w, ACTION_ENOSYS); /* programs of any other architecture get nowhere */
	for (size_t a = rules->arch_count; a-- > 0;)
		if (!rules->archs[a]->bit)
			at = put_branch(w, BPF_JEQ, rules->archs[a]->audit, entries[a], at);
	(void)put_load(w, OFFSET_ARCH, at);
	if (w->full)
		return err_set(err, E2BIG, "seccomp profile: over the kernel's %d instructions",
			       BPF_MAXINSNS);
	ret_program->length = (unsigned short)(BPF_MAXINSNS - w->at);
	ret_program->flags = rules->flags;
	ret_program->filter = mem_new(ret_program->length * sizeof(*ret_program->filter));
	memcpy(ret_program->filter, w->insns + w->at, ret_program->length * sizeof(*w->insns));
	return 0;
}

int seccomp_tree_write(struct seccomp_rules *rules, seccomp_resolve_fn *resolve,
		       struct seccomp_program *ret_program, struct err *err)
{
	_cleanup_free_ struct compiler *c = mem_new(sizeof(*c));
	int r;

	c->rules = rules;
	c->resolve = resolve;
	r = rules_write(c, ret_program, err);
	free(c->pairs);
	free(c->leaves);
	free(c->tests);
	free(c->spans);
	return r;
}
