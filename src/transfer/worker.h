/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child in the sandbox, with an input, an output, a folder, and a report at its end. The parent stays trusted: it
 * carries the bytes between workers and counts and hashes them on the way.
 *
 *	worker_prepare(err);		first of all, in main
 *	worker_start(&(struct worker_plan){ .kind = SANDBOX_TREE, .in = fd, .out = -1, .folder = dir,
 *					    .run = extract_run }, &worker, err);
 *	... write its input, close it ...
 *	worker_end(&worker, &report, err);
 *	worker_finish();
 *
 * Any thread may start one. A child that a process with threads forks may find malloc's lock held for ever by a thread that it does
 * not have (fork(2)), so that another process does it: the forker, which has one thread, and neither the descriptors
 * nor the secrets that its parent got since. Its children are its parent's all the same (CLONE_PARENT). */
#ifndef CLOCHE_TRANSFER_WORKER_H
#define CLOCHE_TRANSFER_WORKER_H

#include <sys/types.h>

#include "base/str.h"
#include "transfer/sandbox.h"

struct err;

enum { WORKER_IN = 0, WORKER_OUT = 1, WORKER_FOLDER = 3 }; /* descriptors in the child */

struct worker_plan {
	enum sandbox_kind kind;
	int in, out; /* -1: /dev/null; the parent's copies stay open */
	int folder;
	/* Runs in the child. Fills the report (message.h), or err. */
	int (*run)(struct buf *report, struct err *err);
};

struct worker {
	pid_t pid; /* 0: none */
	int report;
};
#define WORKER_NONE ((struct worker){ .pid = 0, .report = -1 })

/* Once, before the first thread. The forker ends with worker_finish, or with this process. */
int worker_prepare(struct err *err);
void worker_finish(void);

int worker_start(const struct worker_plan *plan, struct worker *ret_worker, struct err *err);
/* Wait for its end. Its own error comes back as ours; one that died otherwise is -EIO with words. */
int worker_end(struct worker *worker, struct buf *ret_report, struct err *err);
/* Kill it and reap it; nothing when it is none. */
void worker_stop(struct worker *worker);

#endif
