/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completion scripts for three shells from the same tables. Names of containers, images and volumes are asked for when
 * they are needed. */
#include <string.h>

#include "base/opt.h"
#include "base/str.h"

static void flags(FILE *out, const struct command *command)
{
	for (const struct opt *opt = command->opts; opt->kind != OPT_KIND_END; opt++)
		if (!opt->hidden)
			(void)fprintf(out, "%s--%s", opt == command->opts ? "" : " ", opt->name);
	(void)fputs(" --help", out);
}

/* What the first operand is. */
static const char *kind_of(const struct command *command)
{
	if (strstr(command->args, "CONTAINER") || strstr(command->args, "NAME|ID"))
		return "containers";
	if (strstr(command->args, "IMAGE"))
		return "images";
	return strstr(command->args, "VOLUME") ? "volumes" : "files";
}

static void groups(FILE *out, const struct command *const *commands)
{
	for (size_t i = 0; commands[i]; i++) {
		bool seen = !commands[i]->group;

		for (size_t k = 0; k < i && !seen; k++)
			seen = str_equal(commands[k]->group, commands[i]->group);
		if (!seen)
			(void)fprintf(out, " %s", commands[i]->group);
	}
}

static void top_words(FILE *out, const struct command *const *commands)
{
	for (size_t i = 0; commands[i]; i++)
		if (command_short_name(commands[i]))
			(void)fprintf(out, " %s", command_short_name(commands[i]));
	groups(out, commands);
}

static void bash_cases(const struct command *const *commands, FILE *out)
{
	for (size_t i = 0; commands[i]; i++) {
		const char *name = command_short_name(commands[i]);

		(void)fputs("\t", out);
		if (name)
			(void)fprintf(out, "%s", name);
		if (commands[i]->group)
			(void)fprintf(out, "%s\"%s %s\"", name ? "|" : "", commands[i]->group,
				      commands[i]->name);
		(void)fprintf(out, ") flags=\"");
		flags(out, commands[i]);
		(void)fprintf(out, "\"; kind=%s ;;\n", kind_of(commands[i]));
	}
}

static void group_cases(const struct command *const *commands, FILE *out)
{
	for (size_t i = 0; commands[i]; i++) {
		bool seen = !commands[i]->group;

		for (size_t k = 0; k < i && !seen; k++)
			seen = str_equal(commands[k]->group, commands[i]->group);
		if (seen)
			continue;
		(void)fprintf(out, "\t%s) words=\"", commands[i]->group);
		for (size_t k = i; commands[k]; k++)
			if (str_equal(commands[k]->group, commands[i]->group))
				(void)fprintf(out, "%s%s", k == i ? "" : " ", commands[k]->name);
		(void)fputs("\" ;;\n", out);
	}
}

static void bash(const struct command *const *commands, FILE *out)
{
	(void)fputs(
		"# bash completion for cloche\n"
		"_cloche_names() {\n"
		"\tcase $1 in\n"
		"\tcontainers) cloche ps -a --format '{{.Names}}' 2>/dev/null ;;\n"
		"\timages) echo host; cloche images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null ;;\n"
		"\tvolumes) cloche volume ls -q 2>/dev/null ;;\n"
		"\tesac\n}\n"
		"_cloche() {\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words= flags= kind=\n"
		"\tCOMPREPLY=()\n"
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"",
		out);
	top_words(out, commands);
	(void)fputs("\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $command in\n", out);
	group_cases(commands, out);
	(void)fputs("\tesac\n"
		    "\tif [ -n \"$words\" ]; then\n"
		    "\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
		    "\t\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\t\t\treturn\n\t\tfi\n"
		    "\t\tcommand=\"$command ${COMP_WORDS[2]}\"\n\tfi\n"
		    "\tcase $command in\n",
		    out);
	bash_cases(commands, out);
	(void)fputs("\tesac\n"
		    "\tcase $cur in\n"
		    "\t-*) COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\")) ;;\n"
		    "\t*)\n"
		    "\t\tif [ \"$kind\" = files ]; then\n"
		    "\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
		    "\t\telse\n"
		    "\t\t\tCOMPREPLY=($(compgen -W \"$(_cloche_names \"$kind\")\" -- \"$cur\"))\n"
		    "\t\tfi ;;\n"
		    "\tesac\n}\n"
		    "complete -F _cloche cloche\n",
		    out);
}

static bool names_file(const char *value)
{
	return strstr(value, "FILE") || strstr(value, "PATH") || strstr(value, "DIR") ||
	       strstr(value, "FOLDER");
}

/* Inside single quotes of fish(1). */
static char *fish_quoted(const char *text)
{
	struct buf out = BUF_EMPTY;

	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_puts(&out, "\\");
		buf_add(&out, text, 1);
	}
	buf_puts(&out, "");
	return out.data;
}

static void fish(const struct command *const *commands, FILE *out)
{
	(void)fputs("# fish completion for cloche\ncomplete -c cloche -f\n", out);
	for (size_t i = 0; commands[i]; i++) {
		const char *name = command_short_name(commands[i]), *kind = kind_of(commands[i]);
		_cleanup_free_ char *when =
			name ? str_printf("__fish_seen_subcommand_from %s", name) :
			       str_printf(
				       "__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s",
				       commands[i]->group ? commands[i]->group : "",
				       commands[i]->name);
		_cleanup_free_ char *summary = fish_quoted(commands[i]->summary);

		if (name)
			(void)fprintf(out,
				      "complete -c cloche -n __fish_use_subcommand -a %s -d '%s'\n",
				      name, summary);
		else
			(void)fprintf(
				out,
				"complete -c cloche -n '__fish_seen_subcommand_from %s' -a %s -d '%s'\n",
				commands[i]->group, commands[i]->name, summary);
		for (const struct opt *opt = commands[i]->opts; opt->kind != OPT_KIND_END; opt++) {
			if (opt->hidden)
				continue;
			(void)fprintf(out, "complete -c cloche -n '%s' -l %s", when, opt->name);
			if (opt->letter)
				(void)fprintf(out, " -s %c", opt->letter);
			if (opt->value && opt->kind != OPT_KIND_EVERY)
				(void)fputs(names_file(opt->value) ? " -r -F" : " -r", out);
			(void)fputs("\n", out);
		}
		if (strcmp(kind, "containers") == 0)
			(void)fprintf(
				out,
				"complete -c cloche -n '%s' -a \"(cloche ps -a --format '{{.Names}}' 2>/dev/null)\"\n",
				when);
		else if (strcmp(kind, "images") == 0)
			(void)fprintf(
				out,
				"complete -c cloche -n '%s' -a \"host (cloche images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)\"\n",
				when);
		else if (strcmp(kind, "volumes") == 0)
			(void)fprintf(
				out,
				"complete -c cloche -n '%s' -a \"(cloche volume ls -q 2>/dev/null)\"\n",
				when);
		else
			(void)fprintf(out, "complete -c cloche -n '%s' -F\n", when);
	}
	(void)fputs("complete -c cloche -n __fish_use_subcommand -a '", out);
	groups(out, commands);
	(void)fputs("'\n", out);
}

void opt_completion(const struct command *const *commands, const char *shell, FILE *out)
{
	if (strcmp(shell, "fish") == 0) {
		fish(commands, out);
		return;
	}
	/* zsh reads bash's through its own adapter */
	if (strcmp(shell, "zsh") == 0)
		(void)fputs("#compdef cloche\nautoload -U +X bashcompinit && bashcompinit\n", out);
	bash(commands, out);
}
