/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/template_node.h"
#include "base/template_token.h"

/* Deeper than any template of a person's, shallow enough for the stack. */
enum { DEPTH_MAX = 100 };

struct parser {
	struct lexer lexer;
	bool trim; /* the text that comes next loses its leading blanks */
	int depth, loops;
	char **variables;
};

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

static struct node *unexpected(struct parser *p, struct token token, const char *where)
{
	if (token.type == TOKEN_ERROR)
		return NULL; /* told already */
	if (token.type == TOKEN_CLOSE)
		return lexer_fail(&p->lexer, "unexpected \"}}\" in %s", where);
	if (token.length > 10)
		return lexer_fail(&p->lexer, "unexpected \"%.10s\"... in %s",
				  p->lexer.text + token.at, where);
	return lexer_fail(&p->lexer, "unexpected \"%.*s\" in %s", (int)token.length,
			  p->lexer.text + token.at, where);
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
	_cleanup_free_ char *word = str_ndup(p->lexer.text + token.at, token.length);
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
	return lexer_fail(&p->lexer, "function \"%s\" not defined", word);
}

/* One operand without the fields behind it; NULL without an error: here stands none. */
static struct node *term_parse(struct parser *p)
{
	struct token token = token_peek(&p->lexer);
	struct node *node = NULL;
	json_t *constant;

	switch (token.type) {
	case TOKEN_WORD:
		(void)token_take(&p->lexer);
		return word_node(p, token);
	case TOKEN_DOT:
		(void)token_take(&p->lexer);
		return node_new(NODE_DOT, token.at);
	case TOKEN_FIELD:
		(void)token_take(&p->lexer);
		node = node_new(NODE_FIELD, token.at);
		strv_add_take(&node->names,
			      str_ndup(p->lexer.text + token.at + 1, token.length - 1));
		return node;
	case TOKEN_VARIABLE:
		(void)token_take(&p->lexer);
		node = node_new(NODE_VARIABLE, token.at);
		strv_add_take(&node->names, str_ndup(p->lexer.text + token.at, token.length));
		if (!variable_known(p, node->names[0])) {
			(void)lexer_fail(&p->lexer, "undefined variable \"%s\"", node->names[0]);
			node_free(node);
			return NULL;
		}
		return node;
	case TOKEN_STRING:
	case TOKEN_NUMBER:
		(void)token_take(&p->lexer);
		constant = token.type == TOKEN_STRING ? token_string(&p->lexer, token) :
							token_number(&p->lexer, token);
		return constant ? constant_node(token, constant) : NULL;
	case TOKEN_CHARACTER:
		if (p->lexer.text[token.at] != '(')
			return NULL;
		(void)token_take(&p->lexer);
		return pipe_parse(p, "parenthesized pipeline", ')');
	default:
		return NULL;
	}
}

static void text_set(struct parser *p, struct node *node, size_t from, size_t to)
{
	if (!node->text)
		node->text = str_ndup(p->lexer.text + from, to - from);
}

/* A term and the fields that stick to it: .A.B, $x.A, (pipe).A */
static struct node *operand_parse(struct parser *p)
{
	struct token first = token_peek(&p->lexer), token;
	struct node *node = term_parse(p), *chain;
	size_t end = p->lexer.at;

	if (!node)
		return NULL;
	token = token_peek(&p->lexer);
	if (token.type != TOKEN_FIELD || token.space) {
		text_set(p, node, first.at, end);
		return node;
	}
	if (node->type == NODE_CONSTANT || node->type == NODE_NIL || node->type == NODE_DOT) {
		(void)lexer_fail(&p->lexer, "unexpected . after term \"%.*s\"", (int)first.length,
				 p->lexer.text + first.at);
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
	while (token_peek(&p->lexer).type == TOKEN_FIELD && !token_peek(&p->lexer).space) {
		token = token_take(&p->lexer);
		end = token.at + token.length;
		strv_add_take(&chain->names,
			      str_ndup(p->lexer.text + token.at + 1, token.length - 1));
	}
	text_set(p, chain, first.at, end);
	return chain;
}

/* Something sticks to an operand that cannot follow it. */
static struct node *bad_character(struct parser *p, struct token token)
{
	unsigned char c = (unsigned char)p->lexer.text[token.at];

	return lexer_fail(&p->lexer, "bad character U+%04X '%c'", c, c);
}

static struct node *command_parse(struct parser *p)
{
	struct node *command = node_new(NODE_COMMAND, token_peek(&p->lexer).at);
	size_t from = command->position;

