/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* whois: whose is this? One paragraph for whatever an administrator has in hand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/opt.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/whois.h"

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
