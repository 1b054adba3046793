/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/opt.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

static bool same_kind(const struct command *command, const char *word)
{
	static const struct {
		const char *name, *other;
	} synonyms[] = { { "ls", "list" }, { "ls", "ps" }, { "rm", "remove" } };

	if (strcmp(command->name, word) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++)
		if (strcmp(command->name, synonyms[i].name) == 0 &&
		    strcmp(word, synonyms[i].other) == 0)
			return true;
	return false;
}

/* The word that stands alone for a command: its alias, or its name in the group container and without a group. */
const char *command_short_name(const struct command *command)
{
	if (command->alias)
		return *command->alias ? command->alias : NULL;
	if (!command->group || strcmp(command->group, "container") == 0)
		return command->name;
	return NULL;
}

/* Levenshtein's distance of short words; long ones are far from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= ARRAY_SIZE(row) || strlen(a) >= ARRAY_SIZE(row))
		return ARRAY_SIZE(row);
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]), least = change;

			diagonal = row[j];
			if (row[j] + 1 < least)
				least = row[j] + 1;
			if (row[j - 1] + 1 < least)
				least = row[j - 1] + 1;
			row[j] = least;
		}
	}
	return row[n];
}

const struct command *command_find(const struct command *const *commands, char **argv,
				   int *ret_consumed, struct err *err)
{
	const char *nearest = NULL, *nearest_there = NULL;
	size_t best = 3, best_there = 3;
	bool group = false;

	for (size_t i = 0; commands[i]; i++) {
		const char *name = command_short_name(commands[i]);

		if (commands[i]->group && strcmp(commands[i]->group, argv[0]) == 0) {
			group = true;
			if (argv[1] && same_kind(commands[i], argv[1])) {
				*ret_consumed = 2;
				return commands[i];
			}
			if (argv[1] && distance(commands[i]->name, argv[1]) < best_there) {
				best_there = distance(commands[i]->name, argv[1]);
				nearest_there = commands[i]->name;
			}
		}
		if (!name)
			continue;
		if (strcmp(name, argv[0]) == 0) {
			*ret_consumed = 1;
			return commands[i];
		}
		if (distance(name, argv[0]) < best) {
			best = distance(name, argv[0]);
			nearest = name;
		}
	}
	if (group) {
		err_set(err, EINVAL, "'cloche %s %s' is not a cloche command", argv[0],
			argv[1] ? argv[1] : "");
	} else {
		err_set(err, EINVAL, "'%s' is not a cloche command", argv[0]);
	}
	err_exit(err, 1);
	if (group && nearest_there)
		err_hint(err, "did you mean %s %s?", argv[0], nearest_there);
	else if (group)
		err_hint(err, "see: cloche %s --help", argv[0]);
	else if (nearest)
		err_hint(err, "did you mean %s?", nearest);
	else
		err_hint(err, "see: cloche --help");
	return NULL;
}

/* -- options ---------------------------------------------------------------------------------- */

static const struct opt *by_name(const struct opt *opts, const char *name, size_t length)
{
	for (; opts->kind != OPT_KIND_END; opts++)
		if (opts->name && strlen(opts->name) == length &&
		    strncmp(opts->name, name, length) == 0)
			return opts;
	return NULL;
}

static const struct opt *by_letter(const struct opt *opts, char letter)
{
	for (; opts->kind != OPT_KIND_END; opts++)
		if (opts->letter && opts->letter == letter)
			return opts;
	return NULL;
}

static int bool_parse(const char *value, bool *ret)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*ret = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int bad_value(const struct opt *opt, const char *value, const char *why, struct err *err)
{
	_cleanup_free_ char *flag = opt->letter ? str_printf("-%c, --%s", opt->letter, opt->name) :
						  str_printf("--%s", opt->name);

	return err_argument(err, value, flag, "%s", why);
}

