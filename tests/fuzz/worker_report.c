/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a sandboxed process that was taken over may report: nothing of it may reach out of the layer's folder. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/extract.h"
#include "transfer/message.h"
#include "transfer/split.h"
#include "transfer/whiteout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* above/tree/{d,l -> /..}: what is made outside of tree is seen in above. */
static int make_tree(int *ret_above)
{
	char path[] = "/dev/shm/worker_report.XXXXXX";
	int tree;

	if (!mkdtemp(path))
		abort();
	*ret_above = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(*ret_above, "tree", 0700) < 0)
		abort();
	tree = openat(*ret_above, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(tree, "d", 0700) < 0 || symlinkat("..", tree, "l") < 0)
		abort();
	return tree;
}

static void check_outside(int above)
{
	int copy = openat(above, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(copy);
	int count = 0;

	while (d && readdir(d))
		count++;
	if (count != 3) /* ".", "..", "tree" */
		abort();
	(void)closedir(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int above = -1, tree = -1;
	struct buf report = BUF_EMPTY;
	struct extract_totals totals;
	struct err err = ERR_NONE;
	struct message m;
	size_t at = 0;
	bool opaque;

	if (tree < 0)
		tree = make_tree(&above);
	buf_add(&report, data, size);
	while (message_next(&report, &at, &m) == 1) {
		struct split_file file = { 0 };

		if (m.kind == MESSAGE_FILE && split_file_read(&m, &file, &err) == 0) {
			free(file.name);
			free(file.target);
		}
	}
	(void)extract_totals_read(&report, &totals, &err);
	(void)whiteout_apply(tree, &report, &opaque, &err);
	check_outside(above);
	buf_clear(&report);
	return 0;
}
