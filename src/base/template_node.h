/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the template language: the tree, values, functions. Only template*.c include this. */
#ifndef CLOCHE_BASE_TEMPLATE_NODE_H
#define CLOCHE_BASE_TEMPLATE_NODE_H

#include <stddef.h>

#include "base/str.h"
#include "base/template.h"

enum node_type {
	NODE_LIST,   /* children */
	NODE_TEXT,   /* text */
	NODE_ACTION, /* child: a pipe */
	NODE_IF,     /* children: pipe, list, list or NULL */
	NODE_RANGE,  /* the same */
	NODE_WITH,   /* the same */
	NODE_BREAK,
	NODE_CONTINUE,
	NODE_PIPE,     /* names: declared variables; children: commands */
	NODE_COMMAND,  /* children: operands */
	NODE_FIELD,    /* names: .A.B */
	NODE_CHAIN,    /* child, names: (pipe).A.B */
	NODE_VARIABLE, /* names: $x.A.B */
	NODE_DOT,
	NODE_NIL,
	NODE_CONSTANT, /* constant */
	NODE_FUNCTION, /* function */
};

struct function;

struct node {
	enum node_type type;
	size_t position; /* in the template's text */
	char *text;	 /* NODE_TEXT; else the words between < and > of an error */
	char **names;
	bool assigns; /* NODE_PIPE: = and not := */
	json_t *constant;
	const struct function *function;
	struct node **children;
	size_t count;
};

struct template
{
	char *text;
	struct node *root;
};

/* json NULL: Go's invalid value. Borrowed: the run's pool holds what was made on the way. */
struct value {
	const json_t *json;
	const struct template_shape *shape; /* never NULL */
};
extern const struct template_shape value_float; /* of a constant */
#define VALUE_NONE ((struct value){ NULL, &template_any })

struct run;
json_t *run_keep(struct run *run, json_t *made); /* in the pool until the run ends */
bool run_is_heading(const struct run *run);

/* Words of an error of a function; which argument they are about, SIZE_MAX: the call as a whole. */
struct reason {
	size_t argument;
	const char *expected; /* its type, or NULL */
	char words[256];
};
int reason_set(struct reason *reason, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct function {
	const char *name;
	size_t least, most; /* arguments; most SIZE_MAX: any */
	int (*call)(struct run *run, const struct value *args, size_t count, struct value *ret,
		    struct reason *why);
};
const struct function *function_find(const char *name);
/* and, or: evaluated by the runner, because they look at the second only when they must */
bool function_is_lazy(const struct function *function);

struct value value_string(struct run *run, const char *text);
struct value value_int(struct run *run, json_int_t number);
struct value value_bool(bool truth);
bool value_true(struct value value);
bool value_is_nil(struct value value);
void value_print(struct buf *out, struct value value); /* as Go's fmt prints %v at top level */
void value_print_quoted(struct buf *out, const char *text);
void value_number(struct buf *out, const json_t *number);
const char *
value_type(struct value value); /* Go's name: "string", "int", "map[string]interface {}" */
/* What Go has where the JSON has nothing: "", 0, false, nil. */
struct value value_zero(const struct template_shape *shape);
const struct template_shape *value_element_shape(struct value value);
/* Keys of an object, sorted as Go ranges over maps (a struct's stay in order). To be freed with strv_free. */
char **value_keys(struct value value);

#endif
