/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A config.json, process.json or file of limits, as anyone may have written it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "oci/annotation.h"
#include "oci/launch.h"
#include "runtime/scope.h"
#include "runtime/seccomp_list.h"
#include "runtime/seccomp_oci.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spec_resources resources = { .memory_swappiness = -1 };
	struct seccomp_rules rules = { 0 };
	struct launch_options options = { 0 };
	struct scope scope = { 0 };
	struct spec *spec = spec_new();
	struct err err = ERR_NONE;

	if (spec_read((const char *)data, size, spec, &err) == 0 && spec_check(spec, &err) == 0)
		(void)spec_check_process(&spec->process, &err);
	(void)annotations_apply(spec, &options, &err);
	if (scope_parse(spec->cgroup_path, "id", &scope, &err) == 0)
		free(scope_path(&scope));
	scope_clear(&scope);
	if (spec->seccomp_json)
		(void)seccomp_oci_parse(spec->seccomp_json, &rules, &err);
	if (spec_read_process((const char *)data, size, spec, &err) == 0)
		(void)spec_check_process(&spec->process, &err);
	(void)spec_read_resources((const char *)data, size, &resources, &err);
	spec_resources_clear(&resources);
	seccomp_rules_clear(&rules);
	spec_free(spec);
	return 0;
}
