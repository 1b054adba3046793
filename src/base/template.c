/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/template_node.h"

struct variable {
	const char *name; /* the node's */
	struct value value;
};

struct run {
	const struct template *t;
	unsigned int flags;
	struct buf *out;
	struct err *err;
	json_t *pool;
	struct variable *variables;
	size_t count, room;
	size_t steps;
	size_t start; /* length of out at the beginning */
};

/* What a list says to the loop around it. */
enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED };

json_t *run_keep(struct run *run, json_t *made)
{
	if (!made || json_array_append_new(run->pool, made) < 0)
		abort();
	return made;
}

bool run_is_heading(const struct run *run)
{
	return run->flags & TEMPLATE_HEADING;
}

int reason_set(struct reason *reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(reason->words, sizeof(reason->words), fmt, args);
	va_end(args);
	return -EINVAL;
}

/* As text/template's ErrorContext has it: the column counts bytes from 0, on later lines from 0 behind the newline. */
__attribute__((format(printf, 3, 4))) static int run_fail(struct run *run, const struct node *node,
							  const char *fmt, ...)
{
	const char *text = run->t->text, *what = node->text ? node->text : "";
	size_t line = 1, column = node->position;
	char words[512];
	va_list args;

	for (size_t i = 0; i < node->position; i++) {
		if (text[i] == '\n') {
			line++;
			column = node->position - i - 1;
		}
	}
	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	return err_set(run->err, EINVAL, "template: :%zu:%zu: executing \"\" at <%s>: %s", line,
		       column, what, words);
}

static int step(struct run *run, const struct node *node)
{
	if (++run->steps > TEMPLATE_STEPS)
		return run_fail(run, node, "the template does not come to an end");
	if (run->out->length - run->start > TEMPLATE_OUTPUT_BYTES)
		return run_fail(run, node, "the template prints too much");
	return 0;
}

/* -- variables -------------------------------------------------------------------------------- */

static void variable_push(struct run *run, const char *name, struct value value)
{
	if (run->count == run->room) {
		run->room = run->room ? 2 * run->room : 8;
		run->variables = reallocarray(run->variables, run->room, sizeof(*run->variables));
		if (!run->variables)
			abort();
	}
	run->variables[run->count++] = (struct variable){ name, value };
}

static struct variable *variable_find(struct run *run, const char *name)
{
	for (size_t i = run->count; i > 0; i--)
		if (strcmp(run->variables[i - 1].name, name) == 0)
			return &run->variables[i - 1];
	return NULL;
}

/* -- operands --------------------------------------------------------------------------------- */

static int pipe_run(struct run *run, const struct node *pipe, struct value dot, struct value *ret);

