/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crun's annotations (run.oci.*) that make sense here. One that we know and cannot follow is an error, never passed over. */
#ifndef CLOCHE_OCI_ANNOTATION_H
#define CLOCHE_OCI_ANNOTATION_H

struct err;
struct launch_options;
struct spec;

/* Before the spec is checked. options->pidfd_socket may come from the spec, and lives as long. */
int annotations_apply(struct spec *spec, struct launch_options *options, struct err *err);
/* run.oci.hooks.stdout and stderr: opened for all hooks, for as long as this program runs. */
int annotations_open_hooks(struct spec *spec, struct err *err);

#endif
