/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "oci/oci.h"
#include "oci/seal.h"
#include "runtime/spec_read.h"

static const struct command *const commands[] = {
	&oci_create, &oci_start,      &oci_state,   &oci_kill,	   &oci_delete,
	&oci_run,    &oci_exec,	      &oci_list,    &oci_ps,	   &oci_pause,
	&oci_resume, &oci_update,     &oci_events,  &oci_features, &oci_spec,
	&oci_mounts, &oci_checkpoint, &oci_restore, NULL,
};

static const struct opt global_opts[] = {
	OPT_STRING(0, "root", "DIR", struct oci, root,
		   "the folder of containers' states (default: " OCI_ROOT ")"),
	OPT_STRING(0, "log", "FILE", struct oci, log,
		   "write errors and warnings to FILE, too; or to syslog:NAME, journald:NAME"),
	OPT_STRING(0, "log-format", "FORMAT", struct oci, log_format, "text (default) or json"),
	OPT_BOOL(0, "debug", struct oci, debug, "log more"),
	OPT_BOOL(0, "systemd-cgroup", struct oci, systemd_cgroup,
		 "make cgroups through systemd; cgroupsPath is slice:prefix:name then"),
	OPT_STRING(0, "cgroup-manager", "NAME", struct oci, cgroup_manager,
		   "cgroupfs (default), systemd or disabled, as crun has it"),
	OPT_STRING(0, "rootless", "WHEN", struct oci, rootless, "false or auto; true is refused"),
	OPT_STRING(0, "criu", "FILE", struct oci, criu, "passed over, as runc does"),
	OPT_BOOL('v', "version", struct oci, version, "print versions"),
	OPT_END,
};

static const struct command globals = {
	.name = "cloche-runtime",
	.args = "[COMMAND] [ARG...]",
	.summary = "an OCI runtime",
	.opts = global_opts,
	.args_size = sizeof(struct oci),
};

static void usage(FILE *out)
{
	(void)fputs("usage: cloche-runtime [OPTION...] COMMAND [ARG...]\n\n", out);
	for (size_t i = 0; commands[i]; i++)
		(void)fprintf(out, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
	(void)fputs("\nOptions:\n", out);
	for (const struct opt *opt = global_opts; opt->kind != OPT_KIND_END; opt++)
		(void)fprintf(out, "  --%-16s%s\n", opt->name, opt->help);
	(void)fputs("\ncloche-runtime COMMAND --help tells more.\n", out);
}

static int globals_check(struct oci *oci, struct err *err)
{
	if (oci->root[0] != '/')
		return err_set(err, EINVAL, "--root: %s is not an absolute path", oci->root);
	if (strcmp(oci->rootless, "false") != 0 && strcmp(oci->rootless, "auto") != 0)
		return err_set(err, EOPNOTSUPP,
			       "--rootless=%s: containers without root are not possible yet",
			       oci->rootless);
	if (strcmp(oci->cgroup_manager, "systemd") == 0)
		oci->systemd_cgroup = true;
	else if (strcmp(oci->cgroup_manager, "disabled") == 0)
		return err_set(err, EOPNOTSUPP,
			       "--cgroup-manager=disabled: a container without cgroup could not be "
			       "stopped as a whole");
	else if (strcmp(oci->cgroup_manager, "cgroupfs") != 0)
		return err_set(err, EINVAL, "--cgroup-manager: unknown manager \"%s\"",
			       oci->cgroup_manager);
	if (geteuid() != 0) {
		(void)err_set(err, EPERM, "cloche-runtime needs root");
		return err_hint(err, "run it with sudo");
	}
	return 0;
}

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int command_do(struct oci *oci, const struct command *command, char **argv)
{
	void *args = mem_new(command->args_size + 1);
	struct err err = ERR_NONE;
	char **operands;
	int r, status;

	if (command->defaults)
		command->defaults(args);
	operands = argv;
	/* what is refused is refused for its own sake, whatever flags are told */
	r = command == &oci_checkpoint || command == &oci_restore ?
		    0 :
		    opt_parse(command, argv, args, &operands, &err);
	if (r == 1) {
		opt_help(command, stdout);
		status = 0;
	} else if (r < 0) {
		status = 1;
	} else {
		status = command->run(oci, args, operands, &err);
	}
	if (err.code)
		oci_log_error(oci, &err);
	opt_args_free(command, args);
	return status;
}

/* Descriptors 0 to 2 must be open: what we open would else become a stream of the container. */
static void streams_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* NOLINT(android-cloexec-open): it stays */
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	struct oci oci = { .root = OCI_ROOT,
			   .log = "",
			   .log_format = "text",
			   .cgroup_manager = "cgroupfs",
			   .rootless = "auto",
			   .log_fd = -1 };
	_cleanup_free_ char **given = mem_new(((size_t)argc + 1) * sizeof(*given));
	const struct command *command;
	struct err err = ERR_NONE;
	char **operands;
	int r, status;

	memcpy(given, argv, (size_t)argc * sizeof(*given)); /* parsing moves words */
	streams_open();
	(void)signal(SIGPIPE, SIG_IGN);
	r = opt_parse(&globals, argv + 1, &oci, &operands, &err);
	if (r < 0) {
		oci_log_error(&oci, &err);
		return 1;
	}
	if (oci.version) {
		(void)printf("cloche-runtime version %s\nspec: %s\n", CLOCHE_VERSION,
			     SPEC_VERSION_MAX);
		return 0;
	}
	if (r == 1 || !*operands || strcmp(*operands, "help") == 0) {
		usage(stdout);
		return 0;
	}
	command = command_named(*operands);
	if (!command) {
		(void)err_set(&err, EINVAL, "unknown command \"%s\"", *operands);
		(void)err_hint(&err, "see: cloche-runtime --help");
	}
	if (!command || oci_log_open(&oci, &err) < 0 || globals_check(&oci, &err) < 0) {
		oci_log_error(&oci, &err);
		return 1;
	}
	if (command == &oci_create || command == &oci_run || command == &oci_exec)
		seal_self(given);
	status = command_do(&oci, command, operands + 1);
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	/* exec has joined the container's pid namespace for its children: nothing that runs at an exit may make one there */
	if (command == &oci_exec)
		_exit(status);
	return status;
}
