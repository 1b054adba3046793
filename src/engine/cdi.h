/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices by name, "vendor.com/class=name", as CDI files describe them (Container Device Interface 0.6 to 1.1, SPEC.md): JSON and YAML
 * files in the folders of the setting cdi-dirs, of which a later one wins. */
#ifndef CLOCHE_ENGINE_CDI_H
#define CLOCHE_ENGINE_CDI_H

#include <jansson.h>
#include <stdbool.h>

struct built_spec;
struct err;

bool cdi_is_name(const char *text); /* of --device: this, or a path */
/* --gpus: "all", a number, or "device=0,1", as names of nvidia.com/gpu, added to *names. */
int cdi_gpus(const char *text, char ***names, struct err *err);
/* Whether each is known and possible. dirs: folders with colons between. */
int cdi_check(const char *dirs, char *const *names, struct err *err);
/* At a start: what the files say of each, into built->spec. */
int cdi_apply(const char *dirs, char *const *names, struct built_spec *built, struct err *err);

#endif
