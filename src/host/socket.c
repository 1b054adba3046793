/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/socket.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "host/net_space.h"
#include "host/process.h"
#include "host/socket_holder.h"
#include "host/supervisor.h"
#include "host/tcp_table.h"

enum { THREADS_MOST = 16, ANSWER_ROOM = 65536, SPACES_MANY = 32 };

static const char *const proto_words[] = { "tcp", "udp",  "udplite", "sctp",
					   "raw", "icmp", "packet",  "unix" };

const char *socket_proto_word(enum socket_proto proto)
{
	return proto_words[proto];
}

const char *socket_state_word(int state)
{
	static const char *const states[] = {
		"",	     "ESTABLISHED", "SYN_SENT", "SYN_RECV",   "FIN_WAIT1",
		"FIN_WAIT2", "TIME_WAIT",   "CLOSE",	"CLOSE_WAIT", "LAST_ACK",
		"LISTEN",    "CLOSING",	    "SYN_RECV",
	};

	return state > 0 && state < (int)ARRAY_SIZE(states) ? states[state] : "";
}

/* -- what one thread collects ----------------------------------------------------------------- */

/* What the kernel was asked for in vain is not asked for in the next namespace. */
enum { QUESTIONS = 8 };

struct shared {
	const struct net_spaces *spaces;
	unsigned int what;
	const unsigned int *left;  /* what is left to ask of each namespace; NULL: `what` of all */
	struct tcp_counts *counts; /* parallel to the namespaces; NULL: not asked for */
	atomic_size_t next;
	atomic_bool partial;
	atomic_bool lacking[QUESTIONS];
};

struct collected {
	struct shared *shared;
	struct socket *list;
	size_t count, room;
	int space;
	unsigned int what;		  /* of this namespace */
	char *answer;			  /* ANSWER_ROOM bytes */
	bool empty[QUESTIONS], raw_empty; /* tables_look() of this namespace */
};

static struct socket *socket_new(struct collected *out)
{
	struct socket *new;

	if (out->count == out->room) {
		out->room = out->room ? out->room * 2 : 256;
		out->list = reallocarray(out->list, out->room, sizeof(*out->list));
		if (!out->list)
			abort();
	}
	new = &out->list[out->count++];
	*new = (struct socket){ .space = out->space,
				.owner = out->shared->spaces->list[out->space].owner };
	return new;
}

/* -- sock_diag(7) ----------------------------------------------------------------------------- */

static const struct question {
	enum socket_proto proto;
	uint8_t family, protocol;
	unsigned int what;
} questions[QUESTIONS] = {
	{ SOCKET_TCP, AF_INET, IPPROTO_TCP, SOCKET_WANT_TCP },
	{ SOCKET_TCP, AF_INET6, IPPROTO_TCP, SOCKET_WANT_TCP },
	{ SOCKET_UDP, AF_INET, IPPROTO_UDP, SOCKET_WANT_UDP },
	{ SOCKET_UDP, AF_INET6, IPPROTO_UDP, SOCKET_WANT_UDP },
	{ SOCKET_UDPLITE, AF_INET, IPPROTO_UDPLITE, SOCKET_WANT_OTHER },
	{ SOCKET_UDPLITE, AF_INET6, IPPROTO_UDPLITE, SOCKET_WANT_OTHER },
	{ SOCKET_SCTP, AF_INET, IPPROTO_SCTP, SOCKET_WANT_OTHER },
	{ SOCKET_SCTP, AF_INET6, IPPROTO_SCTP, SOCKET_WANT_OTHER },
};

