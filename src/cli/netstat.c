/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netstat: all namespaces' sockets in the very format of net-tools' netstat (netstat.c of net-tools 2.10), so that scripts and eyes
 * that know it need nothing new. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/socket_view.h"

struct netstat_args {
	bool all, listen, numeric, programs, extend, continuous, wide, tcp, udp, udplite, sctp, raw,
		unix_only, inet4, inet6;
};

static const struct opt netstat_opts[] = {
	OPT_BOOL('a', "all", struct netstat_args, all, "sockets that wait, and connections"),
	OPT_BOOL('c', "continuous", struct netstat_args, continuous, "again every second"),
	OPT_BOOL('e', "extend", struct netstat_args, extend, "user and inode"),
	OPT_BOOL('4', "inet", struct netstat_args, inet4, "only IPv4"),
	OPT_BOOL('6', "inet6", struct netstat_args, inet6, "only IPv6"),
	OPT_BOOL('l', "listening", struct netstat_args, listen, "only sockets that wait"),
	OPT_BOOL('n', "numeric", struct netstat_args, numeric,
		 "users by number; addresses and ports always are numbers"),
	OPT_BOOL('p', "programs", struct netstat_args, programs, "PID/Program name"),
	OPT_BOOL('w', "raw", struct netstat_args, raw, "raw sockets"),
	OPT_BOOL('S', "sctp", struct netstat_args, sctp, "SCTP"),
	OPT_BOOL('t', "tcp", struct netstat_args, tcp, "TCP"),
	OPT_BOOL('u', "udp", struct netstat_args, udp, "UDP"),
	OPT_BOOL('U', "udplite", struct netstat_args, udplite, "UDP-Lite"),
	OPT_BOOL('x', "unix", struct netstat_args, unix_only, "Unix domain sockets"),
	OPT_BOOL('W', "wide", struct netstat_args, wide, "do not cut addresses"),
	OPT_END,
};

struct netstat {
	struct cli *cli;
	const struct netstat_args *args;
};

/* -- one socket ------------------------------------------------------------------------------- */

static bool nowhere(const struct socket *socket)
{
	static const uint8_t none[16];

	return socket->peer_port == 0 && memcmp(socket->peer, none, sizeof(none)) == 0;
}

static bool shown(const struct netstat_args *a, const struct socket *socket)
{
	bool waits = socket->proto == SOCKET_UNIX_PROTO ? (socket->flags & 0x10000) != 0 :
		     socket->proto == SOCKET_SCTP	? socket->state == SOCKET_LISTEN :
							  nowhere(socket);

	return a->all || waits == a->listen;
}

/* ADDRESS:PORT in 22 columns: a long address is cut, the port never. */
static void end_text(const struct netstat_args *a, const struct socket *socket, bool peer,
		     char out[80])
{
	uint16_t port = peer ? socket->peer_port : socket->local_port;
	char address[64], digits[8] = "*";

	socket_address(socket, peer, address, sizeof(address));
	if (str_prefix(address, "::ffff:") && strchr(address, '.'))
		memmove(address, address + 7, strlen(address + 7) + 1);
	if (port)
		(void)snprintf(digits, sizeof(digits), "%u", port);
	if (!a->wide && strlen(address) + strlen(digits) > 22)
		address[22 - strlen(digits)] = '\0';
	(void)snprintf(out, 80, "%s:%s", address, digits);
}

static void state_text(const struct socket *socket, char out[16])
{
	if (socket->proto == SOCKET_RAW)
		(void)snprintf(out, 16, "%d", socket->state);
	else if (socket->proto == SOCKET_TCP || socket->proto == SOCKET_SCTP)
		(void)snprintf(out, 16, "%s", socket_state_word(socket->state));
	else
		(void)snprintf(out, 16, "%s",
			       socket->state == SOCKET_ESTABLISHED ? "ESTABLISHED" :
			       socket->state == SOCKET_CLOSE	   ? "" :
								     "UNKNOWN");
}