/* value NULL: a switch without one */
static int value_set(const struct opt *opt, void *args, const char *value, struct err *err)
{
	char *field = (char *)args + opt->offset, *end;

	switch (opt->kind) {
	case OPT_KIND_BOOL:
		if (!value)
			*(bool *)(void *)field = true;
		else if (bool_parse(value, (bool *)(void *)field) < 0)
			return bad_value(opt, value, "not true or false", err);
		return 0;
	case OPT_KIND_OFF:
		if (bool_parse(value ? value : "true", (bool *)(void *)field) < 0)
			return bad_value(opt, value, "not true or false", err);
		*(bool *)(void *)field = !*(bool *)(void *)field;
		return 0;
	case OPT_KIND_STRING:
	case OPT_KIND_EVERY:
		*(const char **)(void *)field = value;
		return 0;
	case OPT_KIND_JSON:
		*(bool *)(void *)field = true;
		return strcmp(value, "json") != 0 ? bad_value(opt, value, "not json", err) : 0;
	case OPT_KIND_LIST:
		strv_add((char ***)(void *)field, value);
		return 0;
	case OPT_KIND_INT:
		errno = 0;
		*(long *)(void *)field = strtol(value, &end, 10);
		return errno || !*value || *end ? bad_value(opt, value, "not a number", err) : 0;
	case OPT_KIND_LATER:
		return err_set(err, EOPNOTSUPP, "--%s: %s", opt->name, opt->help);
	case OPT_KIND_END:
		break;
	}
	return 0;
}

static bool takes_value(const struct opt *opt)
{
	return opt->kind != OPT_KIND_BOOL && opt->kind != OPT_KIND_OFF && opt->value;
}

/* --watch alone, or --watch 5: for commands without operands, so that a word can be nothing else. */
static bool seconds_follow(char *const *argv)
{
	return argv[1] && argv[1][0] != '-';
}

/* What the user was closest to, for the hint. */
static void suggest(const struct opt *opts, const char *name, struct err *err)
{
	const char *nearest = NULL;
	size_t best = 3;

	for (; opts->kind != OPT_KIND_END; opts++) {
		if (!opts->hidden && opts->name && distance(opts->name, name) < best) {
			best = distance(opts->name, name);
			nearest = opts->name;
		}
	}
	if (nearest)
		err_hint(err, "did you mean --%s?", nearest);
}

static int long_parse(const struct command *command, char ***argv, void *args, struct err *err)
{
	const char *name = **argv + 2, *value = strchr(name, '=');
	size_t length = value ? (size_t)(value - name) : strlen(name);
	const struct opt *opt = by_name(command->opts, name, length);

	if (length == 4 && strncmp(name, "help", 4) == 0)
		return 1;
	if (!opt) {
		_cleanup_free_ char *word = str_ndup(name, length);

		if (!*word)
			return err_set(err, EINVAL, "bad flag syntax: %s", **argv);
		err_set(err, EINVAL, "unknown flag: --%s", word);
		suggest(command->opts, word, err);
		return -EINVAL;
	}
	value = value ? value + 1 : NULL;
	if (!value && opt->kind == OPT_KIND_EVERY && !seconds_follow(*argv))
		value = OPT_EVERY_DEFAULT;
	if (!value && takes_value(opt) && opt->kind != OPT_KIND_LATER) {
		if (!(*argv)[1])
			return err_set(err, EINVAL, "flag needs an argument: --%s", opt->name);
		value = *++*argv;
	}
	return value_set(opt, args, value, err);
}

