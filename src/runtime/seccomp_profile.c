/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/seccomp_profile.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "runtime/capability.h"
#include "runtime/seccomp_list.h"
#include "runtime/seccomp_name.h"

struct reader {
	uint64_t capabilities;
	unsigned int kernel[2]; /* major, minor */
	struct seccomp_rules *rules;
	struct err *err;
};

#if defined(__x86_64__)
static const char native_go_name[] = "amd64"; /* as Docker's "arches" are written */
#else
static const char native_go_name[] = "arm64";
#endif

/* -- values at a place ------------------------------------------------------------------------ */

/* A key's value with its type checked; null is the same as missing, as in Go. */
static int value_at(const struct reader *r, const json_t *object, const char *place,
		    const char *key, json_type type, const json_t **ret_value)
{
	static const char *const type_names[] = { [JSON_OBJECT] = "an object",
						  [JSON_ARRAY] = "an array",
						  [JSON_STRING] = "a string",
						  [JSON_INTEGER] = "an integer" };
	const json_t *value = json_object_get(object, key);

	if (json_is_null(value))
		value = NULL;
	if (value && json_typeof(value) != type)
		return err_set(r->err, EINVAL, "%s%s: is not %s", place, key, type_names[type]);
	*ret_value = value;
	return 0;
}

static int integer_at(const struct reader *r, const json_t *object, const char *place,
		      const char *key, int64_t max, int64_t *ret_value, bool *ret_given)
{
	const json_t *value = NULL;
	int result = value_at(r, object, place, key, JSON_INTEGER, &value);

	if (result < 0)
		return result;
	*ret_given = value != NULL;
	if (!value)
		return 0;
	if (json_integer_value(value) < 0 || json_integer_value(value) > max)
		return err_set(r->err, EINVAL, "%s%s: %lld is not between 0 and %lld", place, key,
			       (long long)json_integer_value(value), (long long)max);
	*ret_value = json_integer_value(value);
	return 0;
}

/* The strings of an array; missing gives none. Borrowed from the JSON. */
static int strings_at(const struct reader *r, const json_t *object, const char *place,
		      const char *key, const json_t **ret_array)
{
	const json_t *array = NULL, *item;
	size_t i;
	int result = value_at(r, object, place, key, JSON_ARRAY, &array);

	if (result < 0)
		return result;
	json_array_foreach(array, i, item) if (!json_is_string(item)) return err_set(
		r->err, EINVAL, "%s%s[%zu]: is not a string", place, key, i);
	*ret_array = array;
	return 0;
}

static bool array_has(const json_t *array, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i,
			   item) if (strcmp(json_string_value(item), text) == 0) return true;
	return false;
}

/* An action with the number that goes with it: EPERM where none is given. */
static int action_at(const struct reader *r, const json_t *object, const char *place,
		     const char *key, const char *number_key, uint32_t *ret_action)
{
	const json_t *name = NULL;
	int64_t number = 0;
	uint32_t data;
	bool given = false;
	int result = value_at(r, object, place, key, JSON_STRING, &name);

	if (result == 0)
		result = integer_at(r, object, place, number_key, 4095, &number, &given);
	if (result < 0)
		return result;
	if (!name)
		return err_set(r->err, EINVAL, "%s%s: is missing", place, key);
	if (strcmp(json_string_value(name), "SCMP_ACT_NOTIFY") == 0)
		return err_set(
			r->err, ENOTSUP,
			"%s%s: SCMP_ACT_NOTIFY needs a listener, which only an OCI runtime's caller has",
			place, key);
	data = (uint32_t)number;
	if (seccomp_action_find(json_string_value(name), given ? &data : NULL, ret_action))
		return 0;
	return err_set(r->err, EINVAL, "%s%s: unknown action \"%s\"", place, key,
		       json_string_value(name));
}

/* -- which rules hold ------------------------------------------------------------------------- */

