/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/push.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "transfer/fetcher.h"
#include "transfer/registries_conf.h"
#include "transfer/registry.h"
#include "transfer/registry_access.h"
#include "transfer/save.h"
#include "transfer/stored_blob.h"

enum { FETCHERS_MAX = 4, ATTEMPTS = 3, ANSWER_MAX = 65536 };

struct push_blob {
	const char *digest; /* of the manifest */
	size_t row;
};

struct push {
	int root;
	const struct push_options *options;
	struct reference reference;
	struct route route;
	const char *path; /* of the repository, where it really is */
	struct stored_image image;
	struct registry_access access;
	struct fetcher fetchers[FETCHERS_MAX];
	size_t fetcher_count;
	char *scope;
	struct buf bytes; /* of the manifest */
	char *type;
	struct manifest manifest;
	struct push_blob *blobs;
	size_t count;
	struct progress progress;
	pthread_mutex_t mutex; /* of the rest */
	size_t next, next_fetcher;
	bool failed;
	struct err first;
};

static int ignore(void *data, const void *bytes, size_t length, struct err *err)
{
	(void)data;
	(void)bytes;
	(void)length;
	(void)err;
	return 0;
}

static int ask(const struct push *p, struct fetcher *fetcher, const char *method, const char *path,
	       struct fetch_answer *answer, struct err *err)
{
	char *const empty[] = { (char *)(uintptr_t) "Content-Length: 0", NULL };

	fetch_answer_clear(answer);
	return fetcher_ask(fetcher,
			   &(struct fetch_request){ .method = method,
						    .path = path,
						    .scope = p->scope,
						    .headers = strcmp(method, "POST") == 0 ? empty :
											     NULL,
						    .limit = ANSWER_MAX,
						    .write = ignore,
						    .source = -1 },
			   answer, err);
}

/* -- one blob --------------------------------------------------------------------------------- */

/* 1: the registry has it. */
static int is_there(const struct push *p, struct fetcher *fetcher, const char *digest,
		    struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *path = str_printf("/v2/%s/blobs/%s", p->path, digest);
	int r = ask(p, fetcher, "HEAD", path, &answer, err);

	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return r < 0 ? r : 1;
}

/* A repository of the same registry that the image has a name in; NULL. */
static char *other_repository(const struct push *p)
{
	for (size_t i = 0; p->image.names && p->image.names[i]; i++) {
		struct reference one = REFERENCE_EMPTY;
		struct err ignored = ERR_NONE;
		char *path = NULL;

		if (reference_parse(p->image.names[i], &one, &ignored) == 0 &&
		    strcmp(one.domain, p->reference.domain) == 0 &&
		    strcmp(one.path, p->reference.path) != 0)
			path = str_dup(one.path);
		reference_clear(&one);
		if (path)
			return path;
	}
	return NULL;
}

/* Begin an upload. 1: it was mounted from another repository instead. 0: *ret_location is where to send it. */
static int begin(const struct push *p, struct fetcher *fetcher, const char *digest,
		 char **ret_location, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *from = other_repository(p);
	_cleanup_free_ char *path =
		from ? str_printf("/v2/%s/blobs/uploads/?mount=%s&from=%s", p->path, digest, from) :
		       str_printf("/v2/%s/blobs/uploads/", p->path);
	int r = ask(p, fetcher, "POST", path, &answer, err);

	if (r < 0)
		return r;
	if (answer.status == 201)
		return 1;
	if (answer.status != 202 || !answer.location)
		return err_set(err, EPROTO, "it takes no upload (status %ld)", answer.status);
	*ret_location = ptr_take(&answer.location);
	return 0;
}

struct sending {
	struct push *push;
	size_t row;
};

static void on_sent(void *data, uint64_t bytes)
{
	struct sending *sending = data;

	progress_count(&sending->push->progress, sending->row, bytes);
}

