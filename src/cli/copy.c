/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cp, diff, export, commit. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/archive.h"
#include "engine/copy.h"
#include "engine/engine.h"

/* -- cp --------------------------------------------------------------------------------------- */

struct cp_args {
	bool archive, follow, quiet;
};

static const struct opt cp_opts[] = {
	OPT_BOOL('a', "archive", struct cp_args, archive, "keep the numbers of owner and group"),
	OPT_BOOL('L', "follow-link", struct cp_args, follow, "follow the link that the source is"),
	OPT_BOOL('q', "quiet", struct cp_args, quiet, "say less"),
	OPT_END,
};

/* "CONTAINER:PATH": the path within `text`, and *ret_container to be freed. NULL: a path of the host. What begins with / or . is
 * one, whatever colons it has. */
static const char *container_path(const char *text, char **ret_container)
{
	const char *colon = strchr(text, ':');

	if (*text == '/' || *text == '.' || !colon || colon == text)
		return NULL;
	*ret_container = str_ndup(text, (size_t)(colon - text));
	return colon + 1;
}

static int cp_out(struct engine *engine, const char *container, const char *path, const char *to,
		  const struct copy_options *options, struct err *err)
{
	if (strcmp(to, "-") != 0)
		return copy_out(engine, container, path, to, options, err);
	if (isatty(STDOUT_FILENO)) {
		err_set(err, EINVAL, "cp: an archive is not written to a terminal");
		return err_hint(err, "send it into a file or a pipe");
	}
	return copy_out_tar(engine, container, path, STDOUT_FILENO, options, err);
}

static int cp_run(void *data, void *args, char **operands, struct err *err)
{
	const struct cp_args *a = args;
	const struct copy_options options = { .keep_owner = a->archive, .follow = a->follow };
	_cleanup_free_ char *from = NULL, *to = NULL;
	const char *source = container_path(operands[0], &from),
		   *destination = container_path(operands[1], &to);
	struct engine *engine;
	int r;

	if (source && destination) {
		err_set(err, EOPNOTSUPP, "copying between containers is not supported");
		return 1;
	}
	if (!source && !destination) {
		err_set(err, EINVAL, "must specify at least one container source");
		return 1;
	}
	engine = cli_engine(data, err);
	if (!engine)
		return 1;
	if (source)
		r = cp_out(engine, from, source, operands[1], &options, err);
	else if (strcmp(operands[0], "-") == 0)
		r = copy_into_tar(engine, to, STDIN_FILENO, destination, &options, err);
	else
		r = copy_into(engine, to, operands[0], destination, &options, err);
	return r < 0;
}

const struct command command_cp = {
	.group = "container",
	.name = "cp",
	.args = "CONTAINER:PATH|PATH|- CONTAINER:PATH|PATH|-",
	.summary = "copy files and folders into and out of a container",
	.details =
		"A folder that ends in /. is what is in it. What comes out belongs to the caller, unless -a keeps its numbers; what goes in keeps the numbers it has on the host. - is a tar on stdin or stdout.",
	.opts = cp_opts,
	.args_size = sizeof(struct cp_args),
	.run = cp_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- diff ------------------------------------------------------------------------------------- */

static const struct opt no_opts[] = { OPT_END };

static int diff_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	_cleanup_strv_ char **lines = NULL;

	(void)args;
	if (!engine || archive_diff(engine, operands[0], &lines, err) < 0)
		return 1;
	for (size_t i = 0; lines && lines[i]; i++)
		(void)printf("%s\n", lines[i]);
	return 0;
}

const struct command command_diff = {
	.group = "container",
	.name = "diff",
	.args = "CONTAINER",
	.summary = "show what a container added (A), changed (C) and deleted (D)",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = diff_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- export ----------------------------------------------------------------------------------- */

struct export_args {
	const char *output;
};

static const struct opt export_opts[] = {
	OPT_STRING('o', "output", "FILE", struct export_args, output,
		   "write to FILE, not to stdout"),
	OPT_END,
};

/* A file appears whole or not at all: it is written beside its place and renamed. */
static int export_file(struct engine *engine, const char *reference, const char *path,
		       struct err *err)
{
	_cleanup_free_ char *beside = str_printf("%s.part-%d", path, (int)getpid());
	_cleanup_close_ int fd =
		open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "write %s", path);
	r = archive_export(engine, reference, fd, err);
	if (r == 0 && rename(beside, path) < 0)
		r = err_sys(err, errno, "write %s", path);
	if (r < 0)
		(void)unlink(beside);
	return r;
}

static int export_run(void *data, void *args, char **operands, struct err *err)
{
	struct export_args *a = args;
	struct engine *engine;

	if (!a->output && isatty(STDOUT_FILENO)) {
		err_set(err, EINVAL, "cowardly refusing to save to a terminal");
		err_hint(err, "use the -o flag or redirect");
		return 1;
	}
	engine = cli_engine(data, err);
	if (!engine)
		return 1;
	return (a->output ? export_file(engine, operands[0], a->output, err) :
			    archive_export(engine, operands[0], STDOUT_FILENO, err)) < 0;
}

const struct command command_export = {
	.group = "container",
	.name = "export",
	.args = "CONTAINER",
	.summary = "write a container's files as a tar",
	.details = "Volumes are left out. Owners are the container's own numbers.",
	.opts = export_opts,
	.args_size = sizeof(struct export_args),
	.run = export_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- commit ----------------------------------------------------------------------------------- */

struct commit_args {
	const char *author, *message;
	char **changes;
	bool pause, no_pause;
};

static const struct opt commit_opts[] = {
	OPT_STRING('a', "author", "TEXT", struct commit_args, author, "author of the image"),
	OPT_LIST(
		'c', "change", "INSTRUCTION", struct commit_args, changes,
		"apply CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR"),
	OPT_STRING('m', "message", "TEXT", struct commit_args, message, "commit message"),
	OPT_BOOL(0, "no-pause", struct commit_args, no_pause, "let the container run on meanwhile"),
	OPT_BOOL('p', "pause", struct commit_args, pause,
		 "stand the container still meanwhile (default true)"),
	OPT_END,
};

static void commit_defaults(void *args)
{
	((struct commit_args *)args)->pause = true;
}

static int commit_run(void *data, void *args, char **operands, struct err *err)
{
	const struct commit_args *a = args;
	const struct commit_request request = { .name = operands[1],
						.author = a->author,
						.message = a->message,
						.changes = a->changes,
						.no_pause = a->no_pause || !a->pause };
	struct engine *engine = cli_engine(data, err);
	_cleanup_free_ char *id = NULL;

	if (!engine)
		return 1;
	if (archive_commit(engine, operands[0], &request, &id, err) < 0) {
		if (!*err->words) /* cloche-transfer has said why */
			err_clear(err);
		return 1;
	}
	(void)printf("%s\n", id);
	return 0;
}

const struct command command_commit = {
	.group = "container",
	.name = "commit",
	.args = "CONTAINER [NAME[:TAG]]",
	.summary = "make an image of what a container changed",
	.opts = commit_opts,
	.args_size = sizeof(struct commit_args),
	.defaults = commit_defaults,
	.run = commit_run,
	.flags = COMMAND_INTERSPERSED,
};
