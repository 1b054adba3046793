/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/template_node.h"

/* Deeper than any template of a person's, shallow enough for the stack. */
enum { DEPTH_MAX = 100 };

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

struct parser {
	const char *text;
	size_t at;	    /* next byte */
	struct token token; /* looked at, not taken yet, when `ahead` */
	bool ahead, trim;   /* trim: the text that comes next loses its leading blanks */
	int depth, loops;
	char **variables;
	struct err *err;
};

static const char blanks[] = " \t\r\n";

static struct node *node_new(enum node_type type, size_t position)
{
	struct node *node = mem_new(sizeof(*node));

	node->type = type;
	node->position = position;
	return node;
}

static void node_free(struct node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->count; i++)
		node_free(node->children[i]);
	free(node->children);
	free(node->text);
	strv_clear(node->names);
	json_decref(node->constant);
	free(node);
}

static void node_add(struct node *parent, struct node *child)
{
	struct node **more =
		reallocarray(parent->children, parent->count + 1, sizeof(struct node *));

	if (!more)
		abort();
	parent->children = more;
	parent->children[parent->count++] = child;
}

static size_t line_of(const struct parser *p, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at && p->text[i]; i++)
		line += p->text[i] == '\n';
	return line;
}

__attribute__((format(printf, 2, 3))) static struct node *fail(struct parser *p, const char *fmt,
							       ...)
{
	char words[256];
	va_list args;

	if (p->err->code)
		return NULL; /* the first one is the cause */
	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	err_set(p->err, EINVAL, "template: :%zu: %s", line_of(p, p->at), words);
	return NULL;
}

static struct node *unexpected(struct parser *p, struct token token, const char *where)
{
	if (token.type == TOKEN_ERROR)
		return NULL; /* told already */
	if (token.type == TOKEN_CLOSE)
		return fail(p, "unexpected \"}}\" in %s", where);
	if (token.length > 10)
		return fail(p, "unexpected \"%.10s\"... in %s", p->text + token.at, where);
	return fail(p, "unexpected \"%.*s\" in %s", (int)token.length, p->text + token.at, where);
}

/* -- tokens ----------------------------------------------------------------------------------- */

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

/* " -}}" and "}}" at s: their length, or 0. */
static size_t closing(const char *s, bool *ret_trim)
{
	*ret_trim = strchr(blanks, s[0]) && s[0] && s[1] == '-' && s[2] == '}' && s[3] == '}';
	if (*ret_trim)
		return 4;
	return s[0] == '}' && s[1] == '}' ? 2 : 0;
}

static struct token quoted_token(struct parser *p, struct token token)
{
	const char *s = p->text + token.at;
	char quote = s[0];
	size_t n = 1;

