/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a network made with --config-only was given, kept as it was typed for those that are made with --config-from. */
#ifndef CLOCHE_ENGINE_NETWORK_GIVEN_H
#define CLOCHE_ENGINE_NETWORK_GIVEN_H

#include <jansson.h>

struct network_options;

json_t *network_given(const struct network_options *options);
/* The texts are copies and borrowed from `given`: network_given_clear before that goes. */
void network_given_read(const json_t *given, struct network_options *ret_options);
void network_given_clear(struct network_options *options);

#endif
