/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walls around whoever parses foreign bytes. A process that went in can use the descriptors it has and, with
 * SANDBOX_TREE, make files beneath one folder; it cannot open anything else, reach the network, see or signal a process,
 * start one, or make a device node, and never again becomes more.
 *
 * SANDBOX_NETWORK is the other half: it has the network, a user without any right, and no way to make or change a file.
 *
 * Walls, each enough for most attacks alone: own network and IPC namespaces, root directory (chroot) at the folder, no
 * capability but the five that writing a root file system takes, no_new_privs, Landlock, a seccomp list of allowed calls,
 * limits. */
#ifndef CLOCHE_TRANSFER_SANDBOX_H
#define CLOCHE_TRANSFER_SANDBOX_H

struct err;

enum sandbox_kind {
	SANDBOX_STREAM,	 /* reads and writes what is open; the folder is just an empty root */
	SANDBOX_TREE,	 /* makes files beneath the folder */
	SANDBOX_NETWORK, /* speaks to servers, as nobody; reads /etc and /usr, writes no file */
};

/* Close behind the calling process, which has one thread. folder: an open directory (not of SANDBOX_NETWORK). No way back; on failure the process
 * should end, as some walls may stand already. */
int sandbox_enter(enum sandbox_kind kind, int folder, struct err *err);

#endif