static int letters_parse(const struct command *command, char ***argv, void *args, struct err *err)
{
	const char *all = **argv;

	for (const char *p = all + 1; *p; p++) {
		const struct opt *opt = by_letter(command->opts, *p);
		const char *value = NULL;
		int r;

		if (!opt)
			return err_set(err, EINVAL, "unknown shorthand flag: '%c' in %s", *p, all);
		if (takes_value(opt)) {
			value = p[1] == '=' ? p + 2 : p[1] ? p + 1 : NULL;
			if (!value && opt->kind != OPT_KIND_LATER && !(*argv)[1])
				return err_set(err, EINVAL, "flag needs an argument: '%c' in %s",
					       *p, all);
			if (!value && opt->kind != OPT_KIND_LATER)
				value = *++*argv;
			return value_set(opt, args, value, err);
		}
		if (p[1] == '=')
			return value_set(opt, args, p + 2, err);
		r = value_set(opt, args, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* -- operands --------------------------------------------------------------------------------- */

/* "IMAGE [COMMAND] [ARG...]": 1 to any; "CONTAINER...": 1 to any; "[NAME]": 0 to 1. */
void command_operands(const struct command *command, size_t *ret_least, size_t *ret_most)
{
	_cleanup_strv_ char **words = strv_split(command->args, ' ');

	*ret_least = *ret_most = 0;
	for (size_t i = 0; words[i]; i++) {
		if (!*words[i])
			continue;
		if (words[i][0] != '[')
			(*ret_least)++;
		if (strstr(words[i], "..."))
			*ret_most = SIZE_MAX;
		else if (*ret_most != SIZE_MAX)
			(*ret_most)++;
	}
}

static const char *full_name(const struct command *command, char out[64])
{
	out[0] = '\0';
	if (command->group && !command_short_name(command)) {
		(void)str_append(out, 64, command->group);
		(void)str_append(out, 64, " ");
		(void)str_append(out, 64, command->name);
	} else {
		(void)str_append(out, 64,
				 command_short_name(command) ? command_short_name(command) :
							       command->name);
	}
	return out;
}

static int operands_check(const struct command *command, size_t count, struct err *err)
{
	const char *program = command->program ? command->program : "cloche";
	size_t least, most;
	char name[64];

	command_operands(command, &least, &most);
	(void)full_name(command, name);
	if (count >= least && count <= most)
		return 0;
	if (most == 0)
		err_set(err, EINVAL, "\"%s %s\" accepts no arguments", program, name);
	else if (least == most)
		err_set(err, EINVAL, "\"%s %s\" requires exactly %zu argument%s", program, name,
			least, least == 1 ? "" : "s");
	else if (count < least)
		err_set(err, EINVAL, "\"%s %s\" requires at least %zu argument%s", program, name,
			least, least == 1 ? "" : "s");
	else
		err_set(err, EINVAL, "\"%s %s\" requires at most %zu argument%s", program, name,
			most, most == 1 ? "" : "s");
	err_exit(err, 1); /* as with Docker; a flag that is not known is 125 */
	return err_hint(err, "see: %s %s --help", program, name);
}

int opt_parse(const struct command *command, char **argv, void *args, char ***ret_operands,
	      struct err *err)
{
	char **to = argv, **first = argv;
	int r;

	for (; *argv; argv++) {
		if (strcmp(*argv, "--") == 0) {
			argv++;
			break;
		}
		if ((*argv)[0] != '-' || !(*argv)[1]) {
			if (!(command->flags & COMMAND_INTERSPERSED))
				break;
			*to++ = *argv;
			continue;
		}
		if (strcmp(*argv, "-h") == 0 && !by_letter(command->opts, 'h'))
			return 1;
		r = (*argv)[1] == '-' ? long_parse(command, &argv, args, err) :
					letters_parse(command, &argv, args, err);
		if (r != 0)
			return r;
	}
	while (*argv)
		*to++ = *argv++;
	*to = NULL;
	*ret_operands = first;
	return operands_check(command, (size_t)(to - first), err);
}

void opt_args_free(const struct command *command, void *args)
{
	for (const struct opt *opt = command->opts; opt->kind != OPT_KIND_END; opt++)
		if (opt->kind == OPT_KIND_LIST) {
			char ***list = (char ***)(void *)((char *)args + opt->offset);

			strv_clear(ptr_take(list));
		}
	free(args);
}
