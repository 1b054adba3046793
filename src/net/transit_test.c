/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/transit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { USER = 7 };

static void rule(struct transit *t, enum fit fit, enum fate fate, uint64_t to)
{
	transit_rule_add(t, &(struct transit_rule){ .fits = { (uint8_t)fit },
						    .fate = fate,
						    .to = to,
						    .number = t->count + 1 });
}

static void policy(struct transit *t, enum fate fate)
{
	transit_rule_add(t, &(struct transit_rule){ .fits = { FIT_ALL },
						    .fate = fate,
						    .number = 99,
						    .policy = true });
}

/* The number of the rule that drops what comes to the first chain; 0: none. */
static uint64_t dropped(struct transit *t)
{
	const struct transit_rule *r = transit_dropped(t, 0, 0);
	uint64_t number = r ? r->number : 0;

	transit_clear(t);
	return number;
}

static struct transit forward(void)
{
	struct transit t = TRANSIT_NONE;

	transit_chain_add(&t, "FORWARD", 0, true);
	return t;
}

static void the_first_that_fits_all_decides(void **state)
{
	struct transit t = forward();

	(void)state;
	rule(&t, FIT_NONE, FATE_ACCEPT, 0);
	rule(&t, FIT_SOME, FATE_DROP, 0);
	rule(&t, FIT_ALL, FATE_NEXT, 0);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	policy(&t, FATE_ACCEPT);
	assert_int_equal(dropped(&t), 4);
	t = forward();
	rule(&t, FIT_ALL, FATE_ACCEPT, 0);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	policy(&t, FATE_DROP);
	assert_int_equal(dropped(&t), 0);
	t = forward();
	rule(&t, FIT_NONE, FATE_ACCEPT, 0);
	policy(&t, FATE_DROP);
	assert_int_equal(dropped(&t), 99);
}

static void where_some_were_let_by_nothing_is_certain(void **state)
{
	struct transit t = forward();

	(void)state;
	rule(&t, FIT_SOME, FATE_ACCEPT, 0);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	policy(&t, FATE_DROP);
	assert_int_equal(dropped(&t), 0);
	t = forward();
	rule(&t, FIT_ALL, FATE_UNKNOWN, 0);
	policy(&t, FATE_DROP);
	assert_int_equal(dropped(&t), 0);
}

static void jumps_come_back_and_gotos_do_not(void **state)
{
	struct transit t = forward();

	(void)state;
	rule(&t, FIT_ALL, FATE_JUMP, USER);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	policy(&t, FATE_ACCEPT);
	transit_chain_add(&t, "user", USER, false);
	rule(&t, FIT_SOME, FATE_RETURN, 0);
	rule(&t, FIT_NONE, FATE_ACCEPT, 0);
	assert_int_equal(dropped(&t), 2);
	t = forward();
	rule(&t, FIT_ALL, FATE_GOTO, USER);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	policy(&t, FATE_ACCEPT);
	transit_chain_add(&t, "user", USER, false);
	assert_int_equal(dropped(&t), 0);
	t = forward();
	rule(&t, FIT_ALL, FATE_JUMP, USER);
	policy(&t, FATE_ACCEPT);
	transit_chain_add(&t, "user", USER, false);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	assert_int_equal(dropped(&t), 3);
}

static void of_a_part_that_returned_the_rest_is_not_dropped(void **state)
{
	struct transit t = forward();

	(void)state;
	rule(&t, FIT_ALL, FATE_JUMP, USER);
	policy(&t, FATE_ACCEPT);
	transit_chain_add(&t, "user", USER, false);
	rule(&t, FIT_SOME, FATE_RETURN, 0);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	assert_int_equal(dropped(&t), 0);
	t = forward();
	rule(&t, FIT_SOME, FATE_JUMP, USER);
	policy(&t, FATE_ACCEPT);
	transit_chain_add(&t, "user", USER, false);
	rule(&t, FIT_ALL, FATE_DROP, 0);
	assert_int_equal(dropped(&t), 0);
}

static void chains_that_go_round_end(void **state)
{
	struct transit t = forward();

	(void)state;
	rule(&t, FIT_ALL, FATE_JUMP, USER);
	policy(&t, FATE_DROP);
	transit_chain_add(&t, "user", USER, false);
	rule(&t, FIT_ALL, FATE_JUMP, USER);
	rule(&t, FIT_ALL, FATE_JUMP, USER);
	assert_int_equal(dropped(&t), 0);
}

static void targets_of_x_tables_are_known_by_name(void **state)
{
	(void)state;
	assert_int_equal(transit_target("REJECT"), FATE_DROP);
	assert_int_equal(transit_target("LOG"), FATE_NEXT);
	assert_int_equal(transit_target("NFQUEUE"), FATE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_fits_all_decides),
		cmocka_unit_test(where_some_were_let_by_nothing_is_certain),
		cmocka_unit_test(jumps_come_back_and_gotos_do_not),
		cmocka_unit_test(of_a_part_that_returned_the_rest_is_not_dropped),
		cmocka_unit_test(chains_that_go_round_end),
		cmocka_unit_test(targets_of_x_tables_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
