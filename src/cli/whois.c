/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* whois: whose is this? One paragraph for whatever an administrator has in hand. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/names_record.h"
#include "base/opt.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/socket_view.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "host/address_place.h"
#include "host/inner_users.h"
#include "host/link_peer.h"
#include "host/mount_owner.h"
#include "host/owner.h"
#include "host/supervisor.h"
#include "state/store.h"

/* What an answer means, and what the program ends with. */
enum answer {
	ANSWER_CONTAINER = 0, /* a container's */
	ANSWER_HOST = 1,      /* the host's own */
	ANSWER_NONE = 2,      /* there is no such thing */
	ANSWER_NEXT = 3,      /* not this kind of thing; try another */
};

struct whois {
	struct cli *cli;
	const char *thing;
	bool json;
	struct socket_view view;
	bool opened; /* the view has every process */
};

/* -- paragraphs ------------------------------------------------------------------------------- */

static void say(const char *key, const char *text)
{
	char safe[4096];

	str_escape(safe, sizeof(safe), text, strlen(text));
	(void)printf("  %-11s %s\n", key, safe);
}

static void say_title(const struct whois *whois, const char *what, const struct owner *owner)
{
	char safe[512], title[128];

	(void)whois;
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

static void say_time(const char *key, int64_t seconds, const char *more)
{
	time_t at = (time_t)seconds;
	char day[64] = "";
	struct tm tm;
	_cleanup_free_ char *text = NULL;

	if (localtime_r(&at, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
	text = str_printf("%s%s", day, more);
	say(key, text);
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

static void say_container(struct whois *whois, int index)
{
	const struct host_view *host = &whois->view.host;
	const struct owner *owner = &host->table.owners[index];
	const struct process *init = owner->init ? process_find(&host->table, owner->init) : NULL;
	const char *ports = socket_view_ports(&whois->view, index);

	if (*owner->image)
		say("image", owner->image);
	if (*owner->part && owner->engine == ENGINE_CLOCHE)
		say("instance", owner->part);
	else if (*owner->part)
		say(owner->engine == ENGINE_KUBERNETES ? "pod" : "namespace", owner->part);
	if (init) {
		_cleanup_free_ char *who = starter(owner),
				    *text = str_printf("%d %s", (int)init->pid, init->args);

		say("first", text);
		say_time("since", view_start_s(host, init->start_ticks), who);
	}
	if (*ports)
		say("published", ports);
}

static json_t *container_json(struct whois *whois, int index)
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

/* The whole answer when nothing is to be said but whose it is; `how` may be NULL. */
static enum answer say_owner(struct whois *whois, const char *what, int index, const char *key,
			     const char *how)
{
	const struct owner *owner = &whois->view.host.table.owners[index];

	if (whois->json) {
		json_t *o = container_json(whois, index);

		json_put(o, "Thing", json_text(what));
		if (how)
			json_put(o, key, json_text(how));
		(void)json_dumpf(o, stdout, JSON_INDENT(1));
		(void)putchar('\n');
		json_decref(o);
	} else {
		say_title(whois, what, owner);
		if (how)
			say(key, how);
		if (index)
			say_container(whois, index);
	}
	return index ? ANSWER_CONTAINER : ANSWER_HOST;
}

/* A container that does not run is in the record alone. `is`: "is of container", or "is container". */
static enum answer say_resting(const struct whois *whois, const char *what, const char *is,
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

static int open_all(struct whois *whois, unsigned int what, struct err *err)
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

/* -- a process -------------------------------------------------------------------------------- */

static enum answer process_say(struct whois *whois, const struct process *p)
{
	struct host_view *host = &whois->view.host;
	_cleanup_free_ char *what = str_printf("process %d", (int)p->pid),
			    *user = str_printf("%s (%u) on the host", view_outer_user(host, p),
					       p->uid);
	char tty[32];

	if (whois->json) {
		json_t *o = container_json(whois, p->owner);

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
	say_title(whois, what, view_owner(host, p));
	say("command", p->args);
	if (p->owner) {
		_cleanup_free_ char *both =
			str_printf("%s inside, %s", view_inner_user(host, p), user);

		say("user", both);
		what[0] = '\0';
		(void)snprintf(what, strlen("process ") + 11, "%d", (int)p->inner_pid);
		say("pid inside", what);
	} else {
		say("user", user);
	}
	view_tty(p->tty, tty);
	if (p->tty)
		say("terminal", tty);
	say_time("started", view_start_s(host, p->start_ticks), "");
	if (p->owner)
		say_container(whois, p->owner);
	return p->owner ? ANSWER_CONTAINER : ANSWER_HOST;
}

/* The descriptor is there before anything is read, and asked again behind: the number cannot have changed its process in between. */
static enum answer whois_pid(struct whois *whois, pid_t pid, struct err *err)
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

static enum answer whois_uid(struct whois *whois, uint32_t uid, struct err *err)
{
	_cleanup_free_ char *what = str_printf("user %s (%u)", view_user(uid), uid);
	uint32_t base = names_base(uid);
	struct host_view *host = &whois->view.host;

	if (open_all(whois, 0, err) < 0)
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
		return say_owner(whois, what, (int)i, "inside", name);
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
			(void)say_resting(whois, what, "is of container", &rows[found]);
		if (count > 0)
			container_rows_free(rows, (size_t)count);
		if (found >= 0)
			return ANSWER_CONTAINER;
	}
	if (base || !getpwuid(uid))
		return ANSWER_NEXT;
	(void)say_owner(whois, what, 0, NULL, NULL);
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

static enum answer whois_user(struct whois *whois, const char *name, struct err *err)
{
	const struct passwd *pw = getpwnam(name);
	const struct group *gr = pw ? NULL : getgrnam(name);

	if (pw)
		return whois_uid(whois, pw->pw_uid, err);
	return gr && names_base(gr->gr_gid) ? whois_uid(whois, gr->gr_gid, err) : ANSWER_NEXT;
}

/* CONTAINER.USER where names are not enabled on the host: asked of the container. */
static enum answer whois_dotted(struct whois *whois, const char *name, struct err *err)
{
	struct host_view *host = &whois->view.host;

	if (!strchr(name, '.') || open_all(whois, 0, err) < 0)
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

/* -- sockets ---------------------------------------------------------------------------------- */

static void socket_say(struct whois *whois, const struct socket *s)
{
	struct socket_view *view = &whois->view;
	const struct process *p = s->pid ? process_find(&view->host.table, s->pid) : NULL;
	char local[128], peer[128], published[256], container[160];
	_cleanup_free_ char *what = NULL, *user = NULL;

	if (s->proto == SOCKET_UNIX_PROTO) {
		what = str_printf("unix socket %s", s->path ? s->path : "without a name");
	} else {
		socket_view_end(s, false, local, sizeof(local));
		socket_view_end(s, true, peer, sizeof(peer));
		what = str_printf("%s%s %s %s %s", socket_proto_word(s->proto), s->v6 ? "6" : "",
				  local, peer, socket_state_word(s->state));
	}
	if (whois->json) {
		json_t *o = container_json(whois, s->owner);

		json_put(o, "Thing", json_text(what));
		json_put(o, "Pid", s->pid ? json_integer(s->pid) : json_null());
		socket_view_published(view, s, published, sizeof(published));
		json_put(o, "PublishedAs", json_text(published));
		(void)json_dumpf(o, stdout, JSON_INDENT(1));
		(void)putchar('\n');
		json_decref(o);
		return;
	}
	if (!s->owner && s->space) {
		socket_view_container(view, s, container, sizeof(container));
		(void)printf("%s is in %s, which is no container's\n", what, container);
	} else {
		say_title(whois, what, &view->host.table.owners[s->owner]);
	}
	if (p) {
		_cleanup_free_ char *text = str_printf("%d %s", (int)p->pid, p->args);

		say("process", text);
	}
	if (s->uid != UINT32_MAX && s->proto != SOCKET_UNIX_PROTO && s->inode) {
		user = str_printf("%s (%u) on the host",
				  view_owner_user(&view->host, s->owner, s->uid), s->uid);
		say("user", user);
	}
	socket_view_published(view, s, published, sizeof(published));
	if (*published)
		say("outside", published);
	if (s->owner)
		say_container(whois, s->owner);
}

struct wanted_end {
	char address[64];   /* "": any */
	unsigned long port; /* 0: any */
};

/* ":3270", "3270/tcp", "192.168.1.187:48842", "[fd00::1]:80", "10.88.0.2", "fd00::1" */
static bool end_parse(const char *thing, struct wanted_end *end)
{
	const char *colon = strrchr(thing, ':'), *digits;
	char *rest;
	size_t n;

	*end = (struct wanted_end){ 0 };
	if (str_suffix(thing, "/tcp") || str_suffix(thing, "/udp")) {
		end->port = strtoul(thing, &rest, 10);
		return *rest == '/' && end->port > 0 && end->port < 65536;
	}
	/* an address alone: a v6 one, or four numbers */
	if (strchr(thing, ':') != colon ? thing[0] != '[' : !colon) {
		if (strspn(thing, "0123456789abcdef:.") != strlen(thing) ||
		    !(strchr(thing, ':') || strchr(thing, '.')))
			return false;
		(void)str_append(end->address, sizeof(end->address), thing);
		return true;
	}
	if (!colon)
		return false;
	digits = colon + 1;
	end->port = strtoul(digits, &rest, 10);
	if (!*digits || *rest || end->port == 0 || end->port > 65535)
		return false;
	n = (size_t)(colon - thing);
	if (n && thing[0] == '[' && thing[n - 1] == ']') {
		thing++;
		n -= 2;
	}
	if (n >= sizeof(end->address))
		return false;
	memcpy(end->address, thing, n);
	end->address[n] = '\0';
	return strspn(end->address, "0123456789abcdef:.") == n;
}

static bool end_matches(const struct socket *s, bool peer, const struct wanted_end *end)
{
	char address[64];

	if (end->port && (peer ? s->peer_port : s->local_port) != end->port)
		return false;
	socket_address(s, peer, address, sizeof(address));
	return !*end->address || strcmp(address, end->address) == 0 ||
	       (str_prefix(address, "::ffff:") && strcmp(address + 7, end->address) == 0);
}

/* Published, and nobody listens there on the host: the container's port behind it. */
static bool published_matches(struct socket_view *view, const struct socket *s,
			      const struct wanted_end *end)
{
	_cleanup_strv_ char **list = NULL;
	char published[256];

	if (!s->owner || !end->port)
		return false;
	socket_view_published(view, s, published, sizeof(published));
	list = strv_split(published, ',');
	for (size_t i = 0; list[i]; i++) {
		const char *colon = strrchr(list[i], ':');

		if (colon && strtoul(colon + 1, NULL, 10) == end->port)
			return true;
	}
	return false;
}

static enum answer whois_end(struct whois *whois, const char *thing, struct err *err)
{
	enum { MOST = 64 };
	struct socket_view *view = &whois->view;
	enum answer answer = ANSWER_NEXT;
	struct wanted_end end;
	size_t said = 0;

	if (!end_parse(thing, &end))
		return ANSWER_NEXT;
	if (open_all(whois, SOCKET_WANT_TCP | SOCKET_WANT_UDP | SOCKET_WANT_OTHER, err) < 0)
		return ANSWER_NONE;
	/* who listens is the answer for a port; a container's before the host's */
	for (int round = 0; round < 2 && said == 0; round++)
		for (size_t i = 0; i < view->sockets.count && said < MOST; i++) {
			const struct socket *s = &view->sockets.list[i];
			bool waits = s->peer_port == 0;

			if (round == 0 && !*end.address && !waits)
				continue;
			if (!end_matches(s, false, &end) && !published_matches(view, s, &end) &&
			    !((round == 1 || *end.address) && end_matches(s, true, &end)))
				continue;
			socket_say(whois, s);
			said++;
			if (s->owner)
				answer = ANSWER_CONTAINER;
			else if (answer != ANSWER_CONTAINER)
				answer = ANSWER_HOST;
		}
	if (said == 0) {
		err_set(err, ENOENT, "%s: no socket has it, on the host or in a container", thing);
		return ANSWER_NONE;
	}
	return answer;
}

/* An address alone is whose namespace has it; one that none has may still be a peer's: whois_end. */
static enum answer whois_address(struct whois *whois, const char *thing, struct err *err)
{
	enum { MOST = 16 };
	_cleanup_free_ char *what = str_printf("address %s", thing);
	struct address_place places[MOST];
	enum answer answer = ANSWER_NEXT;
	struct wanted_end end;
	size_t count;

	if (!end_parse(thing, &end) || end.port || !*end.address)
		return ANSWER_NEXT;
	if (open_all(whois, SOCKET_WANT_TCP | SOCKET_WANT_UDP | SOCKET_WANT_OTHER, err) < 0)
		return ANSWER_NONE;
	count = address_places(end.address, &whois->view.spaces, places, MOST);
	for (size_t i = 0; i < count; i++) {
		const struct net_space *space = &whois->view.spaces.list[places[i].space];
		enum answer one;

		if (places[i].space != 0 && space->owner == 0)
			continue; /* somebody's namespace, but no container's */
		one = say_owner(whois, what, space->owner, "link", places[i].link);
		answer = answer == ANSWER_CONTAINER ? answer : one;
	}
	return answer;
}

static enum answer whois_inode(struct whois *whois, uint64_t inode, struct err *err)
{
	const struct socket_view *view = &whois->view;

	if (open_all(whois, 31, err) < 0)
		return ANSWER_NONE;
	for (size_t i = 0; i < view->sockets.count; i++)
		if (view->sockets.list[i].inode == inode) {
			socket_say(whois, &view->sockets.list[i]);
			return view->sockets.list[i].owner ? ANSWER_CONTAINER : ANSWER_HOST;
		}
	return ANSWER_NEXT;
}

/* -- namespaces ------------------------------------------------------------------------------- */

static enum answer whois_namespace(struct whois *whois, uint64_t inode, struct err *err)
{
	static const char *const kinds[] = { "net", "pid", "mnt",    "user",
					     "ipc", "uts", "cgroup", "time" };
	const struct process_table *table = &whois->view.host.table;
	_cleanup_free_ char *what = NULL;

	if (open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	/* containers first: what the host has too is the host's */
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct stat st;
		_cleanup_free_ char *own = str_printf("/proc/self/ns/%s", kinds[k]);

		if (stat(own, &st) == 0 && st.st_ino == inode) {
			what = str_printf("%s namespace %llu", kinds[k], (unsigned long long)inode);
			return say_owner(whois, what, 0, NULL, NULL);
		}
	}
	for (size_t i = 0; i < table->count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			char path[48];
			struct stat st;

			(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s",
				       (int)table->list[i].pid, kinds[k]);
			if (stat(path, &st) < 0 || st.st_ino != inode)
				continue;
			what = str_printf("%s namespace %llu", kinds[k], (unsigned long long)inode);
			if (table->list[i].owner)
				return say_owner(whois, what, table->list[i].owner, NULL, NULL);
			(void)printf("%s is no container's; process %d is in it\n", what,
				     (int)table->list[i].pid);
			say("command", table->list[i].args);
			return ANSWER_HOST;
		}
	return ANSWER_NEXT;
}

/* -- links ------------------------------------------------------------------------------------ */

static enum answer whois_link(struct whois *whois, const char *name, struct err *err)
{
	_cleanup_free_ char *what = str_printf("link %s", name);
	int space;

	if (strlen(name) >= IFNAMSIZ || if_nametoindex(name) == 0)
		return ANSWER_NEXT;
	if (open_all(whois, SOCKET_WANT_TCP, err) < 0)
		return ANSWER_NONE;
	space = link_peer_space(name, &whois->view.spaces);
	return say_owner(whois, what, space > 0 ? whois->view.spaces.list[space].owner : 0, "peer",
			 space > 0 ? "the other end of the pair is in its network namespace" :
				     "it has no other end in a container");
}

/* -- paths, mounts, cgroups, ids -------------------------------------------------------------- */

static int owner_by_id(const struct process_table *table, const char *id)
{
	for (size_t i = 1; i < table->owner_count; i++)
		if (*table->owners[i].id &&
		    (str_prefix(id, table->owners[i].id) || str_prefix(table->owners[i].id, id)))
			return (int)i;
	return 0;
}

static int owner_of_cgroup(const struct process_table *table, const char *path)
{
	_cleanup_free_ char *text = str_printf("0::%s%s\n", path[0] == '/' ? "" : "/", path);
	struct cgroup_owner owner;

	if (!cgroup_owner_parse(text, &owner))
		return 0;
	for (size_t i = 1; i < table->owner_count; i++) {
		const struct owner *o = &table->owners[i];

		if (o->engine == owner.engine && strcmp(o->part, owner.part) == 0 &&
		    (*owner.id ? strcmp(o->id, owner.id) == 0 : strcmp(o->name, owner.name) == 0))
			return (int)i;
	}
	return 0;
}

/* containers/ID and layers/HEX below our own data root */
static enum answer whois_data(struct whois *whois, const char *path)
{
	struct engine *engine = whois->view.host.engine;
	struct container_row row = { 0 };
	struct err ignored = ERR_NONE;
	const char *rest;
	char id[65] = "";
	int owner;

	if (!engine || !str_prefix(path, engine->settings.root) ||
	    path[strlen(engine->settings.root)] != '/')
		return ANSWER_NEXT;
	rest = path + strlen(engine->settings.root) + 1;
	if (sscanf(rest, "containers/%64[0-9a-f]", id) != 1 || strlen(id) < 12)
		return ANSWER_NEXT;
	id[12] = '\0';
	owner = owner_by_id(&whois->view.host.table, id);
	if (owner)
		return say_owner(whois, path, owner, "folder",
				 strstr(rest, "/upper") ? "in the upper folder of its root" :
							  "in its folder of the data root");
	if (container_find(engine_store(engine, &ignored), id, &row, &ignored) < 0)
		return ANSWER_NEXT;
	(void)say_resting(whois, path, "is of container", &row);
	container_row_clear(&row);
	return ANSWER_CONTAINER;
}

static enum answer whois_path(struct whois *whois, const char *path, struct err *err)
{
	enum { MOST = 32 };
	struct mount_match matches[MOST];
	enum answer answer;
	struct stat st;
	size_t count;
	int pid, owner;

	if (path[0] != '/')
		return ANSWER_NEXT;
	if (sscanf(path, "/proc/%d", &pid) == 1)
		return whois_pid(whois, pid, err);
	if (open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	answer = whois_data(whois, path);
	if (answer != ANSWER_NEXT)
		return answer;
	owner = owner_of_cgroup(&whois->view.host.table, path);
	if (owner)
		return say_owner(whois, path, owner, NULL, NULL);
	if (stat(path, &st) < 0) {
		err_sys(err, errno, "look at %s", path);
		return ANSWER_NONE;
	}
	if (S_ISSOCK(st.st_mode) || str_prefix(path, "/run/netns/")) {
		answer = whois_namespace(whois, st.st_ino, err);
		if (answer != ANSWER_NEXT)
			return answer;
	}
	count = mount_owners(&whois->view.host.table, path, matches, MOST);
	for (size_t i = 0; i < count; i++)
		(void)say_owner(whois, path, matches[i].owner, "where", matches[i].role);
	if (count)
		return ANSWER_CONTAINER;
	return say_owner(whois, path, 0, "owner", view_user(st.st_uid));
}

/* "0:101", as mountinfo has it, or "0,101", as stat(1) does: the device that an overlay has for itself */
static enum answer whois_overlay(struct whois *whois, const char *thing, struct err *err)
{
	unsigned int minor_number;
	struct mount_match match;
	int end = 0;

	if ((sscanf(thing, "0:%9u%n", &minor_number, &end) != 1 &&
	     sscanf(thing, "0,%9u%n", &minor_number, &end) != 1) ||
	    thing[end])
		return ANSWER_NEXT;
	if (open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	return mount_overlay_owner(&whois->view.host.table, makedev(0, minor_number), &match) ?
		       say_owner(whois, thing, match.owner, "where", match.role) :
		       ANSWER_NEXT;
}

static enum answer whois_mount(struct whois *whois, uint64_t id, struct err *err)
{
	struct mount_match match;

	if (open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	return mount_id_owner(&whois->view.host.table, id, &match) ?
		       say_owner(whois, whois->thing, match.owner, "where", match.role) :
		       ANSWER_NEXT;
}

/* A container's name or id; an id that names a layer's folder (overlay's, Docker's overlay2) is looked for among mounts. */
static enum answer whois_name(struct whois *whois, const char *name, struct err *err)
{
	const struct process_table *table = &whois->view.host.table;
	int owner = 0;

	if (open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	for (size_t i = 1; i < table->owner_count; i++)
		if (view_owner_is(&table->owners[i], name))
			owner = (int)i;
	if (owner)
		return say_owner(whois, name, owner, NULL, NULL);
	owner = owner_of_cgroup(table, name);
	if (owner)
		return say_owner(whois, name, owner, NULL, NULL);
	if (strlen(name) >= 12 && strspn(name, "0123456789abcdef-init") == strlen(name))
		for (size_t i = 1; i < table->owner_count; i++) {
			_cleanup_free_ char *path =
				str_printf("/proc/%d/mountinfo", (int)table->owners[i].init);
			_cleanup_(buf_clear) struct buf mounts = BUF_EMPTY;

			if (table->owners[i].init &&
			    file_read(AT_FDCWD, path, 4 << 20, &mounts) == 0 &&
			    strstr(mounts.data, name))
				return say_owner(whois, name, (int)i, "where",
						 "a layer of its root, or a mount of it");
		}
	return ANSWER_NEXT;
}

/* What only our own record knows: a container that does not run, a volume by its name. */
static enum answer whois_record(struct whois *whois, const char *name, struct err *err)
{
	struct engine *engine = whois->view.host.engine;
	struct container_row row = { 0 };
	struct volume_row volume = { 0 };
	struct err ignored = ERR_NONE;
	struct store *store = engine ? engine_store(engine, &ignored) : NULL;

	(void)err;
	if (!store)
		return ANSWER_NEXT;
	if (container_find(store, name, &row, &ignored) == 0) {
		(void)say_resting(whois, name, "is container", &row);
		container_row_clear(&row);
		return ANSWER_CONTAINER;
	}
	if (!strchr(name, '/') && volume_find(store, name, &volume, &ignored) == 0) {
		_cleanup_free_ char *path =
			str_printf("%s/volumes/%s/_data", engine->settings.root, name);

		volume_row_clear(&volume);
		return whois_path(whois, path, err);
	}
	return ANSWER_NEXT;
}

/* -- which kind ------------------------------------------------------------------------------- */

static enum answer number(struct whois *whois, uint64_t n, struct err *err)
{
	enum answer answer = ANSWER_NEXT;

	if (n >= 1 && n <= 4194304) { /* the most that pid_max can be, proc(5) */
		answer = whois_pid(whois, (pid_t)n, err);
		if (answer != ANSWER_NEXT)
			return answer;
	}
	if (n < UINT32_MAX) {
		answer = whois_uid(whois, (uint32_t)n, err);
		if (answer != ANSWER_NEXT)
			return answer;
	}
	answer = whois_namespace(whois, n, err);
	if (answer != ANSWER_NEXT || err->code)
		return answer;
	socket_view_clear(&whois->view); /* it was opened without sockets */
	whois->view = SOCKET_VIEW_EMPTY;
	whois->opened = false;
	return whois_inode(whois, n, err);
}

/* "pid:1241", "net:[4026531840]", "socket:[1234]": what a number is. */
static enum answer prefixed(struct whois *whois, const char *thing, struct err *err)
{
	static const struct {
		const char *prefix;
		int kind;
	} prefixes[] = { { "pid:", 0 },	 { "uid:", 1 },	 { "inode:", 2 }, { "socket:", 2 },
			 { "ino:", 2 },	 { "ns:", 3 },	 { "net:", 3 },	  { "mnt:", 3 },
			 { "user:", 3 }, { "ipc:", 3 },	 { "uts:", 3 },	  { "cgroup:", 3 },
			 { "time:", 3 }, { "mount:", 4 } };
	size_t i = 0;
	const char *digits;
	uint64_t n;
	char text[32] = "";

	while (i < ARRAY_SIZE(prefixes) && !str_prefix(thing, prefixes[i].prefix))
		i++;
	if (i == ARRAY_SIZE(prefixes))
		return ANSWER_NEXT;
	digits = thing + strlen(prefixes[i].prefix);
	if (sscanf(digits, *digits == '[' ? "[%20[0-9]]" : "%20[0-9]", text) != 1 ||
	    str_to_u64(text, UINT64_MAX, &n) < 0)
		return ANSWER_NEXT;
	if (prefixes[i].kind == 0 && *digits != '[')
		return n <= 4194304 ? whois_pid(whois, (pid_t)n, err) : ANSWER_NEXT;
	switch (prefixes[i].kind) {
	case 1:
		return n < UINT32_MAX ? whois_uid(whois, (uint32_t)n, err) : ANSWER_NEXT;
	case 2:
		return whois_inode(whois, n, err);
	case 4:
		return whois_mount(whois, n, err);
	default:
		return whois_namespace(whois, n, err);
	}
}

static enum answer ask(struct whois *whois, struct err *err)
{
	static enum answer (*const kinds[])(struct whois *, const char *, struct err *) = {
		prefixed,   whois_overlay, whois_path, whois_address, whois_end,
		whois_link, whois_name,	   whois_user, whois_dotted,  whois_record,
	};
	enum answer answer = ANSWER_NEXT;
	uint64_t n;

	if (str_to_u64(whois->thing, UINT64_MAX, &n) == 0)
		answer = number(whois, n, err);
	for (size_t i = 0; answer == ANSWER_NEXT && err->code == 0 && i < ARRAY_SIZE(kinds); i++)
		answer = kinds[i](whois, whois->thing, err);
	if (answer == ANSWER_NEXT) {
		err_set(err, ENOENT, "whois %s: neither the host nor a container has it",
			whois->thing);
		answer = ANSWER_NONE;
	}
	return answer;
}

struct whois_args {
	bool json;
};

static const struct opt whois_opts[] = {
	OPT_FORMAT_JSON(struct whois_args, json),
	OPT_BOOL(0, "json", struct whois_args, json, "print an object"),
	OPT_END,
};

static int whois_run(void *data, void *args, char **operands, struct err *err)
{
	const struct whois_args *a = args;
	struct whois whois = { .cli = data,
			       .thing = operands[0],
			       .json = a->json,
			       .view = SOCKET_VIEW_EMPTY };
	enum answer answer;

	if (!*operands[0]) {
		err_set(err, EINVAL, "whois of nothing: THING is empty");
		return 125;
	}
	answer = ask(&whois, err);

	if (whois.view.host.table.partial)
		cli_warn("partial: without root the kernel hides much");
	socket_view_clear(&whois.view);
	return (int)answer;
}

const struct command command_whois = {
	.name = "whois",
	.args = "THING",
	.summary = "say whose a process, user, port, connection, path, namespace or link is",
	.details =
		"THING is a pid, a uid, a user's name (web.www-data), a port (:3270, 3270/tcp), an address, an end of a connection "
		"(192.168.1.187:48842), the inode of a socket (socket:[1234], ino:1234), a path (of an upper folder, a volume, a bind's source, in "
		"/proc), a mount (mount:528), a cgroup, a namespace (net:[4026531840]), a link of a veth pair, a container's name or id, a volume's name, or the "
		"id or device (0:101) of an overlay. A bare number is a pid if there is one, else a uid, a namespace, a socket's inode; pid:, uid:, inode: and ns: in "
		"front say which.\n"
		"The answer names engine, container, image, command, the user inside and outside, who started it from which terminal and when, "
		"and what is published. Ends with 0 when it is a container's, with 1 when it is the host's own, with 2 when there is no such "
		"thing.",
	.opts = whois_opts,
	.args_size = sizeof(struct whois_args),
	.run = whois_run,
	.flags = COMMAND_INTERSPERSED,
};
