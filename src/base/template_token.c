/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/template_token.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

const char lexer_blanks[] = " \t\r\n";

static size_t line_of(const struct lexer *lexer, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at && lexer->text[i]; i++)
		line += lexer->text[i] == '\n';
	return line;
}

void *lexer_fail(struct lexer *lexer, const char *fmt, ...)
{
	char words[256];
	va_list args;

	if (lexer->err->code)
		return NULL; /* the first one is the cause */
	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	err_set(lexer->err, EINVAL, "template: :%zu: %s", line_of(lexer, lexer->at), words);
	return NULL;
}

static bool word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (word_byte(s[n]))
		n++;
	return n;
}

size_t token_closing(const char *s, bool *ret_trim)
{
	*ret_trim = strchr(lexer_blanks, s[0]) && s[0] && s[1] == '-' && s[2] == '}' && s[3] == '}';
	if (*ret_trim)
		return 4;
	return s[0] == '}' && s[1] == '}' ? 2 : 0;
}

static struct token quoted_token(struct lexer *lexer, struct token token)
{
	const char *s = lexer->text + token.at;
	char quote = s[0];
	size_t n = 1;

	for (; s[n] && s[n] != quote && (quote == '`' || s[n] != '\n'); n++)
		if (s[n] == '\\' && quote != '`' && s[n + 1])
			n++;
	if (s[n] != quote) {
		(void)lexer_fail(lexer, quote == '`' ? "unterminated raw quoted string" :
					quote == '"' ? "unterminated quoted string" :
						       "unterminated character constant");
		token.type = TOKEN_ERROR;
		return token;
	}
	token.type = quote == '\'' ? TOKEN_NUMBER : TOKEN_STRING;
	token.length = n + 1;
	return token;
}

static struct token number_token(struct token token, const char *s)
{
	size_t n = 1;

	while (word_byte(s[n]) || s[n] == '.' ||
	       ((s[n] == '+' || s[n] == '-') && strchr("eEpP", s[n - 1])))
		n++;
	token.type = TOKEN_NUMBER;
	token.length = n;
	return token;
}

static struct token token_read(struct lexer *lexer)
{
	struct token token = { .type = TOKEN_CHARACTER, .length = 1 };
	const char *s;
	bool trim;
	size_t n;

	for (;;) {
		s = lexer->text + lexer->at;
		n = token_closing(s, &trim);
		if (n || !*s || !strchr(lexer_blanks, *s))
			break;
		token.space = true;
		lexer->at++;
	}
	token.at = lexer->at;
	if (n) {
		token.type = TOKEN_CLOSE;
		token.length = n;
	} else if (!*s) {
		(void)lexer_fail(lexer, "unclosed action");
		token.type = TOKEN_ERROR;
		token.length = 0;
	} else if (*s == '"' || *s == '`' || *s == '\'') {
		token = quoted_token(lexer, token);
	} else if (isdigit((unsigned char)s[0]) ||
		   (strchr("+-.", s[0]) && isdigit((unsigned char)s[1])) ||
		   (strchr("+-", s[0]) && s[1] == '.' && isdigit((unsigned char)s[2]))) {
		token = number_token(token, s);
	} else if (*s == '.') {
		token.length = 1 + word_length(s + 1);
		token.type = token.length > 1 ? TOKEN_FIELD : TOKEN_DOT;
	} else if (*s == '$') {
		token.length = 1 + word_length(s + 1);
		token.type = TOKEN_VARIABLE;
	} else if (word_byte(*s)) {
		token.length = word_length(s);
		token.type = TOKEN_WORD;
	} else if (s[0] == ':' && s[1] == '=') {
		token.length = 2;
		token.type = TOKEN_DECLARE;
	} else if (s[0] == ':') {
		(void)lexer_fail(lexer, "expected :=");
		token.type = TOKEN_ERROR;
	} else if (s[0] == '=') {
		token.type = TOKEN_ASSIGN;
	} else if (!isprint((unsigned char)s[0])) {
		(void)lexer_fail(lexer, "unrecognized character in action: U+%04X",
				 (unsigned char)s[0]);
		token.type = TOKEN_ERROR;
	}
	lexer->at = token.at + token.length;
	return token;
}

struct token token_peek(struct lexer *lexer)
{
	if (!lexer->ahead) {
		lexer->token = token_read(lexer);
		lexer->ahead = true;
	}
	return lexer->token;
}

struct token token_take(struct lexer *lexer)
{
	struct token token = token_peek(lexer);

	lexer->ahead = false;
	return token;
}

bool token_is(struct lexer *lexer, struct token token, char c)
{
	return token.type == TOKEN_CHARACTER && lexer->text[token.at] == c;
}

bool token_is_word(struct lexer *lexer, struct token token, const char *word)
{
	return token.type == TOKEN_WORD && strlen(word) == token.length &&
	       strncmp(lexer->text + token.at, word, token.length) == 0;
}

