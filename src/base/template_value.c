/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/template_node.h"

const struct template_shape template_any = { .kind = TEMPLATE_ANY, .type = "interface {}" };
const struct template_shape template_string = { .kind = TEMPLATE_STRING, .type = "string" };
const struct template_shape template_number = { .kind = TEMPLATE_NUMBER, .type = "int" };
const struct template_shape value_float = { .kind = TEMPLATE_NUMBER, .type = "float64" };
const struct template_shape template_bool = { .kind = TEMPLATE_BOOL, .type = "bool" };
const struct template_shape template_duration = { .kind = TEMPLATE_DURATION,
						  .type = "time.Duration" };
const struct template_shape template_open = { .kind = TEMPLATE_OPEN, .type = "struct" };
const struct template_shape template_strings = { .kind = TEMPLATE_LIST,
						 .type = "[]string",
						 .element = &template_string };
const struct template_shape template_string_map = { .kind = TEMPLATE_MAP,
						    .type = "map[string]string",
						    .element = &template_string };
static const struct template_field no_fields[] = { { NULL, NULL, NULL } };
static const struct template_shape empty_struct = { .kind = TEMPLATE_STRUCT,
						    .type = "struct {}",
						    .fields = no_fields };
const struct template_shape template_set = { .kind = TEMPLATE_MAP,
					     .type = "map[string]struct {}",
					     .element = &empty_struct };

struct value value_string(struct run *run, const char *text)
{
	json_t *made = json_string(text);

	/* bytes that are no UTF-8, from `slice` or an escape: they go through as they are */
	return (struct value){ run_keep(run, made ? made : json_string_nocheck(text)),
			       &template_string };
}

struct value value_int(struct run *run, json_int_t number)
{
	return (struct value){ run_keep(run, json_integer(number)), &template_number };
}

struct value value_bool(bool truth)
{
	return (struct value){ truth ? json_true() : json_false(), &template_bool };
}

bool value_is_nil(struct value value)
{
	return json_is_null(value.json);
}

