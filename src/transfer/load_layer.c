/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/load_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/sha256.h"
#include "image/work.h"
#include "transfer/bundle.h"
#include "transfer/kept_blob.h"
#include "transfer/layer.h"
#include "transfer/load_image.h"
#include "transfer/outcome.h"
#include "transfer/stored_blob.h"
#include "transfer/stream.h"
#include "transfer/write_out.h"

enum { PIECE = 256 * 1024, THREADS_MAX = 4 };

struct load_layer {
	const struct part *part;
	const char *diff_id;
	bool again; /* an earlier one is the same */
	struct layer layer;
	struct kept_blob blob;
	char *path; /* of its archive in the work folder; NULL: the store has it */
	int result;
	struct err err;
};

struct loading {
	const struct load *load;
	struct load_layer *layers;
	size_t count;
	pthread_mutex_t mutex; /* of the rest */
	size_t next;
	bool failed;
};

/* -- the pump: an archive, hashed, to the kept file and to whoever unpacks it ------------------ */

struct pump {
	const struct bundle_file *file;
	int tee, out; /* -1: nowhere */
	struct write_out *disk;
	char digest[DIGEST_SIZE];
	int result;
	struct err err;
};

static int pump_piece(struct pump *pump, const char *piece, uint64_t at, size_t length,
		      struct err *err)
{
	int r = pump->tee < 0 ? 0 : fd_write_all(pump->tee, piece, length);

	if (r < 0)
		return err_sys(err, r, "write");
	if (pump->tee >= 0)
		write_out_add(pump->disk, length);
	if (pump->out < 0)
		return 0;
	r = pump->tee < 0 ? fd_write_all(pump->out, piece, length) :
			    fd_write_pages(pump->out, pump->tee, (off_t)at, piece, length);
	if (r == -EPIPE) { /* whoever reads will say why; but a wrong digest may be the cause */
		fd_close(fd_take(&pump->out));
		return 0;
	}
	return r < 0 ? err_sys(err, r, "hand on") : 0;
}

