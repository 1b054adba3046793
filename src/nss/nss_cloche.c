/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libnss_cloche.so.2: names for the host ids of containers, CONTAINER.USER, in every program that asks libc (nss(5)).
 * It is a guest in foreign programs, set-user-id ones among them:
 * 1. It reads one small file of ours (base/names_record.h), which it finds from the id by arithmetic; never a container's file.
 * 2. It allocates nothing, keeps nothing but the place of an enumeration, asks nobody, waits for nobody, changes no signal.
 * 3. An id out of the pool, or a name without a dot, costs no system call.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/names_record.h"

#define EXPORT __attribute__((visibility("default")))

enum { CHUNK = 4096 };

struct entry {
	unsigned int id, gid;
	char container[NAMES_WORD], name[NAMES_WORD]; /* name "": the number stands for it */
};

/* -- text: printf(3) would be a fifth of the cost of a look-up --------------------------------- */

struct text {
	char *at, *end; /* end: its last byte, for the NUL */
};

static void put(struct text *text, const char *more)
{
	size_t room = (size_t)(text->end - text->at), length = strlen(more);

	length = length < room ? length : room;
	memcpy(text->at, more, length);
	text->at += length;
	*text->at = '\0';
}

static void put_number(struct text *text, unsigned int value)
{
	char digits[12], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	put(text, p);
}

/* -- a record, line by line ------------------------------------------------------------------- */

struct record {
	int fd;
	size_t at, length;
	char container[NAMES_WORD], chunk[CHUNK];
};

static void record_close(struct record *record)
{
	if (record->fd >= 0)
		(void)close(record->fd);
	record->fd = -1;
}

/* The next line into line, without its end. False: there is none. */
static bool line_next(struct record *record, char line[NAMES_LINE])
{
	size_t n = 0;

	for (;;) {
		const char *from = record->chunk + record->at, *end;
		size_t piece;

		if (record->at == record->length) {
			ssize_t got = record->fd < 0 ? 0 : read(record->fd, record->chunk, CHUNK);

			if (got <= 0)
				return false;
			record->at = 0;
			record->length = (size_t)got;
			continue;
		}
		end = memchr(from, '\n', record->length - record->at);
		piece = end ? (size_t)(end - from) : record->length - record->at;
		if (n + piece >= NAMES_LINE)
			return false; /* not one of our files */
		memcpy(line + n, from, piece);
		n += piece;
		record->at += piece + (end != NULL);
		if (end) {
			line[n] = '\0';
			return true;
		}
	}
}

static bool record_begin(struct record *record)
{
	char line[NAMES_LINE];
	size_t head = strlen(NAMES_HEAD);

	if (line_next(record, line) && strncmp(line, NAMES_HEAD, head) == 0 &&
	    strlen(line) - head < NAMES_WORD) {
		memcpy(record->container, line + head, strlen(line) - head + 1);
		return true;
	}
	record_close(record);
	return false;
}

static bool record_open(struct record *record, uint32_t base)
{
	char path[sizeof(NAMES_FOLDER) + 16];
	struct text text = { path, path + sizeof(path) - 1 };
	ssize_t n;

	put(&text, NAMES_FOLDER "/");
	put_number(&text, base);
	record->at = record->length = 0;
	record->fd = -1;
	n = readlink(path, record->chunk, CHUNK);
	if (n > 0)
		record->length = (size_t)n;
	else if (errno == EINVAL) /* a long one is a regular file */
		record->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return record_begin(record);
}

/* By the container's name: the link has the range's first id, and the record behind it where there is room. */
static bool record_open_link(struct record *record, const char *path, uint32_t *ret_base)
{
	ssize_t n = readlink(path, record->chunk, CHUNK);
	uint32_t base = 0;
	size_t at = 0;

	for (; n > 0 && at < (size_t)n && at < 10; at++) {
		char c = record->chunk[at];

		if (c < '0' || c > '9')
			break;
		base = base * 10 + (uint32_t)(c - '0');
	}
	if (base == 0 || names_base(base) != base)
		return false;
	*ret_base = base;
	if (at == (size_t)n)
		return record_open(record, base);
	record->fd = -1;
	record->at = at + 1;
	record->length = (size_t)n;
	return record->chunk[at] == '\n' && record_begin(record);
}

static unsigned int number(const char **p)
{
	unsigned int value = 0;

	while (**p >= '0' && **p <= '9' && value < NAMES_RANGE)
		value = value * 10 + (unsigned int)(*(*p)++ - '0');
	*p += **p == ' ';
	return value;
}