/* "4.8" to its two numbers. What follows them, as in "6.1.0-13-amd64", is at *ret_end. */
static int version_parse(const char *text, unsigned int ret_version[2], const char **ret_end)
{
	for (int i = 0; i < 2; i++) {
		char *end;
		unsigned long number;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		number = strtoul(text, &end, 10);
		if (number > 9999 || (i == 0 && *end != '.'))
			return -EINVAL;
		ret_version[i] = (unsigned int)number;
		text = i == 0 ? end + 1 : end;
	}
	*ret_end = text;
	return 0;
}

/* *ret_given: there is a minKernel; *ret_reached: ours is at least that. */
static int kernel_at(const struct reader *r, const json_t *object, const char *place,
		     bool *ret_given, bool *ret_reached)
{
	unsigned int least[2] = { 0 };
	const json_t *text = NULL;
	const char *end = NULL;
	int result = value_at(r, object, place, "minKernel", JSON_STRING, &text);

	if (result < 0)
		return result;
	*ret_given = text != NULL && *json_string_value(text) != '\0';
	if (!*ret_given)
		return 0;
	if (version_parse(json_string_value(text), least, &end) < 0 || *end)
		return err_set(r->err, EINVAL, "%sminKernel: \"%s\" is not a version like 4.8",
			       place, json_string_value(text));
	*ret_reached = r->kernel[0] != least[0] ? r->kernel[0] > least[0] :
						  r->kernel[1] >= least[1];
	return 0;
}

/* The conditions of "includes" (all must hold) or "excludes" (one is enough). *ret_out: the rule is
 * left out because of them. */
static int filter_at(const struct reader *r, const json_t *rule, const char *rule_place,
		     const char *key, bool excludes, bool *ret_out)
{
	const json_t *filter = NULL, *caps = NULL, *arches = NULL, *cap;
	bool kernel_given = false, reached = false, out = false;
	char place[96];
	size_t i;
	int result = value_at(r, rule, rule_place, key, JSON_OBJECT, &filter);

	if (result < 0 || !filter)
		return result;
	(void)snprintf(place, sizeof(place), "%s%s.", rule_place, key);
	result = strings_at(r, filter, place, "caps", &caps);
	if (result == 0)
		result = strings_at(r, filter, place, "arches", &arches);
	if (result == 0)
		result = kernel_at(r, filter, place, &kernel_given, &reached);
	if (result < 0)
		return result;
	json_array_foreach(caps, i, cap)
	{
		struct err unknown = ERR_NONE;
		int bit = capability_parse(json_string_value(cap), &unknown);
		/* A capability that we do not know no container of ours has. */
		bool has = bit >= 0 && (r->capabilities & UINT64_C(1) << bit);

		out = out || has == excludes;
	}
	if (json_array_size(arches) > 0 && array_has(arches, native_go_name) == excludes)
		out = true;
	if (kernel_given && reached == excludes)
		out = true;
	*ret_out = *ret_out || out;
	return 0;
}

/* -- rules ------------------------------------------------------------------------------------ */

static int compare_at(const struct reader *r, const json_t *arg, const char *place,
		      struct seccomp_compare *ret_compare)
{
	int64_t index = 0, value = 0, other = 0;
	bool has_index = false, given;
	const json_t *name = NULL;
	uint8_t op;
	int result = integer_at(r, arg, place, "index", SECCOMP_ARGS - 1, &index, &has_index);

	if (result == 0)
		result = integer_at(r, arg, place, "value", INT64_MAX, &value, &given);
	if (result == 0)
		result = integer_at(r, arg, place, "valueTwo", INT64_MAX, &other, &given);
	if (result == 0)
		result = value_at(r, arg, place, "op", JSON_STRING, &name);
	if (result < 0)
		return result;
	if (!name)
		return err_set(r->err, EINVAL, "%sop: is missing", place);
	if (seccomp_operator_find(json_string_value(name), &op)) {
		*ret_compare = (struct seccomp_compare){ .arg = (uint8_t)index,
							 .op = op,
							 .value = (uint64_t)value,
							 .other = (uint64_t)other };
		return 0;
	}
	return err_set(r->err, EINVAL, "%sop: unknown operator \"%s\"", place,
		       json_string_value(name));
}

