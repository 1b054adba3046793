/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "image/sha256.h"

/* FIPS 180-4, examples */
static const char empty[] =
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void known_answers_come_out(void **state)
{
	char digest[DIGEST_SIZE];

	(void)state;
	sha256_of("", 0, digest);
	assert_string_equal(digest, empty);
	sha256_of("abc", 3, digest);
	assert_string_equal(digest, abc);
}

static void pieces_give_what_the_whole_gives(void **state)
{
	_cleanup_(sha256_clear) struct sha256 hash = SHA256_EMPTY;
	char digest[DIGEST_SIZE];

	(void)state;
	sha256_init(&hash);
	sha256_add(&hash, "a", 1);
	sha256_add(&hash, "", 0);
	sha256_add(&hash, "bc", 2);
	sha256_end(&hash, digest);
	assert_string_equal(digest, abc);
}

static void a_file_is_read_from_its_start_and_its_offset_stays(void **state)
{
	struct err err = ERR_NONE;
	char digest[DIGEST_SIZE];
	uint64_t size;
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(sha256_of_file(fd, digest, &size, &err), 0);
	assert_string_equal(digest, abc);
	assert_int_equal(size, 3);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers_come_out),
		cmocka_unit_test(pieces_give_what_the_whole_gives),
		cmocka_unit_test(a_file_is_read_from_its_start_and_its_offset_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