static bool entry_parse(const char *line, char kind, struct entry *entry)
{
	const char *p = line + 2;

	if (line[0] != kind || line[1] != ' ')
		return false;
	entry->id = number(&p);
	entry->gid = kind == 'u' ? number(&p) : 0;
	if (entry->id >= NAMES_RANGE || entry->gid >= NAMES_RANGE || strlen(p) >= NAMES_WORD)
		return false;
	memcpy(entry->name, p, strlen(p) + 1);
	return true;
}

/* The first line of `kind` with this name, or with this id when name is NULL. */
static bool entry_find(struct record *record, char kind, unsigned int id, const char *name,
		       struct entry *entry)
{
	char line[NAMES_LINE];

	while (line_next(record, line)) {
		if (line[0] < kind) /* groups stand behind the users */
			return false;
		if (!entry_parse(line, kind, entry))
			continue;
		if (name ? strcmp(entry->name, name) == 0 : entry->id == id)
			return true;
	}
	return false;
}

/* -- look-ups --------------------------------------------------------------------------------- */

static enum nss_status missing(int *errnop)
{
	*errnop = ENOENT;
	return NSS_STATUS_NOTFOUND;
}

static bool find_id(uint32_t host_id, char kind, struct entry *ret_entry, uint32_t *ret_base)
{
	uint32_t base = names_base(host_id);
	struct record record;

	if (base == 0 || !record_open(&record, base))
		return false;
	if (!entry_find(&record, kind, host_id - base, NULL, ret_entry)) {
		ret_entry->id = ret_entry->gid = host_id - base;
		ret_entry->name[0] = '\0';
	}
	record_close(&record);
	memcpy(ret_entry->container, record.container, sizeof(record.container));
	*ret_base = base;
	return true;
}

/* name is "CONTAINER.REST" with the dot at `dot`. */
static bool find_split(const char *name, size_t dot, char kind, struct entry *ret_entry,
		       uint32_t *ret_base)
{
	char path[sizeof(NAMES_FOLDER) + sizeof(NAMES_BY_NAME) + NAMES_WORD + 2];
	struct text text = { path, path + sizeof(path) - 1 };
	const char *rest = name + dot + 1, *digits = rest;
	struct record record;
	unsigned int id;
	bool found;

	if (dot == 0 || dot >= NAMES_WORD || !*rest || memchr(name, '/', dot) || name[0] == '.')
		return false;
	put(&text, NAMES_FOLDER "/" NAMES_BY_NAME "/");
	text.end = text.at + dot;
	put(&text, name);
	if (!record_open_link(&record, path, ret_base))
		return false;
	found = strlen(record.container) == dot && strncmp(record.container, name, dot) == 0;
	memcpy(ret_entry->container, record.container, sizeof(record.container));
	id = number(&digits);
	if (found && !*digits && id < NAMES_RANGE && (rest[0] != '0' || !rest[1])) {
		/* a number is a name only where the id has no other */
		found = !entry_find(&record, kind, id, NULL, ret_entry);
		ret_entry->id = ret_entry->gid = id;
		ret_entry->name[0] = '\0';
	} else if (found) {
		found = entry_find(&record, kind, 0, rest, ret_entry);
	}
	record_close(&record);
	return found;
}

/* Both halves may hold dots: each is tried, the longest container first. */
static bool find_name(const char *name, char kind, struct entry *ret_entry, uint32_t *ret_base)
{
	size_t length = strnlen(name, (size_t)2 * NAMES_WORD);

	if (length >= (size_t)2 * NAMES_WORD)
		return false;
	for (size_t dot = length; dot-- > 0;)
		if (name[dot] == '.' && find_split(name, dot, kind, ret_entry, ret_base))
			return true;
	return false;
}

/* -- into libc's structs ---------------------------------------------------------------------- */

struct room {
	char *at;
	size_t left;
	bool full;
};

static char *room_text(struct room *room, const char *text)
{
	size_t size = strlen(text) + 1;
	char *place = room->at;

	if (size > room->left) {
		room->full = true;
		return place;
	}
	memcpy(place, text, size);
	room->at += size;
	room->left -= size;
	return place;
}

static void entry_name(const struct entry *entry, char out[(size_t)2 * NAMES_WORD])
{
	struct text text = { out, out + (size_t)2 * NAMES_WORD - 1 };

	put(&text, entry->container);
	put(&text, ".");
	if (entry->name[0])
		put(&text, entry->name);
	else
		put_number(&text, entry->id);
}

