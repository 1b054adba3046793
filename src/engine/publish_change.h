/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports published and taken back while the container runs, and for its next starts: update --publish-add, --publish-rm.
 * Sessions that are established go on. */
#ifndef CLOCHE_ENGINE_PUBLISH_CHANGE_H
#define CLOCHE_ENGINE_PUBLISH_CHANGE_H

struct container_status;
struct create_options;
struct engine;
struct err;
struct record;

/* options->publish_add, publish_rm. The caller has the container's lock, and writes the changed record->config down. What goes, goes first, so that a port
 * can move; when an addition fails then, what was taken back comes again with the next start. */
int publish_change(struct engine *engine, struct record *record,
		   const struct container_status *status, const struct create_options *options,
		   struct err *err);

#endif
