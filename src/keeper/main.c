/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-keeper: one for an instance that wants it, a watchman. It waits for the death of monitors, of cloche-publish and cloche-resolve, and
 * for somebody to flush our nftables table, and for devices that containers follow (RUN/ID/follow), and then runs `cloche system mend`, which does what the next command would have done. When the lease of
 * an address is due it runs `cloche system renew`, and it defends addresses of the LAN (keeper/defend.h). Nothing runs
 * through it: killed, nothing is lost, and `cloche system keeper` starts it again.
 *
 *	cloche-keeper CLOCHE ROOT RUN-ROOT TABLE LOCK-FD
 *
 * What it knows comes from the run root, by inotify: RUN/ID/monitor, RUN/ID/publish, RUN/resolve ("PID STARTTIME ..."), of which it has
 * pidfds; RUN/ID/lease (when it is due, in seconds of the boot's clock) and RUN/ID/lan ("lan LINK ADDRESS ..."). LOCK-FD is locked as long as it lives. No allocation: pages that are not touched are not there.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "keeper/defend.h"

enum {
	ID = 64,
	ROOM = 4096, /* containers that are watched */
	SETTLE_MS =
		100, /* a burst of news is one piece of work; an end that is in order comes to its end */
	SLOWEST_MS = 60000,
	SLOWEST_S = 60,
};

enum kind {
	KIND_FILES,
	KIND_FIREWALL,
	KIND_DEVICES,
	KIND_TIMER,
	KIND_LEASES,
	KIND_MENDER,
	KIND_RENEWER,
	KIND_WIRE,
	KIND_RESOLVER,
	KIND_MONITOR,
	KIND_PUBLISH
};

struct kept {
	char id[ID + 1]; /* empty: free */
	int watch;
	int monitor, publish; /* pidfds; -1 */
	bool lan;	      /* it has addresses of a LAN */
	int64_t due;	      /* its lease; 0: none */
};

static struct kept all[ROOM];
static size_t count; /* slots that were ever used */
static int run, files, firewall, devices, timer, leases, epoll, resolver = -1, mender = -1,
								renewer = -1;
static const char *cloche, *root_path, *run_path, *table;
static bool flushed;	/* the table, or rules of ours in somebody's */
static bool plugged;	/* a device came or went */
static int patience_ms; /* until the next try when one did not help */
static int64_t renewed,
	renew_pause = 1; /* when that was tried last, and how long not again: seconds */

static _Noreturn void fail(const char *words)
{
	static const char name[] = "cloche-keeper: ";

	(void)!write(2, name, sizeof(name) - 1);
	(void)!write(2, words, strlen(words));
	(void)!write(2, "\n", 1);
	_exit(1);
}

static bool watch(int fd, enum kind kind, size_t index)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | index };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void look_in(int ms)
{
	struct itimerspec when = { .it_value = { .tv_sec = ms / 1000,
						 .tv_nsec = (long)(ms % 1000) * 1000000 } };

	(void)timerfd_settime(timer, 0, &when, NULL);
}

/* The clock that goes on while the host sleeps. */
static int64_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

/* -- processes -------------------------------------------------------------------------------- */

static ssize_t text_read(int dir, const char *path, char *text, size_t room)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

	if (fd >= 0)
		(void)close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n;
}

/* out is large enough, by its declaration. */
static void append(char *out, const char *more)
{
	memcpy(out + strlen(out), more, strlen(more) + 1);
}

static unsigned long long number_of(const char **text)
{
	char *end;
	unsigned long long value = strtoull(*text, &end, 10);

	*text = end;
	return value;
}

/* Field 22 of /proc/PID/stat; field 2 may hold anything. */
static unsigned long long start_time(unsigned long long pid)
{
	char path[40] = "/proc/", digits[24], text[1024];
	const char *at;
	size_t n = sizeof(digits) - 1;

	digits[n] = '\0';
	do
		digits[--n] = (char)('0' + pid % 10);
	while ((pid /= 10) > 0);
	append(path, digits + n);
	append(path, "/stat");
	(void)text_read(AT_FDCWD, path, text, sizeof(text));
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? number_of(&at) : 0;
}