static const struct template_field *field_of(const struct template_shape *shape, const char *name)
{
	for (const struct template_field *field = shape->fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

static int field_run(struct run *run, const struct node *node, struct value from, const char *name,
		     struct value *ret)
{
	const struct template_shape *shape = from.shape;
	const struct template_field *field;
	const json_t *json;

	if (!from.json || (json_is_null(from.json) && shape->kind == TEMPLATE_ANY)) {
		if (run->flags & TEMPLATE_MISSING_FAILS || from.json)
			return run_fail(run, node, "nil data; no entry for key \"%s\"", name);
		*ret = VALUE_NONE;
		return 0;
	}
	if (json_is_null(from.json) && shape->kind == TEMPLATE_STRUCT)
		return run_fail(run, node, "nil pointer evaluating *%s.%s", value_type(from), name);
	if (shape->kind == TEMPLATE_STRUCT) {
		field = field_of(shape, name);
		if (!field)
			return run_fail(run, node, "can't evaluate field %s in type %s%s", name,
					shape->pointer ? "*" : "", value_type(from));
		json = json_object_get(from.json, field->key ? field->key : name);
		*ret = json ? (struct value){ json, field->shape } : value_zero(field->shape);
		return 0;
	}
	if (!json_is_object(from.json) && shape->kind != TEMPLATE_MAP)
		return run_fail(run, node, "can't evaluate field %s in type %s", name,
				shape->kind == TEMPLATE_ANY ? "interface {}" : value_type(from));
	json = json_object_get(from.json, name);
	if (!json && shape->kind == TEMPLATE_OPEN)
		return run_fail(run, node, "can't evaluate field %s in type %s", name,
				value_type(from));
	if (!json && run->flags & TEMPLATE_MISSING_FAILS)
		return run_fail(run, node, "map has no entry for key \"%s\"", name);
	*ret = json ? (struct value){ json, value_element_shape(from) } : VALUE_NONE;
	return 0;
}

static int fields_run(struct run *run, const struct node *node, size_t first, struct value from,
		      struct value *ret)
{
	for (size_t i = first; node->names && node->names[i]; i++) {
		int r = field_run(run, node, from, node->names[i], &from);

		if (r < 0)
			return r;
	}
	*ret = from;
	return 0;
}

/* command: the node of the whole call, where its operands stand. */
static int function_run(struct run *run, const struct node *command, const struct node *node,
			const struct value *args, size_t count, struct value *ret)
{
	const struct function *function = node->function;
	struct reason why = { .argument = SIZE_MAX };
	const struct node *where = command;

	if (count < function->least || count > function->most) {
		if (function->least == function->most)
			return run_fail(run, node, "wrong number of args for %s: want %zu got %zu",
					function->name, function->least, count);
		return run_fail(run, node, "wrong number of args for %s: want at least %zu got %zu",
				function->name, function->least, count);
	}
	if (function->call(run, args, count, ret, &why) == 0)
		return 0;
	if (why.argument < command->count - 1)
		where = command->children[why.argument + 1];
	if (where->type == NODE_CONSTANT && where != command && why.expected)
		return run_fail(run, where, "expected %s; found %s", why.expected, where->text);
	return run_fail(run, where, "%s", why.words);
}

static int operand_run(struct run *run, const struct node *node, struct value dot,
		       struct value *ret)
{
	struct variable *variable;
	struct value inner;
	int r;

	switch (node->type) {
	case NODE_DOT:
		*ret = dot;
		return 0;
	case NODE_NIL:
		*ret = VALUE_NONE;
		return 0;
	case NODE_CONSTANT:
		*ret = (struct value){ node->constant,
				       json_is_string(node->constant)  ? &template_string :
				       json_is_integer(node->constant) ? &template_number :
				       json_is_real(node->constant)    ? &value_float :
									 &template_bool };
		return 0;
	case NODE_FIELD:
		return fields_run(run, node, 0, dot, ret);
	case NODE_VARIABLE:
		variable = variable_find(run, node->names[0]);
		if (!variable)
			return run_fail(run, node, "undefined variable: %s", node->names[0]);
		return fields_run(run, node, 1, variable->value, ret);
	case NODE_CHAIN:
		r = operand_run(run, node->children[0], dot, &inner);
		return r < 0 ? r : fields_run(run, node, 0, inner, ret);
	case NODE_PIPE:
		return pipe_run(run, node, dot, ret);
	case NODE_FUNCTION:
		if (function_is_lazy(node->function))
			return run_fail(run, node,
					"wrong number of args for %s: want at least 1 got 0",
					node->function->name);
		return function_run(run, node, node, NULL, 0, ret);
	default:
		return run_fail(run, node, "can't handle this operand");
	}
}

/* and, or: the first that decides, the later ones are not looked at. `last`: the value from the pipe, or NULL. */
static int lazy_run(struct run *run, const struct node *command, struct value dot,
		    const struct value *last, struct value *ret)
{
	const struct node *name = command->children[0];
	bool is_or = name->function->name[0] == 'o';

	if (command->count == 1 && !last)
		return run_fail(run, name, "wrong number of args for %s: want at least 1 got 0",
				name->function->name);
	for (size_t i = 1; i < command->count; i++) {
		int r = operand_run(run, command->children[i], dot, ret);

		if (r < 0)
			return r;
		if (value_true(*ret) == is_or)
			return 0;
	}
	if (last)
		*ret = *last;
	return 0;
}

/* .Label "k" of a row in a list: Docker's one method with an argument. */
static int label_run(struct run *run, const struct node *command, struct value dot,
		     struct value *ret)
{
	struct value name;
	int r = operand_run(run, command->children[1], dot, &name);
	const char *found;

	if (r < 0)
		return r;
	if (!json_is_string(name.json))
		return run_fail(run, command->children[0],
				"wrong type for value; expected string; got %s", value_type(name));
	found = json_string_value(json_object_get(json_object_get(dot.json, dot.shape->label_key),
						  json_string_value(name.json)));
	*ret = run_is_heading(run) ? name : value_string(run, found ? found : "");
	return 0;
}

static bool is_label(const struct node *node, struct value dot)
{
	return node->type == NODE_FIELD && dot.shape->label_key && !node->names[1] &&
	       strcmp(node->names[0], "Label") == 0;
}

static int command_run(struct run *run, const struct node *command, struct value dot,
		       const struct value *last, struct value *ret)
{
	const struct node *first = command->children[0];
	size_t count = command->count - 1 + (last ? 1 : 0);
	_cleanup_free_ struct value *args = NULL;
	int r = step(run, command);

	if (r < 0)
		return r;
	if (first->type != NODE_FUNCTION) {
		if (is_label(first, dot) && command->count == 2 && !last)
			return label_run(run, command, dot, ret);
		if (count > 0)
			return first->type == NODE_FIELD || first->type == NODE_CHAIN ||
					       (first->type == NODE_VARIABLE && first->names[1]) ?
				       run_fail(run, first, "%s is not a method but has arguments",
						first->names[strv_length(first->names) - 1]) :
				       run_fail(run, first,
						"can't give argument to non-function %s",
						first->text);
		if (first->type == NODE_NIL)
			return run_fail(run, first, "nil is not a command");
		return operand_run(run, first, dot, ret);
	}
	if (function_is_lazy(first->function))
		return lazy_run(run, command, dot, last, ret);
	args = mem_new((count + 1) * sizeof(*args));
	for (size_t i = 1; i < command->count; i++) {
		r = operand_run(run, command->children[i], dot, &args[i - 1]);
		if (r < 0)
			return r;
	}
	if (last)
		args[count - 1] = *last;
	return function_run(run, command, first, args, count, ret);
}

static int pipe_run(struct run *run, const struct node *pipe, struct value dot, struct value *ret)
{
	struct value value = VALUE_NONE;

	for (size_t i = 0; i < pipe->count; i++) {
		struct value last = value;
		int r = command_run(run, pipe->children[i], dot, i ? &last : NULL, &value);

		if (r < 0)
			return r;
	}
	*ret = value;
	return 0;
}

/* The variables of a pipe in if, with and actions; range sets its own. */
static void pipe_assign(struct run *run, const struct node *pipe, struct value value)
{
	for (size_t i = 0; pipe->names && pipe->names[i]; i++) {
		struct variable *variable = pipe->assigns ? variable_find(run, pipe->names[i]) :
							    NULL;

		if (variable)
			variable->value = value;
		else
			variable_push(run, pipe->names[i], value);
	}
}

/* -- statements ------------------------------------------------------------------------------- */

static enum flow list_run(struct run *run, const struct node *list, struct value dot);

static enum flow branch_run(struct run *run, const struct node *node, struct value dot)
{
	size_t variables = run->count;
	enum flow flow = FLOW_ON;
	struct value value;

	if (pipe_run(run, node->children[0], dot, &value) < 0)
		return FLOW_FAILED;
	pipe_assign(run, node->children[0], value);
	if (value_true(value))
		flow = list_run(run, node->children[1], node->type == NODE_WITH ? value : dot);
	else if (node->count > 2)
		flow = list_run(run, node->children[2], dot);
	run->count = variables;
	return flow;
}

/* One turn of a loop: with the variables set, dot is the element. */
static enum flow turn_run(struct run *run, const struct node *node, struct value key,
			  struct value element)
{
	const struct node *pipe = node->children[0];
	size_t variables = run->count, names = strv_length(pipe->names);
	enum flow flow;

	for (size_t i = 0; i < names; i++) {
		struct value value = names == 2 && i == 0 ? key : element;
		struct variable *variable = pipe->assigns ? variable_find(run, pipe->names[i]) :
							    NULL;

		if (variable)
			variable->value = value;
		else
			variable_push(run, pipe->names[i], value);
	}
	flow = step(run, node) < 0 ? FLOW_FAILED : list_run(run, node->children[1], element);
	run->count = variables;
	return flow == FLOW_CONTINUE ? FLOW_ON : flow;
}

static enum flow object_range(struct run *run, const struct node *node, struct value value)
{
	_cleanup_strv_ char **keys = value_keys(value);
	enum flow flow = FLOW_ON;

	for (size_t i = 0; keys[i] && flow == FLOW_ON; i++)
		flow = turn_run(run, node, value_string(run, keys[i]),
				(struct value){ json_object_get(value.json, keys[i]),
						value_element_shape(value) });
	return flow;
}

/* What an error about a pipe's value points at. */
static const struct node *sole_operand(const struct node *pipe)
{
	if (pipe->count == 1 && pipe->children[0]->count == 1)
		return pipe->children[0]->children[0];
	return pipe;
}

static enum flow range_run(struct run *run, const struct node *node, struct value dot)
{
	enum flow flow = FLOW_ON;
	struct value value;
	json_t *item;
	size_t i;

	if (pipe_run(run, node->children[0], dot, &value) < 0)
		return FLOW_FAILED;
	if (value.json && !json_is_null(value.json) && !json_is_array(value.json) &&
	    !json_is_integer(value.json) &&
	    (!json_is_object(value.json) || value.shape->kind == TEMPLATE_STRUCT ||
	     value.shape->kind == TEMPLATE_OPEN)) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		value_print(&text, value);
		(void)run_fail(run, sole_operand(node->children[0]), "range can't iterate over %s",
			       text.data ? text.data : "");
		return FLOW_FAILED;
	}
	if (!value_true(value))
		return node->count > 2 ? list_run(run, node->children[2], dot) : FLOW_ON;
	if (json_is_array(value.json))
		json_array_foreach(value.json, i, item)
		{
			flow = turn_run(run, node, value_int(run, (json_int_t)i),
					(struct value){ item, value_element_shape(value) });
			if (flow != FLOW_ON)
				break;
		}
	else if (json_is_object(value.json))
		flow = object_range(run, node, value);
	else
		for (json_int_t n = 0; n < json_integer_value(value.json) && flow == FLOW_ON; n++)
			flow = turn_run(run, node, value_int(run, n), value_int(run, n));
	return flow == FLOW_BREAK ? FLOW_ON : flow;
}

static enum flow list_run(struct run *run, const struct node *list, struct value dot)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct node *node = list->children[i];
		enum flow flow = FLOW_ON;
		struct value value;

		switch (node->type) {
		case NODE_TEXT:
			buf_puts(run->out, node->text);
			break;
		case NODE_ACTION:
			if (pipe_run(run, node->children[0], dot, &value) < 0)
				return FLOW_FAILED;
			if (node->children[0]->names)
				pipe_assign(run, node->children[0], value);
			else
				value_print(run->out, value);
			break;
		case NODE_RANGE:
			flow = range_run(run, node, dot);
			break;
		case NODE_BREAK:
			return FLOW_BREAK;
		case NODE_CONTINUE:
			return FLOW_CONTINUE;
		default:
			flow = branch_run(run, node, dot);
		}
		if (flow != FLOW_ON)
			return flow;
	}
	return FLOW_ON;
}

int template_run(const struct template *t, const json_t *data, const struct template_shape *shape,
		 unsigned int flags, struct buf *out, struct err *err)
{
	struct run run = { .t = t, .flags = flags, .out = out, .err = err };
	struct value dot = { data, shape ? shape : &template_any };
	enum flow flow;

	run.pool = json_array();
	run.start = out->length;
	variable_push(&run, "$", dot);
	flow = list_run(&run, t->root, dot);
	free(run.variables);
	json_decref(run.pool);
	return flow == FLOW_FAILED ? -err->code : 0;
}
