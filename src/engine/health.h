/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Health checks. The monitor keeps the time and runs `cloche system health ID` when a check is due; that one executes the command in the
 * container and writes what it found into DIR/health, in Docker's structure (Status, FailingStreak, Log of the last five).
 * Config.Healthcheck has what to do: Docker's Test, Interval, Timeout, StartPeriod, StartInterval (nanoseconds), Retries.
 */
#ifndef CLOCHE_ENGINE_HEALTH_H
#define CLOCHE_ENGINE_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct create_options;
struct engine;
struct err;
struct record;

bool health_option_any(const struct create_options *options);
/* Config.Healthcheck from the options over the image's (may be NULL), and where it belongs what is to be done with an unhealthy one. */
int health_option(const struct create_options *options, const json_t *of_image, json_t *config,
		  json_t *own, struct err *err);
/* Is there a check? */
bool health_wanted(const struct record *record);
/* Milliseconds until the first check, between checks, and between checks before the first good one: for the monitor. */
void health_times(const struct record *record, int64_t *ret_first, int64_t *ret_interval,
		  int64_t *ret_start);
/* Its record has another check since the start: the monitor is told. */
void health_changed(struct engine *engine, const struct record *record);
/* The container is about to start: its health is "starting". */
void health_started(struct engine *engine, const struct record *record);
/* DIR/health; NULL when there is no check or it never started. The caller's. */
json_t *health_json(struct engine *engine, const struct record *record);
/* "starting", "healthy", "unhealthy", or "none" */
const char *health_word(const json_t *health);
/* Until it is healthy. -ECANCELED: it is unhealthy, or ended; -ETIMEDOUT. Closes the store. */
int health_wait(struct engine *engine, const char *id, int64_t patience_ms, struct err *err);
/* The work of `cloche system health ID`. 1: still within its start period and not healthy yet. */
int health_check(struct engine *engine, const char *id, struct err *err);

#endif
