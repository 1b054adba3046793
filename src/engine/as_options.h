/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way back: the options of `run` that make a container as it is recorded. From Docker's structure (Config, HostConfig, MountPoints or Mounts,
 * NetworkSettings; ours under Cloche), so that it works for Docker's own files, too. What the image says anyway is left out, and
 * what every container has.
 *
 *	as_options_make(record->config, image_config, id, AS_PLAIN, &options);
 *	for (size_t i = 0; i < options.count; i++)
 *		... options.list[i].name, options.list[i].value
 */
#ifndef CLOCHE_ENGINE_AS_OPTIONS_H
#define CLOCHE_ENGINE_AS_OPTIONS_H

#include <jansson.h>
#include <stddef.h>

enum as_flag {
	AS_PLAIN = 0,
	AS_SAME_VOLUMES =
		1, /* volumes without a name are named: the new container goes on with their files */
};

struct as_option {
	const char *name; /* "memory" */
	char *value;	  /* NULL: a switch */
};

struct as_options {
	struct as_option *list;
	size_t count;
	char *image;	/* "" with --rootfs */
	char **command; /* NULL: the image's */
};
#define AS_OPTIONS_NONE ((struct as_options){ 0 })

/* image: the "config" object of the image, or NULL. --name is not among them. */
void as_options_make(const json_t *config, const json_t *image, const char *id, unsigned int flags,
		     struct as_options *ret_options);
void as_options_clear(struct as_options *options);
/* As words for execve(2) and opt_parse(): options, image, command. A string list. */
char **as_options_words(const struct as_options *options);

#endif
