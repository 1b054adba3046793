/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/seccomp_describe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json_table.h"
#include "base/str.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_list.h"
#include "runtime/seccomp_name.h"
#include "runtime/seccomp_profile.h"

enum { PROFILE_LIMIT_BYTES = 4 << 20 };

static const char *action_name(uint32_t action)
{
	uint32_t value, number = action & SECCOMP_RET_DATA;

	for (size_t i = 0; seccomp_action_name(i); i++)
		if (seccomp_action_find(seccomp_action_name(i), &number, &value) && value == action)
			return seccomp_action_name(i);
	return "SCMP_ACT_KILL_PROCESS";
}

static const char *operator_name(uint8_t op)
{
	uint8_t value;

	for (size_t i = 0; seccomp_operator_name(i); i++)
		if (seccomp_operator_find(seccomp_operator_name(i), &value) && value == op)
			return seccomp_operator_name(i);
	return NULL;
}

static void action_put(struct buf *json, const char *key, const char *number_key, uint32_t action)
{
	buf_printf(json, "\"%s\": \"%s\"", key, action_name(action));
	if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		buf_printf(json, ", \"%s\": %u", number_key, action & SECCOMP_RET_DATA);
}

static void names_put(struct buf *json, const char *names)
{
	_cleanup_strv_ char **list = strv_split(names, ' ');

	for (size_t i = 0, put = 0; list[i]; i++) {
		if (!*list[i])
			continue;
		buf_puts(json, put++ ? ", " : "");
		json_quote(json, list[i]);
	}
}

static int rule_put(struct buf *json, const struct seccomp_rule *rule, bool first, struct err *err)
{
	buf_puts(json, first ? "{\"names\": [" : ", {\"names\": [");
	names_put(json, rule->names);
	buf_puts(json, "], ");
	action_put(json, "action", "errnoRet", rule->action);
	buf_puts(json, rule->compare_count ? ", \"args\": [" : "");
	for (size_t i = 0; i < rule->compare_count; i++) {
		const struct seccomp_compare *compare = &rule->compares[i];
		const char *op = operator_name(compare->op);

		if (!op)
			return err_set(err, EOPNOTSUPP,
				       "seccomp: a comparison that no other runtime knows");
		buf_printf(json,
			   "%s{\"index\": %u, \"value\": %" PRIu64 ", \"valueTwo\": %" PRIu64
			   ", \"op\": \"%s\"}",
			   i ? ", " : "", compare->arg, compare->value, compare->other, op);
	}
	buf_puts(json, rule->compare_count ? "]}" : "}");
	return 0;
}

static int rules_read(const struct seccomp_policy *policy, struct seccomp_rules *rules,
		      struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct utsname host;
	int r;

	if (!policy->profile_path) {
		seccomp_list_builtin(rules, policy->capabilities);
		return 0;
	}
	(void)uname(&host);
	r = file_read(AT_FDCWD, policy->profile_path, PROFILE_LIMIT_BYTES, &text);
	if (r < 0)
		return err_sys(err, r, "read seccomp profile %s", policy->profile_path);
	r = seccomp_profile_parse(text.data ? text.data : "", text.length, policy->capabilities,
				  host.release, rules, err);
	return r < 0 ? err_wrap(err, "seccomp profile %s", policy->profile_path) : 0;
}

int seccomp_describe(const struct seccomp_policy *policy, struct buf *json, struct err *err)
{
	_cleanup_(seccomp_rules_clear) struct seccomp_rules rules = { 0 };
	bool first = true;
	int r;

	if (policy->no_set_id) {
		err_set(err, EOPNOTSUPP,
			"a writable bind that host users can reach needs Cloche's own filter");
		return err_hint(err, "mount it with the option setid=allow, or read-only");
	}
	r = rules_read(policy, &rules, err);
	buf_puts(json, "{");
	action_put(json, "defaultAction", "defaultErrnoRet", rules.default_action);
	buf_puts(json, ", \"architectures\": [");
	for (size_t i = 0; i < rules.arch_count; i++)
		buf_printf(json, "%s\"%s\"", i ? ", " : "", rules.archs[i]->name);
	buf_puts(json, "], \"syscalls\": [");
	for (size_t i = 0; r == 0 && i < rules.count; i++) {
		const struct seccomp_rule *rule = &rules.items[i];

		if ((rule->with & policy->capabilities) != rule->with ||
		    rule->without & policy->capabilities)
			continue;
		r = rule_put(json, rule, first, err);
		first = false;
	}
	buf_puts(json, "]}");
	return r;
}
