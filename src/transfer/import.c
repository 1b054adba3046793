/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/image_config.h"
#include "image/work.h"
#include "transfer/change.h"
#include "transfer/kept_blob.h"
#include "transfer/layer.h"
#include "transfer/outcome.h"
#include "transfer/platform.h"
#include "transfer/stored_blob.h"
#include "transfer/stream.h"

enum { PIECE = 256 * 1024 };

#define OUTLINE "outline" /* in the work folder */

/* RFC 3339 with nanoseconds, UTC, as the specification wants "created". */
json_t *import_now_json(void)
{
	struct timespec now;
	char seconds[32], text[64];
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, sizeof(text), "%s.%09ldZ", seconds, now.tv_nsec);
	return json_text(text);
}

static int put_platform(json_t *image, const char *text, struct err *err)
{
	struct platform platform;
	int r = platform_parse(text, &platform, err);

	if (r < 0)
		return r;
	json_put(image, "os", json_text(platform.os));
	json_put(image, "architecture", json_text(platform.architecture));
	if (platform.variant)
		json_put(image, "variant", json_text(platform.variant));
	platform_clear(&platform);
	return 0;
}

static int describe(json_t *image, const struct import_options *options, struct err *err)
{
	_cleanup_free_ char *from = str_printf("Imported from %s", options->source);
	const char *comment = options->message ? options->message : from;
	json_t *config = json_object(), *history = json_array(), *step = json_object();
	int r;

	json_put(image, "created", import_now_json());
	json_put(image, "comment", json_text(comment));
	json_put(image, "config", config);
	json_put(step, "created", json_copy(json_object_get(image, "created")));
	json_put(step, "comment", json_text(comment));
	json_push(history, step);
	json_put(image, "history", history);
	r = put_platform(image, options->platform, err);
	for (size_t i = 0; r == 0 && options->changes && options->changes[i]; i++)
		r = change_apply(config, options->changes[i], err);
	return r;
}

int import_spool(const struct work *work, int fd, uint64_t limit_bytes, int *ret_fd,
		 struct err *err)
{
	_cleanup_close_ int file =
		openat(work->dir, IMPORT_SPOOL, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	_cleanup_free_ char *piece = mem_new(PIECE);
	uint64_t total = 0;

	if (file < 0)
		return err_sys(err, errno, "make a file in tmp");
	for (;;) {
		ssize_t n = read(fd, piece, PIECE);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			break;
		total += (uint64_t)n;
		if (total > limit_bytes)
			return err_set(err, EFBIG, "it has more than %llu bytes",
				       (unsigned long long)limit_bytes);
		r = fd_write_all(file, piece, (size_t)n);
		if (r < 0)
			return err_sys(err, r, "write");
	}
	if (lseek(file, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "seek");
	*ret_fd = fd_take(&file);
	return 0;
}

/* A plain tar in a file of the user's is kept by its outline. */
static int unpack(const struct work *work, int fd, const struct import_options *options,
		  bool spooled, struct layer *layer, struct err *err)
{
	struct layer_source source = *LAYER_SOURCE(fd);
	_cleanup_close_ int outline = -1;
	struct stat st;

	if (!spooled && lseek(fd, 0, SEEK_CUR) == 0 && fstat(fd, &st) == 0 && st.st_size > 0 &&
	    stream_is_plain(fd, 0)) {
		outline = openat(work->dir, OUTLINE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (outline < 0)
			return err_sys(err, errno, "make a file in tmp");
		source.length = (uint64_t)st.st_size;
		source.outline = outline;
	}
	return layer_unpack(work, &source, NULL, options->limit_bytes, layer, err);
}

static int keep(const struct work *work, int fd, bool spooled, const struct layer *layer,
		struct outcome *outcome, struct kept_blob *blob, struct err *err)
{
	struct stat st;

	if (!layer->outlined)
		return kept_blob_add(work, fd, NULL, spooled ? IMPORT_SPOOL : NULL, outcome, blob,
				     err);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat the archive");
	*blob = (struct kept_blob){ .size_bytes = (uint64_t)st.st_size,
				    .type = kept_blob_type(fd, 0) };
	(void)str_append(blob->digest, sizeof(blob->digest), layer->diff_id);
	if (!stored_blob_there(work->root, blob->digest))
		outcome_add_outline(outcome, blob->digest, OUTLINE);
	return 0;
}

int import_image(const struct work *work, int fd, const struct import_options *options,
		 struct outcome *outcome, struct err *err)
{
	_cleanup_(image_config_clear) struct image_config config = IMAGE_CONFIG_EMPTY;
	_cleanup_json_ json_t *image = json_object();
	_cleanup_free_ char *text = NULL;
	json_t *rootfs, *diff_ids = json_array();
	_cleanup_close_ int spooled = -1;
	struct outcome_image *made;
	struct kept_blob blob = { 0 };
	struct layer layer = { 0 };
	int r = describe(image, options, err);

	if (r == 0 && !fd_is_regular(fd)) {
		r = import_spool(work, fd, options->limit_bytes, &spooled, err);
		fd = spooled;
	}
	if (r == 0)
		r = unpack(work, fd, options, spooled >= 0, &layer, err);
	if (r == 0)
		r = keep(work, fd, spooled >= 0, &layer, outcome, &blob, err);
	if (r < 0) {
		json_decref(diff_ids);
		return r;
	}
	rootfs = json_object();
	json_push(diff_ids, json_text(layer.diff_id));
	json_put(rootfs, "type", json_text("layers"));
	json_put(rootfs, "diff_ids", diff_ids);
	json_put(image, "rootfs", rootfs);
	text = json_dumps(image, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return err_set(err, ENOMEM, "write the image's configuration");
	/* what load would refuse, import must not make */
	r = image_config_parse(text, strlen(text), &config, err);
	if (r < 0)
		return r;
	outcome_add_layer(outcome, &layer);
	made = outcome_add_image(outcome, &config);
	outcome_add_blob(made, blob.digest, blob.size_bytes);
	kept_blob_manifest(made, &blob, 1);
	return 0;
}