static int send_blob(struct push *p, struct fetcher *fetcher, const struct push_blob *blob,
		     const char *location, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	struct sending sending = { p, blob->row };
	_cleanup_free_ char *path = str_printf("%s%cdigest=%s", location,
					       strchr(location, '?') ? '&' : '?', blob->digest);
	char *const headers[] = { (char *)(uintptr_t) "Content-Type: application/octet-stream",
				  NULL };
	uint64_t size;
	_cleanup_close_ int fd = stored_blob_open(p->root, blob->digest, &size, err);

	if (fd < 0)
		return fd;
	return fetcher_ask(fetcher,
			   &(struct fetch_request){ .method = "PUT",
						    .path = path,
						    .scope = p->scope,
						    .headers = headers,
						    .limit = ANSWER_MAX,
						    .write = ignore,
						    .data = &sending,
						    .source = fd,
						    .source_length = size,
						    .sent = on_sent },
			   &answer, err);
}

/* -- in chunks: one that is cut costs no more than itself ---------------------------------------- */

struct upload {
	struct push *push;
	struct fetcher *fetcher;
	const struct push_blob *blob;
	int fd;
	uint64_t size, at; /* at: bytes that the registry has */
	char *location;
};

/* "0-1023", of a Range header: what the registry has; with nothing it says "0-0". */
static bool read_range(const char *range, uint64_t size, uint64_t *ret_at)
{
	const char *dash = range ? strchr(range, '-') : NULL;
	uint64_t last;

	if (!dash || strncmp(range, "0-", 2) != 0 || str_to_u64(dash + 1, size, &last) < 0)
		return false;
	*ret_at = last == 0 ? 0 : last + 1;
	return *ret_at <= size;
}

/* Where it stands; what the registry answers is where to go on. */
static int take_state(struct upload *u, struct fetch_answer *answer, struct err *err)
{
	uint64_t at;

	if (!answer->location || !read_range(answer->range, u->size, &at))
		return err_set(err, EPROTO, "it does not say what it has of the upload");
	free(u->location);
	u->location = ptr_take(&answer->location);
	u->at = at;
	progress_at(&u->push->progress, u->blob->row, at);
	return 0;
}

static int send_chunk(struct upload *u, uint64_t length, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	struct sending sending = { u->push, u->blob->row };
	_cleanup_free_ char *range = str_printf("Content-Range: %llu-%llu",
						(unsigned long long)u->at,
						(unsigned long long)(u->at + length - 1));
	char *const headers[] = { (char *)(uintptr_t) "Content-Type: application/octet-stream",
				  range, NULL };
	int r = fetcher_ask(u->fetcher,
			    &(struct fetch_request){ .method = "PATCH",
						     .path = u->location,
						     .scope = u->push->scope,
						     .headers = headers,
						     .limit = ANSWER_MAX,
						     .write = ignore,
						     .data = &sending,
						     .source = u->fd,
						     .source_offset = u->at,
						     .source_length = length,
						     .sent = on_sent },
			    &answer, err);

	return r < 0 ? r : take_state(u, &answer, err);
}

static int ask_state(struct upload *u, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	int r = ask(u->push, u->fetcher, "GET", u->location, &answer, err);

	return r < 0 ? r : take_state(u, &answer, err);
}

static int send_chunks(struct upload *u, uint64_t chunk, struct err *err)
{
	int failures = 0;

	while (u->at < u->size) {
		uint64_t left = u->size - u->at, before = u->at;
		struct err why = ERR_NONE;
		int r = send_chunk(u, left < chunk ? left : chunk, &why);

		if (r == 0 && u->at > before) {
			failures = 0;
			continue;
		}
		if (r == 0)
			err_set(&why, EIO, "it takes nothing of it");
		if ((r < 0 && r != -EIO) || ++failures == ATTEMPTS || ask_state(u, err) < 0) {
			*err = why; /* the first cause */
			/* a registry that was still at the cut part has given the upload up: it is begun anew */
			if (r == -ENOENT)
				err->code = EIO;
			return -err->code;
		}
	}
	return 0;
}

static int finish_upload(struct upload *u, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *path = str_printf("%s%cdigest=%s", u->location,
					       strchr(u->location, '?') ? '&' : '?',
					       u->blob->digest);
	char *const headers[] = { (char *)(uintptr_t) "Content-Type: application/octet-stream",
				  NULL };

	return fetcher_ask(u->fetcher,
			   &(struct fetch_request){ .method = "PUT",
						    .path = path,
						    .scope = u->push->scope,
						    .headers = headers,
						    .limit = ANSWER_MAX,
						    .write = ignore,
						    .source = u->fd,
						    .source_offset = u->size },
			   &answer, err);
}