static enum nss_status passwd_fill(const struct entry *entry, uint32_t base, struct passwd *pw,
				   char *buffer, size_t length, int *errnop)
{
	struct room room = { buffer, length, false };
	char text[2 * NAMES_WORD];
	struct text gecos = { text, text + sizeof(text) - 1 };

	entry_name(entry, text);
	pw->pw_name = room_text(&room, text);
	pw->pw_passwd = room_text(&room, "*");
	pw->pw_uid = base + entry->id;
	pw->pw_gid = base + entry->gid;
	put(&gecos, "user of container ");
	put(&gecos, entry->container);
	pw->pw_gecos = room_text(&room, text);
	pw->pw_dir = room_text(&room, "/nonexistent");
	pw->pw_shell = room_text(&room, "/usr/sbin/nologin");
	if (!room.full)
		return NSS_STATUS_SUCCESS;
	*errnop = ERANGE;
	return NSS_STATUS_TRYAGAIN;
}

static enum nss_status group_fill(const struct entry *entry, uint32_t base, struct group *gr,
				  char *buffer, size_t length, int *errnop)
{
	size_t slip = (sizeof(char *) - (size_t)buffer % sizeof(char *)) % sizeof(char *);
	struct room room = { buffer + slip + sizeof(char *), 0, false };
	char text[2 * NAMES_WORD];

	if (length >= slip + sizeof(char *)) {
		room.left = length - slip - sizeof(char *);
		gr->gr_mem = (char **)(void *)(buffer + slip);
		gr->gr_mem[0] = NULL;
	} else {
		room.full = true;
	}
	entry_name(entry, text);
	gr->gr_name = room_text(&room, text);
	gr->gr_passwd = room_text(&room, "*");
	gr->gr_gid = base + entry->id;
	if (!room.full)
		return NSS_STATUS_SUCCESS;
	*errnop = ERANGE;
	return NSS_STATUS_TRYAGAIN;
}

/* -- what libc calls (glibc manual, "NSS Module Function Internals") --------------------------- */

EXPORT enum nss_status _nss_cloche_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer,
					      size_t length, int *errnop);
EXPORT enum nss_status _nss_cloche_getpwnam_r(const char *name, struct passwd *pw, char *buffer,
					      size_t length, int *errnop);
EXPORT enum nss_status _nss_cloche_getgrgid_r(gid_t gid, struct group *gr, char *buffer,
					      size_t length, int *errnop);
EXPORT enum nss_status _nss_cloche_getgrnam_r(const char *name, struct group *gr, char *buffer,
					      size_t length, int *errnop);
EXPORT enum nss_status _nss_cloche_initgroups_dyn(const char *user, gid_t group, long *start,
						  long *size, gid_t **groups, long limit,
						  int *errnop);
EXPORT enum nss_status _nss_cloche_setpwent(int stay_open);
EXPORT enum nss_status _nss_cloche_endpwent(void);
EXPORT enum nss_status _nss_cloche_getpwent_r(struct passwd *pw, char *buffer, size_t length,
					      int *errnop);
EXPORT enum nss_status _nss_cloche_setgrent(int stay_open);
EXPORT enum nss_status _nss_cloche_endgrent(void);
EXPORT enum nss_status _nss_cloche_getgrent_r(struct group *gr, char *buffer, size_t length,
					      int *errnop);

enum nss_status _nss_cloche_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t length,
				       int *errnop)
{
	struct entry entry;
	uint32_t base;

	return find_id(uid, 'u', &entry, &base) ?
		       passwd_fill(&entry, base, pw, buffer, length, errnop) :
		       missing(errnop);
}

enum nss_status _nss_cloche_getpwnam_r(const char *name, struct passwd *pw, char *buffer,
				       size_t length, int *errnop)
{
	struct entry entry;
	uint32_t base;

	return find_name(name, 'u', &entry, &base) ?
		       passwd_fill(&entry, base, pw, buffer, length, errnop) :
		       missing(errnop);
}

enum nss_status _nss_cloche_getgrgid_r(gid_t gid, struct group *gr, char *buffer, size_t length,
				       int *errnop)
{
	struct entry entry;
	uint32_t base;

	return find_id(gid, 'g', &entry, &base) ?
		       group_fill(&entry, base, gr, buffer, length, errnop) :
		       missing(errnop);
}

enum nss_status _nss_cloche_getgrnam_r(const char *name, struct group *gr, char *buffer,
				       size_t length, int *errnop)
{
	struct entry entry;
	uint32_t base;

	return find_name(name, 'g', &entry, &base) ?
		       group_fill(&entry, base, gr, buffer, length, errnop) :
		       missing(errnop);
}

