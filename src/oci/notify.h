/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NOTIFY_SOCKET (sd_notify(3)) of who calls us, for the container's command. The service manager believes messages of its own
 * service's processes only, so the container gets a socket of ours, at /run/notify/notify.sock, and we pass on what it may say:
 * that it is ready and how it fares, with its pid as ours to tell, never descriptors or another MAINPID.
 *
 *	create:	notify_prepare	a folder in the state folder, mounted into the container
 *	start:	notify_open	the socket in it, before the command runs
 *		notify_wait	until it is ready or has ended; or notify_pass for each message of a container in the foreground
 */
#ifndef CLOCHE_OCI_NOTIFY_H
#define CLOCHE_OCI_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct spec;
struct state;

struct notify {
	int inside, outside; /* where messages come in and go out; -1: nobody wants them */
	pid_t pid;	     /* of the container's first process, for us */
};
#define NOTIFY_NONE ((struct notify){ .inside = -1, .outside = -1 })
void notify_close(struct notify *notify);

/* Nothing happens without NOTIFY_SOCKET. *ret_folder: to be kept open until the container is made. */
int notify_prepare(struct spec *spec, const struct state *state, int *ret_folder, struct err *err);
/* NOTIFY_NONE without NOTIFY_SOCKET, or when create had none. */
int notify_open(const struct state *state, struct notify *ret_notify, struct err *err);
/* Take one message and pass it on. Whether the container has said that it is ready. */
bool notify_pass(const struct notify *notify);
/* Pass on until it is ready or pidfd has ended. */
void notify_wait(const struct notify *notify, int pidfd);

#endif
