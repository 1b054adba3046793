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
struct record;

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
/* What `create` does with these words (options, image, command), without printing the id. */
int cli_create(struct cli *cli, char **argv, struct record *record, struct err *err);
int cli_seconds(const char *text, long *ret_seconds, struct err *err); /* --timeout */

/* -- formats: Go templates, base/template.h ----------------------------------------------------- */

struct template_shape;

/* One object, "json" or a template, and a newline. `\t` stays as it is, as with Docker's inspect, info, version and events. */
int format_print(const char *format, const json_t *object, struct err *err);
/* The same with Docker's type of the object; what the type has not is looked for in the JSON. */
int format_typed(const char *format, const json_t *object, const struct template_shape *shape,
		 struct err *err);
/* A list. format NULL or "table ...": with headings (columns: the fields of the default); "json"; a template: a line for each.
 * Rows are objects of strings; `headings` names the fields there are. A row may hold its labels as an object at
 * TABLE_LABELS, for `.Label "k"`; it is not shown. */
#define TABLE_LABELS ".labels"
char *table_labels_text(const json_t *labels); /* "k=v,k=v", sorted */
char *table_time_text(int64_t ns);	       /* as Docker prints CreatedAt */
struct table_column {
	const char *heading, *field;
};
int table_print(const char *format, const struct table_column *columns,
		const struct table_column *headings, json_t *rows, struct err *err);

#endif
