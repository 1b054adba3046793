/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cgroup_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "oci/oci.h"
#include "runtime/scope.h"
#include "runtime/spec.h"

/* "a/../b//c" as "/b/c": never out of the hierarchy. */
static char *path_clean(const char *path)
{
	_cleanup_strv_ char **parts = strv_split(path, '/');
	_cleanup_strv_ char **kept = NULL;
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

	for (size_t i = 0; parts[i]; i++) {
		size_t n = strv_length(kept);

		if (!*parts[i] || strcmp(parts[i], ".") == 0)
			continue;
		if (strcmp(parts[i], "..") != 0) {
			strv_add(&kept, parts[i]);
		} else if (n > 0) {
			free(kept[n - 1]);
			kept[n - 1] = NULL;
		}
	}
	for (size_t i = 0; kept && kept[i]; i++)
		buf_printf(&out, "/%s", kept[i]);
	return str_dup(out.length ? out.data : "");
}

int cgroup_path_resolve(const struct oci *oci, struct spec *spec, const char *id,
			struct scope *ret_scope, struct err *err)
{
	const char *told = spec->cgroup_path && *spec->cgroup_path ? spec->cgroup_path : NULL;
	char *path;

	if (oci->systemd_cgroup) {
		int r;

		if (!scope_possible()) {
			err_set(err, EOPNOTSUPP, "--systemd-cgroup: systemd does not run here");
			return err_hint(err, "use the cgroupfs driver");
		}
		r = scope_parse(told, id, ret_scope, err);
		if (r < 0)
			return r;
		free(spec->cgroup_path);
		spec->cgroup_path = scope_path(ret_scope);
		spec->cgroup_adopted = true;
		return 0;
	}
	path = told ? path_clean(told) : str_printf("/cloche-runtime/%s", id);
	if (!*path) {
		free(path);
		return err_set(err, EINVAL,
			       "config.json: linux.cgroupsPath: \"%s\" is the root of all cgroups",
			       told);
	}
	free(spec->cgroup_path);
	spec->cgroup_path = path;
	return 0;
}
