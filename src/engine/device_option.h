/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of `run` about devices by number: rules of the device cgroup, and weights and rates of block devices. */
#ifndef CLOCHE_ENGINE_DEVICE_OPTION_H
#define CLOCHE_ENGINE_DEVICE_OPTION_H

#include <jansson.h>

struct create_options;
struct err;
struct spec_device_rule;
struct spec_resources;

/* HostConfig.DeviceCgroupRules, BlkioWeight, BlkioWeightDevice, BlkioDeviceReadBps and its kin. Paths are looked at now and
 * stored as they were given, as Docker has it. */
int device_options(const struct create_options *options, json_t *host_config, struct err *err);
/* A warning for each of HostConfig.Devices that no driver of this kernel answers for: opening it may load a module, or fail. */
void device_driver_warn(const json_t *host_config, char ***warnings);
/* "c 10:200 rwm": of type a, b or c; numbers or *; of r, w and m. */
int device_rule_parse(const char *text, struct spec_device_rule *ret_rule, struct err *err);

/* What of these, and OomKillDisable, is not a field of resources but a file of a cgroup, from HostConfig. */
int device_limits(const json_t *host_config, struct spec_resources *resources, struct err *err);

#endif
