/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices and limits of a start's spec: nodes with the rules of the cgroup that let them be opened. For spec_build.c; spec_device_add() and
 * spec_resources() are in spec_build.h. */
#ifndef CLOCHE_ENGINE_SPEC_DEVICE_H
#define CLOCHE_ENGINE_SPEC_DEVICE_H

struct err;
struct record;
struct spec;

int spec_devices_fill(const struct record *record, struct spec *spec, struct err *err);
/* Links of the host go into a network of the container's own alone: -EINVAL with words. */
int spec_links_check(const struct record *record, const struct spec *spec, struct err *err);

#endif
