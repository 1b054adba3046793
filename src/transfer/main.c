/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-transfer: all that touches foreign archives and registries. `cloche` runs it, and records in the database what it prints:
 *
 *	cloche-transfer load --root DIR [--input FILE|DIR] [--limit-bytes N]
 *	cloche-transfer pull --root DIR [--platform P] [--insecure-registry HOST]... [--progress MODE] NAME
 *	cloche-transfer import --root DIR [--change INSTRUCTION]... [--message TEXT] [--platform P] [--limit-bytes N] [FILE|-]
 *	cloche-transfer commit --root DIR --parent ID [--parent-manifest DIGEST] --config JSON [--author TEXT] [--message TEXT] [--change INSTRUCTION]...
 *	cloche-transfer files --root DIR
 *	cloche-transfer packages --root DIR             an rpm database on stdin: rpm_database.h
 *	cloche-transfer save --root DIR MANIFEST|NAME...
 *	cloche-transfer pack --root DIR MANIFEST
 *	cloche-transfer push --root DIR [--insecure-registry HOST]... [--progress MODE] NAME MANIFEST|NAME...
 *	cloche-transfer login --user NAME SERVER        the password on stdin
 *	cloche-transfer logout SERVER
 *	cloche-transfer tags|manifest|heads|search|referrers, list-create|list-annotate|list-push|list-show|list-rm      ask_commands.c
 *
 * The document on stdout of the first three is outcome.h's. The store changes as a whole or not at all; a killed run leaves a folder in tmp/,
 * which the next run removes, or whole layers that no image names yet. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/opt.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/store.h"
#include "image/work.h"
#include "transfer/ask_commands.h"
#include "transfer/commit.h"
#include "transfer/credential.h"
#include "transfer/files.h"
#include "transfer/import.h"
#include "transfer/load.h"
#include "transfer/login.h"
#include "transfer/outcome.h"
#include "transfer/pack.h"
#include "transfer/pull.h"
#include "transfer/push.h"
#include "transfer/rpm_database.h"
#include "transfer/save.h"
#include "transfer/save_folder.h"
#include "transfer/worker.h"
#include "transfer/write_out.h"

/* More than any sensible image; a bomb ends here or at the end of the disk, less a reserve. */
static const uint64_t limit_default = 64ULL << 30;

struct transfer_args {
	const char *root, *input, *limit;
	const char *parent, *manifest, *config, *author, *created_by;
	const char *message, *platform, *progress, *user;
	const char *only, *as, *oci, *dir;
	char **changes, **insecure;
	bool verify, foreign;
};

static const struct opt load_opts[] = {
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root"),
	OPT_STRING('i', "input", "FILE|DIR", struct transfer_args, input,
		   "an archive or an OCI layout folder instead of stdin"),
	OPT_STRING(0, "only", "NAME", struct transfer_args, only, "of several images this one"),
	OPT_STRING(0, "limit-bytes", "BYTES", struct transfer_args, limit,
		   "refuse an archive that unpacks to more"),
	OPT_END,
};

static const struct opt import_opts[] = {
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root"),
	OPT_LIST('c', "change", "INSTRUCTION", struct transfer_args, changes,
		 "a Dockerfile instruction for the image's configuration"),
	OPT_STRING('m', "message", "TEXT", struct transfer_args, message, "the image's comment"),
	OPT_STRING(0, "platform", "OS/ARCH", struct transfer_args, platform,
		   "the image's platform"),
	OPT_STRING(0, "limit-bytes", "BYTES", struct transfer_args, limit,
		   "refuse an archive that unpacks to more"),
	OPT_END,
};