/* tcp(7), struct tcp_info: newer kernels have longer ones. */
static void bytes_read(struct socket *s, const struct inet_diag_msg *m, size_t length)
{
	const struct rtattr *a = (const void *)(m + 1);
	unsigned int left = (unsigned int)(length - sizeof(*m));
	struct tcp_info info;

	s->cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != INET_DIAG_INFO ||
		    RTA_PAYLOAD(a) < offsetof(struct tcp_info, tcpi_bytes_received) +
					     sizeof(info.tcpi_bytes_received))
			continue;
		memset(&info, 0, sizeof(info));
		memcpy(&info, RTA_DATA(a),
		       RTA_PAYLOAD(a) < sizeof(info) ? RTA_PAYLOAD(a) : sizeof(info));
		s->sent = info.tcpi_bytes_acked;
		s->received = info.tcpi_bytes_received;
	}
}

static void diag_add(struct collected *out, const struct question *question,
		     const struct inet_diag_msg *m, size_t length)
{
	struct socket *s = socket_new(out);

	s->proto = question->proto;
	s->v6 = m->idiag_family == AF_INET6;
	memcpy(s->local, m->id.idiag_src, sizeof(s->local));
	memcpy(s->peer, m->id.idiag_dst, sizeof(s->peer));
	s->local_port = ntohs(m->id.idiag_sport);
	s->peer_port = ntohs(m->id.idiag_dport);
	s->state = m->idiag_state;
	s->recv_queue = m->idiag_rqueue;
	s->send_queue = m->idiag_wqueue;
	s->uid = m->idiag_uid;
	s->inode = m->idiag_inode;
	if (question->proto == SOCKET_TCP && (out->what & SOCKET_WANT_BYTES))
		bytes_read(s, m, length);
}

/* 0, or -errno: -ENOENT: the kernel has no such sockets, or cannot tell. */
static int answer_read(int fd, struct collected *out, const struct question *question)
{
	for (;;) {
		ssize_t n = recv(fd, out->answer, ANSWER_ROOM, 0);
		const struct nlmsghdr *h = (const void *)out->answer;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		for (unsigned int left = (unsigned int)n; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
				diag_add(out, question, NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN);
		}
	}
}

/* Not what is only bound (1 << 13): netstat has no such lines, and it costs a walk through one more table. */
enum { ALL_STATES = 0x1fff };

static void question_ask(int fd, struct collected *out, size_t which)
{
	const struct question *question = &questions[which];
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 request;
	} ask = {
		.head = { .nlmsg_len = sizeof(ask),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = question->family,
			     .sdiag_protocol = question->protocol,
			     .idiag_ext = out->what & SOCKET_WANT_BYTES &&
							  question->proto == SOCKET_TCP ?
						  1 << (INET_DIAG_INFO - 1) :
						  0,
			     .idiag_states = ALL_STATES },
	};

	if (!(out->what & question->what) || atomic_load(&out->shared->lacking[which]))
		return;
	if (send(fd, &ask, sizeof(ask), 0) < 0 || answer_read(fd, out, question) < 0)
		atomic_store(&out->shared->lacking[which], true);
}

/* -- /proc/net -------------------------------------------------------------------------------- */

/* "0100007F:1F90": each 32-bit word as the host stores it (proc(5)). */
static void hex_address(const char *text, uint8_t out[16], uint16_t *ret_port)
{
	const char *colon = strchr(text, ':');
	size_t words = colon ? (size_t)(colon - text) / 8 : 0;

	for (size_t i = 0; i < words && i < 4; i++) {
		char word[9];
		uint32_t value;

		memcpy(word, text + 8 * i, 8);
		word[8] = '\0';
		value = (uint32_t)strtoul(word, NULL, 16);
		memcpy(out + 4 * i, &value, 4);
	}
	*ret_port = colon ? (uint16_t)strtoul(colon + 1, NULL, 16) : 0;
}

