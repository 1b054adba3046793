/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json_table.h"
#include "base/str.h"
#include "oci/oci.h"

int oci_log_open(struct oci *oci, struct err *err)
{
	oci->log_fd = -1;
	if (strcmp(oci->log_format, "text") != 0 && strcmp(oci->log_format, "json") != 0)
		return err_set(err, EINVAL, "--log-format: \"%s\" is neither text nor json",
			       oci->log_format);
	if (!*oci->log)
		return 0;
	oci->log_fd = open(oci->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	return oci->log_fd < 0 ? err_sys(err, errno, "open log %s", oci->log) : 0;
}

void oci_log(const struct oci *oci, const char *level, const char *words)
{
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;
	struct timespec now = { 0 };
	char stamp[40];
	struct tm tm;

	if (strcmp(level, "debug") == 0 && !oci->debug)
		return;
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
