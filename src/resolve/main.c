/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-resolve: names for the containers of an instance. It listens at 127.0.0.11 inside each container's network namespace, by sockets
 * that the engine made there, answers for the names that the asking container may see, and asks the host's servers (from the host,
 * so that a resolver on its loopback serves too) for everything else. One for an instance, as long as containers run.
 *
 *	cloche-resolve FD LOCK-FD SOCKET-PATH	FD: a listening socket at which the engine tells (members.h)
 *
 * Who registers holds the networks' lock shared; this process ends only when it gets the lock alone, so no message is lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "resolve/dns.h"
#include "resolve/members.h"

enum { EVENTS = 64, LINGER_MS = 1000, ANSWER_MS = 2000, PENDING_MAX = 2048, TELL_MAX = 1 << 16 };

enum kind { KIND_TELL, KIND_TOLD, KIND_END, KIND_UDP, KIND_LISTEN, KIND_ASKED, KIND_STREAM };

struct watched { /* what an event is about */
	enum kind kind;
	int fd;
	struct member *member;
	struct watched *next_dead;
	bool dead;
	/* KIND_ASKED: a query that waits for a server; KIND_STREAM: one side of a TCP session */
	struct watched *next;
	struct sockaddr_storage client;
	socklen_t client_length;
	uint8_t *query;
	size_t query_length;
	int server;
	int64_t until_ms;
	struct watched *peer; /* STREAM: the server's side */
	bool relaying;
};

static int epoll_fd, lock_fd, tell_fd;
static struct watched *asked, *streams, *dead;
static int asked_count, stream_count;
static struct sockaddr_in6 host_servers[MEMBER_SERVERS];
static int host_server_count;
static struct timespec host_time;

