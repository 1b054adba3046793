/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/whois.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "host/link_peer.h"
#include "host/mount_owner.h"

enum answer whois_namespace(struct whois *whois, uint64_t inode, struct err *err)
{
	static const char *const kinds[] = { "net", "pid", "mnt",    "user",
					     "ipc", "uts", "cgroup", "time" };
	const struct process_table *table = &whois->view.host.table;
	_cleanup_free_ char *what = NULL;

	if (whois_open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	/* containers first: what the host has too is the host's */
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct stat st;
		_cleanup_free_ char *own = str_printf("/proc/self/ns/%s", kinds[k]);

		if (stat(own, &st) == 0 && st.st_ino == inode) {
			what = str_printf("%s namespace %llu", kinds[k], (unsigned long long)inode);
			return whois_say_owner(whois, what, 0, NULL, NULL);
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
				return whois_say_owner(whois, what, table->list[i].owner, NULL,
						       NULL);
			(void)printf("%s is no container's; process %d is in it\n", what,
				     (int)table->list[i].pid);
			whois_say("command", table->list[i].args);
			return ANSWER_HOST;
		}
	return ANSWER_NEXT;
}

/* -- links ------------------------------------------------------------------------------------ */

enum answer whois_link(struct whois *whois, const char *name, struct err *err)
{
	_cleanup_free_ char *what = str_printf("link %s", name);
	int space;

	if (strlen(name) >= IFNAMSIZ || if_nametoindex(name) == 0)
		return ANSWER_NEXT;
	if (whois_open_all(whois, SOCKET_WANT_TCP, err) < 0)
		return ANSWER_NONE;
	space = link_peer_space(name, &whois->view.spaces);
	return whois_say_owner(whois, what, space > 0 ? whois->view.spaces.list[space].owner : 0,
			       "peer",
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
		return whois_say_owner(whois, path, owner, "folder",
				       strstr(rest, "/upper") ? "in the upper folder of its root" :
								"in its folder of the data root");
	if (container_find(engine_store(engine, &ignored), id, &row, &ignored) < 0)
		return ANSWER_NEXT;
	(void)whois_say_resting(whois, path, "is of container", &row);
	container_row_clear(&row);
	return ANSWER_CONTAINER;
}

enum answer whois_path(struct whois *whois, const char *path, struct err *err)
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
	if (whois_open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	answer = whois_data(whois, path);
	if (answer != ANSWER_NEXT)
		return answer;
	owner = owner_of_cgroup(&whois->view.host.table, path);
	if (owner)
		return whois_say_owner(whois, path, owner, NULL, NULL);
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
		(void)whois_say_owner(whois, path, matches[i].owner, "where", matches[i].role);
	if (count)
		return ANSWER_CONTAINER;
	return whois_say_owner(whois, path, 0, "owner", view_user(st.st_uid));
}

enum answer whois_overlay(struct whois *whois, const char *thing, struct err *err)
{
	unsigned int minor_number;
	struct mount_match match;
	int end = 0;

	if ((sscanf(thing, "0:%9u%n", &minor_number, &end) != 1 &&
	     sscanf(thing, "0,%9u%n", &minor_number, &end) != 1) ||
	    thing[end])
		return ANSWER_NEXT;
	if (whois_open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	return mount_overlay_owner(&whois->view.host.table, makedev(0, minor_number), &match) ?
		       whois_say_owner(whois, thing, match.owner, "where", match.role) :
		       ANSWER_NEXT;
}

enum answer whois_mount(struct whois *whois, uint64_t id, struct err *err)
{
	struct mount_match match;

	if (whois_open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	return mount_id_owner(&whois->view.host.table, id, &match) ?
		       whois_say_owner(whois, whois->thing, match.owner, "where", match.role) :
		       ANSWER_NEXT;
}

enum answer whois_name(struct whois *whois, const char *name, struct err *err)
{
	const struct process_table *table = &whois->view.host.table;
	int owner = 0;

	if (whois_open_all(whois, 0, err) < 0)
		return ANSWER_NONE;
	for (size_t i = 1; i < table->owner_count; i++)
		if (view_owner_is(&table->owners[i], name))
			owner = (int)i;
	if (owner)
		return whois_say_owner(whois, name, owner, NULL, NULL);
	owner = owner_of_cgroup(table, name);
	if (owner)
		return whois_say_owner(whois, name, owner, NULL, NULL);
	if (strlen(name) >= 12 && strspn(name, "0123456789abcdef-init") == strlen(name))
		for (size_t i = 1; i < table->owner_count; i++) {
			_cleanup_free_ char *path =
				str_printf("/proc/%d/mountinfo", (int)table->owners[i].init);
			_cleanup_(buf_clear) struct buf mounts = BUF_EMPTY;

			if (table->owners[i].init &&
			    file_read(AT_FDCWD, path, 4 << 20, &mounts) == 0 &&
			    strstr(mounts.data, name))
				return whois_say_owner(whois, name, (int)i, "where",
						       "a layer of its root, or a mount of it");
		}
	return ANSWER_NEXT;
}

enum answer whois_record(struct whois *whois, const char *name, struct err *err)
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
		(void)whois_say_resting(whois, name, "is container", &row);
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