static int pump_all(struct pump *pump, struct err *err)
{
	_cleanup_(sha256_clear) struct sha256 hash = SHA256_EMPTY;
	_cleanup_free_ char *piece = mem_new(PIECE);
	uint64_t done = 0, size = pump->file->size;

	sha256_init(&hash);
	while (done < size) {
		ssize_t n = pread(pump->file->fd, piece,
				  size - done < PIECE ? (size_t)(size - done) : PIECE,
				  (off_t)(pump->file->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "read");
		sha256_add(&hash, piece, (size_t)n);
		if (pump_piece(pump, piece, done, (size_t)n, err) < 0)
			return -err->code;
		done += (uint64_t)n;
	}
	sha256_end(&hash, pump->digest);
	return 0;
}

static void *pump_run(void *data)
{
	struct pump *pump = data;

	pump->result = pump_all(pump, &pump->err);
	fd_close(pump->out);
	return NULL;
}

static int unpack_pumped(const struct load *load, struct load_layer *l,
			 const struct bundle_file *file, int tee, struct err *err)
{
	struct pump pump = { .file = file, .tee = tee, .disk = load->work->out };
	struct err digest = ERR_NONE;
	_cleanup_close_ int in = -1;
	pthread_t thread;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	(void)fcntl(ends[0], F_SETPIPE_SZ, 4 * PIECE); /* fewer turns; a refusal costs only time */
	in = ends[0];
	pump.out = ends[1];
	r = pthread_create(&thread, NULL, pump_run, &pump);
	if (r != 0) {
		fd_close(pump.out);
		return err_sys(err, r, "start a thread");
	}
	r = layer_unpack(load->work, LAYER_SOURCE(in), l->diff_id, load->limit_bytes, &l->layer,
			 err);
	fd_close(fd_take(&in));
	(void)pthread_join(thread, NULL);
	/* the first cause: an archive that is not the one that was meant is damaged, too */
	if (pump.result < 0 || part_check_digest(l->part, pump.digest, &digest) < 0) {
		*err = pump.result < 0 ? pump.err : digest;
		return -err->code;
	}
	(void)str_append(l->blob.digest, sizeof(l->blob.digest), pump.digest);
	return r;
}

static int hash_only(struct load_layer *l, const struct bundle_file *file, int tee, struct err *err)
{
	struct pump pump = { .file = file, .tee = tee, .out = -1 };
	int r = pump_all(&pump, err);

	if (r == 0)
		r = part_check_digest(l->part, pump.digest, err);
	if (r == 0)
		(void)str_append(l->blob.digest, sizeof(l->blob.digest), pump.digest);
	return r;
}

/* The archive itself, instead of its outline. */
static int keep_whole(struct load_layer *l, const struct bundle_file *file, int kept,
		      struct err *err)
{
	l->blob.digest[0] = '\0';
	l->layer.outlined = false;
	if (ftruncate(kept, 0) < 0 || lseek(kept, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "empty %s", l->path);
	if (hash_only(l, file, kept, err) < 0)
		return -err->code;
	return strcmp(l->blob.digest, l->diff_id) == 0 ?
		       0 :
		       err_set(err, EBADMSG, "it was changed while it was read");
}

/* Its digest is the diff ID, and unpacking checks that. kept: for its outline. */
static int unpack_plain(const struct load *load, struct load_layer *l,
			const struct bundle_file *file, int kept, struct err *err)
{
	const struct layer_source source = { file->fd, file->offset, file->size, kept };
	int r = l->part->digest && strcmp(l->part->digest, l->diff_id) != 0 ?
			hash_only(l, file, -1, err) :
			0;

	if (r == 0)
		r = layer_unpack(load->work, &source, l->diff_id, load->limit_bytes, &l->layer,
				 err);
	if (r < 0)
		return r;
	if (kept >= 0 && !l->layer.outlined)
		return keep_whole(l, file, kept, err);
	memcpy(l->blob.digest, l->diff_id, strlen(l->diff_id) + 1);
	return 0;
}

/* -- one layer -------------------------------------------------------------------------------- */

/* A file for the archive to go to; -1 with nothing in err: it need not. */
static int open_kept(const struct load *load, struct load_layer *l, size_t number, struct err *err)
{
	int fd;

	if (l->part->digest && stored_blob_there(load->work->root, l->part->digest))
		return -1;
	l->path = bundle_path(load->bundle, l->part->name);
	if (l->path)
		return -1;
	l->path = str_printf("kept-%zu-%zu", load->outcome->image_count, number);
	fd = openat(load->work->dir, l->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(err, errno, "make %s", l->path) : fd;
}

static int load_one(const struct load *load, struct load_layer *l, size_t number, struct err *err)
{
	_cleanup_(bundle_file_close) struct bundle_file file = BUNDLE_FILE_NONE;
	_cleanup_close_ int tee = -1;
	int r = bundle_open(load->bundle, l->part->name, &file, err), have = l->again;

	if (r == 0)
		r = part_check_size(l->part, file.size, err);
	if (r == 0 && !have)
		r = have = layer_find(load->work->root, l->diff_id, &l->layer, err);
	if (r < 0)
		return r;
	tee = open_kept(load, l, number, err);
	if (tee < 0 && err->code)
		return -err->code;
	l->blob.size_bytes = file.size;
	l->blob.type = kept_blob_type(file.fd, file.offset);
	if (have)
		return hash_only(l, &file, tee, err);
	if (file.size > 0 && stream_is_plain(file.fd, file.offset))
		return unpack_plain(load, l, &file, tee, err);
	return unpack_pumped(load, l, &file, tee, err);
}

/* -- all of them ------------------------------------------------------------------------------ */

static void *thread_run(void *data)
{
	struct loading *loading = data;

	for (;;) {
		size_t i;
		struct load_layer *l;

		(void)pthread_mutex_lock(&loading->mutex);
		i = loading->failed ? loading->count : loading->next++;
		(void)pthread_mutex_unlock(&loading->mutex);
		if (i >= loading->count)
			return NULL;
		l = &loading->layers[i];
		l->result = load_one(loading->load, l, i, &l->err);
		if (l->result == 0)
			continue;
		(void)pthread_mutex_lock(&loading->mutex);
		loading->failed = true;
		(void)pthread_mutex_unlock(&loading->mutex);
	}
}

static void run(struct loading *loading)
{
	pthread_t threads[THREADS_MAX];
	size_t started = 0, wanted = loading->count < THREADS_MAX ? loading->count : THREADS_MAX;

	(void)pthread_mutex_init(&loading->mutex, NULL);
	while (started + 1 < wanted &&
	       pthread_create(&threads[started], NULL, thread_run, loading) == 0)
		started++;
	(void)thread_run(loading); /* this thread is one of them */
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_destroy(&loading->mutex);
}

static bool is_again(const struct load *load, const struct load_layer *layers, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(layers[k].diff_id, layers[i].diff_id) == 0)
			return true;
	return outcome_layer(load->outcome, layers[i].diff_id) != NULL;
}

static int take(const struct load *load, struct load_layer *l, struct err *err)
{
	if (l->result < 0) {
		*err = l->err;
		return err_wrap(err, "layer %s", l->diff_id);
	}
	if (!l->again)
		outcome_add_layer(load->outcome, &l->layer);
	if (l->path && !outcome_has_file(load->outcome, l->blob.digest) &&
	    !stored_blob_there(load->work->root, l->blob.digest)) {
		if (l->layer.outlined)
			outcome_add_outline(load->outcome, l->blob.digest, l->path);
		else
			outcome_add_file(load->outcome, l->blob.digest, l->path);
	}
	return 0;
}

/* A layer that one above hides is not kept, so that its outline would be of no use. */
static int keep_hidden(const struct load *load, struct load_layer *l, struct err *err)
{
	_cleanup_(bundle_file_close) struct bundle_file file = BUNDLE_FILE_NONE;
	_cleanup_close_ int kept =
		openat(load->work->dir, l->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	int r = kept < 0 ? err_sys(err, errno, "open %s", l->path) :
			   bundle_open(load->bundle, l->part->name, &file, err);

	return r < 0 ? r : keep_whole(l, &file, kept, err);
}

static int keep_all_hidden(const struct loading *loading, struct err *err)
{
	bool hidden = false;
	int r = 0;

	for (size_t i = loading->count; r == 0 && i-- > 0;) {
		struct load_layer *l = &loading->layers[i];

		if (hidden && l->result == 0 && l->layer.outlined)
			r = keep_hidden(loading->load, l, err);
		hidden |= l->result == 0 && l->layer.opaque_root;
	}
	return r;
}

int load_layers(const struct load *load, const struct part *parts, char *const *diff_ids,
		size_t count, struct kept_blob *ret_blobs, struct err *err)
{
	struct loading loading = { .load = load,
				   .layers = mem_new((count + 1) * sizeof(struct load_layer)),
				   .count = count };
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		loading.layers[i].part = &parts[i];
		loading.layers[i].diff_id = diff_ids[i];
		loading.layers[i].again = is_again(load, loading.layers, i);
	}
	if (count > 0)
		run(&loading);
	r = keep_all_hidden(&loading, err);
	for (size_t i = 0; i < count; i++) {
		if (r == 0)
			r = take(load, &loading.layers[i], err);
		ret_blobs[i] = loading.layers[i].blob;
		free(loading.layers[i].path);
	}
	free(loading.layers);
	return r;
}
