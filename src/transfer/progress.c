/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

enum { TURN_MS = 100, BAR_MAX = 40, WIDTH_MIN = 24 };

static const char *const words[] = {
	[PHASE_WAITING] = "Waiting",	   [PHASE_ELSEWHERE] = "Waiting for another pull",
	[PHASE_EXISTS] = "Already exists", [PHASE_DOWNLOADING] = "Downloading",
	[PHASE_EXTRACTING] = "Extracting", [PHASE_UPLOADING] = "Pushing",
	[PHASE_MOUNTED] = "Mounted",	   [PHASE_DONE] = "Pull complete",
	[PHASE_PUSHED] = "Pushed",	   [PHASE_FAILED] = "Failed",
};

int progress_mode_parse(const char *text, enum progress_mode *ret_mode, struct err *err)
{
	static const struct {
		const char *word;
		enum progress_mode mode;
	} modes[] = {
		{ "auto", PROGRESS_AUTO }, { "tty", PROGRESS_TTY },    { "plain", PROGRESS_PLAIN },
		{ "json", PROGRESS_JSON }, { "none", PROGRESS_QUIET }, { "quiet", PROGRESS_QUIET },
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcmp(modes[i].word, text) == 0) {
			*ret_mode = modes[i].mode;
			return 0;
		}
	return err_set(err, EINVAL, "--progress is auto, tty, plain, json or none, not \"%.50s\"",
		       text);
}

void progress_init(struct progress *progress, enum progress_mode mode)
{
	pthread_condattr_t clock;

	*progress = (struct progress){ .mode = mode };
	if (mode == PROGRESS_AUTO)
		progress->mode = isatty(STDERR_FILENO) ? PROGRESS_TTY : PROGRESS_PLAIN;
	(void)pthread_mutex_init(&progress->mutex, NULL);
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&progress->changed, &clock);
	(void)pthread_condattr_destroy(&clock);
	(void)clock_gettime(CLOCK_MONOTONIC, &progress->began);
}

void progress_clear(struct progress *progress)
{
	(void)pthread_cond_destroy(&progress->changed);
	(void)pthread_mutex_destroy(&progress->mutex);
	free(progress->rows);
	*progress = (struct progress){ 0 };
}

size_t progress_add(struct progress *progress, const char *id, uint64_t total)
{
	struct progress_row *row;

	progress->rows = reallocarray(progress->rows, progress->count + 1, sizeof(*row));
	if (!progress->rows)
		abort();
	row = &progress->rows[progress->count];
	*row = (struct progress_row){ .total = total, .told = PHASE_WAITING };
	(void)snprintf(row->id, sizeof(row->id), "%s", id);
	return progress->count++;
}

/* -- lines ------------------------------------------------------------------------------------ */

static void amount(char out[16], uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1000;
	(void)snprintf(out, 16,
		       value < 9.995 && unit ? "%.2f%s" :
		       value < 99.95 && unit ? "%.1f%s" :
					       "%.0f%s",
		       value, units[unit]);
}

static void tell_json(const struct progress_row *row)
{
	(void)fprintf(stderr, "{\"id\":\"%s\",\"phase\":\"%s\",\"current\":%llu,\"total\":%llu}\n",
		      row->id, words[row->phase], (unsigned long long)row->current,
		      (unsigned long long)row->total);
}

