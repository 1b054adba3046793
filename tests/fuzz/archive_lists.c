/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lists of an archive of images: the input is manifest.json (its first byte is below 128) or index.json, of a bundle
 * that has nothing else. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/work.h"
#include "transfer/bundle.h"
#include "transfer/docker_archive.h"
#include "transfer/load_image.h"
#include "transfer/oci_layout.h"
#include "transfer/outcome.h"
#include "transfer/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One a process, in memory; a run of the fuzzer leaves one file. */
static int folder(void)
{
	static int dir = -1;
	char path[] = "/dev/shm/archive_lists.XXXXXX";

	if (dir < 0) {
		if (!mkdtemp(path))
			abort();
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return dir;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct split_file file = { .number = 0 };
	struct bundle bundle = { .dir = folder(), .files = &file, .count = 1 };
	_cleanup_(outcome_clear) struct outcome outcome = OUTCOME_EMPTY;
	const struct work work = { .root = bundle.dir, .tmp = -1, .dir = bundle.dir };
	const struct load load = { .work = &work,
				   .bundle = &bundle,
				   .outcome = &outcome,
				   .limit_bytes = 1 << 20 };
	struct err err = ERR_NONE;
	bool docker = size > 0 && data[0] < 128;
	_cleanup_close_ int fd = -1;

	if (size == 0)
		return 0;
	fd = openat(bundle.dir, "0", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, data + 1, size - 1) < 0)
		abort();
	file.name = str_dup(docker ? "manifest.json" : "index.json");
	if (docker)
		(void)docker_archive_load(&load, &err);
	else
		(void)oci_layout_load(&load, &err);
	free(file.name);
	return 0;
}