/* "PID/NAME" in 19 characters, "-" for nobody's. The name is the first argument's. */
static void program_text(const struct socket_view *view, const struct socket *socket, char out[20])
{
	const struct process *process = socket->pid ? process_find(&view->host.table, socket->pid) :
						      NULL;
	_cleanup_free_ char *first = NULL;
	char safe[64];
	const char *name;

	if (!process) {
		(void)snprintf(out, 20, "-");
		return;
	}
	first = str_ndup(process->args, strcspn(process->args, " "));
	name = strrchr(first, '/') ? strrchr(first, '/') + 1 : first;
	str_escape(safe, sizeof(safe), name, strlen(name));
	(void)snprintf(out, 20, "%d/", (int)process->pid);
	(void)str_append(out, 20, safe);
}

static void inet_print(const struct socket_view *view, const struct netstat_args *a,
		       const struct socket *s)
{
	char proto[16], local[80], peer[80], state[16], program[20];

	(void)snprintf(proto, sizeof(proto), "%s%s",
		       s->proto == SOCKET_UDPLITE ? "udpl" : socket_proto_word(s->proto),
		       s->v6 ? "6" : "");
	end_text(a, s, false, local);
	end_text(a, s, true, peer);
	state_text(s, state);
	/* /proc/net/tcp, which netstat reads, has no limit of waiting connections where sock_diag has it */
	(void)printf("%-4s  %6u %6u %-23s %-23s %-11s", proto, s->recv_queue,
		     s->state == SOCKET_LISTEN ? 0 : s->send_queue, local, peer, state);
	if (a->extend) {
		unsigned int uid = s->uid == UINT32_MAX ? 0 : s->uid;

		if (a->numeric)
			(void)printf(" %-10u ", uid);
		else
			(void)printf(" %-10s ", view_user(uid));
		(void)printf("%-10llu", (unsigned long long)s->inode);
	}
	if (a->programs) {
		program_text(view, s, program);
		(void)printf(" %-20s", program);
	}
	(void)putchar('\n');
}

static void unix_print(const struct socket_view *view, const struct netstat_args *a,
		       const struct socket *s)
{
	static const char *const types[] = { "", "STREAM", "DGRAM", "RAW", "RDM", "SEQPACKET" };
	static const char *const states[] = { "FREE", "", "CONNECTING", "CONNECTED",
					      "DISCONNECTING" };
	bool waits = (s->flags & 0x10000) != 0;
	char flags[16], program[20], path[512] = "";

	(void)snprintf(flags, sizeof(flags), "[ %s%s]", waits ? "ACC " : "",
		       s->flags & 0x20000 ? "W " :
		       s->flags & 0x40000 ? "N " :
					    "");
	if (s->path)
		str_escape(path, sizeof(path), s->path, strlen(s->path));
	(void)printf("%-5s %-6u %-11s %-10s %-13s %-8llu ", "unix", s->references, flags,
		     s->type > 0 && s->type < (int)ARRAY_SIZE(types) ? types[s->type] : "UNKNOWN",
		     s->state == 1 && waits		? "LISTENING" :
		     s->state < (int)ARRAY_SIZE(states) ? states[s->state] :
							  "UNKNOWN",
		     (unsigned long long)s->inode);
	if (a->programs) {
		program_text(view, s, program);
		(void)printf("%-20s ", program);
	}
	(void)printf("%s\n", path);
}

/* -- all -------------------------------------------------------------------------------------- */

static int by_proto(const void *a, const void *b)
{
	static const int order[SOCKET_PROTOS] = {
		[SOCKET_TCP] = 0, [SOCKET_SCTP] = 1, [SOCKET_UDP] = 2,	  [SOCKET_UDPLITE] = 3,
		[SOCKET_RAW] = 4, [SOCKET_ICMP] = 5, [SOCKET_PACKET] = 6, [SOCKET_UNIX_PROTO] = 7
	};
	const struct socket *x = *(const struct socket *const *)a,
			    *y = *(const struct socket *const *)b;

	if (x->proto != y->proto)
		return order[x->proto] - order[y->proto];
	if (x->v6 != y->v6)
		return x->v6 - y->v6;
	return (x > y) - (x < y); /* as the table has them */
}

