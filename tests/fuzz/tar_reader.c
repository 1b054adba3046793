/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A layer's tar, up to where files would be made: headers, names, whiteouts, owners, contents with holes. */
#include <archive_entry.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/tar_reader.h"
#include "transfer/whiteout.h"
#include "transfer/worker.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct rlimit file = { 1 << 20, 1 << 20 };

	(void)argc;
	(void)argv;
	(void)signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &file);
}

static void read_entry(struct tar_reader *tar, struct archive_entry *entry, int out)
{
	enum whiteout_kind kind;
	const char *name = NULL;
	struct err err = ERR_NONE;
	char target[PATH_MAX];

	(void)whiteout_parse(tar->name, &kind, &name, &err);
	if (archive_entry_hardlink(entry))
		(void)tar_name_clean(archive_entry_hardlink(entry), target, &err);
	if (ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0 &&
	    archive_entry_filetype(entry) == AE_IFREG)
		(void)tar_reader_save(tar, out, archive_entry_size(entry), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(tar_reader_close) struct tar_reader tar = TAR_READER_NONE;
	_cleanup_close_ int in = memfd_create("in", MFD_CLOEXEC),
			    out = memfd_create("out", MFD_CLOEXEC);
	struct archive_entry *entry;
	struct err err = ERR_NONE;

	if (in < 0 || out < 0 || fd_write_all(in, data, size) < 0 || lseek(in, 0, SEEK_SET) < 0 ||
	    dup2(in, WORKER_IN) < 0)
		return 0; /* larger than the limit of files */
	if (tar_reader_open(&tar, 1000, &err) < 0)
		return 0;
	while (tar_reader_next(&tar, &entry, &err) > 0)
		read_entry(&tar, entry, out);
	return 0;
}
