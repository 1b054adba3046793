/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/resolv_conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/record.h"
#include "engine/resolver.h"
#include "net/address.h"

enum { FILE_MAX = 1 << 16 };

static void file_take(const char *path, struct buf *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC); /* often a link */

	if (fd >= 0)
		(void)fd_read_all(fd, FILE_MAX, out); /* none is an empty one */
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

/* The host's lines of one kind: "nameserver", "search" (and "domain"), "options". How many. */
static int lines_keep(const char *text, const char *kind, bool loopback, struct buf *out)
{
	_cleanup_strv_ char **lines = strv_split(text, '\n');
	int count = 0;

	for (size_t i = 0; lines[i]; i++) {
		bool server;

		if (!str_prefix(lines[i], kind) ||
		    (is_loopback_server(lines[i], &server) && !loopback))
			continue;
		buf_printf(out, "%s\n", lines[i]);
		count++;
	}
	return count;
}

static void list_put(const struct record *record, const char *path, const char *word, bool each,
		     struct buf *out)
{
	_cleanup_strv_ char **list = json_strv_at(record->config, path);

	for (size_t i = 0; list && list[i]; i++)
		buf_printf(out, "%s %s%s", each || i == 0 ? word : "", list[i],
			   each || !list[i + 1] ? "\n" : "");
}

static bool is_given(const struct record *record, const char *path)
{
	return json_array_size(json_at(record->config, path)) > 0;
}

/* What the user said, else the host's. "." as a search domain: none. */
static void search_and_options(const struct record *record, const char *host, bool ndots,
			       struct buf *out)
{
	_cleanup_strv_ char **search = json_strv_at(record->config, "HostConfig.DnsSearch");

	if (!search) {
		if (lines_keep(host, "search", true, out) == 0)
			(void)lines_keep(host, "domain", true, out);
	} else if (strcmp(search[0], ".") != 0) {
		list_put(record, "HostConfig.DnsSearch", "search", false, out);
	}
	if (is_given(record, "HostConfig.DnsOptions"))
		list_put(record, "HostConfig.DnsOptions", "options", false, out);
	else if (lines_keep(host, "options", true, out) == 0 && ndots)
		buf_puts(out, "options ndots:0\n");
}

static void servers_reachable(const char *host, struct buf *out)
{
	_cleanup_(buf_clear) struct buf real = BUF_EMPTY;

	if (lines_keep(host, "nameserver", false, out) > 0)
		return;
	/* systemd-resolved(8): the servers behind the stub at 127.0.0.53 */
	file_take("/run/systemd/resolve/resolv.conf", &real);
	if (real.data)
		(void)lines_keep(real.data, "nameserver", false, out);
}

void resolv_conf_host(const struct record *record, struct buf *out)
{
	_cleanup_(buf_clear) struct buf host = BUF_EMPTY;

	file_take("/etc/resolv.conf", &host);
	if (!is_given(record, "HostConfig.Dns") && !is_given(record, "HostConfig.DnsSearch") &&
	    !is_given(record, "HostConfig.DnsOptions")) {
		buf_puts(out, host.data ? host.data : "");
		return;
	}
	if (is_given(record, "HostConfig.Dns"))
		list_put(record, "HostConfig.Dns", "nameserver", true, out);
	else
		(void)lines_keep(host.data ? host.data : "", "nameserver", true, out);
	search_and_options(record, host.data ? host.data : "", false, out);
}

void resolv_conf_own(const struct record *record, bool resolver, struct buf *out)
{
	_cleanup_(buf_clear) struct buf host = BUF_EMPTY;

	file_take("/etc/resolv.conf", &host);
	if (resolver)
		buf_puts(
			out,
			"# cloche-resolve answers; it asks --dns or the host's name servers for what it does not know\n"
			"nameserver " RESOLVER_ADDRESS "\n");
	else if (is_given(record, "HostConfig.Dns"))
		list_put(record, "HostConfig.Dns", "nameserver", true, out);
	else
		servers_reachable(host.data ? host.data : "", out);
	search_and_options(record, host.data ? host.data : "", resolver, out);
}
