/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche: global options, the command, its table, its verb. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"
#include "base/tell.h"
#include "cli/absent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/long_work.h"
#include "engine/engine.h"
#include "engine/repair.h"

static const struct command *const commands[] = {
	&command_run,
	&command_create,
	&command_start,
	&command_stop,
	&command_kill,
	&command_rm,
	&command_restart,
	&command_pause,
	&command_unpause,
	&command_rename,
	&command_update,
	&command_recreate,
	&command_cp,
	&command_diff,
	&command_export,
	&command_commit,
	&command_ps,
	&command_top,
	&command_stats,
	&command_exec,
	&command_attach,
	&command_logs,
	&command_wait,
	&command_inspect,
	&command_container_inspect,
	&command_load,
	&command_import,
	&command_pull,
	&command_push,
	&command_save,
	&command_login,
	&command_logout,
	&command_images,
	&command_rmi,
	&command_tag,
	&command_image_inspect,
	&command_history,
	&command_image_prune,
	&command_search,
	&command_manifest_create,
	&command_manifest_annotate,
	&command_manifest_inspect,
	&command_manifest_push,
	&command_manifest_rm,
	&command_manifest_referrers,
	&command_volume_create,
	&command_volume_ls,
	&command_volume_rm,
	&command_volume_inspect,
	&command_volume_export,
	&command_volume_import,
	&command_volume_clone,
	&command_compat,
	&command_outdated,
	&command_procs,
	&command_port,
	&command_network_create,
	&command_network_ls,
	&command_network_inspect,
	&command_network_connect,
	&command_network_disconnect,
	&command_network_rm,
	&command_network_prune,
	&command_network_reload,
	&command_network_doctor,
	&command_sockets,
	&command_netstat,
	&command_whois,
	&command_netns_expose,
	&command_volume_prune,
	&command_container_prune,
	&command_system_df,
	&command_system_prune,
	&command_guard_enable,
	&command_guard_disable,
	&command_guard_status,
	&command_guard_add,
	&command_guard_log,
	&command_events,
	&command_info,
	&command_version,
	&command_system_check,
	&command_system_names,
	&command_system_reap,
	&command_system_restart,
	&command_system_keeper,
	&command_system_mend,
	&command_system_renew,
	&command_system_health,
	&command_system_start,
	&command_system_docs,
	&command_completion,
	NULL,
};

struct engine *cli_engine(struct cli *cli, struct err *err)
{
	if (cli->engine)
		return cli->engine;
	if (geteuid() != 0) {
		err_set(err, EPERM, "cloche needs root");
		err_hint(err, "run it with sudo");
		return NULL;
	}
	if (engine_open(&cli->engine, &cli->settings, err) < 0)
		return NULL;
	repair_interrupted(cli->engine);
	return cli->engine;
}

void cli_warn(const char *words)
{
	tell(TELL_WARN, "WARNING: ", words);
}

int cli_complain(struct err *err)
{
	int status = err_print(err, "cloche", 1);

	err_clear(err);
	return status;
}

int cli_fail(struct err *err)
{
	return cli_complain(err) == 125 ?
		       125 :
		       1; /* 125: a flag's value; a start's 126 and 127 are for one that is attached */
}

int cli_each(struct cli *cli, char **operands,
	     int (*act)(struct cli *, const char *, void *, struct err *), void *data)
{
	int status = 0;

	for (size_t i = 0; operands[i]; i++) {
		struct err err = ERR_NONE;

		if (act(cli, operands[i], data, &err) == 0)
			(void)printf("%s\n", operands[i]);
		else
			status = cli_fail(&err);
		(void)fflush(stdout);
		if (status == 125)
			break; /* it is wrong for all */
	}
	return status;
}

/* -- global options --------------------------------------------------------------------------- */

static int usage_fail(const struct err *err)
{
	return err_print(err, "cloche", 125);
}

static const struct {
	const char *name, *letter;
	const char *setting; /* NULL: the folder of Docker's config.json */
} globals[] = {
	{ "--root", NULL, "root" },	      { "--run-root", NULL, "run-root" },
	{ "--log-level", "-l", "log-level" }, { "--log-format", NULL, "log-format" },
	{ "--config", NULL, NULL },
};

/* One with a value, which may stand in the next word. */
static int global_set(size_t which, char ***argv, struct settings *settings, struct err *err)
{
	char *word = **argv, *value = strchr(word, '=');
	int r;

	if (!value && !(*argv)[1])
		return err_set(err, EINVAL, "flag needs an argument: %s", word);
	value = value ? value + 1 : *++*argv;
	if (!globals[which].setting)
		return setenv("DOCKER_CONFIG", value, 1) < 0 ? err_sys(err, errno, "%s", word) : 0;
	r = settings_tell(settings, globals[which].setting, value, "command line", err);
	return r < 0 ? err_wrap(err, "%s", globals[which].name) : 0;
}