static void line_inet(struct collected *out, const char *line, enum socket_proto proto, bool v6)
{
	char local[64], peer[64];
	unsigned int state, send, receive, uid;
	unsigned long long inode;
	struct socket *s;

	if (sscanf(line, " %*d: %63[0-9A-F:] %63[0-9A-F:] %x %x:%x %*x:%*x %*x %u %*d %llu", local,
		   peer, &state, &send, &receive, &uid, &inode) != 7)
		return;
	s = socket_new(out);
	s->proto = proto;
	s->v6 = v6;
	hex_address(local, s->local, &s->local_port);
	hex_address(peer, s->peer, &s->peer_port);
	s->state = (int)state;
	s->send_queue = send;
	s->recv_queue = receive;
	s->uid = uid;
	s->inode = inode;
}

static void line_packet(struct collected *out, const char *line)
{
	unsigned int type, proto, memory, uid;
	unsigned long long inode;
	struct socket *s;

	if (sscanf(line, "%*x %*d %u %x %*d %*d %u %u %llu", &type, &proto, &memory, &uid,
		   &inode) != 5)
		return;
	s = socket_new(out);
	s->proto = SOCKET_PACKET;
	s->type = (int)type;
	s->local_port = (uint16_t)proto;
	s->recv_queue = memory;
	s->uid = uid;
	s->inode = inode;
}

static void line_unix(struct collected *out, char *line)
{
	unsigned int references, flags, type, state;
	unsigned long long inode;
	int at = 0;
	struct socket *s;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%*x: %x %*x %x %x %x %llu%n", &references, &flags, &type, &state, &inode,
		   &at) != 5)
		return;
	s = socket_new(out);
	s->proto = SOCKET_UNIX_PROTO;
	s->references = references;
	s->flags = flags;
	s->type = (int)type;
	s->state = (int)state;
	s->inode = inode;
	s->uid = UINT32_MAX;
	if (line[at] == ' ' && line[at + 1])
		s->path = str_dup(line + at + 1);
}

static void file_read_lines(struct collected *out, const char *name, enum socket_proto proto,
			    bool v6)
{
	_cleanup_free_ char *path = str_printf("/proc/thread-self/net/%s", name);
	FILE *f = fopen(path, "re");
	char line[1024];
	bool first = true;

	while (f && fgets(line, sizeof(line), f)) {
		if (!first && proto == SOCKET_UNIX_PROTO)
			line_unix(out, line);
		else if (!first && proto == SOCKET_PACKET)
			line_packet(out, line);
		else if (!first)
			line_inet(out, line, proto, v6);
		first = false;
	}
	if (f)
		(void)fclose(f);
}

