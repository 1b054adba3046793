/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/host_view.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/names_record.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/engine.h"
#include "host/inner_users.h"
#include "host/owner.h"

static int open_with(struct cli *cli, pid_t pid, unsigned int process_flags, struct host_view *view,
		     struct err *err)
{
	struct timespec now, since_boot;
	struct store *store = NULL;
	int r;

	if (geteuid() == 0) {
		struct err ignored = ERR_NONE;

		/* what cannot be opened has no containers to name; the host is shown all the same */
		view->engine = cli_engine(cli, &ignored);
		store = view->engine ? engine_store(view->engine, &ignored) : NULL;
	}
	r = pid ? process_table_read_line(&view->table, pid, process_flags, err) :
		  process_table_read(&view->table, process_flags, err);
	if (r < 0)
		return r;
	owner_name_all(&view->table, store, view->engine ? view->engine->suffix : "");
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)clock_gettime(CLOCK_BOOTTIME, &since_boot);
	view->now_s = now.tv_sec;
	view->boot_ns =
		(now.tv_sec - since_boot.tv_sec) * 1000000000L + now.tv_nsec - since_boot.tv_nsec;
	return 0;
}

int host_view_open(struct cli *cli, unsigned int process_flags, struct host_view *view,
		   struct err *err)
{
	return open_with(cli, 0, process_flags, view, err);
}

int host_view_open_pid(struct cli *cli, pid_t pid, struct host_view *view, struct err *err)
{
	return open_with(cli, pid, PROCESS_ARGS, view, err);
}

void host_view_clear(struct host_view *view)
{
	for (size_t i = 0; i < view->table.owner_count; i++)
		inner_users_free(view->table.owners[i].users);
	process_table_clear(&view->table);
}

const struct owner *view_owner(const struct host_view *view, const struct process *process)
{
	return &view->table.owners[process->owner];
}

/* -- users ------------------------------------------------------------------------------------ */

const char *view_user(uint32_t uid)
{
	enum { SLOTS = 1024 };
	static struct {
		char *name;
		uint32_t uid;
	} known[SLOTS];
	uint32_t slot = (uid * 2654435761u) % SLOTS;
	const struct passwd *pw;

	if (known[slot].name && known[slot].uid == uid)
		return known[slot].name;
	pw = getpwuid(uid);
	free(known[slot].name);
	known[slot].name = pw ? str_dup(pw->pw_name) : str_printf("%u", uid);
	known[slot].uid = uid;
	return known[slot].name;
}

const char *view_inner_user(struct host_view *view, const struct process *process)
{
	struct owner *owner = &view->table.owners[process->owner];
	static char name[64];

	if (process->owner == 0)
		return "-";
	if (!owner->users)
		owner->users = inner_users_new(owner->init ? owner->init : process->pid);
	inner_users_name(owner->users, process->uid, name, sizeof(name));
	return name;
}

const char *view_owner_user(struct host_view *view, int index, uint32_t uid)
{
	struct owner *owner = &view->table.owners[index];
	static char made[160];
	const char *name;
	char inner[64];

	if (owner->engine != ENGINE_CLOCHE || !*owner->name || !owner->init)
		return view_user(uid);
	if (!owner->users && view->engine && names_base(uid))
		owner->users =
			inner_users_published(view->engine->run, owner->name, names_base(uid));
	if (!owner->users)
		owner->users = inner_users_new(owner->init);
	/* its own ids have no other names, and to ask the host's name services for each would take longer than all else */
	name = inner_users_mapped(owner->users) ? "" : view_user(uid);
	if (*name && (*name < '0' || *name > '9'))
		return name;
	inner_users_name(owner->users, uid, inner, sizeof(inner));
	if (strcmp(inner, "-") == 0)
		return view_user(uid);
	(void)snprintf(made, sizeof(made), "%s.%s", owner->name, inner);
	return made;
}

const char *view_outer_user(struct host_view *view, const struct process *process)
{
	return view_owner_user(view, process->owner, process->uid);
}

bool view_owner_is(const struct owner *owner, const char *wanted)
{
	const char *engine = owner_engine(owner);
	size_t n = strlen(engine);

	if (owner->engine == ENGINE_HOST)
		return strcmp(wanted, "host") == 0;
	if (n && strncmp(wanted, engine, n) == 0 && wanted[n] == ':')
		wanted += n + 1;
	return (*wanted && strcmp(owner->name, wanted) == 0) ||
	       (strlen(wanted) >= 3 && *owner->id &&
		(str_prefix(owner->id, wanted) || /* or a longer form of what we have */
		 (strlen(owner->id) == 12 && str_prefix(wanted, owner->id))));
}

/* -- words ------------------------------------------------------------------------------------ */

void view_tty(int tty, char out[32])
{
	/* proc(5): minor in bits 31-20 and 7-0, major in 15-8; Documentation/admin-guide/devices.txt */
	unsigned int major = ((unsigned int)tty >> 8) & 0xfff;
	unsigned int minor = ((unsigned int)tty & 0xff) | (((unsigned int)tty >> 12) & 0xfff00);

	if (tty == 0)
		(void)snprintf(out, 32, "?");
	else if (major >= 136 && major <= 143)
		(void)snprintf(out, 32, "pts/%u", (major - 136) * 256 + minor);
	else if (major == 4)
		(void)snprintf(out, 32, minor < 64 ? "tty%u" : "ttyS%u",
			       minor < 64 ? minor : minor - 64);
	else if (major == 5 && minor == 1)
		(void)snprintf(out, 32, "console");
	else
		(void)snprintf(out, 32, "%u:%u", major, minor);
}

int64_t view_start_s(const struct host_view *view, uint64_t start_ticks)
{
	int64_t tick_ns = 1000000000 / (int64_t)view->table.boot_ticks_per_second;

	/* whole seconds only at the end, or two commands would differ by one */
	return (view->boot_ns + (int64_t)start_ticks * tick_ns) / 1000000000;
}

void view_start(const struct host_view *view, uint64_t start_ticks, char out[32])
{
	time_t start = (time_t)view_start_s(view, start_ticks), now = (time_t)view->now_s;
	struct tm then, today;

	out[0] = '\0';
	if (!localtime_r(&start, &then) || !localtime_r(&now, &today))
		return;
	if (now - start < 86400 && then.tm_yday == today.tm_yday)
		(void)strftime(out, 32, "%H:%M", &then);
	else
		(void)strftime(out, 32, then.tm_year == today.tm_year ? "%b%d" : "%Y", &then);
}

/* -- watch ------------------------------------------------------------------------------------ */

static int repeat(long interval_s, bool clear, int (*act)(void *data, struct err *err), void *data,
		  struct err *err)
{
	int r;

	do {
		if (interval_s > 0 && clear && isatty(STDOUT_FILENO))
			(void)fputs("\033[H\033[2J", stdout);
		r = act(data, err);
		if (fflush(stdout) != 0)
			return 0; /* whoever read has gone */
		if (r == 0 && interval_s > 0)
			(void)poll(NULL, 0, (int)(interval_s * 1000)); /* ^C ends it */
	} while (r == 0 && interval_s > 0);
	return r;
}

int view_watch(long interval_s, int (*draw)(void *data, struct err *err), void *data,
	       struct err *err)
{
	return repeat(interval_s, true, draw, data, err);
}

int view_repeat(long interval_s, int (*act)(void *data, struct err *err), void *data,
		struct err *err)
{
	return repeat(interval_s, false, act, data, err);
}
