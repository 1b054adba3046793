/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/worker.h"

enum { CHUNK = 256 * 1024 };

/* The input, whose first bytes were read already to see what it is. */
struct source {
	unsigned char *data;
	size_t length; /* of what data holds and nobody took yet */
	bool ended;
};

enum decompress_kind decompress_kind(const unsigned char magic[DECOMPRESS_MAGIC])
{
	if (magic[0] == 0x1f && magic[1] == 0x8b)
		return DECOMPRESS_GZIP;
	if (memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0)
		return DECOMPRESS_ZSTD;
	if (memcmp(magic,
		   "\xfd"
		   "7zXZ",
		   6) == 0 ||
	    memcmp(magic, "BZh", 3) == 0)
		return DECOMPRESS_OTHER;
	/* a skippable frame of zstd, 0x184d2a50 to 0x184d2a5f */
	if ((magic[0] & 0xf0) == 0x50 && memcmp(magic + 1, "\x2a\x4d\x18", 3) == 0)
		return DECOMPRESS_ZSTD;
	return DECOMPRESS_PLAIN;
}

/* Add to data until it holds `wanted` bytes or the input ends. */
static int fill(struct source *source, size_t wanted, struct err *err)
{
	while (!source->ended && source->length < wanted) {
		ssize_t n = read(WORKER_IN, source->data + source->length, CHUNK - source->length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		source->ended = n == 0;
		source->length += (size_t)n;
	}
	return 0;
}

static int put(const void *data, size_t length, struct err *err)
{
	int r = fd_write_all(WORKER_OUT, data, length);

	return r < 0 ? err_sys(err, r, "hand on") : 0;
}

static int plain(struct source *source, struct err *err)
{
	for (;;) {
		int r = fill(source, 1, err);

		if (r == 0 && source->length > 0)
			r = put(source->data, source->length, err);
		if (r < 0 || source->length == 0)
			return r;
		source->length = 0;
	}
}

/* Padding with zeros is common on tapes; anything else behind the end is refused. */
static int only_zeros(struct source *source, const char *what, struct err *err)
{
	for (;;) {
		int r;

		for (size_t i = 0; i < source->length; i++)
			if (source->data[i] != 0)
				return err_set(err, EBADMSG,
					       "there is more behind the end of the %s data", what);
		source->length = 0;
		r = fill(source, 1, err);
		if (r < 0 || source->length == 0)
			return r;
	}
}

static int gzip_member(struct source *source, struct inflate_state *state, unsigned char *out,
		       struct err *err)
{
	state->crc_flag = ISAL_GZIP; /* read the header, check length and CRC at the end */
	do {
		int r = fill(source, 1, err);

		if (r < 0)
			return r;
		state->next_in = source->data;
		state->avail_in = (uint32_t)source->length;
		state->next_out = out;
		state->avail_out = CHUNK;
		r = isal_inflate(state);
		if (r < 0)
			return err_set(err, EBADMSG, "the gzip data is damaged");
		/* with nothing left to read, an output that was not filled means that more is needed */
		if (source->ended && state->avail_in == 0 && state->avail_out != 0 &&
		    state->block_state != ISAL_BLOCK_FINISH)
			return err_set(err, EBADMSG, "the gzip data is cut short");
		source->length = state->avail_in;
		memmove(source->data, state->next_in, source->length);
		r = put(out, CHUNK - state->avail_out, err);
		if (r < 0)
			return r;
	} while (state->block_state != ISAL_BLOCK_FINISH);
	return 0;
}

static int gzip(struct source *source, struct err *err)
{
	_cleanup_free_ struct inflate_state *state = mem_new(sizeof(*state));
	_cleanup_free_ unsigned char *out = mem_new(CHUNK);

	isal_inflate_init(state);
	for (;;) {
		int r = gzip_member(source, state, out, err);

		if (r == 0)
			r = fill(source, 2, err);
		if (r < 0)
			return r;
		if (source->length < 2 || source->data[0] != 0x1f || source->data[1] != 0x8b)
			return only_zeros(source, "gzip", err);
		isal_inflate_reset(state);
	}
}

static int zstd(struct source *source, struct err *err)
{
	_cleanup_free_ char *out = mem_new(CHUNK);
	ZSTD_DCtx *context = ZSTD_createDCtx(); /* windows up to 128 MiB, its default */
	size_t hint = 1;
	int r = context ? 0 : err_set(err, ENOMEM, "start zstd");

	while (r == 0) {
		ZSTD_outBuffer output = { .dst = out, .size = CHUNK };
		ZSTD_inBuffer input = { .src = source->data };

		r = fill(source, 1, err);
		if (r < 0 || (source->length == 0 && hint == 0))
			break;
		input.size = source->length;
		hint = ZSTD_decompressStream(context, &output, &input);
		if (ZSTD_isError(hint))
			r = err_set(err, EBADMSG, "the zstd data is damaged: %s",
				    ZSTD_getErrorName(hint));
		else if (source->length == 0 && output.pos == 0)
			r = err_set(err, EBADMSG, "the zstd data is cut short");
		else
			r = put(out, output.pos, err);
		source->length -= input.pos;
		memmove(source->data, source->data + input.pos, source->length);
	}
	(void)ZSTD_freeDCtx(context);
	return r;
}

static la_ssize_t give(struct archive *archive, void *data, const void **ret_bytes)
{
	struct source *source = data;
	struct err ignored = ERR_NONE; /* libarchive keeps its own words */
	size_t length;

	if (fill(source, 1, &ignored) < 0) {
		archive_set_error(archive, EIO, "read error");
		return -1;
	}
	length = source->length;
	source->length = 0;
	*ret_bytes = source->data;
	return (la_ssize_t)length;
}

static int other(struct source *source, struct err *err)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int r = 0;

	if (!archive || archive_read_support_format_raw(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(archive) != ARCHIVE_OK) {
		r = err_set(err, EOPNOTSUPP, "this libarchive reads neither xz nor bzip2 itself");
		goto out;
	}
	if (archive_read_open(archive, source, NULL, give, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		r = err_set(err, EBADMSG, "%s", archive_error_string(archive));
	while (r == 0) {
		const void *bytes;
		size_t length;
		la_int64_t offset;
		int got = archive_read_data_block(archive, &bytes, &length, &offset);

		if (got == ARCHIVE_EOF)
			break;
		r = got == ARCHIVE_OK ? put(bytes, length, err) :
					err_set(err, EBADMSG, "the compressed data is damaged: %s",
						archive_error_string(archive));
	}
out:
	(void)archive_read_free(archive);
	return r;
}

int decompress_run(struct buf *report, struct err *err)
{
	unsigned char magic[DECOMPRESS_MAGIC] = { 0 };
	_cleanup_free_ unsigned char *data = mem_new(CHUNK);
	struct source source = { .data = data };
	int r = fill(&source, sizeof(magic), err);

	(void)report;
	if (r < 0)
		return r;
	memcpy(magic, source.data, source.length < sizeof(magic) ? source.length : sizeof(magic));
	switch (decompress_kind(magic)) {
	case DECOMPRESS_GZIP:
		return gzip(&source, err);
	case DECOMPRESS_ZSTD:
		return zstd(&source, err);
	case DECOMPRESS_OTHER:
		return other(&source, err);
	case DECOMPRESS_PLAIN:
		break;
	}
	return plain(&source, err);
}
