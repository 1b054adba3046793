/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/sha256.h"
#include "transfer/decompress.h"
#include "transfer/worker.h"
#include "transfer/write_out.h"

enum { CHUNK = 256 * 1024, CHUNKS = 3 };

struct stream {
	int in, out;
	struct write_out *disk;
	bool within; /* a file: length bytes from offset */
	bool shared; /* pipe to pipe */
	uint64_t offset, length;
	struct worker decompressor, reader;
	bool refused; /* the reader closed its end before the stream's end */
	uint64_t limit_bytes;
	struct stream_result *result;
};

/* What comes by a pipe cannot be looked at first. */
bool stream_is_plain(int fd, uint64_t offset)
{
	unsigned char magic[DECOMPRESS_MAGIC] = { 0 };
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       pread(fd, magic, sizeof(magic), (off_t)offset) >= 0 &&
	       decompress_kind(magic) == DECOMPRESS_PLAIN;
}

static int make_pipe(int ends[2], struct err *err)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	(void)fcntl(ends[0], F_SETPIPE_SZ, CHUNK); /* fewer turns; a refusal costs only time */
	return 0;
}

static int start_decompressor(struct stream *stream, const struct stream_plan *plan,
			      struct err *err)
{
	int ends[2], r;

	if (plan->length > 0 || stream_is_plain(plan->fd, (uint64_t)lseek(plan->fd, 0, SEEK_CUR))) {
		stream->in = fcntl(plan->fd, F_DUPFD_CLOEXEC, 0);
		return stream->in < 0 ? err_sys(err, errno, "copy a descriptor") : 0;
	}
	r = make_pipe(ends, err);
	if (r < 0)
		return r;
	r = worker_start(&(struct worker_plan){ .kind = SANDBOX_STREAM,
						.in = plan->fd,
						.out = ends[1],
						.folder = plan->empty,
						.run = decompress_run },
			 &stream->decompressor, err);
	fd_close(ends[1]);
	stream->in = ends[0];
	stream->shared = true;
	return r;
}

static int start_reader(struct stream *stream, const struct stream_plan *plan, struct err *err)
{
	int ends[2], r = make_pipe(ends, err);

	if (r < 0)
		return r;
	r = worker_start(&(struct worker_plan){ .kind = SANDBOX_TREE,
						.in = ends[0],
						.out = -1,
						.folder = plan->folder,
						.run = plan->run },
			 &stream->reader, err);
	fd_close(ends[0]);
	stream->out = ends[1];
	return r;
}

static void count_zeros(struct stream_result *result, const char *bytes, size_t length)
{
	size_t i = length;

	while (i > 0 && bytes[i - 1] == '\0')
		i--;
	result->zeros = i == 0 ? result->zeros + length : length - i;
}

/* The pipe gets the pages of a whole chunk, not a copy (vmsplice(2)). They are the reader's until as much again has gone in: the pipe
 * holds one chunk, or less. */
