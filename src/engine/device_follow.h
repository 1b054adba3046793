/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --device ...,follow: a device that is unplugged and comes back, with other numbers perhaps, is in the container again. It need not be
 * there when the container starts.
 *
 * The keeper hears of devices from the kernel and from udev (netlink, NETLINK_KOBJECT_UEVENT), and runs `cloche system mend`, which comes to
 * device_follow_mend(). A start with such a device starts the keeper, whatever the setting says. RUN/ID/follow has what the container was
 * given, "MAJOR:MINOR PATH" a line, 0:0 for none; by it the keeper sees that somebody wants to know. */
#ifndef CLOCHE_ENGINE_DEVICE_FOLLOW_H
#define CLOCHE_ENGINE_DEVICE_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>

struct engine;
struct err;
struct record;

/* --device without ",follow" at its end; the caller's. */
char *device_follow_strip(const char *text, bool *ret_follow);
/* The places in the container of those of HostConfig.Devices that are followed, into own ("FollowDevices"). list: as typed. */
void device_follow_put(char *const *list, json_t *own);
bool device_follow_is(const struct record *record, const char *path);

/* The container's first process is about to go; run: RUN/ID. -errno with words: no keeper. */
int device_follow_started(struct engine *engine, const struct record *record, int run,
			  struct err *err);
/* Give and take what has changed. The caller holds no lock. */
void device_follow_mend(struct engine *engine, const char *id);

#endif