static const struct opt pull_opts[] = {
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root"),
	OPT_STRING(0, "platform", "OS/ARCH", struct transfer_args, platform,
		   "the platform whose image is wanted"),
	OPT_LIST(0, "insecure-registry", "HOST", struct transfer_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_STRING(0, "progress", "MODE", struct transfer_args, progress,
		   "auto, tty, plain, json or none"),
	OPT_STRING(0, "limit-bytes", "BYTES", struct transfer_args, limit,
		   "refuse a layer that unpacks to more"),
	OPT_BOOL(0, "foreign-layers", struct transfer_args, foreign,
		 "layers may come from where the manifest says"),
	OPT_BOOL(0, "verify", struct transfer_args, verify, "only what policy.json allows"),
	OPT_END,
};

static const struct opt save_opts[] = {
	OPT_STRING(0, "as", "NAME", struct transfer_args, as,
		   "the name in it instead of the image's"),
	OPT_STRING(0, "dir", "FOLDER", struct transfer_args, dir, "into a folder of skopeo's dir:"),
	OPT_STRING(0, "oci", "FOLDER", struct transfer_args, oci, "into an image layout folder"),
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root"),
	OPT_END,
};

static const struct opt push_opts[] = {
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root"),
	OPT_LIST(0, "insecure-registry", "HOST", struct transfer_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_STRING(0, "progress", "MODE", struct transfer_args, progress,
		   "auto, tty, plain, json or none"),
	OPT_END,
};

static const struct opt login_opts[] = {
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root; not looked at"),
	OPT_LIST(0, "insecure-registry", "HOST", struct transfer_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_STRING('u', "user", "NAME", struct transfer_args, user,
		   "whose password comes on stdin"),
	OPT_END,
};

struct job {
	struct work work;
	struct outcome outcome;
	uint64_t limit_bytes;
	int input;
	const char *input_name;
};

static int read_limit(const char *text, int root, uint64_t *ret_limit, struct err *err)
{
	uint64_t limit = limit_default, room;
	struct statvfs fs;

	if (!text)
		text = getenv("CLOCHE_UNPACK_LIMIT");
	if (text && *text && str_to_bytes(text, &limit) < 0)
		return err_set(err, EINVAL, "\"%s\" is no size to limit unpacking", text);
	if (fstatvfs(root, &fs) < 0)
		return err_sys(err, errno, "ask for free space");
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	room -= room / 32;
	*ret_limit = room < limit ? room : limit;
	return 0;
}

static int open_input(const char *path, struct job *job, struct err *err)
{
	job->input_name = path;
	if (!path || strcmp(path, "-") == 0) {
		job->input_name = "-";
		job->input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		job->input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	return job->input < 0 ? err_sys(err, errno, "open %s", path ? path : "stdin") : 0;
}

static int job_open_root(const struct transfer_args *args, struct job *job, int *ret_root,
			 struct err *err)
{
	int r;

	if (!args->root)
		return err_set(err, EINVAL, "--root is missing");
	*ret_root = store_root_open(args->root, err);
	if (*ret_root < 0)
		return *ret_root;
	r = read_limit(args->limit, *ret_root, &job->limit_bytes, err);
	if (r == 0)
		r = work_open(*ret_root, &job->work, err);
	if (r == 0)
		job->work.out = write_out_new(job->work.dir);
	return r;
}

static int job_open(const struct transfer_args *args, const char *path, struct job *job,
		    int *ret_root, struct err *err)
{
	int r = open_input(path, job, err);

	return r < 0 ? r : job_open_root(args, job, ret_root, err);
}

static void job_close_work(struct job *job)
{
	write_out_free(job->work.out);
	work_close(&job->work);
}

static int job_end(struct job *job, int r, struct err *err)
{
	if (r == 0)
		r = outcome_store(&job->outcome, &job->work, err);
	job_close_work(job);
	if (r == 0)
		r = outcome_print(&job->outcome, err);
	outcome_clear(&job->outcome);
	fd_close(job->input);
	return r < 0 ? 1 : 0;
}

static int load_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct transfer_args *args = data;
	struct job job = { .work = WORK_NONE, .outcome = OUTCOME_EMPTY, .input = -1 };
	_cleanup_close_ int root = -1;
	int r = job_open(args, args->input, &job, &root, err);

	(void)unused;
	(void)operands;
	if (r == 0) {
		r = load_images(&job.work, job.input, job.limit_bytes, args->only, &job.outcome,
				err);
		if (r < 0)
			err_wrap(err, "load %s", job.input_name);
	}
	return job_end(&job, r, err);
}

static int import_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct transfer_args *args = data;
	struct job job = { .work = WORK_NONE, .outcome = OUTCOME_EMPTY, .input = -1 };
	_cleanup_close_ int root = -1;
	int r = job_open(args, operands[0], &job, &root, err);

	(void)unused;
	if (r == 0) {
		const struct import_options options = { .source = job.input_name,
							.message = args->message,
							.platform = args->platform,
							.changes = args->changes,
							.limit_bytes = job.limit_bytes };

		r = import_image(&job.work, job.input, &options, &job.outcome, err);
		if (r < 0)
			err_wrap(err, "import %s", job.input_name);
	}
	return job_end(&job, r, err);
}

/* For every pull, those of `run` too. */
static bool wants_verification(void)
{
	const char *text = getenv("CLOCHE_VERIFY");

	return text && *text && strcmp(text, "0") != 0 && strcmp(text, "no") != 0;
}

static int pull_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct transfer_args *args = data;
	struct job job = { .work = WORK_NONE, .outcome = OUTCOME_EMPTY, .input = -1 };
	struct pull_options options = { .reference = operands[0],
					.platform = args->platform,
					.insecure = args->insecure,
					.verify = args->verify || wants_verification(),
					.foreign = args->foreign };
	_cleanup_close_ int root = -1;
	int r = progress_mode_parse(args->progress ? args->progress : "auto", &options.progress,
				    err);

	(void)unused;
	if (r == 0)
		r = job_open_root(args, &job, &root, err);
	options.limit_bytes = job.limit_bytes;
	if (r == 0)
		r = pull_image(&job.work, &options, &job.outcome, err);
	return job_end(&job, r, err);
}

static int files_run(void *unused, void *data, char **operands, struct err *err)
{
	struct job job = { .work = WORK_NONE, .outcome = OUTCOME_EMPTY, .input = -1 };
	_cleanup_close_ int root = -1;
	int r = job_open_root(data, &job, &root, err);

	(void)unused;
	(void)operands;
	if (r == 0)
		r = files_stream(&job.work, STDIN_FILENO, STDOUT_FILENO, err);
	job_close_work(&job);
	return r < 0 ? 1 : 0;
}

static int commit_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct transfer_args *args = data;
	struct job job = { .work = WORK_NONE, .outcome = OUTCOME_EMPTY, .input = -1 };
	_cleanup_close_ int root = -1;
	int r = job_open(args, "-", &job, &root, err);

	(void)unused;
	(void)operands;
	if (r == 0 && (!args->parent || !args->config))
		r = err_set(err, EINVAL, "--parent or --config is missing");
	if (r == 0) {
		const struct commit_options options = { .parent = args->parent,
							.manifest = args->manifest,
							.config = args->config,
							.author = args->author,
							.message = args->message,
							.created_by = args->created_by,
							.changes = args->changes,
							.limit_bytes = job.limit_bytes };

		r = commit_image(&job.work, job.input, &options, &job.outcome, err);
	}
	return job_end(&job, r, err);
}

