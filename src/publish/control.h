/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine says to a running cloche-publish: one struct over a connection of its control socket, with a socket (SCM_RIGHTS) where
 * one is added; the answer is one byte, 1: done. */
#ifndef CLOCHE_PUBLISH_CONTROL_H
#define CLOCHE_PUBLISH_CONTROL_H

#include <stdint.h>

enum control_verb { CONTROL_HOLD = 1, CONTROL_LISTEN, CONTROL_DROP };

struct control_port {
	int32_t protocol, family;
	uint16_t port;
	uint8_t address[16];
};

struct control_message {
	uint32_t verb;
	struct control_port port; /* CONTROL_DROP */
	char listen[96];	  /* CONTROL_LISTEN: ADDRESS,PORT[/PREFIX][,clients] */
};

#endif
