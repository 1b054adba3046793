/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/legacy_forward.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "base/str.h"
#include "base/tell.h"
#include "net/legacy_table.h"

extern char **environ;

static const int families[] = { AF_INET, AF_INET6 };

struct forward { /* what the chain has */
	const char *link, *program;
	bool drops, in, out; /* in, out: rules of ours for the link */
	/* The last rule, which drops all that comes to it as a policy does: ours stand before it. 0: it is none. */
	unsigned int last;
	bool behind; /* ours are, and of no use */
};

static bool names(const char *name, const uint8_t *mask, const char *link)
{
	size_t length = strlen(link) + 1;

	/* the whole of it, with its NUL: "br+" is another's */
	for (size_t i = 0; i < length; i++)
		if (mask[i] != 0xff)
			return false;
	return memcmp(name, link, length) == 0;
}

/* Ours say the link alone, and whose they are. */
static bool is_ours(const struct legacy_entry *e, const char *link)
{
	_cleanup_free_ char *comment = str_printf("cloche: %s", link);

	return legacy_verdict(e, NF_ACCEPT) &&
	       memmem(e->start + e->front, e->target - e->front, comment, strlen(comment) + 1);
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

/* All that comes to it, whatever it is. */
static bool drops_all(const struct legacy_entry *e)
{
	const struct xt_entry_match *match = legacy_match(e, NULL);

	while (match && strcmp(match->u.user.name, "comment") == 0)
		match = legacy_match(e, match);
	return !match && is_zero(e->in_mask, IFNAMSIZ) && is_zero(e->out_mask, IFNAMSIZ) &&
	       is_zero(e->source_mask, e->address_length) &&
	       is_zero(e->host_mask, e->address_length) && e->protocol == 0 && !e->fragments &&
	       (legacy_verdict(e, NF_DROP) || strcmp(legacy_target(e)->u.user.name, "REJECT") == 0);
}

static void entry_seen(const struct legacy_entry *e, void *data)
{
	struct forward *f = data;

	f->program = e->program;
	if (strcmp(e->chain, "FORWARD") != 0)
		return;
	if (e->policy) {
		f->drops = f->last != 0 || legacy_verdict(e, NF_DROP);
	} else if (is_ours(e, f->link)) {
		f->in |= names(e->in, e->in_mask, f->link);
		f->out |= names(e->out, e->out_mask, f->link);
		f->behind = f->last != 0;
	} else {
		/* one that others stand behind was put there on purpose, to forbid what they let through: that is told (engine/forward_look.h) */
		f->last = f->last == 0 && drops_all(e) ? e->number : 0;
		f->behind = false;
	}
}

static bool run(char **words)
{
	posix_spawn_file_actions_t actions;
	int status = -1, r;
	pid_t pid;

	(void)posix_spawn_file_actions_init(&actions);
	for (int fd = 0; fd < 3; fd++)
		(void)posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	r = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	while (r == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r == 0 && status == 0;
}

/* direction: -i, -o. */
static bool change(const struct forward *f, bool add, const char *direction)
{
	_cleanup_free_ char *comment = str_printf("cloche: %s", f->link),
			    *number = f->last ? str_printf("%u", f->last) : NULL;
	const char *const rule[] = { direction, f->link, "-m",	   "comment", "--comment",
				     comment,	"-j",	 "ACCEPT", NULL };
	_cleanup_strv_ char **words = NULL;

	strv_add(&words, f->program);
	strv_add(&words, "-w");
	strv_add(&words, "5");
	strv_add(&words, !add ? "-D" : number ? "-I" : "-A");
	strv_add(&words, "FORWARD");
	if (add && number)
		strv_add(&words, number);
	for (size_t i = 0; rule[i]; i++)
		strv_add(&words, rule[i]);
	return run(words);
}

static void warn(const struct forward *f)
{
	_cleanup_free_ char *words = str_printf(
		"%s lets nothing out of %s, and could not be told of it; this helps: %s -I FORWARD -i %s -j ACCEPT and %s -I FORWARD -o %s -j ACCEPT",
		f->program, f->link, f->program, f->link, f->program, f->link);

	tell(TELL_WARN, "WARNING: ", words);
}

void legacy_forward_allow(const char *link)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct forward f = { .link = link };

		legacy_table_read(families[i], "filter", entry_seen, &f);
		if (f.behind) {
			if (f.in)
				(void)change(&f, false, "-i");
			if (f.out)
				(void)change(&f, false, "-o");
			f.in = f.out = false;
		}
		if (f.drops &&
		    ((!f.in && !change(&f, true, "-i")) || (!f.out && !change(&f, true, "-o"))))
			warn(&f);
	}
}

void legacy_forward_forget(const char *link)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct forward f = { .link = link };

		legacy_table_read(families[i], "filter", entry_seen, &f);
		if (f.in)
			(void)change(&f, false, "-i");
		if (f.out)
			(void)change(&f, false, "-o");
	}
}
