/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a container's output goes: --log-driver and --log-opt in, Docker's HostConfig.LogConfig out, and at a start the file by which the
 * monitor knows the log service of the host (monitor/log_sink.h).
 *
 * local and json-file are files. journald and syslog get each line too, and the local file stays: `cloche logs` reads that, as Docker's
 * clients read the cache of such drivers.
 */
#ifndef CLOCHE_ENGINE_LOG_OPTION_H
#define CLOCHE_ENGINE_LOG_OPTION_H

#include <jansson.h>

struct create_options;
struct engine;
struct err;
struct record;

int log_options(struct engine *engine, const struct create_options *options, json_t *host,
		struct err *err);
/* RUN/log-sink, where the driver is a service; RUN/log-attrs, where lines are to have more than their text. run: the container's run folder. */
int log_sink_prepare(const struct record *record, int run, struct err *err);
/* What `logs --details` shows in front of a line: the labels and variables that log options name, as "a=b,c=d ". */
char *log_details(const struct record *record);
/* One of them, to be added to a struct buf. */
void log_detail_put(void *details, const char *key, const char *value);
/* max-buffer-size of mode=non-blocking: how large the pipes shall be, 0: as they are. */
int log_buffer_bytes(const struct record *record);

#endif