	for (;;) {
		struct node *operand = operand_parse(p);
		struct token token;

		if (operand)
			node_add(command, operand);
		if (p->lexer.err->code)
			goto failed;
		if (!operand)
			break;
		token = token_peek(&p->lexer);
		if (token.type == TOKEN_ERROR)
			goto failed;
		if (token.type == TOKEN_CLOSE || token_is(&p->lexer, token, '|') ||
		    token_is(&p->lexer, token, ')'))
			break;
		if (!token.space) {
			(void)bad_character(p, token);
			goto failed;
		}
	}
	if (command->count == 0) {
		struct token token = token_peek(&p->lexer);

		if (token.type == TOKEN_CLOSE || token_is(&p->lexer, token, ')'))
			(void)lexer_fail(&p->lexer, "empty command");
		else
			(void)unexpected(p, token, "command");
		goto failed;
	}
	text_set(p, command, from, token_peek(&p->lexer).at);
	for (size_t n = strlen(command->text); n > 0 && strchr(lexer_blanks, command->text[n - 1]);
	     n--)
		command->text[n - 1] = '\0';
	return command;
failed:
	node_free(command);
	return NULL;
}

/* `$x :=`, `$x =`, `$k, $v :=` in front of a pipeline. */
static int declarations_parse(struct parser *p, struct node *pipe, bool range)
{
	const struct lexer saved = p->lexer;
	struct token token = token_peek(&p->lexer), sign, second;

	if (token.type != TOKEN_VARIABLE)
		return 0;
	(void)token_take(&p->lexer);
	sign = token_peek(&p->lexer);
	if (sign.type == TOKEN_DECLARE || sign.type == TOKEN_ASSIGN) {
		(void)token_take(&p->lexer);
		pipe->assigns = sign.type == TOKEN_ASSIGN;
		strv_add_take(&pipe->names, str_ndup(p->lexer.text + token.at, token.length));
	} else if (token_is(&p->lexer, sign, ',')) {
		(void)token_take(&p->lexer);
		second = token_take(&p->lexer);
		sign = token_take(&p->lexer);
		if (second.type != TOKEN_VARIABLE ||
		    (sign.type != TOKEN_DECLARE && sign.type != TOKEN_ASSIGN)) {
			(void)lexer_fail(&p->lexer, "range can only initialize variables");
			return -EINVAL;
		}
		if (!range) {
			(void)lexer_fail(&p->lexer, "too many declarations in command");
			return -EINVAL;
		}
		pipe->assigns = sign.type == TOKEN_ASSIGN;
		strv_add_take(&pipe->names, str_ndup(p->lexer.text + token.at, token.length));
		strv_add_take(&pipe->names, str_ndup(p->lexer.text + second.at, second.length));
	} else {
		p->lexer = saved;
		return 0;
	}
	for (size_t i = 0; pipe->names[i]; i++) {
		if (pipe->assigns && !variable_known(p, pipe->names[i])) {
			(void)lexer_fail(&p->lexer, "undefined variable \"%s\"", pipe->names[i]);
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
			(void)lexer_fail(&p->lexer, "non executable command in pipeline stage %zu",
					 i + 1);
			return false;
		}
	}
	return true;
}

static struct node *pipe_parse(struct parser *p, const char *where, char end)
{
	struct node *pipe = node_new(NODE_PIPE, token_peek(&p->lexer).at);
	size_t from = pipe->position, to;
	struct token token;

	if (++p->depth > DEPTH_MAX) {
		(void)lexer_fail(&p->lexer, "too deep");
		goto failed;
	}
	if (declarations_parse(p, pipe, strcmp(where, "range") == 0) < 0)
		goto failed;
	for (;;) {
		struct node *command;

		token = token_peek(&p->lexer);
		if (pipe->count == 0 &&
		    (token.type == TOKEN_CLOSE || token_is(&p->lexer, token, ')'))) {
			(void)lexer_fail(&p->lexer, "missing value for %s", where);
			goto failed;
		}
		command = command_parse(p);
		if (!command)
			goto failed;
		node_add(pipe, command);
		token = token_take(&p->lexer);
		to = token.at;
		if (token_is(&p->lexer, token, '|') && token_peek(&p->lexer).type != TOKEN_CLOSE)
			continue;
		if (token_is(&p->lexer, token, '|')) /* Go takes a pipe into nothing */
			token = token_take(&p->lexer);
		break;
	}
	if (end ? !token_is(&p->lexer, token, end) : token.type != TOKEN_CLOSE) {
		if (end && token.type == TOKEN_CLOSE)
			(void)lexer_fail(&p->lexer, "unclosed left paren");
		else if (!end && token_is(&p->lexer, token, ')'))
			(void)lexer_fail(&p->lexer, "unexpected right paren");
		else
			(void)unexpected(p, token, where);
		goto failed;
	}
	if (!end)
		(void)token_closing(p->lexer.text + token.at, &p->trim);
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
	struct token token = token_take(&p->lexer);

