/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/opt.h"
#include "base/str.h"

/* roff's own characters, in text of ours. */
static void escaped(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		(void)fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			(void)fputs("\\e", out);
		else if (*text == '-')
			(void)fputs("\\-", out);
		else if (*text == '\n' && text[1] == '\n') {
			(void)fputs("\n.PP\n", out);
			text++;
		} else
			(void)fputc(*text, out);
	}
}

static char *page_name(const struct command *command)
{
	const char *name = command_short_name(command);

	if (name || !command->group)
		return str_printf("cloche-%s", name ? name : command->name);
	return str_printf("cloche-%s-%s", command->group, command->name);
}

static void words_name(FILE *out, const struct command *command)
{
	const char *name = command_short_name(command);

	if (name || !command->group)
		(void)fprintf(out, "cloche %s", name ? name : command->name);
	else
		(void)fprintf(out, "cloche %s %s", command->group, command->name);
}

static void title(FILE *out, const char *name)
{
	(void)fputs(".TH \"", out);
	for (const char *p = name; *p; p++)
		(void)fputc(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p, out);
	(void)fputs("\" 1 \"\" \"Cloche\" \"User Commands\"\n.SH NAME\n", out);
}

static void options(FILE *out, const struct command *command)
{
	bool any = false;

	for (const struct opt *opt = command->opts; opt->kind != OPT_KIND_END; opt++) {
		if (opt->hidden)
			continue;
		if (!any)
			(void)fputs(".SH OPTIONS\n", out);
		any = true;
		(void)fputs(".TP\n", out);
		if (opt->letter)
			(void)fprintf(out, "\\fB\\-%c\\fR, ", opt->letter);
		(void)fputs("\\fB\\-\\-", out);
		escaped(out, opt->name);
		(void)fputs("\\fR", out);
		if (opt->value) {
			(void)fputs(" \\fI", out);
			escaped(out, opt->value);
			(void)fputs("\\fR", out);
		}
		(void)fputs("\n", out);
		escaped(out, opt->help);
		(void)fputs("\n", out);
	}
}

void opt_man(const struct command *command, FILE *out)
{
	_cleanup_free_ char *name = page_name(command);

	title(out, name);
	escaped(out, name);
	(void)fputs(" \\- ", out);
	escaped(out, command->summary);
	(void)fputs("\n.SH SYNOPSIS\n.B ", out);
	words_name(out, command);
	(void)fputs("\n", out);
	if (command->opts[0].kind != OPT_KIND_END)
		(void)fputs("[\\fIOPTIONS\\fR]\n", out);
	if (*command->args) {
		escaped(out, command->args);
		(void)fputs("\n", out);
	}
	if (command->group && command_short_name(command))
		(void)fprintf(out, ".PP\nAlso: \\fBcloche %s %s\\fR\n", command->group,
			      command->name);
	(void)fputs(".SH DESCRIPTION\n", out);
	escaped(out, command->details ? command->details : command->summary);
	(void)fputs("\n", out);
	options(out, command);
	(void)fputs(
		".SH EXIT STATUS\n0 when all went well, 1 when something asked for failed, 125 for a wrong use of options.\n"
		".SH SEE ALSO\n\\fBcloche\\fR(1)\n",
		out);
}

void opt_man_index(const struct command *const *commands, FILE *out)
{
	title(out, "cloche");
	(void)fputs(
		"cloche \\- a container engine that shows its host what runs in it\n.SH SYNOPSIS\n"
		".B cloche\n[\\fB\\-\\-root\\fR \\fIDIR\\fR] [\\fB\\-\\-run\\-root\\fR \\fIDIR\\fR] \\fICOMMAND\\fR ...\n"
		".SH DESCRIPTION\nCloche runs applications in containers, as Docker does, without a daemon. Each container has its own "
		"range of user ids on the host, and stock tools of the host name what belongs to it.\n.SH COMMANDS\n",
		out);
	for (size_t i = 0; commands[i]; i++) {
		_cleanup_free_ char *name = page_name(commands[i]);

		(void)fputs(".TP\n\\fB", out);
		escaped(out, name);
		(void)fputs("\\fR(1)\n", out);
		escaped(out, commands[i]->summary);
		(void)fputs("\n", out);
	}
	(void)fputs(
		".SH ENVIRONMENT\n.TP\n\\fBCLOCHE_ROOT\\fR, \\fBCLOCHE_RUN_ROOT\\fR\n"
		"Data of the instance and what lives until the next boot, as the options say. Each setting of the configuration "
		"file has a variable.\n"
		".SH FILES\n.TP\n\\fI/etc/cloche/cloche.conf\\fR, \\fI/etc/cloche/conf.d/\\fR, \\fI~/.config/cloche/cloche.conf\\fR\n"
		"Settings, each file over the one before.\n.TP\n\\fI/var/lib/cloche\\fR\nImages, containers, volumes.\n"
		".TP\n\\fI/run/cloche\\fR\nWhat belongs to running containers.\n",
		out);
}
