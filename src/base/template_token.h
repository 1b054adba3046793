/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of an action of a template, one at a time. Only template_parse.c includes this. */
#ifndef CLOCHE_BASE_TEMPLATE_TOKEN_H
#define CLOCHE_BASE_TEMPLATE_TOKEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum token_type {
	TOKEN_ERROR,
	TOKEN_CLOSE, /* }} */
	TOKEN_FIELD, /* .Name */
	TOKEN_DOT,
	TOKEN_VARIABLE,
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_CHARACTER, /* any other printable one: | ( ) , and mistakes */
	TOKEN_DECLARE,
	TOKEN_ASSIGN,
};

struct token {
	enum token_type type;
	size_t at, length;
	bool space; /* blanks stand before it */
};

struct lexer {
	const char *text;
	size_t at;	    /* next byte */
	struct token token; /* looked at, not taken yet, when `ahead` */
	bool ahead;
	struct err *err;
};

extern const char lexer_blanks[];

/* Say what is wrong, with the line, unless something was before; gives NULL. */
__attribute__((format(printf, 2, 3))) void *lexer_fail(struct lexer *lexer, const char *fmt, ...);

struct token token_peek(struct lexer *lexer);
struct token token_take(struct lexer *lexer);
bool token_is(struct lexer *lexer, struct token token, char c);
bool token_is_word(struct lexer *lexer, struct token token, const char *word);

/* " -}}" and "}}" at s: their length, or 0. */
size_t token_closing(const char *s, bool *ret_trim);

/* The value of a string or number as Go writes them, a new object; NULL with the error set. */
json_t *token_string(struct lexer *lexer, struct token token);
json_t *token_number(struct lexer *lexer, struct token token);

#endif
