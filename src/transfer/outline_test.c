/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "image/sha256.h"
#include "transfer/message.h"
#include "transfer/outline.h"

enum { LENGTH = 700000, BEGIN = 100 };

/* A store with one layer, of a/b and c, and the archive that they came in: noise, whose form nobody here looks at. */
struct place {
	char path[64], digest[DIGEST_SIZE];
	char archive[LENGTH];
	int root, layer, file;
	struct outline_archive source;
	struct buf report;
	struct err err;
};

static const struct outline_place of_b = { 512, 300000 }, of_c = { 600000, 2000 };

static void put(int dir, const char *name, const void *bytes, size_t length)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, length), 0);
}

static int setup(void **state)
{
	struct place *p = mem_new(sizeof(*p));
	_cleanup_free_ char *layer = NULL;
	uint32_t noise = 1;

	(void)str_append(p->path, sizeof(p->path), "/tmp/outline_test.XXXXXX");
	for (size_t i = 0; i < LENGTH; i++) {
		noise = noise * 1103515245 + 12345;
		p->archive[i] = (char)(noise >> 16);
	}
	sha256_of(p->archive, LENGTH, p->digest);
	assert_non_null(mkdtemp(p->path));
	p->root = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	layer = str_printf("layers/%s", digest_hex(p->digest));
	assert_int_equal(mkdirat(p->root, "layers", 0700), 0);
	assert_int_equal(mkdirat(p->root, "outlines", 0700), 0);
	assert_int_equal(mkdirat(p->root, layer, 0755), 0);
	p->layer = openat(p->root, layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(p->layer, "a", 0755), 0);
	put(p->layer, "a/b", p->archive + of_b.offset, of_b.size);
	put(p->layer, "c", p->archive + of_c.offset, of_c.size);
	p->file = openat(p->root, "archive", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(p->file, p->archive, LENGTH, BEGIN), LENGTH);
	p->source = (struct outline_archive){ p->file, BEGIN, LENGTH };
	p->report = BUF_EMPTY;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	int r = dir_remove(AT_FDCWD, p->path);

	fd_close(p->file);
	fd_close(p->layer);
	fd_close(p->root);
	buf_clear(&p->report);
	free(p);
	return r;
}

static int outline_open(const struct place *p, int flags)
{
	_cleanup_free_ char *name = str_printf("outlines/%s", digest_hex(p->digest));

	return openat(p->root, name, flags | O_CLOEXEC, 0600);
}

static void write_both(struct place *p)
{
	_cleanup_close_ int fd = outline_open(p, O_WRONLY | O_CREAT | O_EXCL);

	message_add(&p->report, MESSAGE_WHITEOUT, "/x", 2); /* another's */
	assert_true(outline_place_report(&p->report, &of_b, "a/b"));
	assert_true(outline_place_report(&p->report, &of_c, "c"));
	assert_int_equal(outline_write(fd, &p->source, &p->report, &p->err), 0);
}

static void with_the_layer_it_gives_the_archive_again(void **state)
{
	struct place *p = *state;
	_cleanup_close_ int fd = -1, outline = -1;
	_cleanup_(buf_clear) struct buf again = BUF_EMPTY;
	uint64_t size = 0;
	struct stat st;

	assert_false(outline_there(p->root, p->digest));
	write_both(p);
	assert_true(outline_there(p->root, p->digest));
	outline = outline_open(p, O_RDONLY);
	assert_int_equal(fstat(outline, &st), 0);
	assert_true((uint64_t)st.st_size < LENGTH - of_b.size - of_c.size + 200);
	fd = outline_rebuild(p->root, p->digest, &size, &p->err);
	if (fd < 0)
		fail_msg("%s", p->err.words);
	assert_int_equal(size, LENGTH);
	assert_int_equal(fd_read_all(fd, LENGTH + 1, &again), 0);
	assert_int_equal(again.length, LENGTH);
	assert_memory_equal(again.data, p->archive, LENGTH);
}

static int begin(void *data, uint64_t size, struct err *err)
{
	int *out = data;

	(void)err;
	assert_int_equal(size, LENGTH);
	assert_int_equal(fd_write_all(*out, "head", 4), 0);
	return 0;
}

static void it_is_sent_behind_its_head(void **state)
{
	struct place *p = *state;
	int out = openat(p->root, "sent", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	_cleanup_(buf_clear) struct buf sent = BUF_EMPTY;

	assert_int_equal(outline_send(p->root, p->digest, begin, &out, out, &p->err), -ENOENT);
	write_both(p);
	assert_int_equal(outline_send(p->root, p->digest, begin, &out, out, &p->err), 0);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(out, 2 * LENGTH, &sent), 0);
	assert_int_equal(sent.length, 4 + LENGTH);
	assert_memory_equal(sent.data, "head", 4);
	assert_memory_equal(sent.data + 4, p->archive, LENGTH);
	put(p->layer, "c", p->archive, of_c.size);
	assert_int_equal(outline_send(p->root, p->digest, begin, &out, out, &p->err), -EBADMSG);
	fd_close(out);
}

