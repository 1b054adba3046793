/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/pull_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/manifest.h"
#include "image/sha256.h"
#include "image/work.h"
#include "transfer/fetcher.h"
#include "transfer/outcome.h"
#include "transfer/write_out.h"

enum { PIECE = 256 * 1024 };

/* The first half of a layer's way: from the registry, and from what came before, into a pipe. */
struct pump {
	struct pull_layers *all;
	struct pull_layer *layer;
	struct fetcher *fetcher;
	struct sha256 hash;
	int out;
	bool refused; /* the reader closed its end: it will say why */
	uint64_t received;
	struct err err;
	int result;
};

int pull_layers_add(struct pull_layers *l, const struct descriptor *blob, const char *diff_id,
		    struct err *err)
{
	struct pull_layer *layer;
	int r;

	if (blob->media_type && strstr(blob->media_type, "+encrypted"))
		return err_set(err, EOPNOTSUPP, "layer %s is encrypted", blob->digest);
	l->layers = reallocarray(l->layers, l->count + 1, sizeof(*layer));
	if (!l->layers)
		abort();
	layer = &l->layers[l->count];
	*layer = (struct pull_layer){ .blob = blob, .diff_id = diff_id, .part = PART_FILE_NONE };
	for (size_t i = 0; i < l->count; i++)
		layer->again |= strcmp(l->layers[i].diff_id, diff_id) == 0;
	r = layer->again ? 0 : layer_find(l->work->root, diff_id, &layer->layer, err);
	if (r < 0)
		return r;
	layer->have = r > 0;
	l->count++;
	if (layer->again)
		return 0;
	l->missing += !layer->have;
	layer->row = progress_add(&l->progress, digest_hex(blob->digest),
				  layer->have ? 0 : blob->size_bytes);
	if (layer->have)
		progress_phase(&l->progress, layer->row, PHASE_EXISTS);
	return 0;
}

/* -- locks ------------------------------------------------------------------------------------ */

struct waiting {
	struct pull_layers *all;
	size_t row;
};

static void tell_waiting(void *data)
{
	struct waiting *waiting = data;

	progress_phase(&waiting->all->progress, waiting->row, PHASE_ELSEWHERE);
}

static int by_digest(const void *a, const void *b)
{
	const struct pull_layer *const *left = a, *const *right = b;

	return strcmp((*left)->blob->digest, (*right)->blob->digest);
}

/* In the order of their digests, so that two pulls cannot wait for each other. Whoever had one may have brought the layer. */
static int lock_parts(struct pull_layers *l, struct err *err)
{
	_cleanup_free_ struct pull_layer **order =
		mem_new((l->count + 1) * sizeof(struct pull_layer *));
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		if (!l->layers[i].have && !l->layers[i].again)
			order[count++] = &l->layers[i];
	qsort(order, count, sizeof(struct pull_layer *), by_digest);
	for (size_t i = 0; i < count; i++) {
		struct waiting waiting = { l, order[i]->row };
		int r;

		/* one archive under two diff IDs: one of them is a lie, and is found so when it is unpacked */
		if (i > 0 && strcmp(order[i]->blob->digest, order[i - 1]->blob->digest) == 0)
			return err_set(err, EBADMSG, "layer %s stands for two contents",
				       order[i]->blob->digest);
		r = part_open(l->work->root, order[i]->blob->digest, tell_waiting, &waiting,
			      &order[i]->part, err);
		if (r == 0)
			r = layer_find(l->work->root, order[i]->diff_id, &order[i]->layer, err);
		if (r < 0)
			return r;
		if (r > 0) {
			order[i]->have = true;
			part_drop(&order[i]->part);
			progress_phase(&l->progress, order[i]->row, PHASE_EXISTS);
		}
	}
	return 0;
}

/* -- the pump --------------------------------------------------------------------------------- */

static bool cancelled(struct pull_layers *l)
{
	bool failed;

	(void)pthread_mutex_lock(&l->mutex);
	failed = l->failed;
	(void)pthread_mutex_unlock(&l->mutex);
	return failed;
}

/* What stands in the part at the place that was reached. */
static int hand_on(struct pump *pump, const void *bytes, size_t length, struct err *err)
{
	int r = pump->refused ? 0 :
				fd_write_pages(pump->out, pump->layer->part.fd,
					       (off_t)pump->received, bytes, length);

	sha256_add(&pump->hash, bytes, length);
	pump->received += length;
	if (r == -EPIPE) {
		pump->refused = true;
		return 0;
	}
	return r < 0 ? err_sys(err, r, "hand on") : 0;
}

