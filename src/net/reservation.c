/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/reservation.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/filter.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { TABLE_MAX = 16 << 20, BACKLOG = 4096 };

static int bound_port(int fd, uint16_t *ret_port)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &length) < 0)
		return -errno;
	*ret_port = ntohs(name.ss_family == AF_INET ? ((struct sockaddr_in *)&name)->sin_port :
						      ((struct sockaddr_in6 *)&name)->sin6_port);
	return 0;
}

int reservation_take(int protocol, const struct address *address, uint16_t *port, bool shared,
		     struct err *err)
{
	int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1;
	_cleanup_close_ int fd = socket(address->family, type | SOCK_CLOEXEC, protocol);
	struct sockaddr_storage name;
	char text[ADDRESS_TEXT];
	socklen_t length = address_socket(address, *port, &name);

	if (fd < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ||
				       errno == ESOCKTNOSUPPORT ?
			       -EPROTONOSUPPORT :
			       err_sys(err, errno, "open a socket");
	if (address->family == AF_INET6 && address_is_any(address))
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (shared)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&name, length) < 0) {
		if (errno == EADDRINUSE)
			return -EADDRINUSE;
		err_sys(err, errno, "bind %s port %u", address_text(address, text), *port);
		return err->code == EADDRNOTAVAIL ?
			       err_hint(err, "the host has no such address: see ip address") :
			       -err->code;
	}
	if (*port == 0 && bound_port(fd, port) < 0)
		return err_sys(err, errno, "bind a port");
	return fd_take(&fd);
}

void reservation_close_door(int fd)
{
	int off = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
}

void reservation_deafen(int fd)
{
	struct sock_filter none[] = { { BPF_RET | BPF_K, 0, 0, 0 } };
	struct sock_fprog filter = { 1, none };
	int small = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
}

int reservation_listen(int protocol, const struct address *address, uint16_t port, struct err *err)
{
	int on = 1, type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	_cleanup_close_ int fd =
		socket(address->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	struct sockaddr_storage name;
	char text[ADDRESS_TEXT];
	socklen_t length = address_socket(address, port, &name);

	if (fd < 0)
		return err_sys(err, errno, "open a socket");
	if (address->family == AF_INET6 && address_is_any(address))
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&name, length) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
		if (errno == EADDRINUSE)
			return -EADDRINUSE;
		return err_sys(err, errno, "listen at %s port %u", address_text(address, text),
			       port);
	}
	return fd_take(&fd);
}

/* -- whose is it ------------------------------------------------------------------------------ */

/* The inode of a socket at this local port, by the kernel's table; 0: none. */
static unsigned long inode_of(const char *table, uint16_t port)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_free_ char *path = str_printf("/proc/net/%s", table);
	_cleanup_strv_ char **lines = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fd_read_all(fd, TABLE_MAX, &text) < 0 || !text.data)
		return 0;
	lines = strv_split(text.data, '\n');
	for (size_t i = 1; lines[i]; i++) {
		unsigned int local, state;
		unsigned long inode;

		/* sl local remote st ... inode: a listener, or a datagram socket */
		if (sscanf(lines[i], "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*d %*d %lu",
			   &local, &state, &inode) == 3 &&
		    local == port && (state == 0x0a || state == 0x07))
			return inode;
	}
	return 0;
}

static char *process_name(const char *pid)
{
	_cleanup_free_ char *path = str_printf("/proc/%s/comm", pid);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (file_read(AT_FDCWD, path, 64, &text) < 0 || !text.data)
		return NULL;
	text.data[strcspn(text.data, "\n")] = '\0';
	return str_printf("%s (pid %s)", text.data, pid);
}

static bool process_has(const char *pid, const char *wanted)
{
	_cleanup_free_ char *path = str_printf("/proc/%s/fd", pid);
	DIR *d = opendir(path);
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)) != NULL) {
		char target[64];
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	if (d)
		(void)closedir(d);
	return found;
}

char *reservation_owner(int protocol, uint16_t port)
{
	static const char *const tables[][2] = { { "tcp", "tcp6" }, { "udp", "udp6" } };
	const char *const *names = tables[protocol == IPPROTO_UDP];
	unsigned long inode = inode_of(names[0], port);
	_cleanup_free_ char *wanted = NULL;
	struct dirent *e;
	char *owner = NULL;
	DIR *d;

	if (!inode)
		inode = inode_of(names[1], port);
	if (!inode)
		return NULL;
	wanted = str_printf("socket:[%lu]", inode);
	d = opendir("/proc");
	while (d && !owner && (e = readdir(d)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && process_has(e->d_name, wanted))
			owner = process_name(e->d_name);
	if (d)
		(void)closedir(d);
	return owner;
}
