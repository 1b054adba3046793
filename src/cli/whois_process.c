/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/whois.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/names_record.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "host/inner_users.h"

static enum answer process_say(struct whois *whois, const struct process *p)
{
	struct host_view *host = &whois->view.host;
	_cleanup_free_ char *what = str_printf("process %d", (int)p->pid),
			    *user = str_printf("%s (%u) on the host", view_outer_user(host, p),
					       p->uid);
	char tty[32];

	if (whois->json) {
		json_t *o = whois_container_json(whois, p->owner);

		json_put(o, "Thing", json_text(what));
		json_put(o, "Pid", json_integer(p->pid));
		json_put(o, "InnerPid", json_integer(p->inner_pid));
		json_put(o, "Uid", json_integer(p->uid));
		json_put(o, "InnerUser",
			 p->owner ? json_text(view_inner_user(host, p)) : json_null());
		json_put(o, "Command", json_text(p->args));
		(void)json_dumpf(o, stdout, JSON_INDENT(1));
		(void)putchar('\n');
		json_decref(o);
		return p->owner ? ANSWER_CONTAINER : ANSWER_HOST;
	}
	whois_say_title(what, view_owner(host, p));
	whois_say("command", p->args);
	if (p->owner) {
		_cleanup_free_ char *both =
			str_printf("%s inside, %s", view_inner_user(host, p), user);

		whois_say("user", both);
		what[0] = '\0';
		(void)snprintf(what, strlen("process ") + 11, "%d", (int)p->inner_pid);
		whois_say("pid inside", what);
	} else {
		whois_say("user", user);
	}
	view_tty(p->tty, tty);
	if (p->tty)
		whois_say("terminal", tty);
	whois_say_time("started", view_start_s(host, p->start_ticks), "");
	if (p->owner)
		whois_say_container(whois, p->owner);
	return p->owner ? ANSWER_CONTAINER : ANSWER_HOST;
}

/* The descriptor is there before anything is read, and asked again behind: the number cannot have changed its process in between. */
enum answer whois_pid(struct whois *whois, pid_t pid, struct err *err)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	const struct process *p;
	int r;

	if (pidfd < 0)
		return ANSWER_NEXT;
	r = host_view_open_pid(whois->cli, pid, &whois->view.host, err);
	if (r < 0)
		return err->code ? ANSWER_NONE : ANSWER_NEXT;
	p = process_find(&whois->view.host.table, pid);
	if (!p)
		return ANSWER_NEXT;
	if (poll(&ended, 1, 0) != 0 && p->state != 'Z') {
		err_set(err, ESRCH, "process %d ended while it was looked at", (int)pid);
		return ANSWER_NONE;
	}
	return process_say(whois, p);
}

/* -- users ------------------------------------------------------------------------------------ */

enum answer whois_uid(struct whois *whois, uint32_t uid, struct err *err)
{
	_cleanup_free_ char *what = str_printf("user %s (%u)", view_user(uid), uid);
	uint32_t base = names_base(uid);
	struct host_view *host = &whois->view.host;

	if (whois_open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	for (size_t i = 1; i < host->table.owner_count; i++) {
		struct owner *owner = &host->table.owners[i];
		char name[64];

		if (!owner->init)
			continue;
		if (!owner->users)
			owner->users = inner_users_new(owner->init);
		if (!inner_users_mapped(owner->users) ||
		    inner_users_id(owner->users, uid) == UINT32_MAX)
			continue;
		inner_users_name(owner->users, uid, name, sizeof(name));
		return whois_say_owner(whois, what, (int)i, "inside", name);
	}
	/* a container that does not run keeps its range */
	if (base && host->engine) {
		struct container_row *rows = NULL;
		struct err ignored = ERR_NONE;
		struct store *store = engine_store(host->engine, &ignored);
		int count = store ? container_list(store, false, &rows, &ignored) : 0, found = -1;

		for (int i = 0; i < count; i++)
			if (rows[i].uid_base == base)
				found = i;
		if (found >= 0)
			(void)whois_say_resting(whois, what, "is of container", &rows[found]);
		if (count > 0)
			container_rows_free(rows, (size_t)count);
		if (found >= 0)
			return ANSWER_CONTAINER;
	}
	if (base || !getpwuid(uid))
		return ANSWER_NEXT;
	(void)whois_say_owner(whois, what, 0, NULL, NULL);
	for (size_t i = 1; i < host->table.owner_count; i++) {
		size_t processes = 0;

		for (size_t k = 0; k < host->table.count; k++)
			processes += host->table.list[k].owner == (int)i &&
				     host->table.list[k].uid == uid;
		if (processes) /* Docker's way, where ids are shared by accident */
			(void)printf("  but container %s (%s) has %zu processes with this number\n",
				     owner_title(&host->table.owners[i]),
				     owner_engine(&host->table.owners[i]), processes);
	}
	return ANSWER_HOST;
}

enum answer whois_user(struct whois *whois, const char *name, struct err *err)
{
	const struct passwd *pw = getpwnam(name);
	const struct group *gr = pw ? NULL : getgrnam(name);

	if (pw)
		return whois_uid(whois, pw->pw_uid, err);
	return gr && names_base(gr->gr_gid) ? whois_uid(whois, gr->gr_gid, err) : ANSWER_NEXT;
}

enum answer whois_dotted(struct whois *whois, const char *name, struct err *err)
{
	struct host_view *host = &whois->view.host;

	if (!strchr(name, '.') || whois_open_all(whois, 0, err) < 0)
		return ANSWER_NEXT;
	for (size_t i = 1; i < host->table.owner_count; i++) {
		struct owner *owner = &host->table.owners[i];
		size_t n = strlen(owner->name);
		uint32_t base = 0;

		if (!n || !owner->init || strncmp(name, owner->name, n) != 0 || name[n] != '.')
			continue;
		owner->users = owner->users ? owner->users : inner_users_new(owner->init);
		for (size_t k = 0; k < host->table.count && !base; k++)
			if (host->table.list[k].owner == (int)i)
				base = names_base(host->table.list[k].uid);
		for (uint32_t id = 0; base && id < NAMES_RANGE; id++) {
			char inside[64];

			inner_users_name(owner->users, base + id, inside, sizeof(inside));
			if (strcmp(inside, name + n + 1) == 0)
				return whois_uid(whois, base + id, err);
		}
	}
	return ANSWER_NEXT;
}
