/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/device_option.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

static bool number_parse(const char *text, int64_t *ret_number)
{
	uint64_t number;

	if (strcmp(text, "*") == 0) {
		*ret_number = -1;
		return true;
	}
	if (str_to_u64(text, UINT32_MAX, &number) < 0)
		return false;
	*ret_number = (int64_t)number;
	return true;
}

int device_rule_parse(const char *text, struct spec_device_rule *ret_rule, struct err *err)
{
	struct spec_device_rule rule = { .allow = true };
	_cleanup_strv_ char **words = strv_split(text, ' ');
	char *colon = strv_length(words) == 3 ? strchr(words[1], ':') : NULL;

	if (colon)
		*colon++ = '\0';
	if (!colon || strlen(words[0]) != 1 || !strchr("abc", words[0][0]) ||
	    !number_parse(words[1], &rule.major) || !number_parse(colon, &rule.minor) ||
	    !*words[2] || strlen(words[2]) > 3 || strspn(words[2], "rwm") != strlen(words[2]))
		return err_set(err, EINVAL, "invalid device cgroup format '%s'", text);
	rule.type = words[0][0];
	for (const char *p = words[2]; *p; p++) {
		char one[2] = { *p, '\0' };

		if (!strchr(rule.access, *p))
			(void)str_append(rule.access, sizeof(rule.access), one);
	}
	*ret_rule = rule;
	return 0;
}

static int rules_put(char *const *list, json_t *host, struct err *err)
{
	for (size_t i = 0; list && list[i]; i++) {
		struct spec_device_rule rule;

		if (device_rule_parse(list[i], &rule, err) < 0)
			return -err->code;
	}
	json_put(host, "DeviceCgroupRules", list ? json_from_strv(list) : json_null());
	return 0;
}

static int weight_parse(const char *text, const char *option, uint64_t *ret_weight, struct err *err)
{
	if (str_to_u64(text, UINT16_MAX, ret_weight) < 0)
		return err_argument(err, text, option, "not a number");
	if (*ret_weight != 0 && (*ret_weight < 10 || *ret_weight > 1000))
		return err_set(err, ERANGE, "Range of blkio weight is from 10 to 1000");
	return 0;
}

/* PATH:VALUE of a block device, the last colon parts them. */
static int device_split(char *text, const char *whole, const char *option, char **ret_value,
			struct err *err)
{
	char *colon = strrchr(text, ':');
	struct stat st;

	if (!colon || colon == text || !colon[1])
		return err_argument(err, whole, option, "bad format: %s", whole);
	*colon = '\0';
	*ret_value = colon + 1;
	if (strncmp(text, "/dev/", strlen("/dev/")) != 0)
		return err_argument(err, whole, option, "bad format for device path: %s", whole);
	if (stat(text, &st) < 0)
		return err_sys(err, errno, "%s: device %s", option, text);
	if (!S_ISBLK(st.st_mode))
		return err_set(err, ENOTBLK, "%s: %s is not a block device", option, text);
	return 0;
}

static int weights_put(char *const *list, json_t *host, struct err *err)
{
	json_t *array = json_array();

	json_put(host, "BlkioWeightDevice", array);
	for (size_t i = 0; list && list[i]; i++) {
		_cleanup_free_ char *path = str_dup(list[i]);
		uint64_t weight;
		char *value;

		if (device_split(path, list[i], "--blkio-weight-device", &value, err) < 0 ||
		    weight_parse(value, "--blkio-weight-device", &weight, err) < 0)
			return -err->code;
		json_push(array,
			  json_pack("{s:s,s:I}", "Path", path, "Weight", (json_int_t)weight));
	}
	return 0;
}

static int rates_put(char *const *list, json_t *host, const char *key, const char *option,
		     bool bytes, struct err *err)
{
	json_t *array = json_array();

	json_put(host, key, array);
	for (size_t i = 0; list && list[i]; i++) {
		_cleanup_free_ char *path = str_dup(list[i]);
		uint64_t rate;
		char *value;

		if (device_split(path, list[i], option, &value, err) < 0)
			return -err->code;
		if (bytes ? str_to_bytes(value, &rate) < 0 || rate > INT64_MAX :
			    str_to_u64(value, INT64_MAX, &rate) < 0)
			return err_argument(
				err, list[i], option,
				"invalid rate for device: %s. The correct format is <device-path>:<number>%s",
				list[i],
				bytes ? "[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb" :
					". Number must be a positive integer");
		json_push(array, json_pack("{s:s,s:I}", "Path", path, "Rate", (json_int_t)rate));
	}
	return 0;
}

int device_options(const struct create_options *o, json_t *host, struct err *err)
{
	uint64_t weight = 0;

	if (rules_put(o->device_cgroup_rules, host, err) < 0 ||
	    (o->blkio_weight &&
	     weight_parse(o->blkio_weight, "--blkio-weight", &weight, err) < 0) ||
	    weights_put(o->blkio_weight_device, host, err) < 0 ||
	    rates_put(o->device_read_bps, host, "BlkioDeviceReadBps", "--device-read-bps", true,
		      err) < 0 ||
	    rates_put(o->device_write_bps, host, "BlkioDeviceWriteBps", "--device-write-bps", true,
		      err) < 0 ||
	    rates_put(o->device_read_iops, host, "BlkioDeviceReadIOps", "--device-read-iops", false,
		      err) < 0 ||
	    rates_put(o->device_write_iops, host, "BlkioDeviceWriteIOps", "--device-write-iops",
		      false, err) < 0)
		return -err->code;
	json_put(host, "BlkioWeight", json_integer((json_int_t)weight));
	return 0;
}

