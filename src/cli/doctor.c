/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network doctor: where does a packet end, and what to type. */
#include <stdio.h>

#include "base/err.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/doctor.h"
#include "engine/engine.h"

struct doctor_args {
	bool quiet;
};

static const struct opt doctor_opts[] = {
	OPT_BOOL('q', "quiet", struct doctor_args, quiet, "print the verdict alone"),
	OPT_END,
};

static int doctor_run(void *data, void *args, char **operands, struct err *err)
{
	const struct doctor_args *a = args;
	struct engine *engine = cli_engine(data, err);
	struct doctor_report report = DOCTOR_REPORT_EMPTY;
	const struct doctor_step *verdict;
	int status;

	if (!engine || doctor_examine(engine, operands[0], operands[1], &report, err) < 0)
		return 2;
	for (size_t i = 0; !a->quiet && i < report.count; i++)
		(void)printf("%-4s %-12s %s\n", report.steps[i].broken ? "BAD" : "ok",
			     report.steps[i].what, report.steps[i].words);
	verdict = doctor_verdict(&report);
	if (verdict)
		(void)printf("%s; type: %s\n", verdict->words, verdict->remedy);
	else
		(void)printf("nothing is wrong\n");
	status = verdict ? 1 : 0;
	doctor_report_clear(&report);
	return status;
}

const struct command command_network_doctor = {
	.group = "network",
	.name = "doctor",
	.args = "CONTAINER [HOST:PORT]",
	.summary = "find out where a container's packets end",
	.details =
		"With HOST:PORT a packet is followed there and back: name, address, route, neighbour, the host's forwarding, each table of the "
		"firewall with the rule that drops it, and the answer. Without, all that the container's network is made of is looked at, and its "
		"published ports. The last line says in one sentence where it ends and what to type. A connection is attempted for it, and "
		"nothing is changed. Status 0: nothing is wrong, 1: something is, 2: it could not look.",
	.opts = doctor_opts,
	.args_size = sizeof(struct doctor_args),
	.run = doctor_run,
	.flags = COMMAND_INTERSPERSED,
};