bool value_true(struct value value)
{
	switch (value.json ? json_typeof(value.json) : JSON_NULL) {
	case JSON_STRING:
		return json_string_length(value.json) > 0;
	case JSON_INTEGER:
		return json_integer_value(value.json) != 0;
	case JSON_REAL:
		return json_real_value(value.json) != 0;
	case JSON_TRUE:
		return true;
	case JSON_ARRAY:
		return json_array_size(value.json) > 0;
	case JSON_OBJECT:
		return value.shape->kind == TEMPLATE_STRUCT || value.shape->kind == TEMPLATE_OPEN ||
		       json_object_size(value.json) > 0;
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return false;
}

const char *value_type(struct value value)
{
	if (value.shape->kind != TEMPLATE_ANY && value.shape->kind != TEMPLATE_OPEN)
		return value.shape->type ? value.shape->type : "struct";
	switch (value.json ? json_typeof(value.json) : JSON_NULL) {
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
	case JSON_REAL:
		return value.shape->kind == TEMPLATE_ANY ? "json.Number" :
		       json_is_integer(value.json)	 ? "int" :
							   "float64";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	case JSON_ARRAY:
		return "[]interface {}";
	case JSON_OBJECT:
		return value.shape->kind == TEMPLATE_OPEN ? "struct" : "map[string]interface {}";
	case JSON_NULL:
		break;
	}
	return "nil";
}

struct value value_zero(const struct template_shape *shape)
{
	static json_t *text, *number, *object; /* immutable once made */

	if (!text) {
		text = json_string("");
		number = json_integer(0);
		object = json_object();
		if (!text || !number || !object)
			abort();
	}
	switch (shape->kind) {
	case TEMPLATE_STRING:
		return (struct value){ text, shape };
	case TEMPLATE_NUMBER:
	case TEMPLATE_DURATION:
		return (struct value){ shape->pointer ? json_null() : number, shape };
	case TEMPLATE_BOOL:
		return (struct value){ shape->pointer ? json_null() : json_false(), shape };
	case TEMPLATE_STRUCT:
		return (struct value){ shape->pointer ? json_null() : object, shape };
	case TEMPLATE_MAP:
	case TEMPLATE_LIST:
		return (struct value){ json_null(), shape };
	case TEMPLATE_ANY:
	case TEMPLATE_OPEN:
		break;
	}
	return VALUE_NONE;
}

const struct template_shape *value_element_shape(struct value value)
{
	if (value.shape->kind == TEMPLATE_OPEN)
		return &template_open;
	return value.shape->element ? value.shape->element : &template_any;
}

char **value_keys(struct value value)
{
	char **keys = NULL;
	const char *key;
	json_t *item;
	size_t n = 0;

	if (value.shape->kind != TEMPLATE_STRUCT && value.shape->kind != TEMPLATE_OPEN)
		return json_names(value.json);
	keys = mem_new((json_object_size(value.json) + 1) * sizeof(*keys));
	json_object_foreach((json_t *)value.json, key, item) if (key[0] != '.')
		keys[n++] = str_dup(key);
	if (value.shape->sorted)
		strv_sort(keys);
	return keys;
}

/* -- printing --------------------------------------------------------------------------------- */

/* The shortest digits that read back; from 10^most on and below 10^least with an exponent: strconv's 'g' (-4, 6), or the JSON
 * encoder's (-6, 21). */
static void real_print(struct buf *out, double real, int least, int most)
{
	char text[40];
	int exponent;

	if (!isfinite(real)) {
		buf_puts(out, isnan(real) ? "NaN" : real > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 0; digits < 18; digits++) {
		(void)snprintf(text, sizeof(text), "%.*e", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	if (real != 0 && (exponent < least || exponent >= most)) {
		buf_puts(out, text);
	} else {
		int digits = (int)(strchr(text, 'e') - text) - (text[0] == '-') - 2;
		int after = digits < 0 ? 0 : digits;

		after = after > exponent ? after - exponent : 0;
		buf_printf(out, "%.*f", after, real);
	}
}

void value_number(struct buf *out, const json_t *number)
{
	if (json_is_integer(number))
		buf_printf(out, "%lld", (long long)json_integer_value(number));
	else
		real_print(out, json_real_value(number), -4, 6);
}

/* time.Duration.String() */
static void duration_print(struct buf *out, json_int_t ns)
{
	static const struct {
		json_int_t below, unit;
		const char *name;
	} small[] = { { 1000, 1, "ns" }, { 1000000, 1000, "µs" }, { 1000000000, 1000000, "ms" } };

	if (ns == 0) {
		buf_puts(out, "0s");
		return;
	}
	if (ns < 0) {
		buf_puts(out, "-");
		ns = ns == INT64_MIN ? INT64_MAX : -ns;
	}
	for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
		if (ns < small[i].below) {
			real_print(out, (double)ns / (double)small[i].unit, -9, 21);
			buf_puts(out, small[i].name);
			return;
		}
	}
	if (ns >= 3600000000000)
		buf_printf(out, "%lldh", (long long)(ns / 3600000000000));
	if (ns >= 60000000000)
		buf_printf(out, "%lldm", (long long)(ns / 60000000000 % 60));
	real_print(out, (double)(ns % 60000000000) / 1e9, -9, 21);
	buf_puts(out, "s");
}

static void print(struct buf *out, struct value value, int depth);

static void struct_print(struct buf *out, struct value value)
{
	const struct template_field *field = value.shape->fields;

	if (value.shape->print) {
		value.shape->print(out, value.json);
		return;
	}
	buf_puts(out, "{");
	for (bool more = false; field->name; field++, more = true) {
		const json_t *json =
			json_object_get(value.json, field->key ? field->key : field->name);

		buf_puts(out, more ? " " : "");
		print(out, json ? (struct value){ json, field->shape } : value_zero(field->shape),
		      1);
	}
	buf_puts(out, "}");
}

static void object_print(struct buf *out, struct value value)
{
	_cleanup_strv_ char **keys = value_keys(value);
	bool open = value.shape->kind == TEMPLATE_OPEN;

	buf_puts(out, open ? "{" : "map[");
	for (size_t i = 0; keys[i]; i++) {
		buf_puts(out, i ? " " : "");
		if (!open)
			buf_printf(out, "%s:", keys[i]);
		print(out,
		      (struct value){ json_object_get(value.json, keys[i]),
				      value_element_shape(value) },
		      1);
	}
	buf_puts(out, open ? "}" : "]");
}

static void null_print(struct buf *out, struct value value, int depth)
{
	if (value.shape->pointer)
		buf_puts(out, "<nil>");
	else if (value.shape->kind == TEMPLATE_LIST)
		buf_puts(out, "[]");
	else if (value.shape->kind == TEMPLATE_MAP)
		buf_puts(out, "map[]");
	else
		buf_puts(out, depth ? "<nil>" : "<no value>");
}

static void print(struct buf *out, struct value value, int depth)
{
	json_t *item;
	size_t i;

	switch (value.json ? json_typeof(value.json) : JSON_NULL) {
	case JSON_STRING:
		buf_add(out, json_string_value(value.json), json_string_length(value.json));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		if (value.shape->kind == TEMPLATE_DURATION && json_is_integer(value.json))
			duration_print(out, json_integer_value(value.json));
		else
			value_number(out, value.json);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_puts(out, json_is_true(value.json) ? "true" : "false");
		break;
	case JSON_NULL:
		null_print(out, value, depth);
		break;
	case JSON_ARRAY:
		buf_puts(out, "[");
		json_array_foreach(value.json, i, item)
		{
			buf_puts(out, i ? " " : "");
			print(out, (struct value){ item, value_element_shape(value) }, depth + 1);
		}
		buf_puts(out, "]");
		break;
	case JSON_OBJECT:
		if (value.shape->kind == TEMPLATE_STRUCT)
			struct_print(out, value);
		else
			object_print(out, value);
		break;
	}
}

void value_print(struct buf *out, struct value value)
{
	print(out, value, 0);
}

/* -- JSON ------------------------------------------------------------------------------------- */

static void json_quoted(struct buf *out, const char *text, size_t length)
{
	buf_puts(out, "\"");
	for (size_t i = 0; i < length; i++) {
		const char *at;
		unsigned char c = (unsigned char)text[i];

		at = c ? strchr("\"\\\b\f\n\r\t", c) : NULL;
		if (at)
			buf_printf(out, "\\%c", "\"\\bfnrt"[at - "\"\\\b\f\n\r\t"]);
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else if (i + 2 < length && memcmp(text + i, "\xe2\x80", 2) == 0 &&
			 (text[i + 2] == '\xa8' || text[i + 2] == '\xa9')) {
			buf_printf(out, "\\u202%d", text[i + 2] == '\xa8' ? 8 : 9);
			i += 2;
		} else
			buf_add(out, text + i, 1);
	}
	buf_puts(out, "\"");
}

static const struct template_shape *field_shape(struct value value, const char *name)
{
	if (value.shape->kind != TEMPLATE_STRUCT)
		return value_element_shape(value);
	for (const struct template_field *field = value.shape->fields; field->name; field++)
		if (strcmp(field->key ? field->key : field->name, name) == 0)
			return field->shape;
	return &template_open; /* ours, that Docker has not */
}

void template_json(struct buf *out, const json_t *json, const struct template_shape *shape)
{
	struct value value = { json, shape ? shape : &template_any };
	_cleanup_strv_ char **keys = NULL;
	json_t *item;
	size_t i;

	switch (json ? json_typeof(json) : JSON_NULL) {
	case JSON_STRING:
		json_quoted(out, json_string_value(json), json_string_length(json));
		break;
	case JSON_ARRAY:
		buf_puts(out, "[");
		json_array_foreach(json, i, item)
		{
			buf_puts(out, i ? "," : "");
			template_json(out, item, value_element_shape(value));
		}
		buf_puts(out, "]");
		break;
	case JSON_OBJECT:
		keys = value_keys(value);
		buf_puts(out, "{");
		for (i = 0; keys[i]; i++) {
			buf_puts(out, i ? "," : "");
			json_quoted(out, keys[i], strlen(keys[i]));
			buf_puts(out, ":");
			template_json(out, json_object_get(json, keys[i]),
				      field_shape(value, keys[i]));
		}
		buf_puts(out, "}");
		break;
	case JSON_INTEGER:
		value_number(out, json);
		break;
	case JSON_REAL:
		real_print(out, json_real_value(json), -6, 21);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_puts(out, json_is_true(json) ? "true" : "false");
		break;
	case JSON_NULL:
		buf_puts(out, "null");
		break;
	}
}

/* %q: Go's quoted string. */
void value_print_quoted(struct buf *out, const char *text)
{
	static const char letters[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";

	buf_puts(out, "\"");
	for (; *text; text++) {
		const char *at = strchr(bytes, *text);

		if (at)
			buf_printf(out, "\\%c", letters[at - bytes]);
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			buf_printf(out, "\\x%02x", (unsigned char)*text);
		else
			buf_add(out, text, 1);
	}
	buf_puts(out, "\"");
}