static uint64_t chunk_bytes(void)
{
	const char *text = getenv("CLOCHE_PUSH_CHUNK");
	uint64_t chunk = 64ULL << 20;

	if (text && *text && (str_to_bytes(text, &chunk) < 0 || chunk < 65536))
		chunk = 64ULL << 20;
	return chunk;
}

/* location is the registry's, of an upload that has nothing yet. */
static int upload_blob(struct push *p, struct fetcher *fetcher, const struct push_blob *blob,
		       const char *location, struct err *err)
{
	struct upload u = { .push = p, .fetcher = fetcher, .blob = blob };
	uint64_t chunk = chunk_bytes();
	_cleanup_close_ int fd = stored_blob_open(p->root, blob->digest, &u.size, err);
	int r;

	if (fd < 0)
		return fd;
	if (u.size <= chunk)
		return send_blob(p, fetcher, blob, location, err);
	u.fd = fd;
	u.location = str_dup(location);
	r = send_chunks(&u, chunk, err);
	if (r == 0)
		r = finish_upload(&u, err);
	free(u.location);
	return r;
}

static int push_blob(struct push *p, struct fetcher *fetcher, const struct push_blob *blob,
		     struct err *err)
{
	int r = is_there(p, fetcher, blob->digest, err);

	if (r > 0)
		progress_phase(&p->progress, blob->row, PHASE_EXISTS);
	if (r != 0)
		return r < 0 ? r : 0;
	for (int attempt = 1;; attempt++) {
		_cleanup_free_ char *location = NULL;

		err_clear(err);
		r = begin(p, fetcher, blob->digest, &location, err);
		if (r > 0) {
			progress_phase(&p->progress, blob->row, PHASE_MOUNTED);
			return 0;
		}
		if (r == 0) {
			progress_phase(&p->progress, blob->row, PHASE_UPLOADING);
			progress_at(&p->progress, blob->row, 0);
			r = upload_blob(p, fetcher, blob, location, err);
		}
		if (r == 0)
			progress_phase(&p->progress, blob->row, PHASE_PUSHED);
		if (r != -EIO || attempt == ATTEMPTS)
			return r;
	}
}

static void *thread_run(void *data)
{
	struct push *p = data;
	size_t fetcher, i;

	(void)pthread_mutex_lock(&p->mutex);
	fetcher = p->next_fetcher++;
	for (;;) {
		struct err err = ERR_NONE;
		int r;

		i = p->failed ? p->count : p->next++;
		(void)pthread_mutex_unlock(&p->mutex);
		if (i >= p->count)
			break;
		r = push_blob(p, &p->fetchers[fetcher], &p->blobs[i], &err);
		if (r < 0)
			progress_phase(&p->progress, p->blobs[i].row, PHASE_FAILED);
		(void)pthread_mutex_lock(&p->mutex);
		if (r < 0 && !p->failed) {
			err_wrap(&err, "blob %s", p->blobs[i].digest);
			p->first = err;
			p->failed = true;
		}
	}
	progress_end_one(&p->progress);
	return NULL;
}

/* -- all of it -------------------------------------------------------------------------------- */

/* Whether the store has it is asked when the registry has not. */
static void add_blob(struct push *p, const struct descriptor *d)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->blobs[i].digest, d->digest) == 0)
			return;
	p->blobs[p->count++] = (struct push_blob){
		.digest = d->digest,
		.row = progress_add(&p->progress, digest_hex(d->digest), d->size_bytes)
	};
}

static int push_blobs(struct push *p, struct err *err)
{
	pthread_t threads[FETCHERS_MAX];
	size_t started = 0, wanted = p->count < FETCHERS_MAX ? p->count : FETCHERS_MAX;
	int r = 0;

	for (; r == 0 && p->fetcher_count < wanted; p->fetcher_count += r == 0)
		r = fetcher_start(&p->access, &p->fetchers[p->fetcher_count], err);
	if (r < 0)
		return r;
	(void)pthread_mutex_init(&p->mutex, NULL);
	while (started < wanted && r == 0) {
		progress_begin(&p->progress, 1);
		r = pthread_create(&threads[started], NULL, thread_run, p);
		if (r == 0)
			started++;
		else
			progress_end_one(&p->progress);
	}
	progress_wait(&p->progress);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_destroy(&p->mutex);
	if (started == 0)
		return err_sys(err, r, "start a thread");
	if (p->failed)
		*err = p->first;
	return p->failed ? -err->code : 0;
}

