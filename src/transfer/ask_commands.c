/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/ask_commands.h"

#include <errno.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/opt.h"
#include "base/str.h"
#include "image/store.h"
#include "transfer/ask.h"
#include "transfer/manifest_list.h"

struct ask_args {
	const char *root, *limit;
	const char *os, *architecture, *variant, *os_version;
	char **insecure;
	bool amend, purge;
};

#define COMMON_OPTS \
	OPT_STRING(0, "root", "DIR", struct ask_args, root, "the data root"), \
		OPT_LIST(0, "insecure-registry", "HOST", struct ask_args, insecure, \
			 "a registry that needs no valid certificate, nor TLS")

static const struct opt common_opts[] = { COMMON_OPTS, OPT_END };

static int root_of(const struct ask_args *args, struct err *err)
{
	return args->root ? store_root_open(args->root, err) :
			    err_set(err, EINVAL, "--root is missing");
}

static int tags_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;

	(void)unused;
	return ask_tags(operands[0], args->insecure, err) < 0;
}

const struct command transfer_command_tags = {
	.name = "tags",
	.args = "NAME",
	.summary = "print the tags of a repository",
	.opts = common_opts,
	.args_size = sizeof(struct ask_args),
	.run = tags_run,
	.flags = COMMAND_INTERSPERSED,
};

static int manifest_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;

	(void)unused;
	return ask_manifest(operands[0], args->insecure, err) < 0;
}

const struct command transfer_command_manifest = {
	.name = "manifest",
	.args = "NAME",
	.summary = "print the manifest or index that a name leads to",
	.opts = common_opts,
	.args_size = sizeof(struct ask_args),
	.run = manifest_run,
	.flags = COMMAND_INTERSPERSED,
};

static int referrers_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;

	(void)unused;
	return ask_referrers(operands[0], args->insecure, err) < 0;
}

const struct command transfer_command_referrers = {
	.name = "referrers",
	.args = "NAME",
	.summary = "print what is attached to an image",
	.opts = common_opts,
	.args_size = sizeof(struct ask_args),
	.run = referrers_run,
	.flags = COMMAND_INTERSPERSED,
};

static int heads_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;

	(void)unused;
	return ask_heads(operands, args->insecure, err) < 0;
}

const struct command transfer_command_heads = {
	.name = "heads",
	.args = "NAME...",
	.summary = "print the digest that each name leads to now",
	.opts = common_opts,
	.args_size = sizeof(struct ask_args),
	.run = heads_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt search_opts[] = {
	COMMON_OPTS,
	OPT_STRING(0, "limit", "COUNT", struct ask_args, limit, "at most so many"),
	OPT_END,
};

static int search_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;
	uint64_t limit = 25;

	(void)unused;
	if (args->limit && (str_to_u64(args->limit, 100, &limit) < 0 || limit == 0))
		return err_set(err, EINVAL, "--limit is 1 to 100, not %s", args->limit) < 0;
	return ask_search(operands[0], (unsigned int)limit, args->insecure, err) < 0;
}

const struct command transfer_command_search = {
	.name = "search",
	.args = "TEXT",
	.summary = "look for repositories",
	.opts = search_opts,
	.args_size = sizeof(struct ask_args),
	.run = search_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt create_opts[] = {
	COMMON_OPTS,
	OPT_BOOL(0, "amend", struct ask_args, amend, "add to a list that is there"),
	OPT_END,
};

static int create_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;
	_cleanup_close_ int root = root_of(args, err);

	(void)unused;
	return root < 0 || manifest_list_create(root, operands[0], operands + 1, args->amend,
						args->insecure, err) < 0;
}

const struct command transfer_command_list_create = {
	.name = "list-create",
	.args = "LIST IMAGE...",
	.summary = "begin a list of manifests",
	.opts = create_opts,
	.args_size = sizeof(struct ask_args),
	.run = create_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt annotate_opts[] = {
	COMMON_OPTS,
	OPT_STRING(0, "arch", "ARCH", struct ask_args, architecture, "its architecture"),
	OPT_STRING(0, "os", "OS", struct ask_args, os, "its system"),
	OPT_STRING(0, "os-version", "VERSION", struct ask_args, os_version, "its release"),
	OPT_STRING(0, "variant", "VARIANT", struct ask_args, variant, "its variant"),
	OPT_END,
};

static int annotate_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;
	_cleanup_close_ int root = root_of(args, err);
	const struct manifest_platform platform = { .os = args->os,
						    .architecture = args->architecture,
						    .variant = args->variant,
						    .os_version = args->os_version };

	(void)unused;
	return root < 0 ||
	       manifest_list_annotate(root, operands[0], operands[1], &platform, err) < 0;
}

const struct command transfer_command_list_annotate = {
	.name = "list-annotate",
	.args = "LIST DIGEST",
	.summary = "correct the platform of an image in a list",
	.opts = annotate_opts,
	.args_size = sizeof(struct ask_args),
	.run = annotate_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt push_opts[] = {
	COMMON_OPTS,
	OPT_BOOL('p', "purge", struct ask_args, purge, "and forget the list"),
	OPT_END,
};

static int push_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;
	_cleanup_close_ int root = root_of(args, err);

	(void)unused;
	return root < 0 ||
	       manifest_list_push(root, operands[0], args->purge, args->insecure, err) < 0;
}

const struct command transfer_command_list_push = {
	.name = "list-push",
	.args = "LIST",
	.summary = "send a list to its registry",
	.opts = push_opts,
	.args_size = sizeof(struct ask_args),
	.run = push_run,
	.flags = COMMAND_INTERSPERSED,
};

/* A list of ours, or what the registry has under that name. */
static int show_run(void *unused, void *data, char **operands, struct err *err)
{
	const struct ask_args *args = data;
	_cleanup_close_ int root = root_of(args, err);
	int r = root < 0 ? root : manifest_list_show(root, operands[0], err);

	(void)unused;
	if (r == -ENOENT && err->code == 0)
		r = ask_manifest(operands[0], args->insecure, err);
	return r < 0;
}

const struct command transfer_command_list_show = {
	.name = "list-show",
	.args = "NAME",
	.summary = "print a list that was begun here, or the manifest that a name leads to",
	.opts = common_opts,
	.args_size = sizeof(struct ask_args),
	.run = show_run,
	.flags = COMMAND_INTERSPERSED,
};

static int rm_run(void *unused, void *data, char **operands, struct err *err)
{
	_cleanup_close_ int root = root_of(data, err);
	int r = root < 0 ? root : 0;

	(void)unused;
	for (; r == 0 && *operands; operands++)
		r = manifest_list_remove(root, *operands, err);
	return r < 0;
}

const struct command transfer_command_list_rm = {
	.name = "list-rm",
	.args = "LIST...",
	.summary = "forget lists",
	.opts = common_opts,
	.args_size = sizeof(struct ask_args),
	.run = rm_run,
	.flags = COMMAND_INTERSPERSED,
};