static bool proto_wanted(const struct netstat_args *a, const struct socket *s)
{
	bool any = a->tcp || a->udp || a->udplite || a->sctp || a->raw || a->unix_only;

	if (s->proto == SOCKET_UNIX_PROTO)
		return a->unix_only || (!any && !a->inet4 && !a->inet6);
	if ((a->inet4 || a->inet6) && !(s->v6 ? a->inet6 : a->inet4))
		return false;
	switch (s->proto) {
	case SOCKET_TCP:
		return !any || a->tcp;
	case SOCKET_UDP:
		return !any || a->udp;
	case SOCKET_UDPLITE:
		return !any || a->udplite;
	case SOCKET_SCTP:
		return !any || a->sctp;
	case SOCKET_RAW:
		return !any || a->raw;
	case SOCKET_ICMP:
	case SOCKET_PACKET:
	case SOCKET_UNIX_PROTO:
	case SOCKET_PROTOS:
		break;
	}
	return false; /* netstat does not know them */
}

static const char *which(const struct netstat_args *a)
{
	return a->all	 ? "(servers and established)" :
	       a->listen ? "(only servers)" :
			   "(w/o servers)";
}

static int draw(void *data, struct err *err)
{
	const struct netstat *netstat = data;
	const struct netstat_args *a = netstat->args;
	_cleanup_(socket_view_clear) struct socket_view view = SOCKET_VIEW_EMPTY;
	_cleanup_free_ const struct socket **list = NULL;
	bool any = a->tcp || a->udp || a->udplite || a->sctp || a->raw;
	bool families = a->inet4 || a->inet6;
	size_t count = 0, i = 0;
	int r = socket_view_open(netstat->cli,
				 SOCKET_WANT_TCP | SOCKET_WANT_UDP | SOCKET_WANT_OTHER |
					 SOCKET_WANT_UNIX,
				 a->programs, &view, err);

	if (r < 0)
		return r;
	list = mem_new((view.sockets.count + 1) * sizeof(*list));
	for (size_t k = 0; k < view.sockets.count; k++)
		if (shown(a, &view.sockets.list[k]) && proto_wanted(a, &view.sockets.list[k]))
			list[count++] = &view.sockets.list[k];
	qsort(list, count, sizeof(*list), by_proto);
	if (any || families || !a->unix_only) {
		(void)printf("Active Internet connections %s\n", which(a));
		(void)printf(
			"Proto Recv-Q Send-Q Local Address           Foreign Address         State      %s%s\n",
			a->extend ? " User       Inode     " : "",
			a->programs ? " PID/Program name    " : "");
	}
	for (; i < count && list[i]->proto != SOCKET_UNIX_PROTO; i++)
		inet_print(&view, a, list[i]);
	if (a->unix_only || (!any && !families)) {
		(void)printf("Active UNIX domain sockets %s\n", which(a));
		(void)printf("Proto RefCnt Flags       Type       State         I-Node  %s Path\n",
			     a->programs ? " PID/Program name    " : "");
	}
	for (; i < count; i++)
		unix_print(&view, a, list[i]);
	if (view.sockets.partial || view.host.table.partial)
		cli_warn("partial: without root other network namespaces stay closed");
	return 0;
}

static int netstat_run(void *data, void *args, char **operands, struct err *err)
{
	const struct netstat_args *a = args;
	struct netstat netstat = { data, a };

	(void)operands;
	return view_watch(a->continuous ? 1 : 0, draw, &netstat, err) < 0;
}

const struct command command_netstat = {
	.name = "netstat",
	.args = "",
	.summary = "print what netstat prints, for the host and all containers",
	.details =
		"The format is that of net-tools' netstat, so that netstat -an | grep 3270 becomes cloche netstat -an | grep 3270. Ends are "
		"numbers always. Whose a line is says cloche sockets, or cloche whois :3270.",
	.opts = netstat_opts,
	.args_size = sizeof(struct netstat_args),
	.run = netstat_run,
	.flags = COMMAND_INTERSPERSED,
};
