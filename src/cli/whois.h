/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The answers of whois. Each kind of thing has a function that says whose it is, or answers ANSWER_NEXT when the thing is not of its
 * kind, or there is none of that kind; then err is as it was. */
#ifndef CLOCHE_CLI_WHOIS_H
#define CLOCHE_CLI_WHOIS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/socket_view.h"
#include "host/owner.h"
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

/* -- how an answer is said (whois_say.c) -------------------------------------------------------- */

/* A line of the paragraph; `text` may be of a container. */
void whois_say(const char *key, const char *text);
/* The first line: whose `what` is. */
void whois_say_title(const char *what, const struct owner *owner);
/* A line with a time of the wall clock in seconds, and what follows it. */
void whois_say_time(const char *key, int64_t seconds, const char *more);
/* The lines about a container; `index` is that of its owner in the table. */
void whois_say_container(struct whois *whois, int index);
/* The same as a new object, of the host with index 0. */
json_t *whois_container_json(struct whois *whois, int index);
/* The whole answer when nothing is to be said but whose it is; `how` may be NULL. */
enum answer whois_say_owner(struct whois *whois, const char *what, int index, const char *key,
			    const char *how);
/* A container that does not run is in the record alone. `is`: "is of container", or "is container". */
enum answer whois_say_resting(const struct whois *whois, const char *what, const char *is,
			      const struct container_row *row);
/* Every process, and the sockets of SOCKET_WANT_* in `what`; once. */
int whois_open_all(struct whois *whois, unsigned int what, struct err *err);

/* -- processes and users (whois_process.c) ------------------------------------------------------ */

enum answer whois_pid(struct whois *whois, pid_t pid, struct err *err);
enum answer whois_uid(struct whois *whois, uint32_t uid, struct err *err);
enum answer whois_user(struct whois *whois, const char *name, struct err *err);
/* CONTAINER.USER where names are not enabled on the host: asked of the container. */
enum answer whois_dotted(struct whois *whois, const char *name, struct err *err);

/* -- sockets and addresses (whois_socket.c) ----------------------------------------------------- */

enum answer whois_end(struct whois *whois, const char *thing, struct err *err);
/* An address alone is whose namespace has it; one that none has may still be a peer's: whois_end. */
enum answer whois_address(struct whois *whois, const char *thing, struct err *err);
enum answer whois_inode(struct whois *whois, uint64_t inode, struct err *err);

/* -- namespaces, links, paths, mounts, names (whois_place.c) ------------------------------------ */

enum answer whois_namespace(struct whois *whois, uint64_t inode, struct err *err);
enum answer whois_link(struct whois *whois, const char *name, struct err *err);
enum answer whois_path(struct whois *whois, const char *path, struct err *err);
/* "0:101", as mountinfo has it, or "0,101", as stat(1) does: the device that an overlay has for itself */
enum answer whois_overlay(struct whois *whois, const char *thing, struct err *err);
enum answer whois_mount(struct whois *whois, uint64_t id, struct err *err);
/* A container's name or id; an id that names a layer's folder (overlay's, Docker's overlay2) is looked for among mounts. */
enum answer whois_name(struct whois *whois, const char *name, struct err *err);
/* What only our own record knows: a container that does not run, a volume by its name. */
enum answer whois_record(struct whois *whois, const char *name, struct err *err);

#endif