static int pack_run(void *unused, void *data, char **operands, struct err *err)
{
	struct job job = { .work = WORK_NONE, .outcome = OUTCOME_EMPTY, .input = -1 };
	_cleanup_close_ int root = -1;
	int r = job_open_root(data, &job, &root, err);

	(void)unused;
	if (r == 0)
		r = pack_image(&job.work, operands[0], &job.outcome, err);
	return job_end(&job, r, err);
}

static int save_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct transfer_args *args = data;
	_cleanup_close_ int root = args->root ? store_root_open(args->root, err) : -1;

	(void)unused;
	if (!args->root)
		err_set(err, EINVAL, "--root is missing");
	if (root < 0)
		return 1;
	if ((args->oci || args->dir || args->as) && operands[1])
		return err_set(err, EINVAL, "such a place takes one image at a time") < 0;
	if (args->oci)
		return save_to_oci(root, operands[0], args->oci, args->as, err) < 0;
	if (args->dir)
		return save_to_dir(root, operands[0], args->dir, err) < 0;
	return save_images(root, operands, args->as, STDOUT_FILENO, err) < 0;
}

static int push_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct transfer_args *args = data;
	struct push_options options = { .reference = operands[0],
					.image = operands[1],
					.insecure = args->insecure };
	_cleanup_close_ int root = args->root ? store_root_open(args->root, err) : -1;

	(void)unused;
	if (!args->root)
		err_set(err, EINVAL, "--root is missing");
	return root < 0 ||
	       progress_mode_parse(args->progress ? args->progress : "auto", &options.progress,
				   err) < 0 ||
	       push_image(root, &options, err) < 0;
}

static int login_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct transfer_args *args = data;

	(void)unused;
	if (!args->user)
		return err_set(err, EINVAL, "--user is missing") < 0;
	return login(operands[0], args->user, STDIN_FILENO, args->insecure, err) < 0;
}

static int logout_run(void *unused, void *data, char **operands, struct err *err)
{
	int r = credential_erase(operands[0], err);

	(void)unused;
	(void)data;
	if (r == -ENOENT && err->code == 0) {
		(void)printf("Not logged in to %s\n", operands[0]);
		return 0;
	}
	return r < 0;
}