static void files_read(struct collected *out)
{
	static const struct {
		const char *name;
		enum socket_proto proto;
		bool v6;
		unsigned int what;
	} files[] = {
		{ "raw", SOCKET_RAW, false, SOCKET_WANT_OTHER },
		{ "raw6", SOCKET_RAW, true, SOCKET_WANT_OTHER },
		{ "icmp", SOCKET_ICMP, false, SOCKET_WANT_OTHER },
		{ "icmp6", SOCKET_ICMP, true, SOCKET_WANT_OTHER },
		{ "packet", SOCKET_PACKET, false, SOCKET_WANT_PACKET },
		{ "unix", SOCKET_UNIX_PROTO, false, SOCKET_WANT_UNIX },
	};
	/* What sock_diag could not tell: the same lines. */
	static const struct {
		size_t question;
		const char *name;
	} instead[] = { { 0, "tcp" },  { 1, "tcp6" },	 { 2, "udp" },
			{ 3, "udp6" }, { 4, "udplite" }, { 5, "udplite6" } };

	for (size_t i = 0; i < ARRAY_SIZE(instead); i++) {
		const struct question *q = &questions[instead[i].question];

		if ((out->what & q->what) &&
		    atomic_load(&out->shared->lacking[instead[i].question]))
			file_read_lines(out, instead[i].name, q->proto, q->family == AF_INET6);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if ((out->what & files[i].what) &&
		    !(files[i].proto == SOCKET_RAW && out->raw_empty))
			file_read_lines(out, files[i].name, files[i].proto, files[i].v6);
}

/* -- which tables are empty ------------------------------------------------------------------- */

/* The number behind `key` in the line that begins with `name`; UINT64_MAX: not there. */
static uint64_t stat_number(const char *text, const char *name, const char *key)
{
	const char *line = strstr(text, name), *at;

	while (line && line != text && line[-1] != '\n')
		line = strstr(line + 1, name);
	at = line ? strstr(line, key) : NULL;
	if (!at || at > line + strcspn(line, "\n"))
		return UINT64_MAX;
	return strtoull(at + strlen(key), NULL, 10);
}

/* A file of a line for each protocol comes in one piece. */
static bool stat_read(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* A dump of TCP walks through the hash table of the whole host, a millisecond and more. /proc/net/sockstat says which namespaces have
 * nothing in it; sockets in TIME-WAIT are counted apart, and one in SYN-RECV has a listener.
 * true: as far as the counters tell there is TCP alone. "sockets: used" counts those of programs, of every kind; whether as many of
 * the TCP sockets are a program's is for who sees them (tcp_table_whole). */
static bool tables_look(struct collected *out)
{
	char four[1024], six[1024];
	struct tcp_counts tcp;
	uint64_t used;
	bool plain;

	memset(out->empty, 0, sizeof(out->empty));
	out->raw_empty = false;
	if (!stat_read("/proc/thread-self/net/sockstat", four, sizeof(four)))
		return false;
	(void)stat_read("/proc/thread-self/net/sockstat6", six, sizeof(six));
	tcp.waiting = stat_number(four, "TCP:", " tw ");
	tcp.sockets_4 = stat_number(four, "TCP:", " inuse ");
	tcp.sockets_6 = stat_number(six, "TCP6:", " inuse ");
	out->empty[0] = tcp.waiting == 0 && tcp.sockets_4 == 0;
	out->empty[1] = tcp.waiting == 0 && tcp.sockets_6 == 0;
	out->empty[2] = stat_number(four, "UDP:", " inuse ") == 0;
	out->empty[3] = stat_number(six, "UDP6:", " inuse ") == 0;
	out->empty[4] = stat_number(four, "UDPLITE:", " inuse ") == 0;
	out->empty[5] = stat_number(six, "UDPLITE6:", " inuse ") == 0;
	out->raw_empty = stat_number(four, "RAW:", " inuse ") == 0 &&
			 stat_number(six, "RAW6:", " inuse ") == 0;
	used = stat_number(four, "sockets:", " used ");
	plain = out->raw_empty && tcp.sockets_6 != UINT64_MAX &&
		used == tcp.sockets_4 + tcp.sockets_6;
	for (size_t i = 2; i < 6; i++)
		plain = plain && out->empty[i];
	tcp.programs = plain ? used : UINT64_MAX;
	if (out->shared->counts)
		out->shared->counts[out->space] = tcp;
	return plain;
}

/* -- threads ---------------------------------------------------------------------------------- */

static void space_read(struct collected *out)
{
	_cleanup_close_ int fd = -1;

	/* before a socket of ours is in it */
	if (tables_look(out) && !(out->what & SOCKET_WANT_TCP))
		return;
	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	for (size_t i = 0; i < QUESTIONS; i++) {
		if (out->empty[i])
			continue;
		if (fd < 0)
			atomic_store(&out->shared->lacking[i], true);
		else
			question_ask(fd, out, i);
	}
	files_read(out);
}

/* setns(2) moves the calling thread alone; it never goes home, it ends. */
static void *collect(void *data)
{
	struct collected *out = data;
	struct shared *shared = out->shared;
	size_t i;

	out->answer = mem_new(ANSWER_ROOM);
	while ((i = atomic_fetch_add(&shared->next, 1)) < shared->spaces->count) {
		const struct net_space *space = &shared->spaces->list[i];

		out->what = shared->left ? shared->left[i] : shared->what;
		if (out->what == 0)
			continue;
		out->space = (int)i;
		if (setns(space->fd, CLONE_NEWNET) < 0 && !(i == 0 && out->count == 0))
			atomic_store(&shared->partial, true);
		else
			space_read(out);
	}
	free(out->answer);
	return NULL;
}

static int by_space(const void *a, const void *b)
{
	const struct socket *x = a, *y = b;

	if (x->space != y->space)
		return x->space - y->space;
	if (x->proto != y->proto)
		return (int)x->proto - (int)y->proto;
	if (x->v6 != y->v6)
		return x->v6 - y->v6;
	/* what listens first, as netstat has it */
	return (x->state != SOCKET_LISTEN) - (y->state != SOCKET_LISTEN);
}

/* Ask each namespace, and add what they have. */
static int spaces_ask(struct socket_table *sockets, struct shared *shared, struct err *err)
{
	struct collected shares[THREADS_MOST] = { 0 };
	pthread_t threads[THREADS_MOST];
	size_t count = 0, total = sockets->count;
	cpu_set_t set;
	size_t most = sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (size_t)CPU_COUNT(&set);

	most = most > THREADS_MOST	    ? THREADS_MOST :
	       most > shared->spaces->count ? shared->spaces->count :
					      most;
	while (count < most) {
		shares[count].shared = shared;
		if (pthread_create(&threads[count], NULL, collect, &shares[count]) != 0)
			break;
		count++;
	}
	if (count == 0)
		return err_set(err, EAGAIN, "read sockets: no thread can be made");
	for (size_t i = 0; i < count; i++) {
		(void)pthread_join(threads[i], NULL);
		total += shares[i].count;
	}
	sockets->list = reallocarray(sockets->list, total + 1, sizeof(*sockets->list));
	if (!sockets->list)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (shares[i].count)
			memcpy(sockets->list + sockets->count, shares[i].list,
			       shares[i].count * sizeof(*sockets->list));
		sockets->count += shares[i].count;
		free(shares[i].list);
	}
	sockets->partial |= atomic_load(&shared->partial);
	return 0;
}

static void tcp_add(struct socket_table *sockets, const struct net_spaces *spaces, size_t space,
		    const struct guard_tcp *list, size_t count)
{
	sockets->list =
		reallocarray(sockets->list, sockets->count + count + 1, sizeof(*sockets->list));
	if (!sockets->list)
		abort();
	for (size_t i = 0; i < count; i++) {
		const struct guard_tcp *from = &list[i];
		struct socket *s = &sockets->list[sockets->count++];

		*s = (struct socket){ .proto = SOCKET_TCP,
				      .v6 = from->family == AF_INET6,
				      .local_port = from->local_port,
				      .peer_port = from->peer_port,
				      .state = from->state,
				      .recv_queue = from->recv_queue,
				      .send_queue = from->send_queue,
				      .uid = from->uid,
				      .inode = from->inode,
				      .space = (int)space,
				      .owner = spaces->list[space].owner };
		memcpy(s->local, from->local, sizeof(s->local));
		memcpy(s->peer, from->peer, sizeof(s->peer));
	}
}

/* All but TCP is asked in each namespace while the one walk for TCP goes on, where there is anything but TCP; then those are asked that
 * the walk did not tell all of. */
static int many_read(struct socket_table *sockets, struct tcp_table *tcp, struct shared *shared,
		     struct err *err)
{
	const struct net_spaces *spaces = shared->spaces;
	_cleanup_free_ struct tcp_counts *counts = mem_new(spaces->count * sizeof(*counts));
	_cleanup_free_ unsigned int *left = mem_new(spaces->count * sizeof(*left));
	struct shared rest = { .spaces = spaces, .left = left };
	bool walked, any = false;
	int r;

	memset(counts, 0xff, spaces->count * sizeof(*counts));
	shared->what &= ~(unsigned int)SOCKET_WANT_TCP;
	shared->counts = counts;
	r = spaces_ask(sockets, shared, err);
	if (r < 0)
		return r;
	walked = tcp_table_end(tcp);
	for (size_t i = 0; i < spaces->count; i++) {
		size_t count = 0;
		const struct guard_tcp *list =
			walked ? tcp_table_of(tcp, spaces->list[i].inode, &count) : NULL;

		if (list && tcp_table_whole(list, count, &counts[i])) {
			tcp_add(sockets, spaces, i, list, count);
			continue;
		}
		left[i] = SOCKET_WANT_TCP;
		if (counts[i].programs != UINT64_MAX)
			left[i] |= shared->what; /* nobody has asked yet */
		any = true;
	}
	return any ? spaces_ask(sockets, &rest, err) : 0;
}

int socket_table_read(struct socket_table *sockets, const struct net_spaces *spaces,
		      unsigned int what, struct tcp_table *tcp, struct err *err)
{
	struct shared shared = { .spaces = spaces, .what = what };
	int r = tcp->pid > 0 ? many_read(sockets, tcp, &shared, err) :
			       spaces_ask(sockets, &shared, err);

	if (r == 0 && sockets->count > 0)
		qsort(sockets->list, sockets->count, sizeof(*sockets->list), by_space);
	return r;
}

bool socket_table_many(size_t spaces, unsigned int what)
{
	return spaces >= SPACES_MANY &&
	       (what & (SOCKET_WANT_TCP | SOCKET_WANT_BYTES)) == SOCKET_WANT_TCP;
}

void socket_table_clear(struct socket_table *sockets)
{
	for (size_t i = 0; i < sockets->count; i++)
		free(sockets->list[i].path);
	free(sockets->list);
	*sockets = SOCKET_TABLE_EMPTY;
}

/* -- which process ---------------------------------------------------------------------------- */

/* cloche-publish NAME ... is the host's, but what it holds is a published port of a container. 0: another program, or a container that
 * is not there. */
static int relay_owner(const struct process_table *table, const struct process *process)
{
	char words[1024];
	size_t length, first;

	if (process->owner != 0 || process->uid != 0 ||
	    strcmp(process->comm, "cloche-publish") != 0)
		return 0;
	length = supervisor_words(process->pid, words, sizeof(words));
	first = length ? strlen(words) + 1 : 0;
	for (size_t i = 1; first < length && i < table->owner_count; i++)
		if (table->owners[i].engine == ENGINE_CLOCHE &&
		    strcmp(table->owners[i].name, words + first) == 0)
			return (int)i;
	return 0;
}

void socket_owners(struct socket_table *sockets, const struct net_spaces *spaces,
		   const struct process_table *table, bool every_process, const char *iterator)
{
	_cleanup_free_ bool *wanted = every_process ? NULL : mem_new(table->count + 1);
	struct socket_holders holders = SOCKET_HOLDERS_EMPTY;

	for (size_t i = 0; wanted && i < table->count; i++) {
		int space = spaces->of_process[i];

		wanted[i] = strcmp(table->list[i].comm, "cloche-publish") == 0 ||
			    (space >= 0 && spaces->list[space].shared && table->list[i].owner != 0);
	}
	socket_holders_read(&holders, table, wanted, iterator);
	for (size_t i = 0; i < sockets->count; i++) {
		struct socket *socket = &sockets->list[i];
		int process = socket->inode ? socket_holder_of(&holders, socket->inode) : -1;

		if (process < 0)
			continue;
		socket->pid = table->list[process].pid;
		if (spaces->list[socket->space].shared || spaces->list[socket->space].owner == 0)
			socket->owner = table->list[process].owner;
		if (socket->space == 0 && socket->owner == 0)
			socket->owner = relay_owner(table, &table->list[process]);
	}
	socket_holders_clear(&holders);
}

void socket_address(const struct socket *socket, bool peer, char *out, size_t size)
{
	if (!inet_ntop(socket->v6 ? AF_INET6 : AF_INET, peer ? socket->peer : socket->local, out,
		       (socklen_t)size))
		out[0] = '\0';
}
