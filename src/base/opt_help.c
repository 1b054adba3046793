/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/opt.h"
#include "base/str.h"

enum { WIDTH = 100 };

static const char *long_name(const struct command *command, char out[64])
{
	const char *name = command_short_name(command);

	out[0] = '\0';
	if (!name && command->group) {
		(void)str_append(out, 64, command->group);
		(void)str_append(out, 64, " ");
	}
	(void)str_append(out, 64, name ? name : command->name);
	return out;
}

/* Words of text from column `indent` on, broken at WIDTH. */
static void wrapped(FILE *out, const char *text, size_t indent)
{
	size_t column = indent;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (column > indent && column + 1 + length > WIDTH) {
			(void)fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		if (column > indent) {
			(void)fputc(' ', out);
			column++;
		}
		(void)fprintf(out, "%.*s", (int)length, text);
		column += length;
		text += length + strspn(text + length, " ");
	}
	(void)fputc('\n', out);
}

static size_t option_width(const struct opt *opt)
{
	return 6 + 2 + strlen(opt->name) + (opt->value ? 1 + strlen(opt->value) : 0);
}

void opt_help(const struct command *command, FILE *out)
{
	size_t width = 0;
	char name[64];

	(void)fprintf(out, "Usage:  %s %s%s%s%s\n\n",
		      command->program ? command->program : "cloche", long_name(command, name),
		      command->opts[0].kind == OPT_KIND_END ? "" : " [OPTIONS]",
		      *command->args ? " " : "", command->args);
	wrapped(out, command->summary, 0);
	if (command->details) {
		(void)fputc('\n', out);
		for (const char *p = command->details; *p;) {
			const char *end = strchrnul(p, '\n');
			_cleanup_free_ char *paragraph = str_ndup(p, (size_t)(end - p));

			wrapped(out, paragraph, 0);
			p = *end ? end + 1 : end;
		}
	}
	if (command->group && command_short_name(command))
		(void)fprintf(out, "\nAliases:\n  cloche %s %s, cloche %s\n", command->group,
			      command->name, command_short_name(command));
	for (const struct opt *opt = command->opts; opt->kind != OPT_KIND_END; opt++)
		if (!opt->hidden && option_width(opt) > width && option_width(opt) < 40)
			width = option_width(opt);
	if (width)
		(void)fprintf(out, "\nOptions:\n");
	for (const struct opt *opt = command->opts; opt->kind != OPT_KIND_END; opt++) {
		if (opt->hidden)
			continue;
		if (opt->letter)
			(void)fprintf(out, "  -%c, --%s", opt->letter, opt->name);
		else
			(void)fprintf(out, "      --%s", opt->name);
		if (opt->value)
			(void)fprintf(out, " %s", opt->value);
		if (option_width(opt) > width)
			(void)fprintf(out, "\n%*s", (int)width + 3, "");
		else
			(void)fprintf(out, "%*s", (int)(width - option_width(opt)) + 3, "");
		wrapped(out, opt->help, width + 3);
	}
}

bool opt_help_group(const struct command *const *commands, const char *group, const char *program,
		    FILE *out)
{
	bool found = false;

	for (size_t i = 0; commands[i]; i++) {
		if (str_equal(command_short_name(commands[i]), group))
			return false;
		found |= str_equal(commands[i]->group, group);
	}
	if (!found)
		return false;
	(void)fprintf(out, "Usage:  %s %s COMMAND\n\nCommands:\n", program, group);
	for (size_t i = 0; commands[i]; i++)
		if (str_equal(commands[i]->group, group))
			(void)fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	(void)fprintf(out, "\nRun '%s %s COMMAND --help' for more on a command.\n", program, group);
	return true;
}

void opt_help_all(const struct command *const *commands, const char *program, FILE *out)
{
	(void)fprintf(out,
		      "Usage:  %s [--root DIR] [--run-root DIR] COMMAND\n\n"
		      "A container engine that shows its host what runs in it\n\nCommands:\n",
		      program);
	for (size_t i = 0; commands[i]; i++)
		if (command_short_name(commands[i]))
			(void)fprintf(out, "  %-12s %s\n", command_short_name(commands[i]),
				      commands[i]->summary);
	(void)fprintf(out, "\nCommands of groups:\n");
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->group && strcmp(commands[i]->group, "container") != 0) {
			_cleanup_free_ char *both =
				str_printf("%s %s", commands[i]->group, commands[i]->name);

			(void)fprintf(out, "  %-16s %s\n", both, commands[i]->summary);
		}
	(void)fprintf(
		out,
		"\nGlobal options:\n"
		"      --root DIR       data of this instance (CLOCHE_ROOT, /var/lib/cloche)\n"
		"      --run-root DIR   what lives until the next boot (CLOCHE_RUN_ROOT, /run/cloche)\n"
		"  -v, --version        print the version\n\n"
		"Run '%s COMMAND --help' for more on a command.\n",
		program);
}
