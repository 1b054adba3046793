/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: what containers use, once or again and again. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/redraw.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/status.h"
#include "engine/usage.h"

enum { FIRST_MS = 500, NEXT_MS = 1000 };

struct stats_args {
	bool all, no_stream, no_trunc;
	const char *format;
};

static const struct opt stats_opts[] = {
	OPT_BOOL('a', "all", struct stats_args, all, "show all containers, not only running ones"),
	OPT_STRING(0, "format", "TEMPLATE", struct stats_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_BOOL(0, "no-stream", struct stats_args, no_stream, "print once and end"),
	OPT_BOOL(0, "no-trunc", struct stats_args, no_trunc, "do not shorten"),
	OPT_END,
};

static const struct table_column headings[] = {
	{ "CONTAINER", "Container" },
	{ "CONTAINER ID", "ID" },
	{ "NAME", "Name" },
	{ "CPU %", "CPUPerc" },
	{ "MEM USAGE / LIMIT", "MemUsage" },
	{ "MEM %", "MemPerc" },
	{ "NET I/O", "NetIO" },
	{ "BLOCK I/O", "BlockIO" },
	{ "PIDS", "PIDs" },
	{ NULL, NULL },
};
static const struct table_column columns[] = {
	{ NULL, "ID" },	      { NULL, "Name" },	   { NULL, "CPUPerc" },
	{ NULL, "MemUsage" }, { NULL, "MemPerc" }, { NULL, "NetIO" },
	{ NULL, "BlockIO" },  { NULL, "PIDs" },	   { NULL, NULL },
};

/* One container over the readings. */
struct watched {
	struct record record;
	struct usage before, now;
	struct container_status status;
	bool fresh; /* status was looked up a moment ago */
	bool running, read_twice;
};

struct watching {
	struct watched *list;
	size_t count;
};

static void watching_clear(struct watching *w)
{
	for (size_t i = 0; i < w->count; i++)
		record_clear(&w->list[i].record);
	free(w->list);
	*w = (struct watching){ 0 };
}

static struct watched *watching_add(struct watching *w)
{
	w->list = reallocarray(w->list, w->count + 1, sizeof(*w->list));
	if (!w->list)
		abort();
	w->list[w->count] = (struct watched){ 0 };
	return &w->list[w->count++];
}

static int watch_named(struct engine *engine, char **operands, struct watching *w, struct err *err)
{
	for (size_t i = 0; operands[i]; i++) {
		int r = record_find(engine, operands[i], &watching_add(w)->record, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int watch_all(struct engine *engine, bool all, struct watching *w, struct err *err)
{
	static const char *const parts[] = { "HostConfig.NetworkMode", "HostConfig.CgroupParent",
					     "Cloche.CgroupName", "Cloche.Register", NULL };
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	int count = store ? container_list(store, true, &rows, err) : -err->code;

	for (int i = 0; i < count; i++) {
		struct container_status status;
		struct watched *one;

		status_get(engine, rows[i].id, &status);
		if (!all && status.status != STATUS_RUNNING)
			continue;
		one = watching_add(w);
		one->status = status;
		one->fresh = true;
		one->record.config = json_parts(rows[i].config, parts);
		one->record.row = rows[i];
		rows[i] = (struct container_row){ 0 }; /* ours now */
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	return count < 0 ? count : 0;
}

/* What is shown; or what the first showing compares with, which is less. */
static void read_all(struct engine *engine, struct watching *w, bool first)
{
	for (size_t i = 0; i < w->count; i++) {
		struct watched *one = &w->list[i];
		struct err ignored = ERR_NONE;
		bool before = one->running;
		int r;

		if (!one->fresh)
			status_get(engine, one->record.row.id, &one->status);
		one->fresh = false;
		one->before = one->now;
		if (one->status.status != STATUS_RUNNING)
			r = -ESRCH;
		else if (first)
			r = usage_read_time(engine, &one->record, &one->now, &ignored);
		else
			r = usage_read(engine, &one->record, one->status.pid, &one->now, &ignored);
		/* one that ends in between has nothing to show */
		one->running = r == 0;
		one->read_twice = before && one->running;
	}
}

static void text_put(json_t *row, const char *key, char *text)
{
	json_put(row, key, json_text(text));
	free(text);
}

static char *pair(uint64_t a, uint64_t b, unsigned int unit, int digits)
{
	_cleanup_free_ char *left = str_size((double)a, unit, digits),
			    *right = str_size((double)b, unit, digits);

	return str_printf("%s / %s", left, right);
}

static json_t *row_of(const struct watched *one, bool whole)
{
	static const char *const fields[] = { "CPUPerc", "MemUsage", "MemPerc",
					      "NetIO",	 "BlockIO",  "PIDs" };
	json_t *row = json_object();

	text_put(row, "Container", str_ndup(one->record.row.id, whole ? 64 : 12));
	text_put(row, "ID", str_ndup(one->record.row.id, whole ? 64 : 12));
	json_put(row, "Name", json_text(one->record.row.name));
	if (!one->running) {
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			json_put(row, fields[i],
				 json_text(i == 1 || i == 3 || i == 4 ? "-- / --" : "--"));
		return row;
	}
	text_put(row, "CPUPerc",
		 str_printf("%.2f%%",
			    one->read_twice ? usage_cpu_percent(&one->before, &one->now) : 0));
	text_put(row, "MemUsage",
		 pair(one->now.memory_bytes, one->now.memory_limit_bytes, 1024, 4));
	text_put(row, "MemPerc",
		 str_printf("%.2f%%", one->now.memory_limit_bytes ?
					      100.0 * (double)one->now.memory_bytes /
						      (double)one->now.memory_limit_bytes :
					      0));
	text_put(row, "NetIO", pair(one->now.net_in_bytes, one->now.net_out_bytes, 1000, 3));
	text_put(row, "BlockIO",
		 pair(one->now.block_read_bytes, one->now.block_write_bytes, 1000, 3));
	text_put(row, "PIDs", str_printf("%llu", (unsigned long long)one->now.pids));
	return row;
}

static int show(const struct watching *w, const struct stats_args *a, struct redraw *redraw,
		struct err *err)
{
	_cleanup_json_ json_t *rows = json_array();
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	int r;

	for (size_t i = 0; i < w->count; i++)
		json_push(rows, row_of(&w->list[i], a->no_trunc));
	r = format_rows(&out, a->format, columns, headings, rows, err);
	return r < 0 ? r : redraw_frame(redraw, out.data ? out.data : "", false);
}

static int stats_run(void *data, void *args, char **operands, struct err *err)
{
	struct stats_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_(watching_clear) struct watching w = { 0 };
	_cleanup_(redraw_clear) struct redraw redraw = REDRAW_NONE;
	int r = engine ? 0 : -err->code;

	if (r == 0)
		r = operands[0] ? watch_named(engine, operands, &w, err) :
				  watch_all(engine, a->all, &w, err);
	if (r < 0)
		return 1;
	read_all(engine, &w, true);
	if (!a->no_stream)
		redraw_begin(&redraw);
	for (int wait_ms = FIRST_MS;; wait_ms = NEXT_MS) {
		if (w.count > 0 || !a->no_stream)
			(void)poll(NULL, 0, wait_ms);	  /* the interval that is measured */
		if (!operands[0] && wait_ms == NEXT_MS) { /* who came and who went */
			struct watching now = { 0 };

			if (watch_all(engine, a->all, &now, err) < 0) {
				watching_clear(&now);
				return 1;
			}
			for (size_t i = 0; i < now.count; i++)
				for (size_t k = 0; k < w.count; k++)
					if (strcmp(now.list[i].record.row.id,
						   w.list[k].record.row.id) == 0) {
						now.list[i].now = w.list[k].now;
						now.list[i].running = w.list[k].running;
					}
			watching_clear(&w);
			w = now;
		}
		read_all(engine, &w, false);
		engine_store_close(engine); /* nobody waits for a reader */
		r = show(&w, a, &redraw, err);
		if (r < 0 || a->no_stream)
			return r == -EPIPE ? 0 : r < 0;
	}
}

const struct command command_stats = {
	.group = "container",
	.name = "stats",
	.args = "[CONTAINER...]",
	.summary = "show what running containers use, live",
	.details =
		"Memory is counted without idle page cache, as Docker counts it; 100 % is one whole processor.",
	.opts = stats_opts,
	.args_size = sizeof(struct stats_args),
	.run = stats_run,
	.flags = COMMAND_INTERSPERSED,
};
