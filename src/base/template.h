/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Go's template language as `docker --format` has it (pkg.go.dev/text/template, with Docker's functions json, join, split,
 * lower, upper, title, pad, truncate), over JSON values.
 *
 *	struct template *t;
 *	template_parse("{{.Name}}\t{{len .Mounts}}", &t, err);
 *	template_run(t, object, &container_shape, 0, &out, err);
 *	template_free(t);
 *
 * JSON alone does not say what Go would print: an empty list of Docker's is `[]`, an unknown key of a map `<no value>`, a
 * struct `{a b}`. A shape says what type Docker has at a place; without one a value is Go's map[string]any.
 * Errors have Go's words and name line and column: `template: :1:2: executing "" at <.Foo>: ...`. What a template may cost
 * is limited (TEMPLATE_STEPS, TEMPLATE_OUTPUT_BYTES, depth), since it may come from a stranger's script.
 */
#ifndef CLOCHE_BASE_TEMPLATE_H
#define CLOCHE_BASE_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct err;
struct template;

enum { TEMPLATE_STEPS = 2000000, TEMPLATE_OUTPUT_BYTES = 256 << 20 };

enum template_kind {
	TEMPLATE_ANY, /* an interface: as the JSON is */
	TEMPLATE_STRING,
	TEMPLATE_NUMBER,
	TEMPLATE_BOOL,
	TEMPLATE_DURATION, /* nanoseconds, printed as 1m30s */
	TEMPLATE_STRUCT,   /* fields; others are an error */
	TEMPLATE_OPEN, /* a struct of which only the JSON is known; what is below it is open, too */
	TEMPLATE_MAP,  /* of element */
	TEMPLATE_LIST, /* of element */
};

struct template_shape {
	enum template_kind kind;
	bool sorted;	  /* a struct whose JSON has its keys sorted: Docker's rows */
	bool pointer;	  /* null is `<nil>`, and looking into it an error */
	const char *type; /* Go's name of it, for errors; NULL: "struct" */
	const struct template_field *fields; /* ends with a NULL name */
	const struct template_shape *element;
	void (*print)(struct buf *out,
		      const json_t *value); /* Go's String(), where a type has one */
	bool typed_keys; /* a map whose keys are no plain strings (nat.Port): `index` fails, range works */
	bool whole;	       /* Docker has no bare JSON to try again with */
	const char *label_key; /* a row of a list: the object in which `.Label "k"` looks */
};

struct template_field {
	const char *name; /* Go's */
	const struct template_shape *shape;
	const char *key; /* in the JSON; NULL: the same */
};

/* Shapes that need no table. */
extern const struct template_shape template_any, template_string, template_number, template_bool,
	template_duration, template_open, template_strings /* a list */,
	template_string_map /* of strings */, template_set /* Go's map[string]struct{} */;

enum template_flag {
	TEMPLATE_HEADING = 1, /* functions that change text leave it: the headings of a table */
	TEMPLATE_MISSING_FAILS = 2, /* a key that a map does not have is an error */
};

/* -EINVAL with Go's words: `template: :1: unclosed action`. */
int template_parse(const char *text, struct template **ret_template, struct err *err);
void template_free(struct template *t);
/* Add to out. shape NULL: template_any. On failure out keeps what was printed before. */
int template_run(const struct template *t, const json_t *data, const struct template_shape *shape,
		 unsigned int flags, struct buf *out, struct err *err);
/* Compact JSON as Go's encoder writes it: structs in the order of the object, maps sorted. Keys that begin with '.' are ours and
 * stay inside. */
void template_json(struct buf *out, const json_t *value, const struct template_shape *shape);

#endif
