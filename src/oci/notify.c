/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/state.h"
#include "runtime/spec.h"

#define FOLDER "notify"
#define SOCKET "notify.sock"
#define INSIDE "/run/notify"

void notify_close(struct notify *notify)
{
	fd_close(notify->inside);
	fd_close(notify->outside);
	*notify = NOTIFY_NONE;
}

/* A path, or "@name" in the abstract namespace. Connected, or -1. */
static int outside_open(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	size_t length = name ? strlen(name) : 0;
	_cleanup_close_ int fd = -1;

	if (length < 2 || length >= sizeof(address.sun_path) || (name[0] != '/' && name[0] != '@'))
		return -1;
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return -1;
	return fd_take(&fd);
}

int notify_prepare(struct spec *spec, const struct state *state, int *ret_folder, struct err *err)
{
	_cleanup_close_ int outside = outside_open();

	if (outside < 0)
		return 0; /* nobody listens */
	*ret_folder = dir_open_make(state->dir, FOLDER, 0755, err);
	if (*ret_folder < 0)
		return *ret_folder;
	spec_add_mount(spec,
		       &(struct spec_mount){ .kind = SPEC_MOUNT_BIND,
					     .source = str_dup(FOLDER),
					     .source_fd = *ret_folder,
					     .destination = str_dup(INSIDE),
					     .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
							 MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY,
					     .top_only = true });
	env_set(&spec->process.env, "NOTIFY_SOCKET=" INSIDE "/" SOCKET);
	return 0;
}

int notify_open(const struct state *state, struct notify *ret_notify, struct err *err)
{
	_cleanup_close_ int folder =
		openat(state->dir, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(notify_close) struct notify notify = NOTIFY_NONE;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	notify.outside = folder < 0 ? -1 : outside_open();
	if (notify.outside < 0)
		return 0;
	notify.pid = state->pid;
	notify.inside = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)unlinkat(folder, SOCKET, 0); /* of a start that was killed */
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" SOCKET,
		       folder);
	/* whoever is in the container may tell */
	if (notify.inside < 0 ||
	    bind(notify.inside, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(folder, SOCKET, 0777, 0) < 0)
		return err_sys(err, errno, "make the socket for NOTIFY_SOCKET");
	*ret_notify = notify;
	notify = NOTIFY_NONE;
	return 0;
}

bool notify_pass(const struct notify *notify)
{
	static const char *const allowed[] = {
		"READY=",    "STATUS=",	  "RELOADING=",		  "STOPPING=",	     "ERRNO=",
		"WATCHDOG=", "BUSERROR=", "EXTEND_TIMEOUT_USEC=", "MONOTONIC_USEC=",
	};
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	char text[4096], *rest = text, *line;
	bool ready = false;
	ssize_t n;

	/* descriptors that come along are closed by the kernel: there is no room for them */
	n = recv(notify->inside, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return false;
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
			if (str_prefix(line, allowed[i]))
				buf_printf(&out, "%s\n", line);
		ready |= strcmp(line, "READY=1") == 0;
	}
	if (ready)
		buf_printf(&out, "MAINPID=%d\n", (int)notify->pid);
	if (out.length > 0)
		(void)!send(notify->outside, out.data, out.length,
			    MSG_NOSIGNAL); /* who listens no more need not know */
	return ready;
}

void notify_wait(const struct notify *notify, int pidfd)
{
	struct pollfd fds[] = { { .fd = notify->inside, .events = POLLIN },
				{ .fd = pidfd, .events = POLLIN } };

	if (notify->inside < 0)
		return;
	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (fds[0].revents && notify_pass(notify))
			return;
		if (fds[1].revents && !fds[0].revents)
			return;
	}
}