/* The options before the command. Moves *argv to it; 1: done. */
static int globals_parse(char ***argv, struct settings *settings, struct err *err)
{
	for (; **argv && ***argv == '-'; (*argv)++) {
		const char *word = **argv;
		size_t length = strcspn(word, "="), i;
		int r;

		if (strcmp(word, "-v") == 0 || strcmp(word, "--version") == 0) {
			(void)printf("Cloche version %s\n", CLOCHE_VERSION);
			return 1;
		}
		if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
			opt_help_all(commands, "cloche", stdout);
			return 1;
		}
		if (strcmp(word, "-H") == 0 || str_prefix(word, "--host") ||
		    strcmp(word, "-c") == 0 || str_prefix(word, "--context"))
			return err_set(err, EOPNOTSUPP,
				       "%s: talking to another engine is not possible yet", word);
		if (str_prefix(word, "--tls"))
			return err_set(err, EOPNOTSUPP, "%s: there is no connection to secure",
				       word);
		if (strcmp(word, "-D") == 0 || strcmp(word, "--debug") == 0) {
			(void)settings_tell(settings, "log-level", "debug", "command line", err);
			continue;
		}
		for (i = 0; i < ARRAY_SIZE(globals); i++)
			if ((strlen(globals[i].name) == length &&
			     strncmp(globals[i].name, word, length) == 0) ||
			    str_equal(globals[i].letter, word))
				break;
		if (i == ARRAY_SIZE(globals))
			return err_set(err, EINVAL, "unknown flag: %s", word);
		r = global_set(i, argv, settings, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* From here on they are in force. */
static void telling_begin(const struct settings *settings)
{
	enum tell_level level = TELL_INFO;
	const char *debug = getenv("CLOCHE_DEBUG");

	(void)tell_level_parse(settings->log_level, &level);
	if (debug && *debug && strcmp(debug, "0") != 0)
		level = TELL_DEBUG;
	tell_set(level, strcmp(settings->log_format, "json") == 0);
	for (size_t i = 0; tell_wanted(TELL_DEBUG) && settings_table[i].key; i++)
		if (settings->sources[i].source)
			tell_debug("setting %s.%s = %s (%s)", settings_table[i].section,
				   settings_table[i].key, settings->sources[i].value,
				   settings->sources[i].source);
}

static int command_do(struct cli *cli, const struct command *command, char **argv)
{
	struct err err = ERR_NONE;
	void *args = mem_new(command->args_size + 1);
	struct long_work work = LONG_WORK_NONE;
	char **operands;
	int r, status;

	if (command->defaults)
		command->defaults(args);
	r = opt_parse(command, argv, args, &operands, &err);
	if (r == 1) {
		opt_help(command, stdout);
		status = 0;
	} else if (r < 0) {
		status = usage_fail(&err);
	} else {
		tell_debug("command %s%s%s", command->group ? command->group : "",
			   command->group ? " " : "", command->name);
		if (long_work_is(command))
			long_work_begin(&work, command->name, operands[0]);
		status = command->run(cli, args, operands, &err);
		long_work_end(&work);
		tell_debug("exit status %d", status);
		if (err.code != 0)
			status = err_print(&err, "cloche", status);
	}
	opt_args_free(command, args);
	return status;
}

/* git's way to more commands: `cloche NAME` is the program cloche-NAME on PATH. Comes back when there is none. */
static void other_program(char **argv)
{
	_cleanup_free_ char *program = NULL;
	char *name = argv[0];

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(name) || *name == '-')
		return;
	program = str_printf("cloche-%s", name);
	argv[0] = program;
	(void)signal(SIGPIPE, SIG_DFL); /* it is not ours to ignore for others */
	(void)execvp(program, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	argv[0] = name;
}

/* No command, `help [COMMAND]`, or a group's name alone, as with Docker. 1: answered; 0: something else. */
static int help_asked(char **argv, struct err *err)
{
	bool help = *argv && strcmp(*argv, "help") == 0;
	const struct command *command;
	int consumed;

	argv += help;
	if (!*argv) {
		opt_help_all(commands, "cloche", stdout);
		return 1;
	}
	if ((help || !argv[1] || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) &&
	    opt_help_group(commands, *argv, "cloche", stdout))
		return 1;
	if (!help)
		return 0;
	command = command_find(commands, argv, &consumed, err);
	if (!command) {
		absent_explain(argv, err);
		return -err->code;
	}
	opt_help(command, stdout);
	return 1;
}

int main(int argc, char **argv)
{
	struct cli cli = { .commands = commands };
	const struct command *command;
	struct err err = ERR_NONE;
	int status, consumed = 0, r;

	(void)argc;
	/* Descriptors 0 to 2 must be open: whatever we open first would else become somebody's output. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* A command lives for milliseconds: memory given back to the kernel would be asked for again, page by page. */
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
	(void)mallopt(M_TOP_PAD, 512 << 10);
	if (settings_read(&cli.settings, &err) < 0)
		return usage_fail(&err);
	argv++;
	r = globals_parse(&argv, &cli.settings, &err);
	if (r == 0) {
		telling_begin(&cli.settings);
		r = help_asked(argv, &err);
	}
	if (r != 0) {
		settings_clear(&cli.settings);
		return r < 0 ? usage_fail(&err) : 0;
	}
	command = command_find(commands, argv, &consumed, &err);
	if (!command) {
		other_program(argv);
		absent_explain(argv, &err);
	}
	status = command ? command_do(&cli, command, argv + consumed) : usage_fail(&err);
	engine_close(cli.engine);
	settings_clear(&cli.settings);
	if (fflush(stdout) != 0 && errno != EPIPE && status == 0) {
		err_sys(&err, errno, "write to stdout");
		status = err_print(&err, "cloche", 1);
	}
	return status;
}
