/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "process" of config.json, and process.json. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/capability.h"
#include "runtime/selinux_label.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"
#include "runtime/spec_read_internal.h"
#include "runtime/ulimit.h"

/* -- user, capabilities, limits --------------------------------------------------------------- */

static int gid_take(void *root, void *element, struct err *err)
{
	struct spec_process *process = &((struct spec *)root)->process;

	(void)err;
	process->additional_gids = spec_grow(process->additional_gids,
					     process->additional_gid_count,
					     sizeof(*process->additional_gids));
	process->additional_gids[process->additional_gid_count++] = *(uint32_t *)element;
	return 0;
}

/* config.md, "capabilities": what the host does not know or cannot give is a warning, not an error. */
static int capability_take(struct spec *spec, uint64_t *set, const struct json_pair *word)
{
	struct err unknown = ERR_NONE;
	int bit = str_prefix(word->value, "CAP_") ? capability_parse(word->value, &unknown) :
						    -EINVAL;

	if (bit >= 0)
		*set |= UINT64_C(1) << bit;
	else
		strv_add_take(&spec->warnings,
			      str_printf("capability %s is unknown here and left out",
					 word->value));
	return 0;
}

#define CAPABILITY_TAKE(name, set) \
	static int name(void *root, void *element, struct err *err) \
	{ \
		struct spec *spec = root; \
		(void)err; \
		return capability_take(spec, &spec->process.set, element); \
	}
CAPABILITY_TAKE(bounding_take, cap_bounding)
CAPABILITY_TAKE(effective_take, cap_effective)
CAPABILITY_TAKE(permitted_take, cap_permitted)
CAPABILITY_TAKE(inheritable_take, cap_inheritable)
CAPABILITY_TAKE(ambient_take, cap_ambient)

struct rlimit_read {
	char *type;
	uint64_t soft, hard;
	bool soft_set, hard_set;
};

static const struct json_field rlimit_table[] = {
	FIELD_STRING("type", struct rlimit_read, type),
	FIELD_UINT_SET("soft", struct rlimit_read, soft, soft_set, 0, UINT64_MAX),
	FIELD_UINT_SET("hard", struct rlimit_read, hard, hard_set, 0, UINT64_MAX),
	FIELD_END,
};

static int rlimit_take(void *root, void *element, struct err *err)
{
	struct spec_process *process = &((struct spec *)root)->process;
	struct rlimit_read *read = element;
	char name[16] = "";
	int resource;

	if (!read->type || !str_prefix(read->type, "RLIMIT_") || strlen(read->type) > 20)
		return err_set(err, EINVAL, "unknown type \"%s\"", read->type ? read->type : "");
	for (size_t i = 0; read->type[i + 7]; i++) {
		name[i] = (char)(read->type[i + 7] | 0x20);
		name[i + 1] = '\0';
	}
	resource = ulimit_resource(name);
	if (resource < 0)
		return err_set(err, EINVAL, "unknown type \"%s\"", read->type);
	if (!read->soft_set || !read->hard_set)
		return err_set(err, EINVAL, "soft and hard are both needed");
	if (read->soft > read->hard)
		return err_set(err, EINVAL, "soft is above hard");
	for (size_t i = 0; i < process->rlimit_count; i++)
		if (process->rlimits[i].resource == resource)
			return err_set(err, EINVAL, "%s stands there twice", read->type);
	process->rlimits =
		spec_grow(process->rlimits, process->rlimit_count, sizeof(*process->rlimits));
	process->rlimits[process->rlimit_count++] = (struct spec_rlimit){ .resource = resource,
									  .soft = read->soft,
									  .hard = read->hard };
	return 0;
}

/* -- scheduling ------------------------------------------------------------------------------- */

#define SCHED_DEADLINE_ 6 /* linux/sched.h, which sched.h does not bear beside it */

static const struct spec_word policies[] = {
	{ "SCHED_OTHER", SCHED_OTHER }, { "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_IDLE", SCHED_IDLE },	{ "SCHED_DEADLINE", SCHED_DEADLINE_ },
};

static const struct spec_word scheduler_flags[] = {
	/* linux/sched.h */
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 },  { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },     { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },    { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
};

static const struct spec_word io_classes[] = {
	/* linux/ioprio.h */
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
};

struct scheduler_read {
	char *policy;
	char **flags;
	struct spec_scheduler s;
};

static const struct json_field scheduler_table[] = {
	FIELD_STRING("policy", struct scheduler_read, policy),
	FIELD_STRV("flags", struct scheduler_read, flags),
	FIELD_INT32("nice", struct scheduler_read, s.nice, -20, 19),
	FIELD_UINT32("priority", struct scheduler_read, s.priority, 0, 99),
	FIELD_UINT("runtime", struct scheduler_read, s.runtime_ns, 0, UINT64_MAX),
	FIELD_UINT("deadline", struct scheduler_read, s.deadline_ns, 0, UINT64_MAX),
	FIELD_UINT("period", struct scheduler_read, s.period_ns, 0, UINT64_MAX),
	FIELD_END,
};

