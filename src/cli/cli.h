/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands of the command line share. A command parses and prints; the engine decides. */
#ifndef CLOCHE_CLI_CLI_H
#define CLOCHE_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "state/settings.h"

struct command;
struct engine;
struct err;

struct cli {
	struct settings settings;
	struct engine *engine; /* cli_engine() */
	const struct command *const *commands;
};

/* Opened on first use, after which interrupted work was repaired. */
struct engine *cli_engine(struct cli *cli, struct err *err);
void cli_warn(const char *words); /* "WARNING: ..." on stderr */
/* Print an error and go on with the next operand: Docker's habit. Returns the exit status 1, or the error's own. */
int cli_complain(struct err *err);
int cli_fail(struct err *err); /* the same; always 1 */
/* Do something for each operand, print its name when it went well; 1 when one failed. */
int cli_each(struct cli *cli, char **operands,
	     int (*act)(struct cli *, const char *, void *, struct err *), void *data);

/* -- formats: field paths and json ------------------------------------------------------------ */

/* Go templates, the part that is here: text, {{.A.B}}, {{json .A}}, {{.}}. -EOPNOTSUPP names what is not. */
int format_print(const char *format, const json_t *object, struct err *err);
/* A table: headings and the fields' templates. format NULL or "table ...": with headings; "json"; a template: a line for each. */
struct table_column {
	const char *heading, *field;
};
int table_print(const char *format, const struct table_column *columns,
		const struct table_column *headings, json_t *rows, struct err *err);

#endif
