/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of forwarded packets through the chains of others: rules in the order in which they stand, and which of them drops a passage whole.
 * Only what is certain is told: where some packets of a passage are let through before, or a rule does what is not understood, nothing is said.
 *
 *	transit_chain_add(&transit, ...); transit_rule_add(&transit, ...); ... transit_end(&transit);
 *	at = transit_dropped(&transit, chain, &passage index);
 */
#ifndef CLOCHE_NET_TRANSIT_H
#define CLOCHE_NET_TRANSIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/passage.h"

enum { TRANSIT_PASSAGES = 24 };

enum fate {
	FATE_NEXT, /* the rule decides nothing */
	FATE_ACCEPT,
	FATE_DROP,
	FATE_RETURN,
	FATE_JUMP,
	FATE_GOTO,
	FATE_UNKNOWN,
};

struct transit_rule {
	uint8_t fits[TRANSIT_PASSAGES]; /* enum fit */
	enum fate fate;
	uint64_t to;	 /* FATE_JUMP, FATE_GOTO: the name of a place, which the caller chooses */
	uint64_t number; /* of the rule among its chain's, or its handle */
	size_t chain;
	bool policy;
};

struct transit_chain {
	char *name;
	uint64_t place; /* by which it is jumped to */
	size_t first;	/* rule */
	bool begins;	/* here packets come in */
};

struct transit {
	struct transit_rule *rules;
	struct transit_chain *chains;
	size_t count, chain_count;
};
#define TRANSIT_NONE ((struct transit){ 0 })
void transit_clear(struct transit *transit);

/* The rules that follow are its own, and the last of one that begins is its policy. A chain that does not begin ends with a return. */
void transit_chain_add(struct transit *transit, const char *name, uint64_t place, bool begins);
/* What a target of x_tables does, `-j NAME`. */
enum fate transit_target(const char *name);
void transit_rule_add(struct transit *transit, const struct transit_rule *rule);
/* The rule that drops all of the passage (index in `fits`) which comes to a chain that begins; NULL: none, or it is not certain. */
const struct transit_rule *transit_dropped(const struct transit *transit, size_t chain,
					   size_t passage);

#endif
