/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "top/rows.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "engine/engine.h"
#include "host/owner.h"

static const char *const words[] = { "cpu", "memory", "processes", "name", "engine" };

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Ticks of this process since the last reading; all it has when it is newer. */
static uint64_t ticks_since(const struct top_rows *rows, const struct process *process)
{
	const struct process *before = process_find(&rows->before, process->pid);

	if (!before || before->start_ticks != process->start_ticks)
		return process->cpu_ticks;
	return process->cpu_ticks > before->cpu_ticks ? process->cpu_ticks - before->cpu_ticks : 0;
}

static const struct top_row *row_before(const struct top_rows *rows, const char *key)
{
	for (size_t i = 0; i < rows->all; i++)
		if (strcmp(rows->list[i].key, key) == 0)
			return &rows->list[i];
	return NULL;
}

static void row_fill(struct top_row *row, const struct owner *owner, bool host)
{
	(void)str_append(row->engine, sizeof(row->engine), host ? "host" : owner_engine(owner));
	(void)str_append(row->id, sizeof(row->id), *owner->id ? owner->id : owner->name);
	(void)str_append(row->name, sizeof(row->name), host ? "-" : owner_title(owner));
	(void)str_append(row->image, sizeof(row->image), owner->image);
	(void)str_append(row->key, sizeof(row->key), row->engine);
	(void)str_append(row->key, sizeof(row->key), " ");
	(void)str_append(row->key, sizeof(row->key), row->id);
	row->memory_kb = owner->rss_kb;
	row->swap_kb = owner->swap_kb;
	row->limit_kb = owner->memory_limit_bytes == UINT64_MAX ? 0 :
								  owner->memory_limit_bytes / 1024;
	row->processes = owner->processes;
	row->host = host;
}

static void cpu_fill(struct top_rows *rows, struct top_row *fresh,
		     const struct process_table *table, int64_t at_ns)
{
	double seconds = (double)(at_ns - rows->before_ns) / 1e9;
	uint64_t *ticks = mem_new(table->owner_count * sizeof(*ticks) + 1);

	for (size_t i = 0; i < table->count; i++)
		ticks[table->list[i].owner] += ticks_since(rows, &table->list[i]);
	for (size_t i = 0; i < table->owner_count; i++) {
		const struct top_row *before = row_before(rows, fresh[i].key);
		double percent = rows->before_ns && seconds > 0 && table->boot_ticks_per_second ?
					 100.0 * (double)ticks[i] /
						 (double)table->boot_ticks_per_second / seconds :
					 0;

		fresh[i].cpu_percent = before ? 0.5 * before->cpu_percent + 0.5 * percent : percent;
	}
	free(ticks);
}

int top_rows_read(struct top_rows *rows, struct engine *engine, struct err *err)
{
	struct process_table table = PROCESS_TABLE_EMPTY;
	struct top_row *fresh;
	int64_t at_ns = now_ns();
	int r = process_table_read(&table, 0, err);

	if (r < 0)
		return r;
	owner_name_all(&table, engine_store(engine, err), engine->suffix);
	engine_store_close(engine); /* nobody waits for a reader */
	owner_limits_all(&table);
	fresh = mem_new(table.owner_count * sizeof(*fresh) + 1);
	for (size_t i = 0; i < table.owner_count; i++)
		row_fill(&fresh[i], &table.owners[i], i == 0);
	cpu_fill(rows, fresh, &table, at_ns);
	free(rows->list);
	process_table_clear(&rows->before);
	rows->list = fresh;
	rows->count = rows->all = table.owner_count;
	rows->containers = table.owner_count > 0 ? table.owner_count - 1 : 0;
	rows->before = table;
	rows->before_ns = at_ns;
	return 0;
}

/* -- order ------------------------------------------------------------------------------------ */

static int larger(double a, double b)
{
	return a > b ? -1 : a < b ? 1 : 0;
}

static int row_compare(const void *left, const void *right, void *data)
{
	const struct top_row *a = left, *b = right;
	const enum top_sort *sort = data;
	int order = 0;

	switch (*sort) {
	case TOP_SORT_CPU:
		order = larger(a->cpu_percent, b->cpu_percent);
		break;
	case TOP_SORT_MEMORY:
		order = larger((double)a->memory_kb, (double)b->memory_kb);
		break;
	case TOP_SORT_PROCESSES:
		order = larger((double)a->processes, (double)b->processes);
		break;
	case TOP_SORT_ENGINE:
		order = strcmp(a->engine, b->engine);
		break;
	case TOP_SORT_NAME:
		break;
	}
	return order ? order : strcmp(a->name, b->name);
}

static bool row_wanted(const struct top_row *row, const char *filter)
{
	return !*filter || strstr(row->name, filter) || strstr(row->image, filter) ||
	       strstr(row->engine, filter);
}

void top_rows_sort(struct top_rows *rows, enum top_sort sort, const char *filter)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->all; i++) {
		struct top_row row = rows->list[i];

		if (!row_wanted(&row, filter))
			continue;
		rows->list[i] = rows->list[kept];
		rows->list[kept++] = row;
	}
	rows->count = kept;
	if (kept > 1)
		qsort_r(rows->list, kept, sizeof(*rows->list), row_compare, &sort);
}

enum top_sort top_sort_next(enum top_sort sort, int step)
{
	int count = (int)ARRAY_SIZE(words);

	return (enum top_sort)(((int)sort + step + count) % count);
}

const char *top_sort_word(enum top_sort sort)
{
	return words[sort];
}

void top_rows_clear(struct top_rows *rows)
{
	free(rows->list);
	process_table_clear(&rows->before);
	*rows = (struct top_rows){ 0 };
}
