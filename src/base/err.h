/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One error, from the level that knows the cause up to main, which prints it once.
 *
 *	if (mkdirat(dir, name, 0700) < 0)
 *		return err_sys(err, errno, "make folder %s", name);
 *	...
 *	if (r < 0)
 *		return err_wrap(err, "run %s", container);
 *
 * prints `cloche: run web: make folder upper: No space left on device`. Foreign bytes are escaped
 * when the words are made. Every function returns the negative code, so that it can be returned on.
 */
#ifndef CLOCHE_BASE_ERR_H
#define CLOCHE_BASE_ERR_H

enum { ERR_WORDS = 1024, ERR_HINT = 256 };

/* What callers further up act on, where the code alone could be about another thing. */
enum err_kind {
	ERR_PLAIN,
	ERR_NO_IMAGE, /* of that name or id */
};

struct err {
	int code;	 /* positive errno, 0 when nothing failed */
	int exit_status; /* what the program should exit with; 0: the command's default */
	enum err_kind kind;
	char words[ERR_WORDS];
	char hint[ERR_HINT];
};

#define ERR_NONE ((struct err){ 0 })

/* Set a cause that we found ourselves. Returns -code. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Like err_set, with ": " and the system's words for code behind it. Returns -code. */
int err_sys(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A flag's value that is not understood, in Docker's words and with its exit status, 125 for every command:
 * `invalid argument "x" for "--flag" flag: why`. flag with its dashes. Returns -EINVAL. */
int err_argument(struct err *err, const char *value, const char *flag, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Put "words: " in front. Returns -err->code. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What helps; printed behind "; ". Returns -err->code. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The exit status Docker would give (125, 126, 127). Returns -err->code. */
int err_exit(struct err *err, int exit_status);
/* A new cause is plain until this is called; wrapping keeps it. Returns -err->code. */
int err_is(struct err *err, enum err_kind kind);
/* Forget the error. */
void err_clear(struct err *err);
/* Print `program: words; hint` to stderr; nothing without words, for what another program of ours has told already.
 * Returns exit_status, or default_status when none was set. */
int err_print(const struct err *err, const char *program, int default_status);

#endif
