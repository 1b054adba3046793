/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/seccomp_oci.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_table.h"
#include "base/str.h"
#include "runtime/seccomp_list.h"
#include "runtime/seccomp_name.h"

enum { ARGS_MAX = 64 };

/* -- what is read ----------------------------------------------------------------------------- */

struct profile {
	struct seccomp_rules *rules;
	char *default_action;
	uint32_t default_errno;
	bool default_errno_set;
	/* of the system calls that are being read */
	struct seccomp_compare compares[ARGS_MAX];
	size_t compare_count;
};

static int action_find(const char *name, bool number_set, uint32_t number, uint32_t *ret,
		       struct err *err)
{
	if (name && seccomp_action_find(name, number_set ? &number : NULL, ret)) {
		uint32_t kind = *ret & SECCOMP_RET_ACTION_FULL;

		if (number_set && kind != SECCOMP_RET_ERRNO && kind != SECCOMP_RET_TRACE)
			return err_set(err, EINVAL, "errnoRet: %s has none", name);
		return 0;
	}
	return name ? err_set(err, EINVAL, "unknown action \"%s\"", name) :
		      err_set(err, EINVAL, "the action is missing");
}

static int arch_take(void *root, void *element, struct err *err)
{
	const char *name = ((struct json_pair *)element)->value;
	const struct seccomp_arch *arch = seccomp_list_arch(name);

	if (arch) {
		seccomp_rules_add_arch(((struct profile *)root)->rules, arch);
		return 0;
	}
	/* those of other machines are accepted, nothing here makes their calls */
	for (size_t i = 0; seccomp_arch_name(i); i++)
		if (strcmp(seccomp_arch_name(i), name) == 0)
			return 0;
	return err_set(err, EINVAL, "unknown architecture \"%s\"", name);
}

static int flag_take(void *root, void *element, struct err *err)
{
	const char *name = ((struct json_pair *)element)->value;
	unsigned int flag;

	if (seccomp_flag_find(name, &flag)) {
		((struct profile *)root)->rules->flags |= flag;
		return 0;
	}
	return err_set(err, EINVAL, "unknown flag \"%s\"", name);
}

struct arg_read {
	uint32_t index;
	uint64_t value, other;
	char *op;
};

static const struct json_field arg_table[] = {
	FIELD_UINT32("index", struct arg_read, index, 0, SECCOMP_ARGS - 1),
	FIELD_UINT("value", struct arg_read, value, 0, UINT64_MAX),
	FIELD_UINT("valueTwo", struct arg_read, other, 0, UINT64_MAX),
	FIELD_STRING("op", struct arg_read, op),
	FIELD_END,
};

static int arg_take(void *root, void *element, struct err *err)
{
	struct profile *profile = root;
	struct arg_read *arg = element;
	uint8_t op;

	if (profile->compare_count == ARGS_MAX)
		return err_set(err, EINVAL, "more than %d", ARGS_MAX);
	if (arg->op && seccomp_operator_find(arg->op, &op)) {
		profile->compares[profile->compare_count++] =
			(struct seccomp_compare){ .arg = (uint8_t)arg->index,
						  .op = op,
						  .value = arg->value,
						  .other = arg->other };
		return 0;
	}
	return err_set(err, EINVAL, "unknown op \"%s\"", arg->op ? arg->op : "");
}

struct call_read {
	char **names;
	char *action;
	uint32_t number;
	bool number_set;
};

static const struct json_field call_table[] = {
	FIELD_STRV("names", struct call_read, names),
	FIELD_STRING("action", struct call_read, action),
	FIELD_UINT32_SET("errnoRet", struct call_read, number, number_set, 0, 4095),
	FIELD_EACH("args", struct arg_read, arg_table, arg_take),
	FIELD_END,
};

static int call_take(void *root, void *element, struct err *err)
{
	_cleanup_(buf_clear) struct buf names = BUF_EMPTY;
	struct profile *profile = root;
	struct call_read *call = element;
	struct seccomp_rule rule = { 0 };
	size_t args = profile->compare_count;
	int r = action_find(call->action, call->number_set, call->number, &rule.action, err);

	profile->compare_count = 0;
	if (r < 0)
		return r;
	if (!call->names)
		return err_set(err, EINVAL, "names is empty");
	for (size_t i = 0; call->names[i]; i++)
		if (*call->names[i] && !strchr(call->names[i], ' '))
			buf_printf(&names, "%s%s", names.length ? " " : "", call->names[i]);
	if (names.length == 0)
		return 0;
	if (rule.action == SECCOMP_RET_USER_NOTIF) {
		_cleanup_free_ char *padded = str_printf(" %s ", names.data);

		if (strstr(padded, " sendmsg ") || strstr(padded, " execve "))
			return err_set(err, EINVAL,
				       "SCMP_ACT_NOTIFY cannot be for sendmsg and execve: the "
				       "listener is told with the one, and the command runs with "
				       "the other");
		profile->rules->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	}
	strv_add_take(&profile->rules->strings, str_dup(names.data));
	rule.names = profile->rules->strings[strv_length(profile->rules->strings) - 1];
	seccomp_rules_add_args(profile->rules, &rule, profile->compares, args);
	return 0;
}

static const struct json_field profile_table[] = {
	FIELD_STRING("defaultAction", struct profile, default_action),
	FIELD_UINT32_SET("defaultErrnoRet", struct profile, default_errno, default_errno_set, 0,
			 4095),
	FIELD_WORDS("architectures", arch_take),
	FIELD_WORDS("flags", flag_take),
	FIELD_EACH("syscalls", struct call_read, call_table, call_take),
	FIELD_END,
};

int seccomp_oci_parse(const char *json, struct seccomp_rules *ret_rules, struct err *err)
{
	struct profile profile = { .rules = ret_rules };
	uint32_t kind;
	int r;

	seccomp_rules_add_arch(ret_rules, seccomp_list_arch_native());
	r = json_table_read(json, strlen(json), "config.json: linux.seccomp", profile_table,
			    &profile, &profile, err);
	if (r == 0) {
		r = action_find(profile.default_action, profile.default_errno_set,
				profile.default_errno, &ret_rules->default_action, err);
		if (r < 0)
			(void)err_wrap(err, "config.json: linux.seccomp.defaultAction");
	}
	kind = ret_rules->default_action & SECCOMP_RET_ACTION_FULL;
	if (r == 0 && kind == SECCOMP_RET_USER_NOTIF)
		r = err_set(err, EINVAL,
			    "config.json: linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be "
			    "the default: the command could not even start");
	/* A profile cannot refuse what it is too old to know: libc must see that it is missing. */
	ret_rules->newer_enosys = kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG;
	free(profile.default_action);
	return r;
}
