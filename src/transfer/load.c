/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/load.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "image/store.h"
#include "image/work.h"
#include "transfer/bundle.h"
#include "transfer/dir_layout.h"
#include "transfer/docker_archive.h"
#include "transfer/load_image.h"
#include "transfer/oci_layout.h"
#include "transfer/outcome.h"

static int open_bundle(const struct work *work, int fd, uint64_t limit_bytes, struct bundle *ret,
		       struct err *err)
{
	struct stat st;
	int copy;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat the input");
	if (!S_ISDIR(st.st_mode))
		return bundle_from_archive(fd, work, limit_bytes, ret, err);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return err_sys(err, errno, "copy a descriptor");
	bundle_from_folder(copy, ret);
	return 0;
}

int load_images(const struct work *work, int fd, uint64_t limit_bytes, const char *only,
		struct outcome *outcome, struct err *err)
{
	_cleanup_(bundle_clear) struct bundle bundle = BUNDLE_NONE;
	const struct load load = { .work = work,
				   .bundle = &bundle,
				   .outcome = outcome,
				   .only = only,
				   .limit_bytes = limit_bytes };
	int r = open_bundle(work, fd, limit_bytes, &bundle, err);

	if (r < 0)
		return r;
	if (dir_layout_is(&bundle))
		return dir_layout_load(&load, err);
	if (bundle_has(&bundle, "manifest.json")) {
		r = docker_archive_load(&load, err);
		/* a word that is no name of Docker's stands in the other list */
		if (r != -ENOENT || !only || outcome->image_count > 0 ||
		    !bundle_has(&bundle, "index.json"))
			return r;
		err_clear(err);
	}
	if (bundle_has(&bundle, "index.json"))
		return oci_layout_load(&load, err);
	err_set(err, EINVAL, "it has neither manifest.json nor index.json: no archive of images");
	return err_hint(err, "a root file system is read by: cloche import");
}