/* -- at a start ------------------------------------------------------------------------------- */

/* Docker's {Path, Weight|Rate} as the OCI spec's {major, minor, weight|rate}. */
static json_t *numbered(const json_t *list, const char *from, const char *to, struct err *err)
{
	json_t *out = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *path = json_string_at(one, "Path", "");
		struct stat st;

		if (stat(path, &st) < 0 || !S_ISBLK(st.st_mode)) {
			err_sys(err, errno ? errno : ENOTBLK, "block device %s", path);
			json_decref(out);
			return NULL;
		}
		json_push(out, json_pack("{s:I,s:I,s:I}", "major", (json_int_t)major(st.st_rdev),
					 "minor", (json_int_t)minor(st.st_rdev), to,
					 (json_int_t)json_int_at(one, from, 0)));
	}
	return out;
}

int device_limits(const json_t *host, struct spec_resources *resources, struct err *err)
{
	static const struct {
		const char *key, *from, *name, *to;
	} lists[] = {
		{ "BlkioWeightDevice", "Weight", "weightDevice", "weight" },
		{ "BlkioDeviceReadBps", "Rate", "throttleReadBpsDevice", "rate" },
		{ "BlkioDeviceWriteBps", "Rate", "throttleWriteBpsDevice", "rate" },
		{ "BlkioDeviceReadIOps", "Rate", "throttleReadIOPSDevice", "rate" },
		{ "BlkioDeviceWriteIOps", "Rate", "throttleWriteIOPSDevice", "rate" },
	};
	_cleanup_json_ json_t *all = json_object();
	json_t *block = json_object();
	struct spec_resources read = { 0 };
	_cleanup_free_ char *text = NULL;
	int64_t weight = json_int_at(host, "BlkioWeight", 0);
	bool asked = weight > 0;
	int r;

	json_put(all, "blockIO", block);
	if (weight > 0)
		json_put(block, "weight", json_integer(weight));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const json_t *list = json_at(host, lists[i].key);
		json_t *found;

		if (json_array_size(list) == 0)
			continue;
		found = numbered(list, lists[i].from, lists[i].to, err);
		if (!found)
			return -err->code;
		json_put(block, lists[i].name, found);
		asked = true;
	}
	if (json_bool_at(host, "OomKillDisable")) {
		json_put(all, "memory", json_pack("{s:b}", "disableOOMKiller", 1));
		asked = true;
	}
	if (!asked)
		return 0;
	text = json_dumps(all, JSON_COMPACT);
	r = spec_read_resources(text, strlen(text), &read, err);
	if (r < 0)
		return r;
	resources->files = read.files;
	resources->file_count = read.file_count;
	read.files = NULL;
	read.file_count = 0;
	spec_resources_clear(&read);
	return 0;
}

/* -- drivers ---------------------------------------------------------------------------------- */

/* Whether a line of /proc/devices' part, or of /proc/misc, begins with that number. */
static bool number_listed(const char *text, const char *end, unsigned int number)
{
	while (text && text < end) {
		char *rest;

		if (strtoul(text, &rest, 10) == number && rest != text && *rest == ' ')
			return true;
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return false;
}

static bool driver_there(const char *devices, const char *misc, const struct stat *st)
{
	const char *blocks = strstr(devices, "Block devices:");
	unsigned int type = major(st->st_rdev);

	if (!blocks)
		return true; /* not a kernel's list: nothing is known */
	if (S_ISBLK(st->st_mode))
		return number_listed(blocks, blocks + strlen(blocks), type);
	return number_listed(devices, blocks, type) &&
	       (type != MISC_MAJOR || number_listed(misc, misc + strlen(misc), minor(st->st_rdev)));
}

void device_driver_warn(const json_t *host_config, char ***warnings)
{
	const json_t *list = json_object_get(host_config, "Devices"), *one;
	_cleanup_(buf_clear) struct buf devices = BUF_EMPTY, misc = BUF_EMPTY;
	size_t i;

	if (json_array_size(list) == 0 ||
	    file_read(AT_FDCWD, "/proc/devices", 65536, &devices) < 0 ||
	    file_read(AT_FDCWD, "/proc/misc", 65536, &misc) < 0)
		return;
	json_array_foreach(list, i, one)
	{
		const char *path = json_string_at(one, "PathOnHost", "");
		struct stat st;

		if (stat(path, &st) == 0 && !driver_there(devices.data, misc.data, &st))
			strv_add_take(
				warnings,
				str_printf(
					"--device %s: no driver of this kernel answers for %s device %u:%u; its module may be missing",
					path, S_ISBLK(st.st_mode) ? "block" : "character",
					major(st.st_rdev), minor(st.st_rdev)));
	}
}