static int scheduler_take(void *root, void *element, struct err *err)
{
	struct scheduler_read *read = element;
	int64_t value = 0;
	int r = spec_word_find(policies, ARRAY_SIZE(policies), read->policy, "policy", &value, err);

	if (r < 0)
		return r;
	read->s.policy = (uint32_t)value;
	for (size_t i = 0; read->flags && read->flags[i]; i++) {
		r = spec_word_find(scheduler_flags, ARRAY_SIZE(scheduler_flags), read->flags[i],
				   "flag", &value, err);
		if (r < 0)
			return r;
		read->s.flags |= (uint64_t)value;
	}
	if (read->s.nice && read->s.policy != SCHED_OTHER && read->s.policy != SCHED_BATCH)
		return err_set(err, EINVAL, "nice is for SCHED_OTHER and SCHED_BATCH");
	if (read->s.priority && read->s.policy != SCHED_FIFO && read->s.policy != SCHED_RR)
		return err_set(err, EINVAL, "priority is for SCHED_FIFO and SCHED_RR");
	if ((read->s.runtime_ns || read->s.deadline_ns || read->s.period_ns) &&
	    read->s.policy != SCHED_DEADLINE_)
		return err_set(err, EINVAL, "runtime, deadline and period are for SCHED_DEADLINE");
	read->s.set = true;
	((struct spec *)root)->process.scheduler = read->s;
	return 0;
}

struct io_priority_read {
	char *class;
	int priority;
};

static const struct json_field io_priority_table[] = {
	FIELD_STRING("class", struct io_priority_read, class),
	FIELD_INT32("priority", struct io_priority_read, priority, 0, 7),
	FIELD_END,
};

static int io_priority_take(void *root, void *element, struct err *err)
{
	struct spec_process *process = &((struct spec *)root)->process;
	struct io_priority_read *read = element;
	int64_t class = 0;
	int r = spec_word_find(io_classes, ARRAY_SIZE(io_classes), read->class, "class", &class,
			       err);

	process->io_class = (int)class;
	process->io_priority = read->priority;
	return r;
}

/* -- the whole -------------------------------------------------------------------------------- */

static const struct json_field user_table[] = {
	FIELD_UINT32("uid", struct spec_process, uid, 0, UINT32_MAX - 1),
	FIELD_UINT32("gid", struct spec_process, gid, 0, UINT32_MAX - 1),
	FIELD_INT32("umask", struct spec_process, umask, 0, 0777),
	FIELD_NUMBERS("additionalGids", gid_take),
	FIELD_END,
};

static const struct json_field capabilities_table[] = {
	FIELD_WORDS("bounding", bounding_take),	  FIELD_WORDS("effective", effective_take),
	FIELD_WORDS("permitted", permitted_take), FIELD_WORDS("inheritable", inheritable_take),
	FIELD_WORDS("ambient", ambient_take),	  FIELD_END,
};

static const struct json_field console_table[] = {
	FIELD_UINT("height", struct spec_process, rows, 0, UINT16_MAX),
	FIELD_UINT("width", struct spec_process, columns, 0, UINT16_MAX),
	FIELD_END,
};

static const struct json_field affinity_table[] = {
	FIELD_STRING("initial", struct spec_process, cpus_initial),
	FIELD_STRING("final", struct spec_process, cpus_final),
	FIELD_END,
};

const struct json_field spec_process_table[] = {
	FIELD_BOOL("terminal", struct spec_process, terminal),
	FIELD_INLINE("consoleSize", console_table),
	FIELD_INLINE("user", user_table),
	FIELD_STRV("args", struct spec_process, args),
	FIELD_STRV("env", struct spec_process, env),
	FIELD_STRING("cwd", struct spec_process, cwd),
	FIELD_INLINE("capabilities", capabilities_table),
	FIELD_EACH("rlimits", struct rlimit_read, rlimit_table, rlimit_take),
	FIELD_BOOL("noNewPrivileges", struct spec_process, no_new_privileges),
	FIELD_STRING("apparmorProfile", struct spec_process, apparmor_profile),
	FIELD_STRING("selinuxLabel", struct spec_process, selinux_label),
	FIELD_INT32_SET("oomScoreAdj", struct spec_process, oom_score_adj, oom_score_adj_set, -1000,
			1000),
	FIELD_ONE("scheduler", struct scheduler_read, scheduler_table, scheduler_take),
	FIELD_ONE("ioPriority", struct io_priority_read, io_priority_table, io_priority_take),
	FIELD_INLINE("execCPUAffinity", affinity_table),
	FIELD_END,
};

void spec_process_finish(struct spec *spec)
{
	struct spec_process *process = &spec->process;
	uint64_t lacking =
		(process->cap_bounding | process->cap_permitted | process->cap_inheritable) &
		~capability_host_bounding();

	for (unsigned int bit = 0; lacking >> bit; bit++)
		if (lacking >> bit & 1)
			strv_add_take(&spec->warnings,
				      str_printf("the host does not have capability %s to give",
						 capability_name(bit)));
	process->cap_bounding &= ~lacking;
	process->cap_permitted &= ~lacking;
	process->cap_inheritable &= ~lacking;
	/* what the kernel would refuse (capabilities(7)) */
	process->cap_effective &= process->cap_permitted;
	process->cap_ambient &= process->cap_permitted & process->cap_inheritable;
}

int spec_read_process(const char *text, size_t length, struct spec *spec, struct err *err)
{
	int r;

	spec_process_clear(&spec->process);
	spec->process.oom_score_adj_wish = true;
	r = json_table_read(text, length, "process.json", spec_process_table, &spec->process, spec,
			    err);
	if (r == 0)
		spec_process_finish(spec);
	return r;
}

int spec_check_process(const struct spec_process *process, struct err *err)
{
	if (!process->args || !*process->args)
		return err_set(err, EINVAL, "process.args: is empty");
	for (size_t i = 0; process->env && process->env[i]; i++)
		if (!strchr(process->env[i], '=') || process->env[i][0] == '=')
			return err_set(err, EINVAL, "process.env[%zu]: \"%s\" is not NAME=VALUE", i,
				       process->env[i]);
	if (selinux_label_check("process.selinuxLabel", process->selinux_label, err) < 0)
		return -err->code;
	return spec_path_check(process->cwd, "process.cwd", err);
}
