/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume export, import, clone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/volume_copy.h"

struct export_args {
	const char *output;
};

static const struct opt export_opts[] = {
	OPT_STRING('o', "output", "FILE", struct export_args, output,
		   "write to FILE instead of stdout"),
	OPT_END,
};

static int export_run(void *data, void *args, char **operands, struct err *err)
{
	struct export_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_close_ int file = -1;
	bool named = a->output && strcmp(a->output, "-") != 0;
	int r;

	if (!engine)
		return 1;
	if (!named && isatty(STDOUT_FILENO)) {
		err_set(err, EINVAL,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
		return 1;
	}
	if (named) {
		file = open(a->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (file < 0) {
			err_sys(err, errno, "write %s", a->output);
			return 1;
		}
	}
	r = volume_export(engine, operands[0], named ? file : STDOUT_FILENO, err);
	if (r < 0 && named)
		(void)unlink(a->output); /* half of it is none */
	return r < 0;
}

const struct command command_volume_export = {
	.group = "volume",
	.name = "export",
	.args = "VOLUME",
	.summary = "write the files of a volume as a tar archive",
	.details =
		"Owners are written as numbers, those that the containers see. Hard links become files of their own, devices are left out, and "
		"owner and mode of the volume's own folder are not in the archive.",
	.opts = export_opts,
	.args_size = sizeof(struct export_args),
	.run = export_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt no_opts[] = { OPT_END };

static int import_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	bool named = operands[1] && strcmp(operands[1], "-") != 0;
	_cleanup_close_ int file = named ? open(operands[1], O_RDONLY | O_CLOEXEC) : -1;

	(void)args;
	if (!engine)
		return 1;
	if (named && file < 0) {
		err_sys(err, errno, "open %s", operands[1]);
		return 1;
	}
	if (volume_import(engine, operands[0], named ? file : STDIN_FILENO, err) < 0)
		return 1;
	(void)printf("%s\n", operands[0]);
	return 0;
}

const struct command command_volume_import = {
	.group = "volume",
	.name = "import",
	.args = "VOLUME [FILE]",
	.summary = "put the files of a tar archive into a volume",
	.details =
		"Without FILE, or with -, the archive is read from stdin. A volume that is not there is made, whole or not at all; into one that is "
		"there the files are put over those it has.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = import_run,
	.flags = COMMAND_INTERSPERSED,
};

static int clone_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	if (!engine || volume_clone(engine, operands[0], operands[1], err) < 0)
		return 1;
	(void)printf("%s\n", operands[1]);
	return 0;
}

const struct command command_volume_clone = {
	.group = "volume",
	.name = "clone",
	.args = "VOLUME NEW",
	.summary = "copy a volume, with its labels, to a new one",
	.details =
		"A container that writes to it meanwhile goes on: pause it for a copy of one moment.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = clone_run,
	.flags = COMMAND_INTERSPERSED,
};