static int args_add(const struct reader *r, const json_t *args, const char *place,
		    struct seccomp_rule *rule)
{
	struct seccomp_compare compares[16] = { 0 };
	size_t count = json_array_size(args), i;
	const json_t *arg;

	if (count > ARRAY_SIZE(compares))
		return err_set(r->err, EINVAL, "%sargs: more than %zu", place,
			       ARRAY_SIZE(compares));
	json_array_foreach(args, i, arg)
	{
		char arg_place[96];
		int result;

		(void)snprintf(arg_place, sizeof(arg_place), "%sargs[%zu].", place, i);
		if (!json_is_object(arg))
			return err_set(r->err, EINVAL, "%sargs[%zu]: is not an object", place, i);
		result = compare_at(r, arg, arg_place, &compares[i]);
		if (result < 0)
			return result;
	}
	seccomp_rules_add_args(r->rules, rule, compares, count);
	return 0;
}

/* The names in one string, as rules have them. NULL: there are none. */
static int names_at(const struct reader *r, const json_t *object, const char *place,
		    const char **ret_names)
{
	_cleanup_(buf_clear) struct buf all = BUF_EMPTY;
	const json_t *names = NULL, *name = NULL, *item;
	size_t i;
	int result = strings_at(r, object, place, "names", &names);

	if (result == 0)
		result = value_at(r, object, place, "name", JSON_STRING, &name);
	if (result < 0)
		return result;
	if (name && *json_string_value(name) && json_array_size(names) > 0)
		return err_set(r->err, EINVAL,
			       "%sname: stands beside names, only one of them can be", place);
	json_array_foreach(names, i, item)
		buf_printf(&all, "%s%s", i ? " " : "", json_string_value(item));
	if (name && *json_string_value(name))
		buf_puts(&all, json_string_value(name));
	*ret_names = NULL;
	if (all.length > 0) {
		strv_add_take(&r->rules->strings, str_ndup(all.data, all.length));
		*ret_names = r->rules->strings[strv_length(r->rules->strings) - 1];
	}
	return 0;
}

static int syscall_add(const struct reader *r, const json_t *object, size_t index)
{
	struct seccomp_rule rule = { 0 };
	const json_t *args = NULL;
	bool out = false;
	char place[64];
	int result;

	(void)snprintf(place, sizeof(place), "syscalls[%zu].", index);
	if (!json_is_object(object))
		return err_set(r->err, EINVAL, "syscalls[%zu]: is not an object", index);
	result = filter_at(r, object, place, "includes", false, &out);
	if (result == 0)
		result = filter_at(r, object, place, "excludes", true, &out);
	if (result == 0)
		result = action_at(r, object, place, "action", "errnoRet", &rule.action);
	if (result == 0)
		result = value_at(r, object, place, "args", JSON_ARRAY, &args);
	if (result == 0)
		result = names_at(r, object, place, &rule.names);
	if (result < 0 || out || !rule.names)
		return result;
	return args_add(r, args, place, &rule);
}

/* -- the whole -------------------------------------------------------------------------------- */

/* Names of other machines' architectures are fine: nothing here makes their calls. */
static int archs_add(const struct reader *r, const json_t *names, const char *place)
{
	const json_t *item;
	size_t i;

	json_array_foreach(names, i, item)
	{
		const struct seccomp_arch *arch = seccomp_list_arch(json_string_value(item));

		if (arch)
			seccomp_rules_add_arch(r->rules, arch);
		else if (!str_prefix(json_string_value(item), "SCMP_ARCH_"))
			return err_set(r->err, EINVAL, "%s[%zu]: unknown architecture \"%s\"",
				       place, i, json_string_value(item));
	}
	return 0;
}

