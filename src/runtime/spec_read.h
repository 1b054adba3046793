/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.json and process.json of the OCI runtime spec (1.0 to 1.3) into a struct spec.
 *
 *	struct spec *spec = spec_new();
 *	r = spec_read(text, length, spec, err);
 *	r = spec_check(spec, err);
 *
 * Unknown properties are passed over, unknown values refused (config.md, "Extensibility" and "Valid values"). What we know
 * and cannot do is -EOPNOTSUPP with the reason, never left out in silence. The reading opens no file.
 */
#ifndef CLOCHE_RUNTIME_SPEC_READ_H
#define CLOCHE_RUNTIME_SPEC_READ_H

#include <stddef.h>

struct err;
struct spec;
struct spec_process;
struct spec_resources;

#define SPEC_VERSION_MIN "1.0.0"
#define SPEC_VERSION_MAX "1.3.0"
#define SPEC_FILE_MAX (16 << 20)

/* On failure the spec is partly filled: spec_free it. */
int spec_read(const char *text, size_t length, struct spec *spec, struct err *err);
/* The file of `exec --process`: replaces spec->process as a whole. */
int spec_read_process(const char *text, size_t length, struct spec *spec, struct err *err);
/* The file of `mounts`: an array as config.json's "mounts" is, or an object with it. Adds to spec->mounts. */
int spec_read_mounts(const char *text, size_t length, struct spec *spec, struct err *err);
/* The file of `update --resources`. */
int spec_read_resources(const char *text, size_t length, struct spec_resources *resources,
			struct err *err);

/* Names as a config.json has them, for `features`; NULL past the last. */
const char *spec_namespace_name(size_t index);
const char *spec_hook_name(size_t index);

/* What must hold between fields before a container can be made of it. */
int spec_check(const struct spec *spec, struct err *err);
int spec_check_process(const struct spec_process *process, struct err *err);

#endif
