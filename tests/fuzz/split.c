/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An archive of images to numbered files: whatever its names say, only numbers appear in the folder. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/message.h"
#include "transfer/split.h"
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

static void check_names(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    strspn(e->d_name, "0123456789") != strlen(e->d_name))
			abort();
	if (d)
		(void)closedir(d);
}

static void check_report(const struct buf *report)
{
	struct err err = ERR_NONE;
	struct message m;

	for (size_t at = 0; message_next(report, &at, &m) == 1;) {
		struct split_file file = { 0 };

		if (split_file_read(&m, &file, &err) < 0)
			abort(); /* what we wrote we can read */
		free(file.name);
		free(file.target);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	_cleanup_close_ int in = memfd_create("in", MFD_CLOEXEC), folder = -1;
	char path[] = "/dev/shm/split.XXXXXX";
	struct err err = ERR_NONE;

	if (in < 0 || fd_write_all(in, data, size) < 0 || lseek(in, 0, SEEK_SET) < 0 ||
	    dup2(in, WORKER_IN) < 0)
		return 0; /* larger than the limit of files */
	if (!mkdtemp(path))
		abort();
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dup2(folder, WORKER_FOLDER) < 0)
		abort();
	(void)split_run(&report, &err);
	check_report(&report);
	check_names(path);
	if (dir_remove(AT_FDCWD, path) < 0)
		abort();
	return 0;
}
