/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/whois.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"

void whois_say(const char *key, const char *text)
{
	char safe[4096];

	str_escape(safe, sizeof(safe), text, strlen(text));
	(void)printf("  %-11s %s\n", key, safe);
}

void whois_say_title(const char *what, const struct owner *owner)
{
	char safe[512], title[128];

	str_escape(safe, sizeof(safe), what, strlen(what));
	if (owner->engine == ENGINE_HOST) {
		(void)printf("%s is the host's own\n", safe);
		return;
	}
	str_escape(title, sizeof(title), owner_title(owner), strlen(owner_title(owner)));
	if (owner->engine == ENGINE_OTHER) {
		(void)printf("%s is in a pid namespace of its own (%s), made by %s\n", safe, title,
			     owner_engine(owner));
		return;
	}
	(void)printf("%s is of container %s (%s%s%.12s)\n", safe, title, owner_engine(owner),
		     *owner->id ? " " : "", owner->id);
}

void whois_say_time(const char *key, int64_t seconds, const char *more)
{
	time_t at = (time_t)seconds;
	char day[64] = "";
	struct tm tm;
	_cleanup_free_ char *text = NULL;

	if (localtime_r(&at, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
	text = str_printf("%s%s", day, more);
	whois_say(key, text);
}

/* " by mark (as root) from /dev/pts/0": the monitor's environment has it for Cloche, else the login user of the supervisor. */
static char *starter(const struct owner *owner)
{
	_cleanup_(buf_clear) struct buf login = BUF_EMPTY, environment = BUF_EMPTY;
	_cleanup_free_ char *path = str_printf("/proc/%d/environ", (int)owner->supervisor),
			    *login_path = str_printf("/proc/%d/loginuid", (int)owner->supervisor);
	char tty[128] = "", login_text[16] = "", sudo[16] = "";
	unsigned int uid = 0;
	const char *at = NULL;
	uint64_t who = UINT32_MAX;

	if (owner->engine == ENGINE_CLOCHE && file_read(AT_FDCWD, path, 1 << 16, &environment) == 0)
		at = memmem(environment.data, environment.length, "CLOCHE_STARTED_BY=", 18);
	if (at) {
		const char *word;

		(void)sscanf(at, "CLOCHE_STARTED_BY=uid=%u login=%15[0-9]", &uid, login_text);
		if ((word = strstr(at, " sudo=")) != NULL)
			(void)sscanf(word, " sudo=%15[0-9]", sudo);
		if ((word = strstr(at, " tty=")) != NULL)
			(void)sscanf(word, " tty=%127s", tty);
	} else if (file_read(AT_FDCWD, login_path, 16, &login) == 0) {
		(void)str_append(login_text, sizeof(login_text), login.data);
	}
	(void)str_to_u64(login_text, UINT32_MAX, &who);
	if (who == UINT32_MAX)
		(void)str_to_u64(sudo, UINT32_MAX, &who);
	if (who == UINT32_MAX && !at)
		return str_dup("");
	if (who == UINT32_MAX || who == uid)
		return str_printf(" by %s%s%s", view_user(uid), *tty ? " from " : "", tty);
	{
		_cleanup_free_ char *name = str_dup(view_user((uint32_t)who));

		return str_printf(" by %s as %s%s%s", name, view_user(uid), *tty ? " from " : "",
				  tty);
	}
}

void whois_say_container(struct whois *whois, int index)
{
	const struct host_view *host = &whois->view.host;
	const struct owner *owner = &host->table.owners[index];
	const struct process *init = owner->init ? process_find(&host->table, owner->init) : NULL;
	const char *ports = socket_view_ports(&whois->view, index);

	if (*owner->image)
		whois_say("image", owner->image);
	if (*owner->part && owner->engine == ENGINE_CLOCHE)
		whois_say("instance", owner->part);
	else if (*owner->part)
		whois_say(owner->engine == ENGINE_KUBERNETES ? "pod" : "namespace", owner->part);
	if (init) {
		_cleanup_free_ char *who = starter(owner),
				    *text = str_printf("%d %s", (int)init->pid, init->args);

		whois_say("first", text);
		whois_say_time("since", view_start_s(host, init->start_ticks), who);
	}
	if (*ports)
		whois_say("published", ports);
}

json_t *whois_container_json(struct whois *whois, int index)
{
	const struct host_view *host = &whois->view.host;
	const struct owner *owner = &host->table.owners[index];
	const struct process *init = owner->init ? process_find(&host->table, owner->init) : NULL;
	_cleanup_free_ char *who = init ? starter(owner) : NULL;
	json_t *o = json_object();

	json_put(o, "Engine", json_text(index ? owner_engine(owner) : "host"));
	json_put(o, "Container", index ? json_text(owner_title(owner)) : json_null());
	json_put(o, "ID", json_text(owner->id));
	json_put(o, "Image", json_text(owner->image));
	json_put(o, "InitPid", init ? json_integer(init->pid) : json_null());
	json_put(o, "Since",
		 init ? json_integer(view_start_s(host, init->start_ticks)) : json_null());
	json_put(o, "StartedBy", json_text(who && *who ? who + strlen(" by ") : ""));
	json_put(o, "Published", json_text(socket_view_ports(&whois->view, index)));
	return o;
}

enum answer whois_say_owner(struct whois *whois, const char *what, int index, const char *key,
			    const char *how)
{
	const struct owner *owner = &whois->view.host.table.owners[index];

	if (whois->json) {
		json_t *o = whois_container_json(whois, index);

		json_put(o, "Thing", json_text(what));
		if (how)
			json_put(o, key, json_text(how));
		(void)json_dumpf(o, stdout, JSON_INDENT(1));
		(void)putchar('\n');
		json_decref(o);
	} else {
		whois_say_title(what, owner);
		if (how)
			whois_say(key, how);
		if (index)
			whois_say_container(whois, index);
	}
	return index ? ANSWER_CONTAINER : ANSWER_HOST;
}

enum answer whois_say_resting(const struct whois *whois, const char *what, const char *is,
			      const struct container_row *row)
{
	char safe[512];

	if (whois->json) {
		_cleanup_json_ json_t *o = json_object();

		json_put(o, "Engine", json_text("cloche"));
		json_put(o, "Container", json_text(row->name));
		json_put(o, "ID", json_text(row->id));
		json_put(o, "InitPid", json_null());
		json_put(o, "Thing", json_text(what));
		(void)json_dumpf(o, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else {
		str_escape(safe, sizeof(safe), what, strlen(what));
		(void)printf("%s %s %s (cloche %.12s), which is not running\n", safe, is, row->name,
			     row->id);
	}
	return ANSWER_CONTAINER;
}

int whois_open_all(struct whois *whois, unsigned int what, struct err *err)
{
	int r;

	if (whois->opened)
		return 0;
	if (what)
		r = socket_view_open(whois->cli, what, true, &whois->view, err);
	else
		r = host_view_open(whois->cli, PROCESS_ARGS, &whois->view.host, err);
	whois->opened = r == 0;
	return r;
}