static void without_either_there_is_none(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *layer = str_printf("layers/%s", digest_hex(p->digest));
	uint64_t size;

	assert_int_equal(outline_rebuild(p->root, p->digest, &size, &p->err), -ENOENT);
	write_both(p);
	assert_int_equal(renameat(p->root, layer, p->root, "away"), 0);
	assert_false(outline_there(p->root, p->digest));
	assert_int_equal(outline_rebuild(p->root, p->digest, &size, &p->err), -ENOENT);
}

static void fails_with(struct place *p, const char *words)
{
	uint64_t size;

	err_clear(&p->err);
	assert_true(outline_rebuild(p->root, p->digest, &size, &p->err) < 0);
	if (!strstr(p->err.words, words))
		fail_msg("%s: not %s", p->err.words, words);
}

static void a_layer_that_was_changed_is_noticed(void **state)
{
	struct place *p = *state;

	write_both(p);
	put(p->layer, "c", p->archive, of_c.size);
	fails_with(p, "with the layer as it is now it gives sha256:");
	put(p->layer, "c", p->archive, of_c.size - 1);
	fails_with(p, "c of the layer is not what it was");
	assert_int_equal(unlinkat(p->layer, "c", 0), 0);
	assert_int_equal(symlinkat("a/b", p->layer, "c"), 0);
	fails_with(p, "open c of the layer");
	assert_int_equal(unlinkat(p->layer, "c", 0), 0);
	assert_int_equal(mkfifoat(p->layer, "c", 0600), 0);
	fails_with(p, "c of the layer is not what it was");
}

/* Cut anywhere it ends early; nothing of it is believed. */
static void a_damaged_outline_is_noticed(void **state)
{
	struct place *p = *state;
	_cleanup_close_ int fd = -1;

	write_both(p);
	fd = outline_open(p, O_RDWR);
	for (off_t length = 1000; length >= 0; length -= 37) {
		assert_int_equal(ftruncate(fd, length), 0);
		fails_with(p, "it ends early");
	}
	assert_int_equal(pwrite(fd, "cloche outline 2\n and more", 26, 0), 26);
	fails_with(p, "its format is not known");
	/* a name of 2^64 - 1 bytes */
	assert_int_equal(pwrite(fd, "cloche outline 1\n", 17, 0), 17);
	assert_int_equal(pwrite(fd, (char[24]){ 0 }, 16, 17), 16);
	assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 33), 8);
	fails_with(p, "a name in it is too long");
}

static void places_that_are_not_in_the_archive_are_refused(void **state)
{
	static const struct outline_place wrong[][2] = {
		{ { 512, 3000 }, { 3000, 2000 } }, /* one in the other */
		{ { 5000, 2000 }, { 512, 2000 } }, /* backwards */
		{ { 512, 2000 }, { 512, UINT64_MAX } }, { { 512, 2000 }, { LENGTH - 1, 2 } },
		{ { 512, 2000 }, { LENGTH + 1, 0 } },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
		_cleanup_close_ int fd =
			openat(p->root, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		for (size_t k = 0; k < 2; k++)
			assert_true(outline_place_report(&report, &wrong[i][k], "x"));
		assert_int_equal(outline_write(fd, &p->source, &report, &p->err), -EBADMSG);
		err_clear(&p->err);
	}
}

static void a_name_with_a_nul_and_no_name_are_refused(void **state)
{
	struct place *p = *state;
	char data[sizeof(of_b) + 3];
	const size_t lengths[] = { 4, sizeof(of_b), sizeof(data) };

	memcpy(data, &of_b, sizeof(of_b));
	memcpy(data + sizeof(of_b), "a\0b", 3);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		_cleanup_(buf_clear) struct buf report = BUF_EMPTY;

		message_add(&report, MESSAGE_PLACE, data, lengths[i]);
		assert_int_equal(outline_write(p->file, &p->source, &report, &p->err), -EBADMSG);
		err_clear(&p->err);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_the_layer_it_gives_the_archive_again),
		TEST(it_is_sent_behind_its_head),
		TEST(without_either_there_is_none),
		TEST(a_layer_that_was_changed_is_noticed),
		TEST(a_damaged_outline_is_noticed),
		TEST(places_that_are_not_in_the_archive_are_refused),
		TEST(a_name_with_a_nul_and_no_name_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
