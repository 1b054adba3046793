/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/spread.h"
#include "base/str.h"
#include "host/supervisor.h"

enum { READ_ROOM = 16384, ARGS_LONGEST = 4096, THREADED_FROM = 200 };

/* One process between reading and its place in the table. */
struct reading {
	struct process process;
	struct cgroup_owner owner;
	bool there;
};

/* -- files of one process --------------------------------------------------------------------- */

/* A file of proc(5), at most size - 1 bytes, NUL-terminated. Length, -1: the process is gone, or hidden. */
static ssize_t proc_read(int dir, const char *name, char *out, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n >= 0)
		out[n] = '\0';
	return n;
}

/* The number after any blanks; *p moves behind it. */
static uint64_t number(const char **p)
{
	uint64_t value = 0;

	while (**p == ' ' || **p == '\t')
		(*p)++;
	if (**p == '-')
		(*p)++;
	while (**p >= '0' && **p <= '9')
		value = value * 10 + (uint64_t)(*(*p)++ - '0');
	return value;
}

/* proc(5), /proc/PID/stat: the name in field 2 may hold anything, blanks and brackets too. */
static bool stat_parse(const char *text, struct process *process, uint64_t page_kb)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')'), *p;
	size_t length;

	if (!open || !close || close < open)
		return false;
	length = (size_t)(close - open - 1);
	length = length < COMM_SIZE - 1 ? length : COMM_SIZE - 1;
	memcpy(process->comm, open + 1, length);
	process->comm[length] = '\0';
	p = close + 2;
	process->state = *p;
	p++;
	process->ppid = (pid_t)number(&p);
	(void)number(&p); /* pgrp */
	(void)number(&p); /* session */
	process->tty = (int)number(&p);
	for (int i = 0; i < 6; i++) /* tpgid flags minflt cminflt majflt cmajflt */
		(void)number(&p);
	process->cpu_ticks = number(&p);
	process->cpu_ticks += number(&p);
	(void)number(&p); /* cutime */
	(void)number(&p); /* cstime */
	(void)number(&p); /* priority */
	process->nice = strncmp(p, " -", 2) == 0 ? -1 : 1;
	process->nice *= (int)number(&p);
	process->threads = (long)number(&p);
	(void)number(&p); /* itrealvalue */
	process->start_ticks = number(&p);
	process->vsz_kb = number(&p) / 1024;
	process->rss_kb = number(&p) * page_kb;
	return true;
}

static const char *status_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

/* What both files have. A name stands here with its backslashes and line ends escaped. */
static void status_parse_short(const char *text, struct process *process)
{
	const char *name = status_field(text, "Name:\t"), *ppid = status_field(text, "\nPPid:");
	const char *threads = status_field(text, "\nThreads:");
	size_t length = name ? strcspn(name, "\n") : 0;

	length = length < COMM_SIZE - 1 ? length : COMM_SIZE - 1;
	memcpy(process->comm, name ? name : "", length);
	process->comm[length] = '\0';
	process->ppid = ppid ? (pid_t)number(&ppid) : 0;
	process->threads = threads ? (long)number(&threads) : 1;
}

static bool status_parse(const char *text, struct process *process)
{
	const char *uid = status_field(text, "\nUid:"), *gid = status_field(text, "\nGid:");
	const char *pids = status_field(text, "\nNSpid:"), *swap = status_field(text, "\nVmSwap:");

	if (!uid || !gid)
		return false;
	(void)number(&uid);
	process->uid = (uint32_t)number(&uid);
	(void)number(&gid);
	process->gid = (uint32_t)number(&gid);
	process->inner_pid = process->pid;
	process->depth = 0;
	while (pids && (*pids == '\t' || *pids == ' ')) {
		process->inner_pid = (pid_t)number(&pids);
		process->depth++;
	}
	process->swap_kb = swap ? number(&swap) : 0;
	return true;
}

