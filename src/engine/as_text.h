/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container as somebody would write it: a command line, a service of a Compose file (compose-spec), a unit of Podman's Quadlet
 * (podman-systemd.unit(5)). What a form has no word for stands in it as a comment, or as PodmanArgs.
 */
#ifndef CLOCHE_ENGINE_AS_TEXT_H
#define CLOCHE_ENGINE_AS_TEXT_H

struct as_options;
struct buf;

/* "cloche run --name web \" and a line for each option, quoted for a shell. */
void as_text_run(const struct as_options *options, const char *name, struct buf *out);
void as_text_compose(const struct as_options *options, const char *name, struct buf *out);
void as_text_quadlet(const struct as_options *options, const char *name, struct buf *out);

#endif