/* Without it libc would walk through all groups at every login. */
enum nss_status _nss_cloche_initgroups_dyn(const char *user, gid_t group, long *start, long *size,
					   gid_t **groups, long limit, int *errnop)
{
	(void)user;
	(void)group;
	(void)start;
	(void)size;
	(void)groups;
	(void)limit;
	return missing(errnop);
}

/* -- enumeration: the one thing with a place to remember --------------------------------------- */

struct walk {
	pthread_mutex_t lock;
	int folder;
	char kind;
	bool in_record, held; /* held: entry did not fit into the caller's buffer */
	size_t at, length;
	uint32_t base;
	struct record record;
	struct entry entry;
	char names[CHUNK] __attribute__((aligned(8)));
};
static struct walk users = { .lock = PTHREAD_MUTEX_INITIALIZER, .folder = -1, .kind = 'u' };
static struct walk groups_walk = { .lock = PTHREAD_MUTEX_INITIALIZER, .folder = -1, .kind = 'g' };

static void walk_end(struct walk *walk)
{
	if (walk->in_record)
		record_close(&walk->record);
	if (walk->folder >= 0)
		(void)close(walk->folder);
	walk->folder = -1;
	walk->in_record = walk->held = false;
	walk->at = walk->length = 0;
}

static enum nss_status walk_reset(struct walk *walk)
{
	(void)pthread_mutex_lock(&walk->lock);
	walk_end(walk);
	(void)pthread_mutex_unlock(&walk->lock);
	return NSS_STATUS_SUCCESS;
}

/* Open the next record of the folder; opendir(3) would allocate. */
static bool walk_record(struct walk *walk)
{
	for (;;) {
		const struct dirent64 *d = (const void *)(walk->names + walk->at);
		uint32_t base = 0;

		if (walk->at >= walk->length) {
			long n = syscall(SYS_getdents64, walk->folder, walk->names, CHUNK);

			if (n <= 0)
				return false;
			walk->at = 0;
			walk->length = (size_t)n;
			continue;
		}
		walk->at += d->d_reclen;
		for (const char *p = d->d_name; *p >= '0' && *p <= '9' && base < NAMES_LAST; p++)
			base = base * 10 + (uint32_t)(*p - '0');
		if (base == 0 || names_base(base) != base || !record_open(&walk->record, base))
			continue;
		walk->base = base;
		walk->in_record = true;
		return true;
	}
}

static bool walk_next(struct walk *walk)
{
	char line[NAMES_LINE];

	if (walk->held)
		return true;
	if (walk->folder < 0)
		walk->folder = open(NAMES_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	while (walk->folder >= 0 && (walk->in_record || walk_record(walk))) {
		while (line_next(&walk->record, line)) {
			if (!entry_parse(line, walk->kind, &walk->entry))
				continue;
			memcpy(walk->entry.container, walk->record.container, NAMES_WORD);
			return true;
		}
		record_close(&walk->record);
		walk->in_record = false;
	}
	return false;
}

enum nss_status _nss_cloche_setpwent(int stay_open)
{
	(void)stay_open;
	return walk_reset(&users);
}

enum nss_status _nss_cloche_endpwent(void)
{
	return walk_reset(&users);
}

enum nss_status _nss_cloche_getpwent_r(struct passwd *pw, char *buffer, size_t length, int *errnop)
{
	enum nss_status status;

	(void)pthread_mutex_lock(&users.lock);
	status = walk_next(&users) ?
			 passwd_fill(&users.entry, users.base, pw, buffer, length, errnop) :
			 missing(errnop);
	users.held = status == NSS_STATUS_TRYAGAIN;
	(void)pthread_mutex_unlock(&users.lock);
	return status;
}

enum nss_status _nss_cloche_setgrent(int stay_open)
{
	(void)stay_open;
	return walk_reset(&groups_walk);
}

enum nss_status _nss_cloche_endgrent(void)
{
	return walk_reset(&groups_walk);
}

enum nss_status _nss_cloche_getgrent_r(struct group *gr, char *buffer, size_t length, int *errnop)
{
	enum nss_status status;

	(void)pthread_mutex_lock(&groups_walk.lock);
	status = walk_next(&groups_walk) ? group_fill(&groups_walk.entry, groups_walk.base, gr,
						      buffer, length, errnop) :
					   missing(errnop);
	groups_walk.held = status == NSS_STATUS_TRYAGAIN;
	(void)pthread_mutex_unlock(&groups_walk.lock);
	return status;
}
