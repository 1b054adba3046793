/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* system names: whether the host's tools show container users by name. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/names_record.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "host/nsswitch.h"

#define MODULE "libnss_cloche.so.2"

static const struct opt names_opts[] = { OPT_END };

static bool module_found(void)
{
	void *module = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);

	if (module)
		(void)dlclose(module);
	return module != NULL;
}

static int records_count(void)
{
	DIR *d = opendir(NAMES_FOLDER);
	struct dirent *e;
	int count = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)) != NULL)
		count += e->d_name[0] >= '1' && e->d_name[0] <= '9';
	(void)closedir(d);
	return count;
}

static int status_print(const struct cli *cli, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	bool unreachable, enabled, module = module_found();
	int count = records_count();

	if (nsswitch_read(&text, err) < 0)
		return 1;
	enabled = nsswitch_enabled(text.data, &unreachable);
	(void)printf("names:   %s\n", enabled && module ? "enabled" : "disabled");
	(void)printf("module:  %s %s\n", MODULE,
		     module ? "found" : "not found by the dynamic linker");
	(void)printf("lookup:  %s %s\n", NSSWITCH_PATH,
		     enabled	 ? "has cloche in passwd and group" :
		     unreachable ? "ends the search before cloche ([NOTFOUND=return])" :
				   "does not have cloche in passwd and group");
	(void)printf("setting: %s\n", cli->settings.names);
	if (count >= 0)
		(void)printf("records: %d in %s\n", count, NAMES_FOLDER);
	else
		(void)printf("records: %s is closed to you\n", NAMES_FOLDER);
	return !(enabled && module);
}

static int change(bool enable, struct err *err)
{
	int r;

	if (geteuid() != 0) {
		err_set(err, EPERM, "change %s: this needs root", NSSWITCH_PATH);
		err_hint(err, "run it with sudo");
		return 1;
	}
	if (enable && !module_found()) {
		err_set(err, ENOENT, "enable names: the dynamic linker does not find %s", MODULE);
		err_hint(err, "install it where ldconfig looks, then run ldconfig");
		return 1;
	}
	r = nsswitch_change(enable, err);
	if (r < 0)
		return 1;
	(void)printf("%s: names of container users are %s%s\n", NSSWITCH_PATH,
		     enable ? "enabled" : "disabled", r == 1 ? " already" : "");
	if (r == 0)
		(void)printf("what was there before is in %s\n", NSSWITCH_BACKUP);
	return 0;
}

static int names_run(void *data, void *args, char **operands, struct err *err)
{
	(void)args;
	if (strcmp(operands[0], "status") == 0)
		return status_print(data, err);
	if (strcmp(operands[0], "enable") == 0 || strcmp(operands[0], "disable") == 0)
		return change(operands[0][0] == 'e', err);
	err_set(err, EINVAL, "system names %s: not enable, disable or status", operands[0]);
	return 125;
}

const struct command command_system_names = {
	.group = "system",
	.name = "names",
	.args = "ACTION",
	.summary =
		"show users of containers by name in ps, ls, id and top (enable, disable, status)",
	.details =
		"With names enabled every program of the host that asks the C library shows the user 33 of container web as web.www-data, "
		"and a user without a name as web.1234; names lead back to ids (id web.www-data). ps cuts names at 8 columns: ps -eo "
		"user:32,pid,args shows all. `enable` puts cloche last into the lines passwd and group of /etc/nsswitch.conf, so that a host "
		"user's name always wins, and keeps the file as it was in /etc/nsswitch.conf.before-cloche. The accounts have no password, "
		"shell or home.\n"
		"The names lie in /run/cloche/names: containers and their users, nothing else. With names = all in [host] of cloche.conf every "
		"local user can read them, with admin only root and members of adm, with off none are written. `status` ends with 0 when names "
		"are shown, else with 1.",
	.opts = names_opts,
	.args_size = sizeof(char),
	.run = names_run,
};