/* Words parted by blanks, as ps prints them. */
static char *args_text(const char *words, ssize_t length, const char *comm)
{
	char *text;

	if (length <= 0)
		return str_printf("[%s]", comm);
	text = mem_new((size_t)length + 1);
	memcpy(text, words, (size_t)length);
	for (ssize_t i = 0; i < length - 1; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	while (length > 0 && (text[length - 1] == '\0' || text[length - 1] == ' '))
		text[--length] = '\0';
	return text;
}

static void reading_fill(int proc, const char *name, unsigned int flags, uint64_t page_kb,
			 struct reading *reading)
{
	struct process *process = &reading->process;
	int dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[READ_ROOM];
	ssize_t n;

	if (dir < 0)
		return;
	process->pid = (pid_t)strtol(name, NULL, 10);
	process->pss_kb = UINT64_MAX;
	if (!(flags & PROCESS_SHORT) && (proc_read(dir, "stat", text, sizeof(text)) <= 0 ||
					 !stat_parse(text, process, page_kb)))
		goto out;
	if (proc_read(dir, "status", text, sizeof(text)) <= 0 || !status_parse(text, process))
		goto out;
	if (flags & PROCESS_SHORT)
		status_parse_short(text, process);
	/* The first hierarchies say it; 16 KiB hold twenty of the longest paths that are in use. */
	if (proc_read(dir, "cgroup", text, sizeof(text)) < 0)
		goto out; /* it is gone */
	(void)cgroup_owner_parse(text, &reading->owner);
	if (flags & PROCESS_ARGS) {
		n = proc_read(dir, "cmdline", text, ARGS_LONGEST);
		process->args = args_text(text, n, process->comm);
	}
	reading->there = true;
out:
	(void)close(dir);
}

/* -- all of them ------------------------------------------------------------------------------ */

struct work {
	int proc;
	char (*names)[16];
	struct reading *readings;
	unsigned int flags;
	uint64_t page_kb;
};

static void work_do(void *data, size_t i)
{
	const struct work *work = data;

	reading_fill(work->proc, work->names[i], work->flags, work->page_kb, &work->readings[i]);
}

static char (*names_list(DIR *d, size_t *ret_count))[16]
{
	char(*names)[16] = NULL;
	size_t room = 0, count = 0;
	const struct dirent *e;

	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		if (count == room) {
			room = room ? room * 2 : 512;
			names = reallocarray(names, room, sizeof(*names));
			if (!names)
				abort();
		}
		names[count][0] = '\0';
		if (str_append(names[count], sizeof(*names), e->d_name))
			count++;
	}
	*ret_count = count;
	return names;
}

/* -- owners ----------------------------------------------------------------------------------- */

static int owner_index(struct process_table *table, const struct cgroup_owner *owner)
{
	struct owner *new;

	if (owner->engine == ENGINE_HOST)
		return 0;
	for (size_t i = table->owner_count; i-- > 1;) {
		const struct owner *o = &table->owners[i];

		if (o->engine == owner->engine && strcmp(o->id, owner->id) == 0 &&
		    strcmp(o->part, owner->part) == 0 &&
		    (*owner->id || strcmp(o->name, owner->name) == 0))
			return (int)i;
	}
	table->owners = reallocarray(table->owners, table->owner_count + 1, sizeof(*table->owners));
	if (!table->owners)
		abort();
	new = &table->owners[table->owner_count];
	*new = (struct owner){ .engine = owner->engine, .memory_limit_bytes = UINT64_MAX };
	memcpy(new->id, owner->id, OWNER_TEXT);
	memcpy(new->name, owner->name, OWNER_TEXT);
	memcpy(new->part, owner->part, OWNER_TEXT);
	return (int)table->owner_count++;
}

/* The outermost of the processes that share the deeper pid namespace with this one: its parent is the supervisor. */
static const struct process *outermost(const struct process_table *table,
				       const struct process *process)
{
	for (int hops = 0; hops < 4096; hops++) {
		const struct process *parent = process_find(table, process->ppid);

		if (!parent || parent->depth < 2)
			return process;
		process = parent;
	}
	return process;
}

/* Inode of a pid namespace; 0: not allowed to look. */
static ino_t pid_namespace(pid_t pid)
{
	char path[40], target[40];
	unsigned long inode = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return sscanf(target, "pid:[%lu]", &inode) == 1 ? (ino_t)inode : 0;
}

/* Those that no cgroup names: by namespace, then by who supervises its first process. */
static void owners_by_supervisor(struct process_table *table)
{
	struct {
		ino_t inode;
		int owner;
	} *seen = NULL;
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct process *process = &table->list[i];
		const struct process *first;
		struct cgroup_owner owner = { .engine = ENGINE_OTHER };
		ino_t inode;
		size_t k = 0;

		if (process->depth < 2 || process->owner != 0)
			continue;
		first = outermost(table, process);
		if (first != process && first->owner != 0 && first->pid < process->pid) {
			process->owner = first->owner;
			continue;
		}
		inode = pid_namespace(first->inner_pid == 1 ? first->pid : process->pid);
		while (inode && k < count && seen[k].inode != inode)
			k++;
		if (inode && k < count) {
			process->owner = seen[k].owner;
			continue;
		}
		(void)snprintf(owner.id, sizeof(owner.id), "pid:[%lu]", (unsigned long)inode);
		if (!inode)
			(void)snprintf(owner.id, sizeof(owner.id), "pid %d", (int)first->pid);
		supervisor_owner(first->ppid, &owner);
		process->owner = owner_index(table, &owner);
		if (owner.engine == ENGINE_OTHER) {
			const struct process *made = process_find(table, first->ppid);
			struct owner *o = &table->owners[process->owner];

			o->other[0] = '\0';
			(void)str_append(o->other, COMM_SIZE, made ? made->comm : first->comm);
		}
		seen = reallocarray(seen, count + 1, sizeof(*seen));
		if (!seen)
			abort();
		seen[count].inode = inode;
		seen[count++].owner = process->owner;
	}
	free(seen);
}

