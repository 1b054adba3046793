/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux.cgroupsPath in its two forms: a path beneath each hierarchy's mount, and "slice:prefix:name" for systemd. */
#ifndef CLOCHE_OCI_CGROUP_PATH_H
#define CLOCHE_OCI_CGROUP_PATH_H

struct err;
struct oci;
struct scope;
struct spec;

/* Replace spec->cgroup_path by the absolute path to use; with systemd, *ret_scope is the unit that will be there. */
int cgroup_path_resolve(const struct oci *oci, struct spec *spec, const char *id,
			struct scope *ret_scope, struct err *err);

#endif
