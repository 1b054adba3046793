/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json_table.h"
#include "base/str.h"
#include "oci/oci.h"

/* crun's forms beside a file's name. */
static const struct destination {
	const char *prefix, *socket; /* socket NULL: a file */
} destinations[] = {
	{ "file:", NULL },
	{ "syslog:", "/dev/log" },			/* syslog(3), RFC 3164 */
	{ "journald:", "/run/systemd/journal/socket" }, /* systemd's "Native Journal Protocol" */
};

static int socket_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return fd_take(&fd);
}

int oci_log_open(struct oci *oci, struct err *err)
{
	const char *file = oci->log;

	oci->log_fd = -1;
	if (strcmp(oci->log_format, "text") != 0 && strcmp(oci->log_format, "json") != 0)
		return err_set(err, EINVAL, "--log-format: \"%s\" is neither text nor json",
			       oci->log_format);
	if (!*oci->log)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
		const struct destination *to = &destinations[i];

		if (!str_prefix(oci->log, to->prefix))
			continue;
		file += strlen(to->prefix);
		if (!to->socket)
			continue;
		oci->log_name = *file ? file : "cloche-runtime";
		oci->log_journal = strcmp(to->prefix, "journald:") == 0;
		oci->log_fd = socket_open(to->socket);
		return oci->log_fd < 0 ? err_sys(err, oci->log_fd, "log to %s", to->socket) : 0;
	}
	oci->log_fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	return oci->log_fd < 0 ? err_sys(err, errno, "open log %s", file) : 0;
}

/* A datagram for who keeps a log himself, and puts the time on it. */
static void datagram(const struct oci *oci, const char *level, const char *words)
{
	int priority = strcmp(level, "error") == 0   ? LOG_ERR :
		       strcmp(level, "warning") == 0 ? LOG_WARNING :
						       LOG_DEBUG;
	_cleanup_(buf_clear) struct buf message = BUF_EMPTY;

	if (oci->log_journal) {
		uint64_t length = htole64(strlen(words)); /* so that a line's end may be in them */

		buf_printf(&message, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE\n", priority,
			   oci->log_name);
		buf_add(&message, (const char *)&length, sizeof(length));
		buf_printf(&message, "%s\n", words);
	} else {
		buf_printf(&message, "<%d>%s[%d]: %s", LOG_DAEMON | priority, oci->log_name,
			   (int)getpid(), words);
	}
	(void)send(oci->log_fd, message.data, message.length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void oci_log(const struct oci *oci, const char *level, const char *words)
{
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;
	struct timespec now = { 0 };
	char stamp[40];
	struct tm tm;

	if (strcmp(level, "debug") == 0 && !oci->debug)
		return;
	if (oci->log_name) {
		datagram(oci, level, words);
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (strcmp(oci->log_format, "json") == 0) {
		buf_printf(&line, "{\"level\":\"%s\",\"msg\":", level);
		json_quote(&line, words);
		buf_printf(&line, ",\"time\":\"%s\"}\n", stamp);
	} else {
		buf_printf(&line, "time=\"%s\" level=%s msg=", stamp, level);
		json_quote(&line, words);
		buf_puts(&line, "\n");
	}
	/* one write, so that lines of several programs do not mix; a full disk must not stop a container */
	(void)!write(oci->log_fd >= 0 ? oci->log_fd : STDERR_FILENO, line.data, line.length);
}

void oci_log_error(const struct oci *oci, const struct err *err)
{
	_cleanup_free_ char *words =
		str_printf("%s%s%s", err->words, *err->hint ? "; " : "", err->hint);

	if (oci->log_fd >= 0)
		oci_log(oci, "error", words);
	(void)err_print(err, "cloche-runtime", 1);
}