static int write_whole(int pipe, char *chunk)
{
	size_t done = 0;

	while (done < CHUNK) {
		ssize_t n = vmsplice(pipe, &(struct iovec){ chunk + done, CHUNK - done }, 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return -errno;
		if (n <= 0)
			return fd_write_all(pipe, chunk + done, CHUNK - done);
		done += (size_t)n;
	}
	return 0;
}

static int hand_on(struct stream *stream, char *bytes, size_t length, struct err *err)
{
	int r;

	if (stream->refused || stream->shared)
		return 0;
	r = length == CHUNK ? write_whole(stream->out, bytes) :
			      fd_write_all(stream->out, bytes, length);
	if (r == -EPIPE) { /* the reader will say why */
		stream->refused = true;
		return 0;
	}
	return r < 0 ? err_sys(err, r, "hand on") : 0;
}

/* From the decompressor's pipe the reader gets the very pages, not a copy of them (tee(2)); what it was given is read here then,
 * to the byte. Nobody can change them meanwhile: what was written to a pipe is the kernel's. */
static ssize_t take_shared(struct stream *stream, char *chunk)
{
	uint64_t left = stream->limit_bytes - stream->result->bytes;
	ssize_t n = tee(stream->in, stream->out, left < CHUNK ? (size_t)left + 1 : CHUNK, 0);
	ssize_t have = 0;

	if (n < 0 && errno == EPIPE) { /* the reader will say why */
		stream->refused = true;
		return read(stream->in, chunk, CHUNK);
	}
	while (have < n) {
		ssize_t more = read(stream->in, chunk + have, (size_t)(n - have));

		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			return more;
		have += more;
	}
	return n;
}

static ssize_t take(struct stream *stream, char *chunk)
{
	uint64_t left = stream->length;
	ssize_t n;

	if (stream->shared)
		return take_shared(stream, chunk);
	if (!stream->within)
		return read(stream->in, chunk, CHUNK);
	n = pread(stream->in, chunk, left < CHUNK ? (size_t)left : CHUNK, (off_t)stream->offset);
	if (n > 0) {
		stream->offset += (uint64_t)n;
		stream->length -= (uint64_t)n;
	}
	return n;
}

/* After a refusal a file is read on, since that it is not what its digest says may be the cause; a decompressor could go
 * on for terabytes. */
static int carry_by(struct stream *stream, char *chunks, struct err *err)
{
	_cleanup_(sha256_clear) struct sha256 hash = SHA256_EMPTY;
	struct stream_result *result = stream->result;
	char *chunk = chunks;

	sha256_init(&hash);
	while (!stream->refused || stream->decompressor.pid == 0) {
		ssize_t n = take(stream, chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0) {
			result->whole = true;
			sha256_end(&hash, result->digest);
			return 0;
		}
		result->bytes += (uint64_t)n;
		if (result->bytes > stream->limit_bytes)
			return err_set(err, EFBIG, "it unpacks to more than %llu bytes",
				       (unsigned long long)stream->limit_bytes);
		sha256_add(&hash, chunk, (size_t)n);
		count_zeros(result, chunk, (size_t)n);
		write_out_add(stream->disk, (size_t)n);
		if (hand_on(stream, chunk, (size_t)n, err) < 0)
			return -err->code;
		if (n == CHUNK)
			chunk = chunk == chunks + (CHUNKS - 1) * CHUNK ? chunks : chunk + CHUNK;
	}
	return 0;
}

/* Memory of its own, of which nobody else gets a page that is still in the pipe. */
static int carry(struct stream *stream, struct err *err)
{
	const size_t size = (size_t)CHUNKS * CHUNK;
	char *chunks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (chunks == MAP_FAILED)
		return err_sys(err, errno, "get memory");
	r = carry_by(stream, chunks, err);
	(void)munmap(chunks, size);
	return r;
}

/* Both workers' verdicts, after the end of the stream. */
static int finish(struct stream *stream, struct buf *report, struct err *err)
{
	_cleanup_(buf_clear) struct buf nothing = BUF_EMPTY;
	struct err read = ERR_NONE;

	fd_close(stream->out);
	stream->out = -1;
	(void)worker_end(&stream->reader, report, &read);
	if (stream->decompressor.pid > 0 && !stream->refused &&
	    worker_end(&stream->decompressor, &nothing, err) < 0) {
		stream->result->whole = false;
		return -err->code;
	}
	*err = read;
	return -err->code;
}

int stream_unpack(const struct stream_plan *plan, struct stream_result *ret_result,
		  struct buf *ret_report, struct err *err)
{
	struct stream stream = { .in = -1,
				 .out = -1,
				 .within = plan->length > 0,
				 .offset = plan->offset,
				 .length = plan->length,
				 .decompressor = WORKER_NONE,
				 .reader = WORKER_NONE,
				 .limit_bytes = plan->limit_bytes,
				 .disk = plan->disk,
				 .result = ret_result };
	int r;

	*ret_result = (struct stream_result){ 0 };
	r = start_decompressor(&stream, plan, err);
	if (r == 0)
		r = start_reader(&stream, plan, err);
	if (r == 0)
		r = carry(&stream, err);
	if (r == 0)
		r = finish(&stream, ret_report, err);
	fd_close(stream.in);
	fd_close(stream.out);
	worker_stop(&stream.decompressor);
	worker_stop(&stream.reader);
	return r;
}