static const struct command load = {
	.name = "load",
	.args = "",
	.summary = "load images from an archive or an OCI layout folder",
	.opts = load_opts,
	.args_size = sizeof(struct transfer_args),
	.run = load_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct command import = {
	.name = "import",
	.args = "[FILE|-]",
	.summary = "make an image of a root file system in a tar archive",
	.opts = import_opts,
	.args_size = sizeof(struct transfer_args),
	.run = import_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct command pull = {
	.name = "pull",
	.args = "NAME",
	.summary = "get an image from a registry",
	.opts = pull_opts,
	.args_size = sizeof(struct transfer_args),
	.run = pull_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt files_opts[] = {
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root"),
	OPT_END,
};

static const struct command files_command = {
	.name = "files",
	.args = "",
	.summary = "turn the tar on stdin into a stream of files, for cp",
	.opts = files_opts,
	.args_size = sizeof(struct transfer_args),
	.run = files_run,
};

/* What cannot be read is an answer, too: "Refused: why". */
static int packages_run(void *unused, void *data, char **operands, struct err *err)
{
	struct job job = { .work = WORK_NONE, .outcome = OUTCOME_EMPTY, .input = -1 };
	_cleanup_close_ int root = -1;
	int r = job_open_root(data, &job, &root, err);

	(void)unused;
	(void)operands;
	if (r == 0 && rpm_database_tell(&job.work, STDIN_FILENO, STDOUT_FILENO, err) < 0) {
		(void)printf("\nRefused: %s\n", err->words);
		err_clear(err);
	}
	job_close_work(&job);
	return r < 0 ? 1 : 0;
}

static const struct command packages = {
	.name = "packages",
	.args = "",
	.summary = "print names and versions from the rpm database on stdin, for outdated",
	.opts = files_opts,
	.args_size = sizeof(struct transfer_args),
	.run = packages_run,
};

static const struct opt commit_opts[] = {
	OPT_STRING(0, "root", "DIR", struct transfer_args, root, "the data root"),
	OPT_STRING(0, "parent", "ID", struct transfer_args, parent, "the image below"),
	OPT_STRING(0, "parent-manifest", "DIGEST", struct transfer_args, manifest,
		   "of the image below"),
	OPT_STRING(0, "config", "JSON", struct transfer_args, config, "the container's Config"),
	OPT_STRING(0, "author", "TEXT", struct transfer_args, author, "the image's author"),
	OPT_STRING('m', "message", "TEXT", struct transfer_args, message, "the image's comment"),
	OPT_STRING(0, "created-by", "TEXT", struct transfer_args, created_by, "for the history"),
	OPT_LIST('c', "change", "INSTRUCTION", struct transfer_args, changes,
		 "a Dockerfile instruction for the image's configuration"),
	OPT_STRING(0, "limit-bytes", "BYTES", struct transfer_args, limit, "refuse more"),
	OPT_END,
};

static const struct command commit = {
	.name = "commit",
	.args = "",
	.summary = "make an image of the layer on stdin and the image below it",
	.opts = commit_opts,
	.args_size = sizeof(struct transfer_args),
	.run = commit_run,
};

static const struct command save = {
	.name = "save",
	.args = "MANIFEST|NAME...",
	.summary = "write images to stdout as an archive",
	.opts = save_opts,
	.args_size = sizeof(struct transfer_args),
	.run = save_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct command pack = {
	.name = "pack",
	.args = "MANIFEST",
	.summary = "compress the layers of an image that came without a manifest",
	.opts = files_opts,
	.args_size = sizeof(struct transfer_args),
	.run = pack_run,
};

static const struct command push = {
	.name = "push",
	.args = "NAME MANIFEST|NAME",
	.summary = "send an image to a registry",
	.opts = push_opts,
	.args_size = sizeof(struct transfer_args),
	.run = push_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct command login_command = {
	.name = "login",
	.args = "SERVER",
	.summary = "try credentials and keep them",
	.opts = login_opts,
	.args_size = sizeof(struct transfer_args),
	.run = login_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct command logout_command = {
	.name = "logout",
	.args = "SERVER",
	.summary = "forget credentials",
	.opts = login_opts,
	.args_size = sizeof(struct transfer_args),
	.run = logout_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct command *const commands[] = {
	&load,
	&import,
	&pull,
	&files_command,
	&packages,
	&commit,
	&save,
	&pack,
	&push,
	&login_command,
	&logout_command,
	&transfer_command_tags,
	&transfer_command_manifest,
	&transfer_command_heads,
	&transfer_command_referrers,
	&transfer_command_search,
	&transfer_command_list_create,
	&transfer_command_list_annotate,
	&transfer_command_list_push,
	&transfer_command_list_show,
	&transfer_command_list_rm,
	NULL,
};

static int run(char **argv, struct err *err)
{
	const struct command *command;
	void *args;
	char **operands;
	int consumed, r;

	command = command_find(commands, argv + 1, &consumed, err);
	if (!command)
		return 1;
	args = mem_new(command->args_size);
	r = opt_parse(command, argv + 1 + consumed, args, &operands, err);
	if (r == 0)
		r = command->run(NULL, args, operands, err);
	else if (r > 0)
		opt_help(command, stdout), r = 0;
	opt_args_free(command, args);
	return r == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct err err = ERR_NONE;
	struct rlimit files;
	int r;

	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that gives up is an error we report */
	(void)umask(022);
	sys_no_core();
	(void)setlocale(LC_ALL, "C"); /* tar_reader.h */
	/* a tree of TAR_DEPTH levels is removed with a descriptor for each */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	r = worker_prepare(&err) < 0 || run(argv, &err);
	worker_finish();
	return r == 0 ? 0 : err_print(&err, "cloche", 1);
}