	for (; s[n] && s[n] != quote && (quote == '`' || s[n] != '\n'); n++)
		if (s[n] == '\\' && quote != '`' && s[n + 1])
			n++;
	if (s[n] != quote) {
		(void)fail(p, quote == '`' ? "unterminated raw quoted string" :
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

static struct token token_read(struct parser *p)
{
	struct token token = { .type = TOKEN_CHARACTER, .length = 1 };
	const char *s;
	bool trim;
	size_t n;

	for (;;) {
		s = p->text + p->at;
		n = closing(s, &trim);
		if (n || !*s || !strchr(blanks, *s))
			break;
		token.space = true;
		p->at++;
	}
	token.at = p->at;
	if (n) {
		token.type = TOKEN_CLOSE;
		token.length = n;
	} else if (!*s) {
		(void)fail(p, "unclosed action");
		token.type = TOKEN_ERROR;
		token.length = 0;
	} else if (*s == '"' || *s == '`' || *s == '\'') {
		token = quoted_token(p, token);
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
		(void)fail(p, "expected :=");
		token.type = TOKEN_ERROR;
	} else if (s[0] == '=') {
		token.type = TOKEN_ASSIGN;
	} else if (!isprint((unsigned char)s[0])) {
		(void)fail(p, "unrecognized character in action: U+%04X", (unsigned char)s[0]);
		token.type = TOKEN_ERROR;
	}
	p->at = token.at + token.length;
	return token;
}

static struct token peek(struct parser *p)
{
	if (!p->ahead) {
		p->token = token_read(p);
		p->ahead = true;
	}
	return p->token;
}

static struct token take(struct parser *p)
{
	struct token token = peek(p);

	p->ahead = false;
	return token;
}

static bool is_character(struct parser *p, struct token token, char c)
{
	return token.type == TOKEN_CHARACTER && p->text[token.at] == c;
}

static bool is_word(struct parser *p, struct token token, const char *word)
{
	return token.type == TOKEN_WORD && strlen(word) == token.length &&
	       strncmp(p->text + token.at, word, token.length) == 0;
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

static json_t *string_constant(struct parser *p, struct token token)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	const char *s = p->text + token.at;
	json_t *made = NULL;

	if (s[0] == '`')
		made = json_stringn_nocheck(s + 1, token.length - 2);
	else if (unquote(s + 1, token.length - 2, &out))
		made = json_stringn_nocheck(out.data ? out.data : "", out.length);
	if (!made)
		(void)fail(p, "invalid syntax: %.*s", (int)token.length, s);
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

static json_t *number_constant(struct parser *p, struct token token)
{
	const char *s = p->text + token.at;
	_cleanup_(buf_clear) struct buf plain = BUF_EMPTY;
	json_t *made = NULL;
	int base = 0;
	char *end;

	if (s[0] == '\'') {
		made = rune_constant(s, token.length);
		if (!made)
			(void)fail(p, "malformed character constant: %.*s", (int)token.length, s);
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
	(void)fail(p, "bad number syntax: \"%.*s\"", (int)token.length, s);
	return NULL;
}

/* -- pipelines -------------------------------------------------------------------------------- */

static struct node *pipe_parse(struct parser *p, const char *where, char end);

static bool variable_known(const struct parser *p, const char *name)
{
	for (size_t i = 0; p->variables && p->variables[i]; i++)
		if (strcmp(p->variables[i], name) == 0)
			return true;
	return false;
}

static void variables_cut(struct parser *p, size_t length)
{
	for (size_t i = strv_length(p->variables); i > length; i--) {
		free(p->variables[i - 1]);
		p->variables[i - 1] = NULL;
	}
}

static struct node *constant_node(struct token token, json_t *constant)
{
	struct node *node = node_new(NODE_CONSTANT, token.at);

	node->constant = constant;
	return node;
}

static struct node *word_node(struct parser *p, struct token token)
{
	_cleanup_free_ char *word = str_ndup(p->text + token.at, token.length);
	struct node *node;

	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		return constant_node(token, json_boolean(word[0] == 't'));
	if (strcmp(word, "nil") == 0)
		return node_new(NODE_NIL, token.at);
	node = node_new(NODE_FUNCTION, token.at);
	node->function = function_find(word);
	if (node->function)
		return node;
	node_free(node);
	return fail(p, "function \"%s\" not defined", word);
}

/* One operand without the fields behind it; NULL without an error: here stands none. */
static struct node *term_parse(struct parser *p)
{
	struct token token = peek(p);
	struct node *node = NULL;
	json_t *constant;

	switch (token.type) {
	case TOKEN_WORD:
		(void)take(p);
		return word_node(p, token);
	case TOKEN_DOT:
		(void)take(p);
		return node_new(NODE_DOT, token.at);
	case TOKEN_FIELD:
		(void)take(p);
		node = node_new(NODE_FIELD, token.at);
		strv_add_take(&node->names, str_ndup(p->text + token.at + 1, token.length - 1));
		return node;
	case TOKEN_VARIABLE:
		(void)take(p);
		node = node_new(NODE_VARIABLE, token.at);
		strv_add_take(&node->names, str_ndup(p->text + token.at, token.length));
		if (!variable_known(p, node->names[0])) {
			(void)fail(p, "undefined variable \"%s\"", node->names[0]);
			node_free(node);
			return NULL;
		}
		return node;
	case TOKEN_STRING:
	case TOKEN_NUMBER:
		(void)take(p);
		constant = token.type == TOKEN_STRING ? string_constant(p, token) :
							number_constant(p, token);
		return constant ? constant_node(token, constant) : NULL;
	case TOKEN_CHARACTER:
		if (p->text[token.at] != '(')
			return NULL;
		(void)take(p);
		return pipe_parse(p, "parenthesized pipeline", ')');
	default:
		return NULL;
	}
}

static void text_set(struct parser *p, struct node *node, size_t from, size_t to)
{
	if (!node->text)
		node->text = str_ndup(p->text + from, to - from);
}

/* A term and the fields that stick to it: .A.B, $x.A, (pipe).A */
static struct node *operand_parse(struct parser *p)
{
	struct token first = peek(p), token;
	struct node *node = term_parse(p), *chain;
	size_t end = p->at;

	if (!node)
		return NULL;
	token = peek(p);
	if (token.type != TOKEN_FIELD || token.space) {
		text_set(p, node, first.at, end);
		return node;
	}
	if (node->type == NODE_CONSTANT || node->type == NODE_NIL || node->type == NODE_DOT) {
		(void)fail(p, "unexpected . after term \"%.*s\"", (int)first.length,
			   p->text + first.at);
		node_free(node);
		return NULL;
	}
	chain = node;
	if (node->type == NODE_FIELD || node->type == NODE_VARIABLE) {
		node->position = token.at; /* where Go says it is */
	} else {
		text_set(p, node, first.at, end);
		chain = node_new(NODE_CHAIN, token.at);
		node_add(chain, node);
	}
	while (peek(p).type == TOKEN_FIELD && !peek(p).space) {
		token = take(p);
		end = token.at + token.length;
		strv_add_take(&chain->names, str_ndup(p->text + token.at + 1, token.length - 1));
	}
	text_set(p, chain, first.at, end);
	return chain;
}

/* Something sticks to an operand that cannot follow it. */
static struct node *bad_character(struct parser *p, struct token token)
{
	unsigned char c = (unsigned char)p->text[token.at];

	return fail(p, "bad character U+%04X '%c'", c, c);
}

static struct node *command_parse(struct parser *p)
{
	struct node *command = node_new(NODE_COMMAND, peek(p).at);
	size_t from = command->position;

	for (;;) {
		struct node *operand = operand_parse(p);
		struct token token;

		if (operand)
			node_add(command, operand);
		if (p->err->code)
			goto failed;
		if (!operand)
			break;
		token = peek(p);
		if (token.type == TOKEN_ERROR)
			goto failed;
		if (token.type == TOKEN_CLOSE || is_character(p, token, '|') ||
		    is_character(p, token, ')'))
			break;
		if (!token.space) {
			(void)bad_character(p, token);
			goto failed;
		}
	}
	if (command->count == 0) {
		struct token token = peek(p);

		if (token.type == TOKEN_CLOSE || is_character(p, token, ')'))
			(void)fail(p, "empty command");
		else
			(void)unexpected(p, token, "command");
		goto failed;
	}
	text_set(p, command, from, peek(p).at);
	for (size_t n = strlen(command->text); n > 0 && strchr(blanks, command->text[n - 1]); n--)
		command->text[n - 1] = '\0';
	return command;
failed:
	node_free(command);
	return NULL;
}

/* `$x :=`, `$x =`, `$k, $v :=` in front of a pipeline. */
static int declarations_parse(struct parser *p, struct node *pipe, bool range)
{
	struct parser saved = *p;
	struct token token = peek(p), sign, second;

	if (token.type != TOKEN_VARIABLE)
		return 0;
	(void)take(p);
	sign = peek(p);
	if (sign.type == TOKEN_DECLARE || sign.type == TOKEN_ASSIGN) {
		(void)take(p);
		pipe->assigns = sign.type == TOKEN_ASSIGN;
		strv_add_take(&pipe->names, str_ndup(p->text + token.at, token.length));
	} else if (is_character(p, sign, ',')) {
		(void)take(p);
		second = take(p);
		sign = take(p);
		if (second.type != TOKEN_VARIABLE ||
		    (sign.type != TOKEN_DECLARE && sign.type != TOKEN_ASSIGN)) {
			(void)fail(p, "range can only initialize variables");
			return -EINVAL;
		}
		if (!range) {
			(void)fail(p, "too many declarations in command");
			return -EINVAL;
		}
		pipe->assigns = sign.type == TOKEN_ASSIGN;
		strv_add_take(&pipe->names, str_ndup(p->text + token.at, token.length));
		strv_add_take(&pipe->names, str_ndup(p->text + second.at, second.length));
	} else {
		p->at = saved.at;
		p->token = saved.token;
		p->ahead = saved.ahead;
		return 0;
	}
	for (size_t i = 0; pipe->names[i]; i++) {
		if (pipe->assigns && !variable_known(p, pipe->names[i])) {
			(void)fail(p, "undefined variable \"%s\"", pipe->names[i]);
			return -EINVAL;
		}
	}
	return 0;
}

/* What cannot be called at the end of a pipe, Go finds while parsing. */
static bool pipe_check(struct parser *p, const struct node *pipe)
{
	for (size_t i = 1; i < pipe->count; i++) {
		const struct node *first = pipe->children[i]->children[0];

		if (first->type == NODE_CONSTANT || first->type == NODE_DOT ||
		    first->type == NODE_NIL) {
			(void)fail(p, "non executable command in pipeline stage %zu", i + 1);
			return false;
		}
	}
	return true;
}

static struct node *pipe_parse(struct parser *p, const char *where, char end)
{
	struct node *pipe = node_new(NODE_PIPE, peek(p).at);
	size_t from = pipe->position, to;
	struct token token;

	if (++p->depth > DEPTH_MAX) {
		(void)fail(p, "too deep");
		goto failed;
	}
	if (declarations_parse(p, pipe, strcmp(where, "range") == 0) < 0)
		goto failed;
	for (;;) {
		struct node *command;

		token = peek(p);
		if (pipe->count == 0 &&
		    (token.type == TOKEN_CLOSE || is_character(p, token, ')'))) {
			(void)fail(p, "missing value for %s", where);
			goto failed;
		}
		command = command_parse(p);
		if (!command)
			goto failed;
		node_add(pipe, command);
		token = take(p);
		to = token.at;
		if (is_character(p, token, '|') && peek(p).type != TOKEN_CLOSE)
			continue;
		if (is_character(p, token, '|')) /* Go takes a pipe into nothing */
			token = take(p);
		break;
	}
	if (end ? !is_character(p, token, end) : token.type != TOKEN_CLOSE) {
		if (end && token.type == TOKEN_CLOSE)
			(void)fail(p, "unclosed left paren");
		else if (!end && is_character(p, token, ')'))
			(void)fail(p, "unexpected right paren");
		else
			(void)unexpected(p, token, where);
		goto failed;
	}
	if (!end)
		(void)closing(p->text + token.at, &p->trim);
	if (!pipe_check(p, pipe))
		goto failed;
	for (size_t i = 0; !pipe->assigns && pipe->names && pipe->names[i]; i++)
		strv_add(&p->variables, pipe->names[i]);
	text_set(p, pipe, from, to);
	p->depth--;
	return pipe;
failed:
	node_free(pipe);
	return NULL;
}

/* -- actions ---------------------------------------------------------------------------------- */

enum stop { STOP_EOF, STOP_END, STOP_ELSE, STOP_FAILED };

static struct node *list_parse(struct parser *p, enum stop *ret_stop);

static bool close_take(struct parser *p, const char *where)
{
	struct token token = take(p);

	if (token.type == TOKEN_CLOSE) {
		(void)closing(p->text + token.at, &p->trim);
		return true;
	}
	(void)unexpected(p, token, where);
	return false;
}

static struct node *control_parse(struct parser *p, enum node_type type, const char *word,
				  size_t position);

/* Behind {{else: `if`, `with`, or the end of the action. */
static bool else_parse(struct parser *p, struct node *control, const char *word)
{
	struct token token = peek(p);
	struct node *list;
	enum stop stop;

	if ((control->type == NODE_IF && is_word(p, token, "if")) ||
	    (control->type == NODE_WITH && is_word(p, token, "with"))) {
		(void)take(p);
		list = node_new(NODE_LIST, token.at);
		node_add(control, list);
		node_add(list, control_parse(p, control->type, word, token.at));
		return list->children[0] != NULL;
	}
	if (!close_take(p, "else"))
		return false;
	list = list_parse(p, &stop);
	node_add(control, list);
	if (stop == STOP_END)
		return true;
	if (stop == STOP_ELSE)
		(void)fail(p, "expected end; found {{else}}");
	else if (stop == STOP_EOF)
		(void)fail(p, "unexpected EOF");
	return false;
}

static struct node *control_parse(struct parser *p, enum node_type type, const char *word,
				  size_t position)
{
	struct node *control = node_new(type, position), *pipe;
	size_t variables = strv_length(p->variables);
	enum stop stop = STOP_FAILED;
	bool good = false;

	if (++p->depth > DEPTH_MAX) {
		(void)fail(p, "too deep");
		goto done;
	}
	pipe = pipe_parse(p, word, '\0');
	if (!pipe)
		goto done;
	node_add(control, pipe);
	p->loops += type == NODE_RANGE;
	node_add(control, list_parse(p, &stop));
	p->loops -= type == NODE_RANGE;
	if (stop == STOP_EOF)
		(void)fail(p, "unexpected EOF");
	good = stop == STOP_END || (stop == STOP_ELSE && else_parse(p, control, word));
	p->depth--;
done:
	variables_cut(p, variables);
	if (good)
		return control;
	node_free(control);
	return NULL;
}

/* Behind "{{": one action. NULL with *ret_stop for end and else. */
static struct node *action_parse(struct parser *p, enum stop *ret_stop)
{
	static const struct {
		const char *word;
		enum node_type type;
	} controls[] = { { "if", NODE_IF }, { "range", NODE_RANGE }, { "with", NODE_WITH } };
	static const char *const refused[] = { "define", "template", "block" };
	struct token token = peek(p);
	struct node *action, *pipe;

	*ret_stop = STOP_FAILED;
	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		if (is_word(p, token, controls[i].word)) {
			(void)take(p);
			return control_parse(p, controls[i].type, controls[i].word, token.at);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (is_word(p, token, refused[i]))
			return fail(p, "{{%s}} is not possible here", refused[i]);
	if (is_word(p, token, "break") || is_word(p, token, "continue")) {
		(void)take(p);
		if (p->loops == 0)
			return fail(p, "{{%.*s}} outside {{range}}", (int)token.length,
				    p->text + token.at);
		action = node_new(p->text[token.at] == 'b' ? NODE_BREAK : NODE_CONTINUE, token.at);
		if (close_take(p, "break"))
			return action;
		node_free(action);
		return NULL;
	}
	if (is_word(p, token, "end") || is_word(p, token, "else")) {
		bool end = p->text[token.at + 1] == 'n';

		(void)take(p);
		if (!end || close_take(p, "end"))
			*ret_stop = end ? STOP_END : STOP_ELSE;
		return NULL;
	}
	pipe = pipe_parse(p, "command", '\0');
	if (!pipe)
		return NULL;
	action = node_new(NODE_ACTION, pipe->position);
	node_add(action, pipe);
	return action;
}

/* Text up to the next action; what `{{- ` and ` -}}` trim is left out. NULL: none. */
static struct node *text_parse(struct parser *p)
{
	size_t from = p->at, to;
	const char *open = strstr(p->text + p->at, "{{");
	struct node *node;

	to = open ? (size_t)(open - p->text) : strlen(p->text);
	p->at = to;
	if (p->trim)
		from += strspn(p->text + from, blanks);
	p->trim = false;
	if (from > to)
		from = to;
	if (open && open[2] == '-' && open[3] && strchr(blanks, open[3]))
		while (to > from && strchr(blanks, p->text[to - 1]))
			to--;
	if (to == from)
		return NULL;
	node = node_new(NODE_TEXT, from);
	node->text = str_ndup(p->text + from, to - from);
	return node;
}

/* At "{{/" + "*" (with or without trim marker): true when it was a comment; errors set. */
static bool comment_skip(struct parser *p)
{
	const char *s = p->text + p->at, *end;
	size_t n;

	if (s[0] != '/' || s[1] != '*')
		return false;
	end = strstr(s + 2, "*/");
	if (!end) {
		(void)fail(p, "unclosed comment");
		return true;
	}
	n = closing(end + 2, &p->trim);
	if (!n)
		(void)fail(p, "comment ends before closing delimiter");
	p->at = (size_t)(end + 2 - p->text) + n;
	return true;
}

static struct node *list_parse(struct parser *p, enum stop *ret_stop)
{
	struct node *list = node_new(NODE_LIST, p->at);

	for (;;) {
		struct node *node = text_parse(p);

		if (node)
			node_add(list, node);
		if (!p->text[p->at]) {
			*ret_stop = STOP_EOF;
			return list;
		}
		p->at += 2;
		if (p->text[p->at] == '-' && p->text[p->at + 1] &&
		    strchr(blanks, p->text[p->at + 1]))
			p->at += 2;
		if (comment_skip(p)) {
			if (p->err->code)
				break;
			continue;
		}
		node = action_parse(p, ret_stop);
		if (node)
			node_add(list, node);
		else
			break;
	}
	if (p->err->code)
		*ret_stop = STOP_FAILED;
	return list;
}

int template_parse(const char *text, struct template **ret_template, struct err *err)
{
	struct parser p = { .text = text, .err = err };
	struct template *t = mem_new(sizeof(*t));
	enum stop stop = STOP_FAILED;

	err_clear(err);
	strv_add(&p.variables, "$");
	t->text = str_dup(text);
	t->root = list_parse(&p, &stop);
	strv_clear(p.variables);
	if (stop == STOP_END || stop == STOP_ELSE)
		(void)fail(&p, "unexpected {{%s}}", stop == STOP_END ? "end" : "else");
	if (err->code) {
		template_free(t);
		return -err->code;
	}
	*ret_template = t;
	return 0;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	node_free(t->root);
	free(t->text);
	free(t);
}