static int archs_read(const struct reader *r, const json_t *root)
{
	const json_t *list = NULL, *map = NULL, *entry, *name = NULL, *subs = NULL;
	size_t i;
	int result = strings_at(r, root, "", "architectures", &list);

	if (result == 0)
		result = value_at(r, root, "", "archMap", JSON_ARRAY, &map);
	if (result < 0)
		return result;
	if (json_array_size(list) > 0 && json_array_size(map) > 0)
		return err_set(r->err, EINVAL,
			       "archMap: stands beside architectures, only one of them can be");
	seccomp_rules_add_arch(r->rules, seccomp_list_arch_native());
	result = archs_add(r, list, "architectures");
	if (result < 0)
		return result;
	json_array_foreach(map, i, entry)
	{
		char place[64];

		(void)snprintf(place, sizeof(place), "archMap[%zu].", i);
		if (!json_is_object(entry))
			return err_set(r->err, EINVAL, "archMap[%zu]: is not an object", i);
		result = value_at(r, entry, place, "architecture", JSON_STRING, &name);
		if (result == 0)
			result = strings_at(r, entry, place, "subArchitectures", &subs);
		if (result < 0)
			return result;
		if (!name || strcmp(json_string_value(name), seccomp_list_arch_native()->name) != 0)
			continue;
		(void)str_append(place, sizeof(place), "subArchitectures");
		result = archs_add(r, subs, place);
		if (result < 0)
			return result;
	}
	return 0;
}

static int flags_read(const struct reader *r, const json_t *root)
{
	const json_t *list = NULL, *item;
	unsigned int flag;
	size_t i;
	int result = strings_at(r, root, "", "flags", &list);

	if (result < 0)
		return result;
	json_array_foreach(list, i, item)
	{
		if (!seccomp_flag_find(json_string_value(item), &flag))
			return err_set(r->err, EINVAL, "flags[%zu]: unknown flag \"%s\"", i,
				       json_string_value(item));
		r->rules->flags |= flag;
	}
	return 0;
}

static int profile_read(const struct reader *r, const json_t *root)
{
	const json_t *syscalls = NULL, *listener = NULL, *item;
	uint32_t kind;
	size_t i;
	int result;

	if (!json_is_object(root))
		return err_set(r->err, EINVAL, "is not an object");
	result = action_at(r, root, "", "defaultAction", "defaultErrnoRet",
			   &r->rules->default_action);
	if (result == 0)
		result = value_at(r, root, "", "listenerPath", JSON_STRING, &listener);
	if (result == 0 && listener && *json_string_value(listener))
		result = err_set(r->err, ENOTSUP, "listenerPath: is not supported yet");
	if (result == 0)
		result = archs_read(r, root);
	if (result == 0)
		result = flags_read(r, root);
	if (result == 0)
		result = value_at(r, root, "", "syscalls", JSON_ARRAY, &syscalls);
	if (result < 0)
		return result;
	json_array_foreach(syscalls, i, item)
	{
		result = syscall_add(r, item, i);
		if (result < 0)
			return result;
	}
	/* A profile cannot refuse what it is too old to know: libc must see that it is missing. */
	kind = r->rules->default_action & SECCOMP_RET_ACTION_FULL;
	r->rules->newer_enosys = kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG;
	return 0;
}

int seccomp_profile_parse(const char *text, size_t length, uint64_t capabilities,
			  const char *kernel_release, struct seccomp_rules *ret_rules,
			  struct err *err)
{
	struct reader reader = { .capabilities = capabilities, .rules = ret_rules, .err = err };
	_cleanup_json_ json_t *root = NULL;
	const char *rest = NULL;
	json_error_t where;

	if (version_parse(kernel_release, reader.kernel, &rest) < 0)
		return err_set(err, EINVAL, "unknown kernel release %s", kernel_release);
	root = json_loadb(text ? text : "", length, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return err_set(err, EINVAL, "line %d, column %d: %s", where.line, where.column,
			       where.text);
	return profile_read(&reader, root);
}
