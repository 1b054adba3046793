/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container whose first process is systemd (--systemd): what systemd expects of whoever starts it, by its page
 * CONTAINER_INTERFACE. File systems in memory at /run, /run/lock, /tmp and /var/log/journal, filled with what the image has there;
 * a part of the cgroup tree of its own to divide (on v1 hosts those hierarchies alone that limit nothing); SIGRTMIN+3 as the signal
 * that stops it; the variables container and container_uuid. */
#ifndef CLOCHE_ENGINE_SYSTEMD_INIT_H
#define CLOCHE_ENGINE_SYSTEMD_INIT_H

#include <jansson.h>
#include <stdbool.h>

struct create_options;
struct err;
struct record;
struct spec;

/* --systemd: true (the default) looks whether `path`, the program that is started, is one of the names that an init has; always and
 * false do not look. What is so goes into own ("SystemdInit", and "Systemd" as typed) and config (StopSignal, unless there is one). */
int systemd_init_option(const struct create_options *options, const char *path, const json_t *host,
			json_t *config, json_t *own, struct err *err);
bool systemd_init_is(const struct record *record);
/* After the mounts that every container has, before the user's. Where the user mounts something himself, there is his alone. */
void systemd_init_fill(const struct record *record, struct spec *spec);

#endif
