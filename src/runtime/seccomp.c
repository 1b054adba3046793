/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From rules to BPF, in three steps: names become numbers (pairs), the rules of one number become
 * what it leads to (leaves: an action, or comparisons and then an action), and neighbouring numbers
 * that lead to the same become spans, over which a binary tree is written.
 *
 * BPF jumps forwards only, conditional ones by 255 instructions at most. So the program is written
 * from its end to its start: every target exists before the jump to it, and what is too far gets
 * a copy or a long jump nearer by (writer_near).
 */
#include "runtime/seccomp.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
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

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "halves of arguments are swapped");

enum {
	FORMAT = 1, /* of cache files and of the code made here: count up when either changes */
	PROFILE_LIMIT = 1 << 20,
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

typedef int resolve_fn(uint32_t arch, const char *name);

struct compiler {
	struct seccomp_rules *rules;
	resolve_fn *resolve;
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

static int rules_compile(struct seccomp_rules *rules, struct seccomp_program *ret_program,
			 struct err *err)
{
	_cleanup_free_ struct compiler *c = mem_new(sizeof(*c));
	void *library = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);
	int r;

	if (!library) {
		err_set(err, ENOENT, "load libseccomp: %s", dlerror());
		return err_hint(
			err,
			"install it (libseccomp2), or run with --security-opt seccomp=unconfined");
	}
	c->rules = rules;
	/* dlsym's void * is a function here by POSIX. Its kin that rewrites hides x86's two ways. */
	*(void **)&c->resolve = dlsym(library, "seccomp_syscall_resolve_name_arch");
	if (c->resolve)
		r = rules_write(c, ret_program, err);
	else
		r = err_set(err, ENOSYS,
			    "libseccomp.so.2 has no seccomp_syscall_resolve_name_arch");
	(void)dlclose(library);
	free(c->pairs);
	free(c->leaves);
	free(c->tests);
	free(c->spans);
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
