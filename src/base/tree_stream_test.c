/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/tree_stream.h"

static int folder_make(char path[32])
{
	(void)snprintf(path, 32, "/tmp/cloche-tree-XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void folder_clear(const char *path, int fd)
{
	assert_int_equal(dir_remove(AT_FDCWD, path), 0);
	fd_close(fd);
}

static void entry_write(int out, uint32_t kind, const char *name, const char *target)
{
	struct tree_entry entry = { .kind = kind, .mode = 0644 };
	struct err err = ERR_NONE;

	(void)str_append(entry.name, sizeof(entry.name), name);
	(void)str_append(entry.target, sizeof(entry.target), target);
	assert_int_equal(tree_put(out, &entry, &err), 0);
}

static void a_tree_comes_out_as_it_went_in(void **state)
{
	char from[32], to[32], text[8] = "";
	int source = folder_make(from), target = folder_make(to), ends[2], fd;
	struct err err = ERR_NONE, none = ERR_NONE;
	struct tree_entry first;
	struct stat st;

	(void)state;
	assert_int_equal(mkdirat(source, "d", 0750), 0);
	fd = openat(source, "d/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	assert_int_equal(write(fd, "hello", 5), 5);
	fd_close(fd);
	assert_int_equal(symlinkat("/etc/passwd", source, "d/link"), 0);
	assert_int_equal(mkfifoat(source, "d/fifo", 0600), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(tree_pack(ends[1], source, "d", 0, &err), 0);
	assert_int_equal(tree_end(ends[1], &none), 0);
	fd_close(ends[1]);
	assert_int_equal(tree_get(ends[0], &first, &err), 0);
	assert_int_equal(tree_unpack(ends[0], &first, target, "copy", 0, &err), 0);
	assert_int_equal(fstatat(target, "copy", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(fstatat(target, "copy/file", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	fd = openat(target, "copy/file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	fd_close(fd);
	assert_int_equal(fstatat(target, "copy/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(fstatat(target, "copy/fifo", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISFIFO(st.st_mode));
	fd_close(ends[0]);
	folder_clear(from, source);
	folder_clear(to, target);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const names[] = { "..", ".", "a/b", "/etc", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct err err = ERR_NONE;
		struct tree_entry entry;
		int ends[2];

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		entry_write(ends[1], TREE_FILE, names[i], "");
		assert_true(tree_get(ends[0], &entry, &err) < 0);
		assert_string_equal(err.words, "the copy has a file with a bad name");
		fd_close(ends[0]);
		fd_close(ends[1]);
	}
}

static void a_link_in_the_way_is_replaced_and_not_followed(void **state)
{
	char to[32], outside[32];
	int target = folder_make(to), other = folder_make(outside), ends[2];
	struct err err = ERR_NONE;
	struct tree_entry first;
	struct stat st;

	(void)state;
	assert_int_equal(symlinkat(outside, target, "x"), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	entry_write(ends[1], TREE_FILE, "x", "");
	assert_int_equal(tree_get(ends[0], &first, &err), 0);
	assert_int_equal(tree_unpack(ends[0], &first, target, "x", 0, &err), 0);
	assert_int_equal(fstatat(target, "x", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlinkat(target, "x", 0), 0);
	assert_int_equal(symlinkat(outside, target, "x"), 0);
	entry_write(ends[1], TREE_FOLDER, "x", "");
	entry_write(ends[1], TREE_LEAVE, "", "");
	assert_int_equal(tree_get(ends[0], &first, &err), 0);
	assert_true(tree_unpack(ends[0], &first, target, "x", 0, &err) < 0);
	assert_string_equal(err.words, "cannot overwrite non-directory \"x\" with directory");
	fd_close(ends[0]);
	fd_close(ends[1]);
	folder_clear(to, target);
	folder_clear(outside, other);
}

static void the_words_of_the_other_side_come_through(void **state)
{
	struct err why = ERR_NONE, err = ERR_NONE;
	struct tree_entry entry;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	err_set(&why, ENOENT, "Could not find the file /x in container y");
	assert_int_equal(tree_end(ends[1], &why), 0);
	assert_int_equal(tree_get(ends[0], &entry, &err), -ENOENT);
	assert_string_equal(err.words, "Could not find the file /x in container y");
	fd_close(ends[1]);
	err_clear(&err);
	assert_int_equal(tree_get(ends[0], &entry, &err), -EPIPE);
	fd_close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_comes_out_as_it_went_in),
		cmocka_unit_test(names_that_lead_elsewhere_are_refused),
		cmocka_unit_test(a_link_in_the_way_is_replaced_and_not_followed),
		cmocka_unit_test(the_words_of_the_other_side_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
