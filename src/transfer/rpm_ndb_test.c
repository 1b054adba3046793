/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/rpm_ndb.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

enum { HEADER = 8 + 3 * 16 + 12, SIZE = 4096 + 2 * 128 };

/* name "bash", version "5", release "1" */
static const unsigned char header[HEADER] = {
	0,   0,	  0,   3,    0, 0,   0, 12,			     /* */
	0,   0,	  3,   0xe8, 0, 0,   0, 6,   0, 0, 0, 0, 0, 0, 0, 1, /* NAME */
	0,   0,	  3,   0xe9, 0, 0,   0, 6,   0, 0, 0, 5, 0, 0, 0, 1, /* VERSION */
	0,   0,	  3,   0xea, 0, 0,   0, 6,   0, 0, 0, 7, 0, 0, 0, 1, /* RELEASE */
	'b', 'a', 's', 'h',  0, '5', 0, '1', 0, 0, 0, 0,
};

static void put32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

/* Two packages of the name bash; the third slot is free. */
static unsigned char *whole(void)
{
	unsigned char *bytes = mem_new(SIZE); /* the sanitizers see its end */

	memcpy(bytes, "RpmP", 4);
	put32(bytes + 12, 1);
	for (uint32_t i = 0; i < 3; i++) {
		unsigned char *slot = bytes + 32 + 16 * (size_t)i,
			      *blob = bytes + 4096 + 128 * (size_t)i;

		memcpy(slot, "Slot", 4);
		if (i == 2)
			break;
		put32(slot + 4, i + 1);
		put32(slot + 8, (4096 + 128 * i) / 16);
		put32(slot + 12, 8);
		memcpy(blob, "BlbS", 4);
		put32(blob + 4, i + 1);
		put32(blob + 12, HEADER);
		memcpy(blob + 16, header, HEADER);
	}
	return bytes;
}

#define BASH "Package: bash\nVersion: 5-1\n\n"

static void each_slot_is_a_package(void **state)
{
	_cleanup_free_ unsigned char *bytes = whole();
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(rpm_ndb_is(bytes, SIZE));
	assert_int_equal(rpm_ndb_tell(bytes, SIZE, &text, &err), 0);
	assert_string_equal(text.data, BASH BASH);
}

static void a_slot_that_leads_elsewhere_is_left_out(void **state)
{
	static const uint32_t wrong[] = { 0, 1, 257, 0x10000000, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_free_ unsigned char *bytes = whole();
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
		struct err err = ERR_NONE;

		put32(bytes + 32 + 8, wrong[i]);
		assert_int_equal(rpm_ndb_tell(bytes, SIZE, &text, &err), 0);
		assert_string_equal(text.data, BASH);
	}
}

static void one_package_a_hundred_times_is_told_as_often_as_it_fits(void **state)
{
	_cleanup_free_ unsigned char *bytes = whole();
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	for (size_t i = 2; i < 200; i++)
		memcpy(bytes + 16 * i, bytes + 32, 16);
	assert_int_equal(rpm_ndb_tell(bytes, SIZE, &text, &err), 0);
	assert_int_equal(text.length, SIZE / HEADER * strlen(BASH));
}

static void slots_that_are_not_there_are_an_error(void **state)
{
	_cleanup_free_ unsigned char *bytes = whole();
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	put32(bytes + 12, 2);
	assert_int_equal(rpm_ndb_tell(bytes, SIZE, &text, &err), -EBADMSG);
	assert_string_equal(err.words,
			    "the rpm database is damaged: 2 pages of slots in 4352 bytes");
	put32(bytes + 12, 1);
	put32(bytes + 4, 9);
	err_clear(&err);
	assert_int_equal(rpm_ndb_tell(bytes, SIZE, &text, &err), -EBADMSG);
	assert_string_equal(err.words, "the rpm database is of version 9, not 0");
	err_clear(&err);
	assert_false(rpm_ndb_is(bytes, 31));
}

static void any_changed_byte_is_survived(void **state)
{
	_cleanup_free_ unsigned char *bytes = whole();

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
			struct err err = ERR_NONE;

			bytes[i] ^= (unsigned char)(1u << bit);
			if (rpm_ndb_is(bytes, SIZE))
				(void)rpm_ndb_tell(bytes, SIZE, &text, &err);
			err_clear(&err);
			bytes[i] ^= (unsigned char)(1u << bit);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_slot_is_a_package),
		cmocka_unit_test(a_slot_that_leads_elsewhere_is_left_out),
		cmocka_unit_test(one_package_a_hundred_times_is_told_as_often_as_it_fits),
		cmocka_unit_test(slots_that_are_not_there_are_an_error),
		cmocka_unit_test(any_changed_byte_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
