/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of `run` that become numbers and lists of HostConfig: limits, devices, capabilities, security. */
#ifndef CLOCHE_ENGINE_LIMIT_OPTION_H
#define CLOCHE_ENGINE_LIMIT_OPTION_H

#include <jansson.h>

struct create_options;
struct engine;
struct err;

int limit_options(struct engine *engine, const struct create_options *options, json_t *host_config,
		  struct err *err);
int right_options(const struct create_options *options, json_t *host_config, struct err *err);
/* --network, --pid, --ipc, --uts, --userns, --cgroupns, --restart and what else names a mode. */
int mode_options(struct engine *engine, const struct create_options *options, json_t *host_config,
		 char ***warnings, struct err *err);

/* --device as HostConfig.Devices, without those of CDI. */
int device_list_put(json_t *host_config, char *const *list, struct err *err);

#endif