static void owners_sum(struct process_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct process *process = &table->list[i];
		const struct process *parent = process_find(table, process->ppid);
		struct owner *owner = &table->owners[process->owner];

		owner->processes++;
		owner->rss_kb += process->rss_kb;
		owner->swap_kb += process->swap_kb;
		/* An exec has the same parent, or another one outside; the first process is the one that its namespace calls 1. */
		if (process->owner == 0 || (parent && parent->owner == process->owner))
			continue;
		if (owner->init == 0 || (process->inner_pid == 1 && process->depth >= 2 &&
					 process_find(table, owner->init)->inner_pid != 1)) {
			owner->init = process->pid;
			owner->supervisor = process->ppid;
		}
	}
}

/* -- the table -------------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct process *)a)->pid, y = ((const struct process *)b)->pid;

	return (x > y) - (x < y);
}

static void table_fill(struct process_table *table, struct reading *readings, size_t count)
{
	table->boot_ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK);
	table->partial = geteuid() != 0;
	table->list = mem_new((count + 1) * sizeof(*table->list));
	table->owners = mem_new(sizeof(*table->owners));
	table->owners[0].memory_limit_bytes = UINT64_MAX;
	table->owner_count = 1;
	for (size_t i = 0; i < count; i++) {
		if (!readings[i].there) {
			free(readings[i].process.args);
			continue;
		}
		table->list[table->count] = readings[i].process;
		table->list[table->count++].owner = owner_index(table, &readings[i].owner);
	}
	qsort(table->list, table->count, sizeof(*table->list), by_pid);
	owners_by_supervisor(table);
	owners_sum(table);
}

int process_table_read_line(struct process_table *table, pid_t pid, unsigned int flags,
			    struct err *err)
{
	enum { LINE_LONGEST = 128 };
	_cleanup_free_ struct reading *readings = mem_new(LINE_LONGEST * sizeof(*readings));
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t page_kb = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	size_t count = 0;

	if (proc < 0)
		return err_sys(err, errno, "open /proc");
	while (pid > 0 && count < LINE_LONGEST) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%d", (int)pid);
		reading_fill(proc, name, flags, page_kb, &readings[count]);
		if (!readings[count].there)
			break;
		pid = readings[count++].process.ppid;
	}
	if (count == 0)
		return -ESRCH;
	table_fill(table, readings, count);
	return 0;
}

int process_table_read(struct process_table *table, unsigned int flags, struct err *err)
{
	DIR *d = opendir("/proc");
	_cleanup_free_ void *names_owned = NULL;
	_cleanup_free_ struct reading *readings = NULL;
	size_t count = 0;
	struct work work = { .flags = flags, .page_kb = (uint64_t)sysconf(_SC_PAGESIZE) / 1024 };

	if (!d)
		return err_sys(err, errno, "open /proc");
	names_owned = work.names = names_list(d, &count);
	readings = work.readings = mem_new((count + 1) * sizeof(*readings));
	work.proc = dirfd(d);
	spread(count, THREADED_FROM, work_do, &work);
	(void)closedir(d);
	table_fill(table, readings, count);
	return 0;
}

void process_table_clear(struct process_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->list[i].args);
	free(table->list);
	free(table->owners);
	*table = PROCESS_TABLE_EMPTY;
}

const struct process *process_find(const struct process_table *table, pid_t pid)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->list[middle].pid == pid)
			return &table->list[middle];
		if (table->list[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void process_read_pss(struct process *process)
{
	char path[40], text[2048];
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)process->pid);
	if (proc_read(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	    (at = status_field(text, "\nPss:")) != NULL)
		process->pss_kb = number(&at);
}

const char *owner_engine(const struct owner *owner)
{
	return owner->engine == ENGINE_OTHER ? owner->other : host_engine_word(owner->engine);
}

const char *owner_title(const struct owner *owner)
{
	return *owner->name ? owner->name : *owner->id ? owner->id : "-";
}
