/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/yaml.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum { DEPTH_MAX = 64 };

struct reader {
	void *library;
	int (*initialize)(yaml_parser_t *);
	void (*delete)(yaml_parser_t *);
	void (*input)(yaml_parser_t *, const unsigned char *, size_t);
	int (*parse)(yaml_parser_t *, yaml_event_t *);
	void (*event_delete)(yaml_event_t *);
	yaml_parser_t parser;
	struct err *err;
};

static int library_load(struct reader *reader, struct err *err)
{
	const struct {
		const char *name;
		void **place;
	} wanted[] = {
		/* dlsym's void * is a function here by POSIX */
		{ "yaml_parser_initialize", (void **)&reader->initialize },
		{ "yaml_parser_delete", (void **)&reader->delete },
		{ "yaml_parser_set_input_string", (void **)&reader->input },
		{ "yaml_parser_parse", (void **)&reader->parse },
		{ "yaml_event_delete", (void **)&reader->event_delete },
	};

	reader->library = dlopen("libyaml-0.so.2", RTLD_NOW | RTLD_LOCAL);
	if (!reader->library) {
		err_set(err, ENOENT, "load libyaml: %s", dlerror());
		return err_hint(err, "install it (libyaml-0-2), or write the file in JSON");
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		*wanted[i].place = dlsym(reader->library, wanted[i].name);
		if (!*wanted[i].place)
			return err_set(err, ENOSYS, "libyaml has no %s", wanted[i].name);
	}
	return 0;
}

static json_t *refuse(struct reader *reader, const yaml_event_t *event, const char *why)
{
	if (!reader->err->code)
		(void)err_set(reader->err, EBADMSG, "line %zu: %s", event->start_mark.line + 1,
			      why);
	return NULL;
}

/* A plain scalar by the core schema; NULL: it is text. */
static json_t *word(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	static const char *const truths[] = { "true", "True", "TRUE" };
	static const char *const lies[] = { "false", "False", "FALSE" };
	char *end;
	long long number;
	double real;

	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
		if (strcmp(text, nulls[i]) == 0)
			return json_null();
	for (size_t i = 0; i < ARRAY_SIZE(truths); i++) {
		if (strcmp(text, truths[i]) == 0)
			return json_true();
		if (strcmp(text, lies[i]) == 0)
			return json_false();
	}
	if (strspn(text, "0123456789+-.eExXo abcdefABCDEF") != strlen(text) || strchr(text, ' '))
		return NULL;
	errno = 0;
	if (str_prefix(text, "0o"))
		number = strtoll(text + 2, &end, 8);
	else if (text[0] == '0' && text[1] >= '0' && text[1] <= '7')
		number = strtoll(text, &end,
				 8); /* 0660, as YAML 1.1 and everybody's modes have it */
	else
		number = strtoll(text, &end, str_prefix(text, "0x") ? 16 : 10);
	if (errno == 0 && end != text && !*end)
		return json_integer(number);
	if (strpbrk(text, "xXo") || !strpbrk(text, "0123456789"))
		return NULL;
	errno = 0;
	real = strtod(text, &end);
	return errno == 0 && end != text && !*end ? json_real(real) : NULL;
}

static json_t *scalar(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	json_t *json = NULL;

	if (event->data.scalar.anchor || event->data.scalar.tag)
		return refuse(reader, event, "anchors and tags are not possible");
	if (strlen(text) != event->data.scalar.length)
		return refuse(reader, event, "a zero byte in a text");
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		json = word(text);
	return json ? json : json_text(text);
}

static bool next(struct reader *reader, yaml_event_t *event)
{
	if (reader->parse(&reader->parser, event))
		return true;
	(void)err_set(reader->err, EBADMSG, "line %zu: %s", reader->parser.problem_mark.line + 1,
		      reader->parser.problem ? reader->parser.problem : "not YAML");
	memset(event, 0, sizeof(*event));
	return false;
}