/* A pidfd of the process that the file names, watched; -1: there is no such file, or it is gone. *ret_named: there is such a file. */
static int process_of(int dir, const char *path, enum kind kind, size_t index, bool *ret_named)
{
	char text[256];
	const char *at = text;
	unsigned long long pid, started;
	int fd;

	*ret_named = text_read(dir, path, text, sizeof(text)) > 0;
	if (!*ret_named)
		return -1;
	pid = number_of(&at);
	started = number_of(&at);
	fd = pid ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
	if (fd >= 0 && (start_time(pid) != started || !watch(fd, kind, index))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void forget(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void path_of(const struct kept *k, const char *name, char path[ID + 16])
{
	memcpy(path, k->id, ID);
	path[ID] = '/';
	path[ID + 1] = '\0';
	append(path, name);
}

/* -- leases and addresses --------------------------------------------------------------------- */

static void leases_arm(void)
{
	struct itimerspec when = { 0 };
	int64_t next = 0;

	for (size_t i = 0; i < count; i++)
		if (all[i].id[0] && all[i].due && (!next || all[i].due < next))
			next = all[i].due;
	if (next) /* one that did not help is tried again, ever more slowly */
		when.it_value.tv_sec = next > renewed + renew_pause ? next : renewed + renew_pause;
	(void)timerfd_settime(leases, TFD_TIMER_ABSTIME, &when, NULL);
}

/* RUN/ID/lan: each line "KIND LINK IP4 IP6". The kernel itself defends those of IPv6. */
static void lan_lines(char *text)
{
	for (char *line = text, *end; *line; line = end) {
		char *link, *ip;
		struct in_addr address;

		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		if (strncmp(line, "lan ", 4) != 0)
			continue;
		link = line + 4;
		ip = link + strcspn(link, " ");
		if (!*ip)
			continue;
		*ip++ = '\0';
		ip[strcspn(ip, " ")] = '\0';
		if (inet_pton(AF_INET, ip, &address) == 1)
			defend_add(link, address.s_addr);
	}
}

static void wire_watch(int fd, size_t index)
{
	(void)watch(fd, KIND_WIRE, index);
}

static void lan_refresh(void)
{
	static char text[16384];
	char path[ID + 16];

	defend_begin();
	for (size_t i = 0; i < count; i++) {
		if (!all[i].id[0] || !all[i].lan)
			continue;
		path_of(&all[i], "lan", path);
		(void)text_read(run, path, text, sizeof(text));
		lan_lines(text);
	}
	defend_end(wire_watch);
}

static void lan_look(size_t i)
{
	bool was = all[i].lan;
	char path[ID + 16];

	path_of(&all[i], "lan", path);
	all[i].lan = faccessat(run, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (all[i].lan || was)
		lan_refresh();
}

static void lease_look(size_t i)
{
	char path[ID + 16], text[32];
	const char *at = text;

	path_of(&all[i], "lease", path);
	all[i].due = text_read(run, path, text, sizeof(text)) > 0 ? (int64_t)number_of(&at) : 0;
	renew_pause = 1; /* something was done about one */
	leases_arm();
}

/* -- what is watched -------------------------------------------------------------------------- */

static void refresh(size_t i)
{
	struct kept *k = &all[i];
	char path[ID + 16];
	bool named;

	path_of(k, "monitor", path);
	forget(&k->monitor);
	k->monitor = process_of(run, path, KIND_MONITOR, i, &named);
	path_of(k, "publish", path);
	forget(&k->publish);
	k->publish = process_of(run, path, KIND_PUBLISH, i, &named);
	if (named && k->publish < 0)
		look_in(SETTLE_MS);
}

static void resolver_refresh(void)
{
	bool named;

	forget(&resolver);
	resolver = process_of(run, "resolve", KIND_RESOLVER, 0, &named);
}

/* -- containers ------------------------------------------------------------------------------- */

static bool is_id(const char *name)
{
	return strlen(name) == ID && strspn(name, "0123456789abcdef") == ID;
}

static size_t find(const char *id)
{
	size_t i = 0;

	while (i < count && strcmp(all[i].id, id) != 0)
		i++;
	return i;
}

static void add(const char *id)
{
	size_t i = find(id);
	char path[64 + ID] = "/proc/self/cwd/";

	if (i == count)
		i = find(""); /* a free one */
	if (i == ROOM)
		return; /* more are not watched: the next command looks after them */
	if (i == count)
		count++;
	if (!all[i].id[0])
		all[i] = (struct kept){ .monitor = -1, .publish = -1 };
	memcpy(all[i].id, id, ID + 1);
	append(path, id);
	all[i].watch = inotify_add_watch(files, path, IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO);
	refresh(i);
	lan_look(i);
	lease_look(i);
}

static void drop(const char *id)
{
	size_t i = find(id);

	if (i == count)
		return;
	forget(&all[i].monitor);
	forget(&all[i].publish);
	all[i].id[0] = '\0'; /* its watch went with the folder */
	if (all[i].lan)
		lan_refresh();
	if (all[i].due)
		leases_arm();
}

/* All folders that are there now. */
static void scan(void)
{
	int fd = openat(run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buffer[4096] __attribute__((aligned(8)));
	long n;

	for (size_t i = 0; i < count; i++)
		if (all[i].id[0] && faccessat(run, all[i].id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			drop(all[i].id);
	while (fd >= 0 && (n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *e = (const void *)(buffer + at);

			if (is_id(e->d_name))
				add(e->d_name);
			at += e->d_reclen;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	resolver_refresh();
}

static void file_event(const struct inotify_event *e)
{
	enum { RUN_WATCH = 1 }; /* the first one given: main has checked it */

	if (e->mask & IN_Q_OVERFLOW) {
		scan();
		look_in(SETTLE_MS);
	} else if (e->wd != RUN_WATCH) {
		for (size_t i = 0; e->len && i < count; i++) {
			if (!all[i].id[0] || all[i].watch != e->wd)
				continue;
			if (strcmp(e->name, "monitor") == 0 || strcmp(e->name, "publish") == 0)
				refresh(i);
			else if (strcmp(e->name, "lan") == 0)
				lan_look(i);
			else if (strcmp(e->name, "lease") == 0)
				lease_look(i);
		}
	} else if (e->len && strcmp(e->name, "resolve") == 0) {
		resolver_refresh();
	} else if (e->len && is_id(e->name)) {
		if (e->mask & (IN_DELETE | IN_MOVED_FROM))
			drop(e->name);
		else
			add(e->name);
	}
}

static void files_read(void)
{
	char news[8192] __attribute__((aligned(8)));
	ssize_t n = read(files, news, sizeof(news));

	for (ssize_t at = 0; n > 0 && at < n;) {
		const struct inotify_event *e = (const void *)(news + at);

		file_event(e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

/* -- the firewall ----------------------------------------------------------------------------- */

static bool has_name(const struct nlattr *attr, const char *name)
{
	return attr->nla_len > sizeof(*attr) &&
	       strncmp((const char *)(attr + 1), name, attr->nla_len - sizeof(*attr)) == 0;
}

static void firewall_event(const struct nlmsghdr *m)
{
	static const char mark[] =
		"cloche: "; /* comment of our rules in FORWARD, net/foreign_forward.c */
	size_t at = sizeof(*m) + sizeof(struct nfgenmsg);
	int type = m->nlmsg_type & 0xff;

	/* firewalld makes its chains some time after it has flushed them: then ours can be put back */
	const char *name = type == NFT_MSG_DELTABLE ? table :
			   type == NFT_MSG_NEWCHAIN ? "firewalld" :
						      NULL;

	if (type == NFT_MSG_DELRULE && memmem(m, m->nlmsg_len, mark, sizeof(mark) - 1) != NULL)
		flushed = true;
	while (name && at + sizeof(struct nlattr) <= m->nlmsg_len) {
		const struct nlattr *attr = (const void *)((const char *)m + at);

		if (attr->nla_len < sizeof(*attr) || at + attr->nla_len > m->nlmsg_len)
			break;
		/* NFTA_CHAIN_TABLE has the same number */
		if ((attr->nla_type & NLA_TYPE_MASK) == NFTA_TABLE_NAME && has_name(attr, name))
			flushed = true;
		at += NLMSG_ALIGN(attr->nla_len);
	}
}

static void firewall_read(void)
{
	char news[16384] __attribute__((aligned(8)));
	ssize_t n = recv(firewall, news, sizeof(news), MSG_DONTWAIT);

	if (n < 0 && errno == ENOBUFS)
		flushed = true; /* more than we could hear: perhaps that too */
	for (size_t at = 0; n > 0 && at + sizeof(struct nlmsghdr) <= (size_t)n;) {
		const struct nlmsghdr *m = (const void *)(news + at);

		if (m->nlmsg_len < sizeof(*m) || at + m->nlmsg_len > (size_t)n)
			break;
		firewall_event(m);
		at += NLMSG_ALIGN(m->nlmsg_len);
	}
	if (flushed)
		look_in(SETTLE_MS);
}

static int firewall_open(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int group = NFNLGRP_NFTABLES;
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	if (s >= 0 &&
	    (bind(s, (const struct sockaddr *)&self, sizeof(self)) < 0 ||
	     setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0))
		fail("cannot hear of the firewall");
	return s; /* a kernel without nf_tables: -1 */
}

/* -- devices ---------------------------------------------------------------------------------- */

static bool devices_wanted(void)
{
	char path[ID + 16];

	for (size_t i = 0; i < count; i++) {
		if (!all[i].id[0])
			continue;
		path_of(&all[i], "follow", path);
		if (faccessat(run, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* What it was does not matter: mending looks at the devices that are followed. */
static void devices_read(void)
{
	static const char name[] = "DEVNAME=";
	char news[8192];
	ssize_t n = recv(devices, news, sizeof(news), MSG_DONTWAIT);

	if ((n < 0 && errno == ENOBUFS) ||
	    (n > 0 && memmem(news, (size_t)n, name, sizeof(name) - 1)))
		plugged = true;
	if (plugged && devices_wanted())
		look_in(SETTLE_MS);
}

/* The kernel's own news, and udev's, who has made the links in /dev by then. */
static int devices_open(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_groups = 1 | 2 };
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (s >= 0 && bind(s, (const struct sockaddr *)&self, sizeof(self)) < 0)
		fail("cannot hear of devices");
	return s;
}

/* -- mending ---------------------------------------------------------------------------------- */

/* Does somebody lie dead whom the end of a container does not explain? */
static bool broken(void)
{
	char path[ID + 16];
	bool named;

	if (flushed || (plugged && devices_wanted()))
		return true;
	plugged = false;
	if (resolver < 0 && text_read(run, "resolve", path, sizeof(path)) > 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (!all[i].id[0])
			continue;
		if (all[i].monitor < 0)
			return true;
		path_of(&all[i], "publish", path);
		named = faccessat(run, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		if (named && all[i].publish < 0)
			return true;
	}
	return false;
}

/* `cloche system VERB`: a pidfd of it, watched; -1. */
static int helper(const char *verb, enum kind kind)
{
	char *const argv[] = { (char *)"cloche",  (char *)"--root",
			       (char *)root_path, (char *)"--run-root",
			       (char *)run_path,  (char *)"system",
			       (char *)verb,	  NULL };
	char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	pid_t pid = vfork();
	int fd;

	if (pid == 0) {
		(void)signal(SIGCHLD, SIG_DFL);
		(void)execve(cloche, argv, env);
		_exit(127);
	}
	fd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd >= 0 && !watch(fd, kind, 0)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static void mend(void)
{
	if (mender >= 0)
		return; /* its end looks again */
	flushed = plugged = false;
	mender = helper("mend", KIND_MENDER);
	if (mender < 0)
		look_in(SETTLE_MS);
}

/* Beside the mender: a server takes its time. */
static void renew(void)
{
	renewed = now_s();
	if (renewer < 0)
		renewer = helper("renew", KIND_RENEWER);
	if (renewer < 0)
		leases_arm();
}

static void look(void)
{
	if (broken())
		mend();
	else
		patience_ms = 0;
}

static void mended(void)
{
	forget(&mender);
	scan();
	if (!broken()) {
		patience_ms = 0;
		return;
	}
	/* not all can be helped: ever more slowly, until something else happens */
	patience_ms = patience_ms ? 2 * patience_ms : 500;
	if (patience_ms > SLOWEST_MS)
		patience_ms = SLOWEST_MS;
	look_in(patience_ms);
}

/* -- memory ----------------------------------------------------------------------------------- */

static struct span {
	uintptr_t from, length;
} spans[8];
static size_t span_count;

/* The program's own pages that nobody writes to. */
static int span_add(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)data;
	for (size_t i = 0; i < info->dlpi_phnum && span_count < 8; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1),
			  to = (info->dlpi_addr + segment->p_vaddr + segment->p_memsz) &
			       ~(page - 1);

		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) && to > from)
			spans[span_count++] = (struct span){ from, to - from };
	}
	return 1; /* the first object is the program */
}

/* Before a wait they are let go: the kernel has them in its cache, and gives back what is wanted. By syscall(2) alone, since each function
 * of the library that is touched after that brings 16 pages of its neighbourhood. */
static int wait_small(struct epoll_event *events, int room)
{
	for (size_t i = 0; i < span_count; i++)
		(void)syscall(SYS_madvise, spans[i].from, spans[i].length, MADV_DONTNEED);
	return (int)syscall(SYS_epoll_pwait, epoll, events, room, -1, NULL, 0);
}

/* -- the loop --------------------------------------------------------------------------------- */

static void event_do(enum kind kind, size_t index)
{
	uint64_t times;

	switch (kind) {
	case KIND_FILES:
		files_read();
		break;
	case KIND_FIREWALL:
		firewall_read();
		break;
	case KIND_DEVICES:
		devices_read();
		break;
	case KIND_TIMER:
		(void)!read(timer, &times, sizeof(times));
		look();
		break;
	case KIND_MENDER:
		mended();
		break;
	case KIND_LEASES:
		(void)!read(leases, &times, sizeof(times));
		renew();
		break;
	case KIND_RENEWER:
		forget(&renewer);
		renew_pause = renew_pause < SLOWEST_S / 2 ? 2 * renew_pause : SLOWEST_S;
		leases_arm();
		break;
	case KIND_WIRE:
		defend_hear(index);
		break;
	case KIND_RESOLVER:
		forget(&resolver);
		look_in(SETTLE_MS);
		break;
	case KIND_MONITOR:
		forget(&all[index].monitor);
		look_in(SETTLE_MS);
		break;
	case KIND_PUBLISH:
		forget(&all[index].publish);
		look_in(SETTLE_MS);
		break;
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[32];

	if (argc != 6)
		fail("`cloche system keeper` starts it");
	cloche = argv[1];
	root_path = argv[2];
	run_path = argv[3];
	table = argv[4];
	(void)fcntl((int)strtol(argv[5], NULL, 10), F_SETFD, FD_CLOEXEC);
	(void)setsid();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_IGN); /* what mending leaves to us is nobody's to wait for */
	run = open(run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run < 0 || fchdir(run) < 0)
		fail("cannot open the run root");
	epoll = epoll_create1(EPOLL_CLOEXEC);
	files = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	leases = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	firewall = firewall_open();
	devices = devices_open();
	if (epoll < 0 || files < 0 || timer < 0 || leases < 0 ||
	    inotify_add_watch(files, "/proc/self/cwd",
			      IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
				      IN_CLOSE_WRITE) != 1)
		fail("cannot watch the run root");
	if (!watch(files, KIND_FILES, 0) || !watch(timer, KIND_TIMER, 0) ||
	    !watch(leases, KIND_LEASES, 0) ||
	    (firewall >= 0 && !watch(firewall, KIND_FIREWALL, 0)) ||
	    (devices >= 0 && !watch(devices, KIND_DEVICES, 0)))
		fail("cannot wait for news");
	(void)dl_iterate_phdr(span_add, NULL);
	scan();
	flushed = plugged = true; /* what happened before us */
	look_in(SETTLE_MS);
	for (;;) {
		int n = wait_small(events, 32);

		for (int i = 0; i < n; i++)
			event_do((enum kind)(events[i].data.u64 >> 32),
				 (size_t)(events[i].data.u64 & UINT32_MAX));
	}
}
