/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compressed bytes of any kind, to at most a mebibyte. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/decompress.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	_cleanup_close_ int in = memfd_create("in", MFD_CLOEXEC),
			    out = memfd_create("out", MFD_CLOEXEC);
	struct err err = ERR_NONE;

	if (in < 0 || out < 0 || fd_write_all(in, data, size) < 0 || lseek(in, 0, SEEK_SET) < 0 ||
	    dup2(in, WORKER_IN) < 0 || dup2(out, WORKER_OUT) < 0)
		return 0; /* larger than the limit of files */
	(void)decompress_run(&report, &err);
	return 0;
}