static void tell_change(struct progress *progress, struct progress_row *row)
{
	if (row->phase == row->told)
		return;
	row->told = row->phase;
	if (progress->mode == PROGRESS_PLAIN)
		(void)fprintf(stderr, "%s: %s\n", row->id, words[row->phase]);
	if (progress->mode == PROGRESS_JSON)
		tell_json(row);
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

static void put_bar(struct buf *line, uint64_t current, uint64_t total, size_t width)
{
	size_t full = total ? (size_t)((double)current / (double)total * (double)width) : 0;

	if (width < 5)
		return;
	buf_puts(line, " [");
	for (size_t i = 0; i < width; i++)
		buf_puts(line, i < full ? "=" : i == full ? ">" : " ");
	buf_puts(line, "]");
}

/* A line no longer than the terminal is wide, so that as many lines go up as were written. */
static void put_line(struct buf *out, struct buf *line, size_t width)
{
	if (line->length >= width)
		line->length = width - 1;
	buf_add(out, line->data, line->length);
	buf_puts(out, "\033[K\n");
	buf_clear(line);
}

static void put_row(struct buf *out, const struct progress_row *row, size_t width)
{
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;
	char current[16], total[16];

	buf_printf(&line, "%s: %s", row->id, words[row->phase]);
	if (row->phase == PHASE_DOWNLOADING || row->phase == PHASE_UPLOADING) {
		amount(current, row->current);
		amount(total, row->total);
		if (width > 60)
			put_bar(&line, row->current, row->total,
				width - 55 < BAR_MAX ? width - 55 : BAR_MAX);
		buf_printf(&line, " %s/%s", current, total);
	}
	put_line(out, &line, width);
}

static bool put_total(const struct progress *progress, struct buf *out, size_t width)
{
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;
	uint64_t current = 0, total = 0, before = 0;
	char have[16], all[16], rate_text[16];
	struct timespec now;
	double seconds, rate;

	for (size_t i = 0; i < progress->count; i++) {
		current += progress->rows[i].current;
		total += progress->rows[i].total;
		before += progress->rows[i].before;
	}
	if (total == 0)
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = (double)(now.tv_sec - progress->began.tv_sec) +
		  (double)(now.tv_nsec - progress->began.tv_nsec) / 1e9;
	rate = seconds > 0.05 ? (double)(current - before) / seconds : 0;
	amount(have, current);
	amount(all, total);
	amount(rate_text, (uint64_t)rate);
	buf_puts(&line, "Total");
	if (width > 60)
		put_bar(&line, current, total, width - 55 < BAR_MAX ? width - 55 : BAR_MAX);
	buf_printf(&line, " %s/%s %s/s", have, all, rate_text);
	if (rate > 1 && current < total)
		buf_printf(&line, " %.0fs left", (double)(total - current) / rate);
	put_line(out, &line, width);
	return true;
}

static void show_tty(struct progress *progress)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	size_t width = terminal_width();

	if (progress->lines > 0)
		buf_printf(&out, "\033[%zuA", progress->lines);
	progress->lines = progress->count + put_total(progress, &out, width);
	for (size_t i = 0; i < progress->count; i++)
		put_row(&out, &progress->rows[i], width);
	if (out.data)
		(void)fwrite(out.data, 1, out.length, stderr);
	(void)fflush(stderr);
}

static void show(struct progress *progress)
{
	if (progress->mode == PROGRESS_TTY) {
		show_tty(progress);
		return;
	}
	for (size_t i = 0; i < progress->count; i++) {
		struct progress_row *row = &progress->rows[i];

		tell_change(progress, row);
		if (progress->mode == PROGRESS_JSON &&
		    (row->phase == PHASE_DOWNLOADING || row->phase == PHASE_UPLOADING))
			tell_json(row);
	}
}

/* -- from the threads ------------------------------------------------------------------------- */

void progress_phase(struct progress *progress, size_t row, enum progress_phase phase)
{
	(void)pthread_mutex_lock(&progress->mutex);
	progress->rows[row].phase = phase;
	if (progress->mode != PROGRESS_TTY)
		tell_change(progress, &progress->rows[row]);
	(void)pthread_mutex_unlock(&progress->mutex);
}

void progress_count(struct progress *progress, size_t row, uint64_t bytes)
{
	(void)pthread_mutex_lock(&progress->mutex);
	progress->rows[row].current += bytes;
	(void)pthread_mutex_unlock(&progress->mutex);
}

void progress_at(struct progress *progress, size_t row, uint64_t current)
{
	(void)pthread_mutex_lock(&progress->mutex);
	progress->rows[row].current = current;
	(void)pthread_mutex_unlock(&progress->mutex);
}

void progress_resume(struct progress *progress, size_t row, uint64_t bytes)
{
	(void)pthread_mutex_lock(&progress->mutex);
	progress->rows[row].current += bytes;
	progress->rows[row].before += bytes;
	(void)pthread_mutex_unlock(&progress->mutex);
}

void progress_begin(struct progress *progress, size_t threads)
{
	(void)pthread_mutex_lock(&progress->mutex);
	progress->pending += threads;
	(void)pthread_mutex_unlock(&progress->mutex);
}

void progress_end_one(struct progress *progress)
{
	(void)pthread_mutex_lock(&progress->mutex);
	progress->pending--;
	(void)pthread_cond_signal(&progress->changed);
	(void)pthread_mutex_unlock(&progress->mutex);
}

void progress_wait(struct progress *progress)
{
	(void)pthread_mutex_lock(&progress->mutex);
	while (progress->pending > 0) {
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TURN_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		(void)pthread_cond_timedwait(&progress->changed, &progress->mutex, &until);
		show(progress);
	}
	(void)pthread_mutex_unlock(&progress->mutex);
}