/* -- constants -------------------------------------------------------------------------------- */

static size_t utf8_put(char *out, unsigned long code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* \xNN \uNNNN \UNNNNNNNN \NNN: bytes used behind the backslash, 0 when it is none */
static size_t escape_number(const char *s, size_t room, struct buf *out)
{
	static const struct {
		char letter;
		size_t digits;
		int base;
	} kinds[] = { { 'x', 2, 16 }, { 'u', 4, 16 }, { 'U', 8, 16 }, { 0, 3, 8 } };
	char digits[9] = "", utf8[4], *end;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t skip = kinds[i].letter != 0;
		unsigned long code;

		if ((skip && s[0] != kinds[i].letter) || room < skip + kinds[i].digits ||
		    !isxdigit((unsigned char)s[skip]))
			continue;
		memcpy(digits, s + skip, kinds[i].digits);
		code = strtoul(digits, &end, kinds[i].base);
		if (*end || end != digits + kinds[i].digits || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return 0;
		if (kinds[i].letter == 'x' || !kinds[i].letter) {
			utf8[0] = (char)code;
			buf_add(out, utf8, code > 255 ? 0 : 1);
		} else {
			buf_add(out, utf8, utf8_put(utf8, code));
		}
		return skip + kinds[i].digits;
	}
	return 0;
}

/* Go's interpreted string: false when an escape is none of Go's. */
static bool unquote(const char *s, size_t length, struct buf *out)
{
	static const char letters[] = "abfnrtv\\'\"", bytes[] = "\a\b\f\n\r\t\v\\'\"";

	for (size_t i = 0; i < length; i++) {
		const char *letter;
		size_t used;

		if (s[i] != '\\') {
			buf_add(out, s + i, 1);
			continue;
		}
		i++;
		letter = i < length ? strchr(letters, s[i]) : NULL;
		if (letter && *letter) {
			buf_add(out, bytes + (letter - letters), 1);
			continue;
		}
		used = i < length ? escape_number(s + i, length - i, out) : 0;
		if (!used)
			return false;
		i += used - 1;
	}
	return true;
}

json_t *token_string(struct lexer *lexer, struct token token)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	const char *s = lexer->text + token.at;
	json_t *made = NULL;

	if (s[0] == '`')
		made = json_stringn_nocheck(s + 1, token.length - 2);
	else if (unquote(s + 1, token.length - 2, &out))
		made = json_stringn_nocheck(out.data ? out.data : "", out.length);
	if (!made)
		(void)lexer_fail(lexer, "invalid syntax: %.*s", (int)token.length, s);
	return made;
}

static json_t *rune_constant(const char *s, size_t length)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	const unsigned char *b;
	json_int_t code;

	if (!unquote(s + 1, length - 2, &out) || out.length == 0)
		return NULL;
	b = (const unsigned char *)out.data;
	if (out.length == 1)
		code = b[0];
	else if (out.length == 2)
		code = (b[0] & 0x1f) << 6 | (b[1] & 0x3f);
	else if (out.length == 3)
		code = (b[0] & 0xf) << 12 | (b[1] & 0x3f) << 6 | (b[2] & 0x3f);
	else if (out.length == 4)
		code = (b[0] & 7) << 18 | (b[1] & 0x3f) << 12 | (b[2] & 0x3f) << 6 | (b[3] & 0x3f);
	else
		return NULL;
	return json_integer(code);
}

json_t *token_number(struct lexer *lexer, struct token token)
{
	const char *s = lexer->text + token.at;
	_cleanup_(buf_clear) struct buf plain = BUF_EMPTY;
	json_t *made = NULL;
	int base = 0;
	char *end;

	if (s[0] == '\'') {
		made = rune_constant(s, token.length);
		if (!made)
			(void)lexer_fail(lexer, "malformed character constant: %.*s",
					 (int)token.length, s);
		return made;
	}
	for (size_t i = 0; i < token.length; i++)
		if (s[i] != '_')
			buf_add(&plain, s + i, 1);
	if (plain.length) {
		const char *digits = plain.data + (strchr("+-", plain.data[0]) ? 1 : 0);

		if (digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'B')) {
			base = 2;
			memmove((char *)digits, digits + 2, strlen(digits + 2) + 1);
		} else if (digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'O')) {
			base = 8;
			memmove((char *)digits, digits + 2, strlen(digits + 2) + 1);
		}
		errno = 0;
		made = json_integer(strtoll(plain.data, &end, base));
		if (!errno && !*end && end != plain.data)
			return made;
		json_decref(made);
		made = json_real(strtod(plain.data, &end));
		if (made && !*end && end != plain.data && base == 0)
			return made;
		json_decref(made);
	}
	(void)lexer_fail(lexer, "bad number syntax: \"%.*s\"", (int)token.length, s);
	return NULL;
}
