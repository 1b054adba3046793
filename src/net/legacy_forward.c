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

static void entry_seen(const struct legacy_entry *e, void *data)
{
	struct forward *f = data;

	f->program = e->program;
	if (strcmp(e->chain, "FORWARD") != 0)
		return;
	if (e->policy)
		f->drops = legacy_verdict(e, NF_DROP);
	else if (is_ours(e, f->link)) {
		f->in |= names(e->in, e->in_mask, f->link);
		f->out |= names(e->out, e->out_mask, f->link);
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

/* verb: -A, -D; direction: -i, -o. */
static bool change(const struct forward *f, const char *verb, const char *direction)
{
	_cleanup_free_ char *comment = str_printf("cloche: %s", f->link);
	const char *const words[] = { f->program, "-w",	   "5",	     verb,	"FORWARD",
				      direction,  f->link, "-m",     "comment", "--comment",
				      comment,	  "-j",	   "ACCEPT", NULL };
	_cleanup_strv_ char **copy = strv_copy((char *const *)words);

	return run(copy);
}

static void warn(const struct forward *f)
{
	_cleanup_free_ char *words = str_printf(
		"%s lets nothing out of %s, and could not be told of it; this helps: %s -A FORWARD -i %s -j ACCEPT and %s -A FORWARD -o %s -j ACCEPT",
		f->program, f->link, f->program, f->link, f->program, f->link);

	tell(TELL_WARN, "WARNING: ", words);
}

void legacy_forward_allow(const char *link)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct forward f = { .link = link };

		legacy_table_read(families[i], "filter", entry_seen, &f);
		if (f.drops &&
		    ((!f.in && !change(&f, "-A", "-i")) || (!f.out && !change(&f, "-A", "-o"))))
			warn(&f);
	}
}

void legacy_forward_forget(const char *link)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct forward f = { .link = link };

		legacy_table_read(families[i], "filter", entry_seen, &f);
		if (f.in)
			(void)change(&f, "-D", "-i");
		if (f.out)
			(void)change(&f, "-D", "-o");
	}
}