static _Noreturn void fail(const char *words)
{
	(void)dprintf(2, "cloche-resolve: %s\n", words);
	_exit(1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct watched *watch(enum kind kind, int fd, struct member *member, uint32_t events)
{
	struct watched *w = calloc(1, sizeof(*w));
	struct epoll_event event = { .events = events, .data.ptr = w };

	if (!w)
		return NULL;
	w->kind = kind;
	w->fd = fd;
	w->member = member;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(w);
		return NULL;
	}
	return w;
}

/* Freed behind the round, since another event of it may be about the same. Before its descriptor is closed: epoll knows the open file,
 * which whoever gave it to us has open too. */
static void bury(struct watched *w)
{
	if (w->dead)
		return;
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->dead = true;
	w->next_dead = dead;
	dead = w;
}

static void unlink_from(struct watched **list, struct watched *w)
{
	while (*list && *list != w)
		list = &(*list)->next;
	if (*list)
		*list = w->next;
}

/* -- the host's servers ----------------------------------------------------------------------- */

static void host_servers_read(void)
{
	struct stat st;
	char line[256], word[64], mapped[80];
	FILE *f;

	if (stat("/etc/resolv.conf", &st) < 0 ||
	    (st.st_mtim.tv_sec == host_time.tv_sec && st.st_mtim.tv_nsec == host_time.tv_nsec))
		return;
	f = fopen("/etc/resolv.conf", "re");
	if (!f)
		return;
	host_time = st.st_mtim;
	host_server_count = 0;
	while (host_server_count < MEMBER_SERVERS && fgets(line, sizeof(line), f)) {
		struct sockaddr_in6 *s = &host_servers[host_server_count];

		if (sscanf(line, " nameserver %63[0-9a-fA-F.:]", word) != 1)
			continue;
		(void)snprintf(mapped, sizeof(mapped), "%s%s",
			       strchr(word, ':') ? "" : "::ffff:", word);
		if (inet_pton(AF_INET6, mapped, &s->sin6_addr) != 1)
			continue;
		s->sin6_family = AF_INET6;
		s->sin6_port = htons(53);
		host_server_count++;
	}
	(void)fclose(f);
}

/* Server number i for this container; NULL: there is none. */
static const struct sockaddr_in6 *server_of(const struct member *m, int i)
{
	if (m->internal)
		return NULL;
	if (m->server_count > 0)
		return i < m->server_count ? &m->servers[i] : NULL;
	host_servers_read();
	return i < host_server_count ? &host_servers[i] : NULL;
}

static int server_connect(const struct sockaddr_in6 *server, int type)
{
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), off = 0;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (connect(fd, (const struct sockaddr *)server, sizeof(*server)) < 0 &&
	    errno != EINPROGRESS) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* -- datagrams -------------------------------------------------------------------------------- */

static void reply(const struct watched *w, const struct sockaddr_storage *to, socklen_t length,
		  const uint8_t *message, size_t size)
{
	(void)sendto(w->fd, message, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to,
		     length);
}

static void asked_end(struct watched *w)
{
	unlink_from(&asked, w);
	asked_count--;
	bury(w);
	(void)close(w->fd);
	free(w->query);
}

static void code_reply(struct watched *udp, const struct sockaddr_storage *to, socklen_t length,
		       const uint8_t *message, const struct dns_query *query, int code)
{
	struct dns_answer answer = { .code = code };
	uint8_t out[DNS_UDP];
	size_t n = dns_write(message, query, &answer, false, out, sizeof(out));

	reply(udp, to, length, out, n);
}

/* Ask server number i, or the next that can be asked. false: none. */
static bool forward(struct member *member, struct watched *from, int i, const uint8_t *message,
		    size_t size, const struct sockaddr_storage *client, socklen_t client_length)
{
	const struct sockaddr_in6 *server;
	struct watched *w = NULL;
	int fd;

	for (; (server = server_of(member, i)) != NULL; i++) {
		fd = server_connect(server, SOCK_DGRAM);
		if (fd < 0)
			continue;
		if (send(fd, message, size, MSG_NOSIGNAL) == (ssize_t)size &&
		    (w = watch(KIND_ASKED, fd, member, EPOLLIN)) != NULL)
			break;
		(void)close(fd);
	}
	if (!w)
		return false;
	w->query = malloc(size);
	if (!w->query) {
		bury(w);
		(void)close(fd);
		return false;
	}
	memcpy(w->query, message, size);
	w->query_length = size;
	w->server = i;
	w->until_ms = now_ms() + ANSWER_MS;
	w->client = *client;
	w->client_length = client_length;
	w->peer = from;
	w->next = asked;
	asked = w;
	asked_count++;
	return true;
}

static void udp_event(struct watched *w)
{
	for (int i = 0; i < 32; i++) {
		uint8_t message[4096], out[4096];
		struct sockaddr_storage client;
		socklen_t length = sizeof(client);
		ssize_t n = recvfrom(w->fd, message, sizeof(message), MSG_DONTWAIT,
				     (struct sockaddr *)&client, &length);
		struct dns_query query;
		struct dns_answer answer;

		if (n < 0)
			return;
		if (!dns_parse(message, (size_t)n, &query))
			continue;
		if (member_answer(w->member, &query, &answer)) {
			size_t size = dns_write(message, &query, &answer, false, out, sizeof(out));

			reply(w, &client, length, out, size);
		} else if (asked_count >= PENDING_MAX ||
			   !forward(w->member, w, 0, message, (size_t)n, &client, length)) {
			code_reply(w, &client, length, message, &query, DNS_SERVFAIL);
		}
	}
}

/* This server does not answer: the next one, or none. */
static void asked_again(struct watched *w)
{
	struct dns_query query;

	if (!forward(w->member, w->peer, w->server + 1, w->query, w->query_length, &w->client,
		     w->client_length) &&
	    dns_parse(w->query, w->query_length, &query))
		code_reply(w->peer, &w->client, w->client_length, w->query, &query, DNS_SERVFAIL);
	asked_end(w);
}

static void asked_event(struct watched *w)
{
	static uint8_t message[DNS_MESSAGE];
	ssize_t n = recv(w->fd, message, sizeof(message), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* refused: nobody listens there */
		asked_again(w);
		return;
	}
	if (n < DNS_HEADER || memcmp(message, w->query, 2) != 0)
		return;
	reply(w->peer, &w->client, w->client_length, message, (size_t)n);
	asked_end(w);
}

/* -- TCP -------------------------------------------------------------------------------------- */

static void stream_end(struct watched *w)
{
	struct watched *peer = w->peer;

	if (w->dead)
		return;
	unlink_from(&streams, w);
	stream_count--;
	bury(w);
	(void)close(w->fd);
	free(w->query);
	if (peer) {
		peer->peer = NULL;
		stream_end(peer);
	}
}

static struct watched *stream_new(int fd, struct member *member, uint32_t events)
{
	struct watched *w = watch(KIND_STREAM, fd, member, events);

	if (!w) {
		(void)close(fd);
		return NULL;
	}
	w->until_ms = now_ms() + 10 * ANSWER_MS;
	w->next = streams;
	streams = w;
	stream_count++;
	return w;
}

/* What came from one side goes to the other; a server answers in small pieces, so what does not fit at once ends the session. */
static void stream_relay(struct watched *w)
{
	uint8_t part[16384];
	ssize_t n = recv(w->fd, part, sizeof(part), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !w->peer ||
	    send(w->peer->fd, part, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		stream_end(w);
}

/* The first query of a session that is not ours: from here on the session is the server's. */
static bool stream_forward(struct watched *w, size_t length)
{
	const struct sockaddr_in6 *server;
	int off = 0;

	for (int i = 0; (server = server_of(w->member, i)) != NULL; i++) {
		int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct timeval patience = { .tv_sec = 2 };
		struct watched *peer;

		if (fd < 0)
			return false;
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		if (connect(fd, (const struct sockaddr *)server, sizeof(*server)) < 0 ||
		    send(fd, w->query, length, MSG_NOSIGNAL) != (ssize_t)length) {
			(void)close(fd);
			continue;
		}
		peer = stream_new(fd, w->member, EPOLLIN);
		if (!peer)
			return false;
		peer->relaying = w->relaying = true;
		peer->peer = w;
		w->peer = peer;
		return true;
	}
	return false;
}

static void stream_event(struct watched *w)
{
	size_t wanted;
	ssize_t n;

	if (w->relaying) {
		stream_relay(w);
		return;
	}
	if (!w->query)
		w->query = malloc(DNS_MESSAGE + 2);
	n = w->query ? recv(w->fd, w->query + w->query_length, DNS_MESSAGE + 2 - w->query_length,
			    MSG_DONTWAIT) :
		       0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		stream_end(w);
		return;
	}
	w->query_length += (size_t)n;
	while (w->query_length >= 2 &&
	       w->query_length >= (wanted = 2 + (size_t)(w->query[0] << 8 | w->query[1]))) {
		uint8_t out[2 + 4096];
		struct dns_query query;
		struct dns_answer answer;
		size_t size;

		if (!dns_parse(w->query + 2, wanted - 2, &query)) {
			stream_end(w);
			return;
		}
		if (!member_answer(w->member, &query, &answer)) {
			if (stream_forward(w, w->query_length))
				return;
			answer = (struct dns_answer){ .code = DNS_SERVFAIL };
		}
		size = dns_write(w->query + 2, &query, &answer, true, out + 2, sizeof(out) - 2);
		out[0] = (uint8_t)(size >> 8);
		out[1] = (uint8_t)size;
		if (send(w->fd, out, size + 2, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size + 2) {
			stream_end(w);
			return;
		}
		memmove(w->query, w->query + wanted, w->query_length - wanted);
		w->query_length -= wanted;
	}
}

static void listen_event(struct watched *w)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (stream_count >= PENDING_MAX)
		(void)close(fd);
	else
		(void)stream_new(fd, w->member, EPOLLIN);
}

/* -- members ---------------------------------------------------------------------------------- */

static void member_end(struct watched *w)
{
	struct member *m = w->member;
	struct watched *next;

	for (struct watched *a = asked; a; a = next) {
		next = a->next;
		if (a->member == m)
			asked_end(a);
	}
	for (struct watched *s = streams; s;) {
		if (s->member == m) {
			stream_end(s);
			s = streams; /* its peer went too */
		} else {
			s = s->next;
		}
	}
	for (int i = 0; i < MEMBER_FDS; i++)
		if (m->watched[i])
			bury(m->watched[i]);
	member_remove(m);
}

static void told(int fd)
{
	static char text[TELL_MAX + 1];
	char control[CMSG_SPACE(MEMBER_FDS * sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { text, TELL_MAX };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fds[MEMBER_FDS] = { -1, -1, -1 };
	struct member *m;
	bool fresh;
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fds)))
		memcpy(fds, CMSG_DATA(c), sizeof(fds));
	m = member_add(text, fds, &fresh);
	if (!m) {
		for (int i = 0; i < MEMBER_FDS; i++)
			if (fds[i] >= 0)
				(void)close(fds[i]);
		return;
	}
	if (!fresh)
		return;
	m->watched[0] = watch(KIND_END, m->pidfd, m, EPOLLIN);
	m->watched[1] = watch(KIND_UDP, m->udp, m, EPOLLIN);
	m->watched[2] = watch(KIND_LISTEN, m->tcp, m, EPOLLIN);
	if (!m->watched[0] || !m->watched[1] || !m->watched[2]) {
		for (int i = 0; i < MEMBER_FDS; i++)
			if (m->watched[i])
				bury(m->watched[i]);
		member_remove(m);
	}
}

static void tell_event(void)
{
	int fd = accept4(tell_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	/* a command connects before it has something to tell */
	if (fd >= 0 && !watch(KIND_TOLD, fd, NULL, EPOLLIN))
		(void)close(fd);
}

static void told_event(struct watched *w, uint32_t events)
{
	if (events & EPOLLIN)
		told(w->fd);
	if (events & (EPOLLHUP | EPOLLERR)) {
		char more;

		/* what it said last is still to be heard */
		while (recv(w->fd, &more, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
			told(w->fd);
		bury(w);
		(void)close(w->fd);
	}
}

/* -- the loop --------------------------------------------------------------------------------- */

static void end_if_unused(const char *path)
{
	struct epoll_event event;

	if (member_first() || flock(lock_fd, LOCK_EX | LOCK_NB) < 0)
		return;
	/* Nobody is on the way to us now; but who was may have told us since we looked, when we did not have our turn. */
	if (epoll_wait(epoll_fd, &event, 1, 0) != 0) {
		(void)flock(lock_fd, LOCK_UN);
		return;
	}
	(void)unlink(path);
	_exit(0);
}

static void late_ones(void)
{
	int64_t now = now_ms();
	struct watched *next;

	for (struct watched *a = asked; a; a = next) {
		next = a->next;
		if (a->until_ms < now)
			asked_again(a);
	}
	for (struct watched *s = streams; s;) {
		if (s->until_ms < now) {
			stream_end(s);
			s = streams;
		} else {
			s = s->next;
		}
	}
}

static void dead_free(void)
{
	while (dead) {
		struct watched *w = dead;

		dead = w->next_dead;
		free(w);
	}
}

static void event_do(struct watched *w, uint32_t events)
{
	if (w->dead)
		return;
	switch (w->kind) {
	case KIND_TELL:
		tell_event();
		break;
	case KIND_TOLD:
		told_event(w, events);
		break;
	case KIND_END:
		member_end(w);
		break;
	case KIND_UDP:
		udp_event(w);
		break;
	case KIND_LISTEN:
		listen_event(w);
		break;
	case KIND_ASKED:
		asked_event(w);
		break;
	case KIND_STREAM:
		stream_event(w);
		break;
	}
}

static void rights_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (syscall(SYS_capset, &header, data) < 0)
		fail("cannot drop rights");
}

static void others_close(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int low = tell_fd < lock_fd ? tell_fd : lock_fd,
	    high = tell_fd < lock_fd ? lock_fd : tell_fd;

	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	if (low > 3)
		(void)syscall(SYS_close_range, 3U, (unsigned int)low - 1, 0);
	if (high > low + 1)
		(void)syscall(SYS_close_range, (unsigned int)low + 1, (unsigned int)high - 1, 0);
	(void)syscall(SYS_close_range, (unsigned int)high + 1, ~0U, 0);
	(void)fcntl(tell_fd, F_SETFD, FD_CLOEXEC);
	(void)fcntl(lock_fd, F_SETFD, FD_CLOEXEC);
}

int main(int argc, char **argv)
{
	int64_t alone_since = -1;

	if (argc != 4)
		fail("usage: cloche-resolve FD LOCK-FD SOCKET-PATH; the engine starts it");
	tell_fd = (int)strtol(argv[1], NULL, 10);
	lock_fd = (int)strtol(argv[2], NULL, 10);
	others_close();
	(void)setsid();
	(void)!chdir("/");
	(void)signal(SIGPIPE, SIG_IGN);
	rights_drop();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || !watch(KIND_TELL, tell_fd, NULL, EPOLLIN))
		fail("cannot make an epoll");
	for (;;) {
		struct epoll_event events[EVENTS];
		int wait = asked || streams ? 200 : member_first() ? -1 : LINGER_MS;
		int count = epoll_wait(epoll_fd, events, EVENTS, wait);

		for (int i = 0; i < count; i++)
			event_do(events[i].data.ptr, events[i].events);
		late_ones();
		dead_free();
		if (member_first()) {
			alone_since = -1;
		} else if (alone_since < 0) {
			alone_since = now_ms();
		} else if (now_ms() - alone_since >= LINGER_MS) {
			end_if_unused(argv[3]);
		}
	}
}