	if (token.type == TOKEN_CLOSE) {
		(void)token_closing(p->lexer.text + token.at, &p->trim);
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
	struct token token = token_peek(&p->lexer);
	struct node *list;
	enum stop stop;

	if ((control->type == NODE_IF && token_is_word(&p->lexer, token, "if")) ||
	    (control->type == NODE_WITH && token_is_word(&p->lexer, token, "with"))) {
		(void)token_take(&p->lexer);
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
		(void)lexer_fail(&p->lexer, "expected end; found {{else}}");
	else if (stop == STOP_EOF)
		(void)lexer_fail(&p->lexer, "unexpected EOF");
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
		(void)lexer_fail(&p->lexer, "too deep");
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
		(void)lexer_fail(&p->lexer, "unexpected EOF");
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
	struct token token = token_peek(&p->lexer);
	struct node *action, *pipe;

	*ret_stop = STOP_FAILED;
	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		if (token_is_word(&p->lexer, token, controls[i].word)) {
			(void)token_take(&p->lexer);
			return control_parse(p, controls[i].type, controls[i].word, token.at);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (token_is_word(&p->lexer, token, refused[i]))
			return lexer_fail(&p->lexer, "{{%s}} is not possible here", refused[i]);
	if (token_is_word(&p->lexer, token, "break") ||
	    token_is_word(&p->lexer, token, "continue")) {
		(void)token_take(&p->lexer);
		if (p->loops == 0)
			return lexer_fail(&p->lexer, "{{%.*s}} outside {{range}}",
					  (int)token.length, p->lexer.text + token.at);
		action = node_new(p->lexer.text[token.at] == 'b' ? NODE_BREAK : NODE_CONTINUE,
				  token.at);
		if (close_take(p, "break"))
			return action;
		node_free(action);
		return NULL;
	}
	if (token_is_word(&p->lexer, token, "end") || token_is_word(&p->lexer, token, "else")) {
		bool end = p->lexer.text[token.at + 1] == 'n';

		(void)token_take(&p->lexer);
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
	size_t from = p->lexer.at, to;
	const char *open = strstr(p->lexer.text + p->lexer.at, "{{");
	struct node *node;

	to = open ? (size_t)(open - p->lexer.text) : strlen(p->lexer.text);
	p->lexer.at = to;
	if (p->trim)
		from += strspn(p->lexer.text + from, lexer_blanks);
	p->trim = false;
	if (from > to)
		from = to;
	if (open && open[2] == '-' && open[3] && strchr(lexer_blanks, open[3]))
		while (to > from && strchr(lexer_blanks, p->lexer.text[to - 1]))
			to--;
	if (to == from)
		return NULL;
	node = node_new(NODE_TEXT, from);
	node->text = str_ndup(p->lexer.text + from, to - from);
	return node;
}

/* At "{{/" + "*" (with or without trim marker): true when it was a comment; errors set. */
static bool comment_skip(struct parser *p)
{
	const char *s = p->lexer.text + p->lexer.at, *end;
	size_t n;

	if (s[0] != '/' || s[1] != '*')
		return false;
	end = strstr(s + 2, "*/");
	if (!end) {
		(void)lexer_fail(&p->lexer, "unclosed comment");
		return true;
	}
	n = token_closing(end + 2, &p->trim);
	if (!n)
		(void)lexer_fail(&p->lexer, "comment ends before closing delimiter");
	p->lexer.at = (size_t)(end + 2 - p->lexer.text) + n;
	return true;
}

static struct node *list_parse(struct parser *p, enum stop *ret_stop)
{
	struct node *list = node_new(NODE_LIST, p->lexer.at);

	for (;;) {
		struct node *node = text_parse(p);

		if (node)
			node_add(list, node);
		if (!p->lexer.text[p->lexer.at]) {
			*ret_stop = STOP_EOF;
			return list;
		}
		p->lexer.at += 2;
		if (p->lexer.text[p->lexer.at] == '-' && p->lexer.text[p->lexer.at + 1] &&
		    strchr(lexer_blanks, p->lexer.text[p->lexer.at + 1]))
			p->lexer.at += 2;
		if (comment_skip(p)) {
			if (p->lexer.err->code)
				break;
			continue;
		}
		node = action_parse(p, ret_stop);
		if (node)
			node_add(list, node);
		else
			break;
	}
	if (p->lexer.err->code)
		*ret_stop = STOP_FAILED;
	return list;
}

int template_parse(const char *text, struct template **ret_template, struct err *err)
{
	struct parser p = { .lexer = { .text = text, .err = err } };
	struct template *t = mem_new(sizeof(*t));
	enum stop stop = STOP_FAILED;

	err_clear(err);
	strv_add(&p.variables, "$");
	t->text = str_dup(text);
	t->root = list_parse(&p, &stop);
	strv_clear(p.variables);
	if (stop == STOP_END || stop == STOP_ELSE)
		(void)lexer_fail(&p.lexer, "unexpected {{%s}}", stop == STOP_END ? "end" : "else");
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
