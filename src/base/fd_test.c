/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum { OFFSET = 5000, LENGTH = 20000 };

static char content[OFFSET + LENGTH + 3000];

static int file_of_content(void)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (char)(i % 251);
	assert_int_equal(fd_write_all(fd, content, sizeof(content)), 0);
	return fd;
}

static void gives(int file)
{
	char got[LENGTH + 1];
	size_t have = 0;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fd_write_pages(ends[1], file, OFFSET, content + OFFSET, LENGTH), 0);
	fd_close(ends[1]);
	for (ssize_t n; (n = read(ends[0], got + have, sizeof(got) - have)) > 0;)
		have += (size_t)n;
	assert_int_equal(have, LENGTH);
	assert_memory_equal(got, content + OFFSET, LENGTH);
	fd_close(ends[0]);
}

static void pages_are_the_files_from_the_offset(void **state)
{
	_cleanup_close_ int file = file_of_content();

	(void)state;
	gives(file);
	assert_int_equal(lseek(file, 0, SEEK_CUR), sizeof(content)); /* it was not moved */
}

/* One that cannot be read, and one that ends in the middle, as no file of ours does. */
static void without_splice_it_is_written(void **state)
{
	_cleanup_close_ int file = file_of_content(),
			    other = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	gives(other);
	assert_int_equal(ftruncate(file, OFFSET + LENGTH / 2), 0);
	gives(file);
}

static void a_reader_that_has_gone_is_told(void **state)
{
	_cleanup_close_ int file = file_of_content();
	int ends[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fd_close(ends[0]);
	assert_int_equal(fd_write_pages(ends[1], file, 0, content, LENGTH), -EPIPE);
	fd_close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_the_files_from_the_offset),
		cmocka_unit_test(without_splice_it_is_written),
		cmocka_unit_test(a_reader_that_has_gone_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
