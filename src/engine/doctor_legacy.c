/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/doctor_legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/legacy_table.h"

enum { SAVED_MAX = 16 << 20 };

/* What PROGRAM-save -c prints; nothing when it is not there. */
static void save(const char *program, struct buf *out)
{
	_cleanup_free_ char *path = str_printf("%s-save", program);
	char *const argv[] = { path, (char *)"-c", NULL };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, 0);
		(void)dup2(ends[1], 1);
		(void)dup2(null, 2);
		(void)execvp(path, argv);
		_exit(127);
	}
	fd_close(ends[1]);
	if (pid > 0 && fd_read_all(ends[0], SAVED_MAX, out) < 0)
		buf_clear(out);
	fd_close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void legacy_begin(struct legacy *legacy, int family)
{
	*legacy = (struct legacy){ .program = legacy_program(family) };
	if (legacy->program)
		save(legacy->program, &legacy->before);
}

/* "[PACKETS:BYTES] -A CHAIN ..." or ":CHAIN POLICY [PACKETS:BYTES]": does this drop? *ret_count: packets so far. */
static bool is_drop(const char *line, unsigned long long *ret_count)
{
	const char *bracket = strchr(line, '[');
	bool rule = line[0] == '[';

	if (!bracket || (!rule && line[0] != ':'))
		return false;
	*ret_count = strtoull(bracket + 1, NULL, 10);
	return rule ? strstr(line, " -j DROP") || strstr(line, " -j REJECT") :
		      strstr(line, " DROP [") != NULL;
}

static void drop_fill(const char *program, const char *table, const char *line,
		      struct legacy_drop *drop)
{
	const char *rule = line[0] == '[' ? strstr(line, "-A ") : NULL;

	drop->table = str_dup(table);
	if (rule) {
		drop->rule = str_dup(rule);
		drop->remedy = str_printf("%s -t %s -D %s", program, table, rule + 3);
	} else {
		_cleanup_free_ char *chain = str_ndup(line + 1, strcspn(line + 1, " "));

		drop->rule = str_printf("-P %s DROP", chain);
		drop->remedy = str_printf("%s -t %s -P %s ACCEPT", program, table, chain);
	}
}

int legacy_end(struct legacy *legacy, struct legacy_drop *ret_drop)
{
	_cleanup_(buf_clear) struct buf after = BUF_EMPTY;
	_cleanup_strv_ char **was = NULL, **is = NULL;
	const char *table = "";
	int found = 0;

	if (legacy->program && legacy->before.data)
		save(legacy->program, &after);
	if (after.data) {
		was = strv_split(legacy->before.data, '\n');
		is = strv_split(after.data, '\n');
	}
	/* line by line: whoever changed the rules meanwhile is told nothing wrong, but perhaps nothing */
	for (size_t i = 0; !found && was && was[i] && is[i]; i++) {
		unsigned long long before, now;

		if (is[i][0] == '*')
			table = is[i] + 1;
		if (!is_drop(was[i], &before) || !is_drop(is[i], &now) || now <= before)
			continue;
		drop_fill(legacy->program, table, is[i], ret_drop);
		found = 1;
	}
	buf_clear(&legacy->before);
	return found;
}

void legacy_drop_clear(struct legacy_drop *drop)
{
	free(drop->table);
	free(drop->rule);
	free(drop->remedy);
}