static int on_bytes(void *data, const void *bytes, size_t length, struct err *err)
{
	struct pump *pump = data;
	int r;

	if (length > pump->layer->blob->size_bytes - pump->received)
		return err_set(err, EFBIG, "it sends more than the %llu bytes that were agreed",
			       (unsigned long long)pump->layer->blob->size_bytes);
	if (pump->refused || cancelled(pump->all))
		return err_set(err, ECANCELED, "given up");
	r = fd_write_all(pump->layer->part.fd, bytes, length);
	if (r < 0)
		return err_sys(err, r, "write a part of the layer");
	write_out_add(pump->all->work->out, length);
	progress_count(&pump->all->progress, pump->layer->row, length);
	return hand_on(pump, bytes, length, err);
}

/* What an earlier run brought is read once more, for the digest and for the extractor. */
static int replay(struct pump *pump, struct err *err)
{
	struct part_file *part = &pump->layer->part;
	_cleanup_free_ char *bytes = mem_new(PIECE);

	if (part->size > pump->layer->blob->size_bytes) { /* of another size: not of this blob */
		if (ftruncate(part->fd, 0) < 0)
			return err_sys(err, errno, "empty a part");
		part->size = 0;
	}
	if (lseek(part->fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "read a part");
	while (pump->received < part->size && !cancelled(pump->all)) {
		ssize_t n = read(part->fd, bytes, PIECE);
		int r;

		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "read a part");
		progress_resume(&pump->all->progress, pump->layer->row, (uint64_t)n);
		r = hand_on(pump, bytes, (size_t)n, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* path: on the registry, or a whole URL, which gets no credentials. */
static int fetch_from(struct pump *pump, const char *path, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	const struct descriptor *blob = pump->layer->blob;

	return fetcher_ask(pump->fetcher,
			   &(struct fetch_request){ .method = "GET",
						    .path = path,
						    .scope = pump->all->scope,
						    .offset = pump->received,
						    .limit = blob->size_bytes,
						    .write = on_bytes,
						    .data = pump,
						    .source = -1 },
			   &answer, err);
}

/* What the registry may not give on (image-spec, "Non-Distributable Layers") and does not have. */
static int fetch_foreign(struct pump *pump, struct err *err)
{
	char *const *urls = pump->layer->blob->urls;
	int r = -ENOENT;

	if (!pump->all->foreign) {
		err_set(err, EPERM, "it is not at the registry but at %.300s", urls[0]);
		return err_hint(err, "allow that with --foreign-layers");
	}
	for (; r < 0 && *urls; urls++) {
		if (!str_prefix(*urls, "https://") && !str_prefix(*urls, "http://"))
			return err_set(err, EPERM, "its address %.300s is no web address", *urls);
		err_clear(err);
		r = fetch_from(pump, *urls, err);
		if (r != -ENOENT)
			break;
	}
	return r;
}

static int fetch(struct pump *pump, struct err *err)
{
	const struct descriptor *blob = pump->layer->blob;
	_cleanup_free_ char *path =
		str_printf("/v2/%s/blobs/%s", pump->all->repository, blob->digest);
	int r = replay(pump, err);

	if (r < 0 || (pump->received == blob->size_bytes && blob->size_bytes > 0))
		return r;
	r = fetch_from(pump, path, err);
	return r == -ENOENT && blob->urls && blob->urls[0] ? fetch_foreign(pump, err) : r;
}

static int verify(struct pump *pump, struct err *err)
{
	const struct descriptor *blob = pump->layer->blob;
	char is[DIGEST_SIZE];

	if (pump->received != blob->size_bytes)
		return err_set(err, EBADMSG, "it sends %llu bytes, not %llu as its descriptor says",
			       (unsigned long long)pump->received,
			       (unsigned long long)blob->size_bytes);
	sha256_end(&pump->hash, is);
	if (strcmp(is, blob->digest) == 0)
		return 0;
	part_drop(&pump->layer->part);
	return err_set(err, EBADMSG, "it is not what its digest names (%s): damaged or forged", is);
}

static void *pump_run(void *data)
{
	struct pump *pump = data;

	progress_phase(&pump->all->progress, pump->layer->row, PHASE_DOWNLOADING);
	sha256_init(&pump->hash);
	pump->result = fetch(pump, &pump->err);
	if (pump->result == 0)
		pump->result = verify(pump, &pump->err);
	if (pump->result == 0)
		progress_phase(&pump->all->progress, pump->layer->row, PHASE_EXTRACTING);
	sha256_clear(&pump->hash);
	fd_close(pump->out);
	return NULL;
}

/* -- one layer -------------------------------------------------------------------------------- */

static int get_layer(struct pull_layers *l, struct pull_layer *layer, struct fetcher *fetcher,
		     struct err *err)
{
	struct pump pump = { .all = l, .layer = layer, .fetcher = fetcher, .hash = SHA256_EMPTY };
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
	r = layer_unpack(l->work, LAYER_SOURCE(in), layer->diff_id, l->limit_bytes, &layer->layer,
			 err);
	fd_close(fd_take(&in)); /* a pump that still writes stops at this */
	(void)pthread_join(thread, NULL);
	/* Nothing to go on with: the next pull would only find it wrong, too. A full disk says nothing about it. */
	if (pump.refused && (r == -EBADMSG || r == -EINVAL))
		part_drop(&layer->part);
	/* the first cause: what the archive says of its end that is missing tells nothing */
	if (pump.result < 0 && pump.result != -ECANCELED) {
		*err = pump.err;
		r = pump.result;
	}
	return r;
}

static struct pull_layer *next_layer(struct pull_layers *l)
{
	struct pull_layer *layer = NULL;

	(void)pthread_mutex_lock(&l->mutex);
	while (!layer && !l->failed && l->next < l->count) {
		struct pull_layer *one = &l->layers[l->next++];

		if (!one->have && !one->again)
			layer = one;
	}
	(void)pthread_mutex_unlock(&l->mutex);
	return layer;
}

static void fail(struct pull_layers *l, const struct err *err)
{
	(void)pthread_mutex_lock(&l->mutex);
	if (!l->failed)
		l->first = *err;
	l->failed = true;
	(void)pthread_mutex_unlock(&l->mutex);
}

static void *thread_run(void *data)
{
	struct pull_layers *l = data;
	struct pull_layer *layer;
	size_t fetcher;

	(void)pthread_mutex_lock(&l->mutex);
	fetcher = l->next_fetcher++;
	(void)pthread_mutex_unlock(&l->mutex);
	while ((layer = next_layer(l)) != NULL) {
		struct err err = ERR_NONE;
		int r = get_layer(l, layer, &l->fetchers[fetcher], &err);

		progress_phase(&l->progress, layer->row, r < 0 ? PHASE_FAILED : PHASE_DONE);
		if (r < 0) {
			err_wrap(&err, "layer %s", layer->blob->digest);
			fail(l, &err);
		}
	}
	progress_end_one(&l->progress);
	return NULL;
}

int pull_layers_run(struct pull_layers *l, size_t threads, struct err *err)
{
	_cleanup_free_ pthread_t *running = mem_new((threads + 1) * sizeof(*running));
	size_t started = 0;
	int r = lock_parts(l, err);

	if (r < 0)
		return r;
	(void)pthread_mutex_init(&l->mutex, NULL);
	while (started < threads && r == 0) {
		progress_begin(&l->progress, 1);
		r = pthread_create(&running[started], NULL, thread_run, l);
		if (r == 0)
			started++;
		else
			progress_end_one(&l->progress);
	}
	if (started == 0)
		return err_sys(err, r, "start a thread");
	progress_wait(&l->progress);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(running[i], NULL);
	(void)pthread_mutex_destroy(&l->mutex);
	if (l->failed)
		*err = l->first;
	return l->failed ? -err->code : 0;
}

void pull_layers_store(struct pull_layers *l, struct outcome *outcome)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->layers[i].again)
			continue;
		outcome_add_layer(outcome, &l->layers[i].layer);
		if (l->layers[i].part.fd >= 0)
			outcome_add_part(outcome, &l->layers[i].part);
	}
}

void pull_layers_clear(struct pull_layers *l)
{
	for (size_t i = 0; i < l->count; i++)
		part_close(&l->layers[i].part);
	free(l->layers);
	progress_clear(&l->progress);
}