static int push_manifest(struct push *p, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *path = str_printf("/v2/%s/manifests/%s", p->path, p->reference.tag);
	_cleanup_free_ char *type = str_printf("Content-Type: %s", p->type);
	char *const headers[] = { type, NULL };
	uint64_t size;
	_cleanup_close_ int fd = stored_blob_open(p->root, p->image.manifest, &size, err);
	int r = fd < 0 ? fd :
			 fetcher_ask(&p->fetchers[0],
				     &(struct fetch_request){ .method = "PUT",
							      .path = path,
							      .scope = p->scope,
							      .headers = headers,
							      .limit = ANSWER_MAX,
							      .write = ignore,
							      .source = fd,
							      .source_length = size },
				     &answer, err);

	if (r < 0)
		return err_wrap(err, "the manifest");
	if (answer.digest && strcmp(answer.digest, p->image.manifest) != 0)
		return err_set(err, EBADMSG, "it says that it took %.100s, not %s", answer.digest,
			       p->image.manifest);
	(void)printf("%s: digest: %s size: %llu\n", p->reference.tag, p->image.manifest,
		     (unsigned long long)size);
	return fflush(stdout) == 0 ? 0 : err_sys(err, errno, "write to stdout");
}

/* To the repository's own place; mirrors are for pulls. */
static int find_registry(struct push *p, struct err *err)
{
	_cleanup_(registries_clear) struct registries registries = REGISTRIES_EMPTY;
	const struct route_stop *own;
	int r = registries_read(&registries, err);

	if (r == 0)
		r = registries_route(&registries, p->reference.domain, p->reference.path, false,
				     &p->route, err);
	if (r < 0)
		return r;
	own = &p->route.stops[p->route.count - 1];
	p->path = own->path;
	p->scope = str_printf("repository:%s:pull,push", own->path);
	r = registry_access_find(own->domain, own->path, p->options->insecure, &p->access, err);
	p->access.insecure |= own->insecure;
	return r;
}

static int push(struct push *p, struct err *err)
{
	int r = stored_image_parse(p->options->image, &p->image, err);

	if (r == 0)
		r = stored_manifest_read(p->root, p->image.manifest, &p->bytes, &p->manifest,
					 &p->type, err);
	if (r < 0)
		return r;
	p->blobs = mem_new((p->manifest.count + 1) * sizeof(*p->blobs));
	for (size_t i = 0; i < p->manifest.count; i++)
		add_blob(p, &p->manifest.items[i]);
	add_blob(p, &p->manifest.config);
	r = find_registry(p, err);
	if (r == 0)
		r = push_blobs(p, err);
	return r == 0 ? push_manifest(p, err) : r;
}

int push_image(int root, const struct push_options *options, struct err *err)
{
	struct push p = { .root = root,
			  .options = options,
			  .reference = REFERENCE_EMPTY,
			  .access = REGISTRY_ACCESS_EMPTY };
	int r = reference_parse(options->reference, &p.reference, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < FETCHERS_MAX; i++)
		p.fetchers[i] = FETCHER_NONE;
	progress_init(&p.progress, options->progress);
	r = push(&p, err);
	if (r < 0) {
		_cleanup_free_ char *name = reference_familiar(&p.reference);

		err_wrap(err, "push %s", name);
	}
	for (size_t i = 0; i < FETCHERS_MAX; i++)
		fetcher_stop(&p.fetchers[i]);
	progress_clear(&p.progress);
	registry_access_clear(&p.access);
	reference_clear(&p.reference);
	route_clear(&p.route);
	stored_image_clear(&p.image);
	manifest_clear(&p.manifest);
	buf_clear(&p.bytes);
	free(p.blobs);
	free(p.type);
	free(p.scope);
	return r;
}
