/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cgroup_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "oci/oci.h"
#include "runtime/spec.h"

/* sd_booted(3) */
static bool systemd_runs(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

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

int cgroup_path_resolve(const struct oci *oci, struct spec *spec, const char *id, struct err *err)
{
	const char *told = spec->cgroup_path && *spec->cgroup_path ? spec->cgroup_path : NULL;
	char *path;

	if (oci->systemd_cgroup) {
		if (!systemd_runs()) {
			err_set(err, EOPNOTSUPP, "--systemd-cgroup: systemd does not run here");
			return err_hint(err, "use the cgroupfs driver");
		}
		return err_set(err, EOPNOTSUPP,
			       "--systemd-cgroup: cgroups by systemd are not possible yet");
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