static json_t *value(struct reader *reader, yaml_event_t *event, unsigned int depth);

static bool sequence_fill(struct reader *reader, json_t *array, unsigned int depth)
{
	for (;;) {
		yaml_event_t event;
		json_t *one;

		if (!next(reader, &event))
			return false;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			reader->event_delete(&event);
			return true;
		}
		one = value(reader, &event, depth);
		reader->event_delete(&event);
		if (!one)
			return false;
		json_push(array, one);
	}
}

/* One pair. 1: there are more; 0: that was the end; -1: refused. */
static int mapping_pair(struct reader *reader, json_t *object, unsigned int depth)
{
	_cleanup_free_ char *key = NULL;
	yaml_event_t event;
	json_t *one = NULL;

	if (!next(reader, &event))
		return -1;
	if (event.type == YAML_MAPPING_END_EVENT) {
		reader->event_delete(&event);
		return 0;
	}
	if (event.type != YAML_SCALAR_EVENT)
		(void)refuse(reader, &event, "a key that is no text");
	else if (json_object_get(object, (const char *)event.data.scalar.value))
		(void)refuse(reader, &event, "a key that is there twice");
	else
		key = str_dup((const char *)event.data.scalar.value);
	reader->event_delete(&event);
	if (!key || !next(reader, &event))
		return -1;
	one = value(reader, &event, depth);
	reader->event_delete(&event);
	if (!one)
		return -1;
	json_put(object, key, one);
	return 1;
}

static json_t *value(struct reader *reader, yaml_event_t *event, unsigned int depth)
{
	json_t *json;
	bool good;
	int r = 1;

	if (depth > DEPTH_MAX)
		return refuse(reader, event, "too deep");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return scalar(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		if (event->data.sequence_start.anchor || event->data.sequence_start.tag)
			return refuse(reader, event, "anchors and tags are not possible");
		json = json_array();
		good = sequence_fill(reader, json, depth + 1);
		break;
	case YAML_MAPPING_START_EVENT:
		if (event->data.mapping_start.anchor || event->data.mapping_start.tag)
			return refuse(reader, event, "anchors and tags are not possible");
		json = json_object();
		while (r == 1)
			r = mapping_pair(reader, json, depth + 1);
		good = r == 0;
		break;
	case YAML_ALIAS_EVENT:
		return refuse(reader, event, "aliases are not possible");
	default:
		return refuse(reader, event, "no value");
	}
	if (good)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *document(struct reader *reader)
{
	json_t *json = NULL;
	bool more = true;

	while (more) {
		yaml_event_t event;

		if (!next(reader, &event))
			break;
		if (event.type == YAML_STREAM_END_EVENT)
			more = false;
		else if (event.type == YAML_DOCUMENT_START_EVENT && json)
			(void)refuse(reader, &event, "more than one document");
		else if (event.type != YAML_STREAM_START_EVENT &&
			 event.type != YAML_DOCUMENT_START_EVENT &&
			 event.type != YAML_DOCUMENT_END_EVENT)
			json = value(reader, &event, 0);
		reader->event_delete(&event);
		more = more && !reader->err->code;
	}
	if (!json && !reader->err->code)
		(void)err_set(reader->err, EBADMSG, "line 1: there is nothing in it");
	if (reader->err->code) {
		json_decref(json);
		json = NULL;
	}
	return json;
}

json_t *yaml_load(const char *text, size_t length, struct err *err)
{
	struct reader reader = { .err = err };
	json_t *json = NULL;

	err_clear(err);
	if (library_load(&reader, err) == 0) {
		if (!reader.initialize(&reader.parser))
			abort(); /* out of memory */
		reader.input(&reader.parser, (const unsigned char *)text, length);
		json = document(&reader);
		reader.delete(&reader.parser);
	}
	if (reader.library)
		(void)dlclose(reader.library);
	return json;
}
