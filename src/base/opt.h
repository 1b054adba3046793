/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One table of options per command; parser, --help, man page and shell completion come from it.
 *
 *	static const struct opt kill_opts[] = {
 *		OPT_STRING('s', "signal", "SIGNAL", struct kill_args, signal, "send SIGNAL"),
 *		OPT_END,
 *	};
 *
 * Values land in the command's own struct. Docker's habits hold: options may stand after the first
 * argument only where the command says so (COMMAND_INTERSPERSED), else they end at the first operand;
 * -it joins switches, --name=x and --name x are the same, --flag=false switches off, "--" ends options.
 */
#ifndef CLOCHE_BASE_OPT_H
#define CLOCHE_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;

#define OPT_EVERY_DEFAULT "2"

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_BOOL,	 /* bool */
	OPT_KIND_OFF,	 /* bool that says the contrary: for what is on unless --name=false */
	OPT_KIND_STRING, /* const char *, the last one wins */
	OPT_KIND_LIST,	 /* char **, strv_add of each */
	OPT_KIND_INT,	 /* long */
	OPT_KIND_JSON,	 /* bool: --format json, of a list that has --json and no templates */
	OPT_KIND_EVERY,	 /* const char *: seconds, OPT_EVERY_DEFAULT when no word follows */
	OPT_KIND_LATER,	 /* known, refused: help says why */
};

struct opt {
	char letter;	   /* 0: none */
	const char *name;  /* long name */
	const char *value; /* "SIGNAL" in help, NULL for a switch */
	enum opt_kind kind;
	size_t offset; /* of the field */
	const char *help;
	bool hidden; /* an alias kept for scripts */
};

/* clang-format off */
#define OPT_BOOL(l, n, type, field, h) \
	{ l, n, NULL, OPT_KIND_BOOL, offsetof(type, field), h, false }
#define OPT_OFF(l, n, type, field, h) \
	{ l, n, NULL, OPT_KIND_OFF, offsetof(type, field), h, false }
#define OPT_STRING(l, n, v, type, field, h) \
	{ l, n, v, OPT_KIND_STRING, offsetof(type, field), h, false }
#define OPT_LIST(l, n, v, type, field, h) \
	{ l, n, v, OPT_KIND_LIST, offsetof(type, field), h, false }
#define OPT_INT(l, n, v, type, field, h) \
	{ l, n, v, OPT_KIND_INT, offsetof(type, field), h, false }
#define OPT_EVERY(l, n, type, field, h) \
	{ l, n, "[SECONDS]", OPT_KIND_EVERY, offsetof(type, field), h, false }
#define OPT_ALIAS(l, n, v, k, type, field) { l, n, v, k, offsetof(type, field), "", true }
#define OPT_FORMAT_JSON(type, field) \
	{ 0, "format", "json", OPT_KIND_JSON, offsetof(type, field), "the same as --json", false }
#define OPT_LATER(l, n, v, why) { l, n, v, OPT_KIND_LATER, 0, why, true }
#define OPT_END { 0, NULL, NULL, OPT_KIND_END, 0, NULL, false }
/* clang-format on */

enum command_flag {
	COMMAND_INTERSPERSED = 1, /* options also after operands (ps, rm, stop) */
};

struct command;
struct command {
	const char *program; /* whose command it is, in its words; NULL: cloche */
	const char *group;   /* "container", "image", "volume", "system", or NULL: top level only */
	const char *name;    /* "kill" */
	const char *
		alias; /* short top-level form besides: "ps" for container ls; NULL: name itself when group is
				container, none otherwise */
	const char *args; /* "CONTAINER...", "IMAGE [COMMAND] [ARG...]": how many there must be too */
	const char *summary; /* a sentence without full stop */
	const char *details; /* paragraphs for the man page, or NULL */
	const struct opt *opts;
	size_t args_size; /* of the struct that the options fill; zeroed, then defaults() */
	void (*defaults)(void *args);
	/* operands: NULL-terminated. Returns the exit status; err filled when it failed. */
	int (*run)(void *cli, void *args, char **operands, struct err *err);
	unsigned int flags;
};

/* The command that argv begins with: "kill", "container kill", "image ls", an alias. *ret_consumed: how many words that are.
 * NULL with the nearest name, and Docker's exit status. */
const struct command *command_find(const struct command *const *commands, char **argv,
				   int *ret_consumed, struct err *err);
/* The word that stands alone for it: the alias ("" for none), or the name when it has no group or is of "container"; or NULL. */
const char *command_short_name(const struct command *command);
/* How many operands `args` wants; SIZE_MAX: any number. */
void command_operands(const struct command *command, size_t *ret_least, size_t *ret_most);

/* Parse argv (NULL-terminated, after the command's name) into args. *ret_operands points into argv.
 * 0, 1: --help was given, or -EINVAL with Docker's words ("unknown flag: --x", "unknown shorthand flag: 'x' in -x",
 * `"cloche kill" requires at least 1 argument.`). */
int opt_parse(const struct command *command, char **argv, void *args, char ***ret_operands,
	      struct err *err);
void opt_args_free(const struct command *command, void *args); /* lists in it, and args itself */
void opt_help(const struct command *command, FILE *out);
void opt_help_all(const struct command *const *commands, const char *program, FILE *out);
/* The commands of a group. false: there is no such group, or it is a command, too. */
bool opt_help_group(const struct command *const *commands, const char *group, const char *program,
		    FILE *out);
void opt_man(const struct command *command, FILE *out);		      /* cloche-kill.1, roff */
void opt_man_index(const struct command *const *commands, FILE *out); /* cloche.1 */
void opt_completion(const struct command *const *commands, const char *shell,
		    FILE *out); /* bash, zsh, fish */

#endif
