/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/rpm_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

enum { SIZE = 8 + 4 * 16 + 20 };

/* name "bash", version "5.2", release "1", epoch 3 */
static const unsigned char whole[SIZE] = {
	0,   0,	  0,   4,    0, 0,   0,	  20,				  /* */
	0,   0,	  3,   0xe8, 0, 0,   0,	  6,   0, 0,   0, 0,  0, 0, 0, 1, /* NAME */
	0,   0,	  3,   0xe9, 0, 0,   0,	  6,   0, 0,   0, 5,  0, 0, 0, 1, /* VERSION */
	0,   0,	  3,   0xea, 0, 0,   0,	  6,   0, 0,   0, 9,  0, 0, 0, 1, /* RELEASE */
	0,   0,	  3,   0xeb, 0, 0,   0,	  4,   0, 0,   0, 12, 0, 0, 0, 1, /* EPOCH */
	'b', 'a', 's', 'h',  0, '5', '.', '2', 0, '1', 0, 0,  0, 0, 0, 3, 0, 0, 0, 0,
};

static bool told(const unsigned char *bytes, size_t size, const char *text)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	bool is = rpm_header_tell(bytes, size, &out);

	assert_string_equal(out.data ? out.data : "", text);
	return is;
}

static void a_header_tells_name_epoch_version_and_release(void **state)
{
	unsigned char other[SIZE];

	(void)state;
	assert_true(told(whole, SIZE, "Package: bash\nVersion: 3:5.2-1\n\n"));
	memcpy(other, whole, SIZE);
	other[8 + 3 * 16 + 2] = 4; /* no epoch, but some other tag */
	assert_true(told(other, SIZE, "Package: bash\nVersion: 5.2-1\n\n"));
}

static void cut_headers_tell_nothing(void **state)
{
	(void)state;
	for (size_t size = 0; size < SIZE; size++)
		assert_false(told(whole, size, ""));
}

static void any_changed_byte_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			_cleanup_free_ unsigned char *other =
				mem_new(SIZE); /* the sanitizers see its end */
			_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

			memcpy(other, whole, SIZE);
			other[i] ^= (unsigned char)(1u << bit);
			(void)rpm_header_tell(other, SIZE, &out);
		}
}

static void words_that_could_be_another_field_are_refused(void **state)
{
	unsigned char other[SIZE];

	(void)state;
	memcpy(other, whole, SIZE);
	other[8 + 4 * 16 + 1] = '\n';
	assert_false(told(other, SIZE, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_tells_name_epoch_version_and_release),
		cmocka_unit_test(cut_headers_tell_nothing),
		cmocka_unit_test(any_changed_byte_is_survived),
		cmocka_unit_test(words_that_could_be_another_field_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
