/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log service of the host that gets each line of a container besides the log file: journald by its native protocol (systemd's
 * JOURNAL_NATIVE_PROTOCOL), or syslog (RFC 5424 over the network, the traditional form on a local socket).
 *
 * RUN/log-sink, written by the engine, says which:
 *	journald|syslog|syslog5424 block|drop BUFFER-BYTES FACILITY unix|udp|tcp ADDRESS PORT
 *	what goes before each message: journald's fields, one a line; or the host's name and the tag of syslog, two lines
 * BUFFER-BYTES 0: the socket's own size. The address is a path, or a number.
 *
 * A service that does not take a line stops nobody: with `block` it is waited for, a second at most; then, as with `drop` at once, the line is
 * left out, and the next one that is taken is preceded by how many were. The file has them all.
 */
#ifndef CLOCHE_MONITOR_LOG_SINK_H
#define CLOCHE_MONITOR_LOG_SINK_H

#include <stddef.h>

/* Nothing happens without the file. run: the container's run folder. */
void log_sink_open(int run);
/* stream: 1 or 2. What is no whole line is kept for the next call, up to 16 KiB. */
void log_sink_write(int stream, const char *data, size_t length);
/* No more will come. */
void log_sink_end(void);

#endif
