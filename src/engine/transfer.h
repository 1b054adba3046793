/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running cloche-transfer, which speaks to the user by stderr itself. */
#ifndef CLOCHE_ENGINE_TRANSFER_H
#define CLOCHE_ENGINE_TRANSFER_H

struct buf;
struct engine;
struct err;

/* `cloche-transfer VERB --root ROOT ARGS...`. input: its stdin, -1: ours. output: takes its stdout; NULL: that is ours.
 * -EIO without words: it failed, and said why. */
int transfer_run(struct engine *engine, const char *verb, char *const *args, int input,
		 struct buf *output, struct err *err);

/* The same, and meanwhile(engine) while it works; when that fails, it is ended, and that is the error. */
int transfer_run_beside(struct engine *engine, const char *verb, char *const *args, int input,
			struct buf *output, int (*meanwhile)(struct engine *, struct err *),
			struct err *err);

#endif
