/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/resolv_conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "net/address.h"

enum { FILE_MAX = 1 << 16 };

static void file_take(const char *path, struct buf *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC); /* often a link */

	if (fd >= 0)
		(void)fd_read_all(fd, FILE_MAX, out); /* none is an empty one */
}

void resolv_conf_host(struct buf *out)
{
	file_take("/etc/resolv.conf", out);
}

/* Is it "nameserver X" with an X that only the host reaches? */
static bool is_loopback_server(const char *line, bool *ret_server)
{
	struct address address;
	char text[ADDRESS_TEXT] = "";
	size_t n;

	*ret_server = false;
	if (!str_prefix(line, "nameserver"))
		return false;
	line += strlen("nameserver");
	line += strspn(line, " \t");
	n = strcspn(line, " \t%");
	if (n >= sizeof(text))
		return false;
	memcpy(text, line, n);
	*ret_server = true;
	return address_parse(text, &address) == 0 && address_is_loopback(&address);
}

/* Servers that can be reached: how many. */
static int lines_keep(const char *text, struct buf *out)
{
	_cleanup_strv_ char **lines = strv_split(text, '\n');
	int servers = 0;

	for (size_t i = 0; lines[i]; i++) {
		bool server;

		if (is_loopback_server(lines[i], &server))
			continue;
		servers += server;
		if (*lines[i] && *lines[i] != '#' && *lines[i] != ';')
			buf_printf(out, "%s\n", lines[i]);
	}
	return servers;
}

void resolv_conf_own(struct buf *out)
{
	_cleanup_(buf_clear) struct buf host = BUF_EMPTY, real = BUF_EMPTY, kept = BUF_EMPTY;

	resolv_conf_host(&host);
	if (lines_keep(host.data ? host.data : "", &kept) == 0) {
		/* systemd-resolved(8): the servers behind the stub at 127.0.0.53 */
		file_take("/run/systemd/resolve/resolv.conf", &real);
		if (real.data) {
			buf_clear(&kept);
			(void)lines_keep(real.data, &kept);
		}
	}
	if (kept.data)
		buf_puts(out, kept.data);
}
