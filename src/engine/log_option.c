/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/log_option.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/template.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "monitor/protocol.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"

enum driver { LOCAL = 1, JSON_FILE = 2, JOURNALD = 4, SYSLOG = 8, NONE = 16 };

static const struct {
	const char *name;
	enum driver driver;
} drivers[] = {
	{ "local", LOCAL },   { "json-file", JSON_FILE }, { "journald", JOURNALD },
	{ "syslog", SYSLOG }, { "none", NONE },
};

static const char *const facilities[] = { "kern",     "user",	"mail",	  "daemon", "auth",
					  "syslog",   "lpr",	"news",	  "uucp",   "cron",
					  "authpriv", "ftp",	NULL,	  NULL,	    NULL,
					  NULL,	      "local0", "local1", "local2", "local3",
					  "local4",   "local5", "local6", "local7" };

/* -- values ----------------------------------------------------------------------------------- */

static bool is_size(const char *text)
{
	uint64_t bytes;

	return str_to_bytes(text, &bytes) == 0 && bytes >= 4096 && bytes <= INT32_MAX;
}

static bool is_file_size(const char *text)
{
	uint64_t bytes;

	return str_to_bytes(text, &bytes) == 0 && bytes >= 4096;
}

static bool is_count(const char *text)
{
	uint64_t count;

	return str_to_u64(text, 1000, &count) == 0 && count >= 1;
}

static bool is_mode(const char *text)
{
	return strcmp(text, "blocking") == 0 || strcmp(text, "non-blocking") == 0;
}

static bool is_format(const char *text)
{
	return strcmp(text, "rfc5424") == 0 || strcmp(text, "rfc5424micro") == 0;
}

static int facility_of(const char *text)
{
	uint64_t number;

	if (str_to_u64(text, ARRAY_SIZE(facilities) - 1, &number) == 0)
		return (int)number;
	for (size_t i = 0; i < ARRAY_SIZE(facilities); i++)
		if (str_equal(facilities[i], text))
			return (int)i;
	return -1;
}

static bool is_facility(const char *text)
{
	return facility_of(text) >= 0;
}

static bool is_address(const char *text)
{
	return (str_prefix(text, "unix:///") || str_prefix(text, "unixgram:///") ||
		str_prefix(text, "udp://") || str_prefix(text, "tcp://")) &&
	       !strpbrk(text, " \n");
}

static bool is_template(const char *text)
{
	struct template *template = NULL;
	struct err ignored = ERR_NONE;
	bool well = template_parse(text, &template, &ignored) == 0;

	template_free(template);
	return well;
}

static bool is_pattern(const char *text)
{
	regex_t pattern;
	bool well = regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB) == 0;

	if (well)
		regfree(&pattern);
	return well;
}

static bool is_false(const char *text)
{
	return strcmp(text, "false") == 0;
}

static bool is_any(const char *text)
{
	(void)text;
	return true;
}

static const struct {
	const char *name;
	int drivers;
	bool (*valid)(const char *value);
	const char *wanted;
} options[] = {
	{ "max-size", LOCAL | JSON_FILE | JOURNALD | SYSLOG, is_file_size, "4k or more" },
	{ "max-file", LOCAL | JSON_FILE | JOURNALD | SYSLOG, is_count, "1 to 1000" },
	{ "mode", LOCAL | JSON_FILE | JOURNALD | SYSLOG, is_mode, "blocking or non-blocking" },
	{ "max-buffer-size", LOCAL | JSON_FILE | JOURNALD | SYSLOG, is_size, "4k or more" },
	{ "tag", JOURNALD | SYSLOG | JSON_FILE, is_template, "a template" },
	{ "labels", JOURNALD | JSON_FILE | SYSLOG, is_any, "" }, /* syslog takes and ignores */
	{ "env", JOURNALD | JSON_FILE | SYSLOG, is_any, "" },	 /* them, as Docker's does */
	{ "labels-regex", JOURNALD | JSON_FILE | SYSLOG, is_pattern, "a regular expression" },
	{ "env-regex", JOURNALD | JSON_FILE | SYSLOG, is_pattern, "a regular expression" },
	{ "compress", LOCAL | JSON_FILE, is_false, "false: files of a log stay as they are here" },
	{ "syslog-facility", SYSLOG, is_facility, "a name such as daemon or local0" },
	{ "syslog-address", SYSLOG, is_address,
	  "unix:///PATH, udp://HOST[:PORT] or tcp://HOST[:PORT]" },
	{ "syslog-format", SYSLOG, is_format,
	  "rfc5424; the older form over a network has neither year nor time zone" },
};

static int option_put(enum driver driver, const char *driver_name, const char *key,
		      const char *value, json_t *config, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].name, key) != 0 || !(options[i].drivers & (int)driver))
			continue;
		if (!options[i].valid(value))
			return err_set(err, EINVAL, "invalid value '%s' for log opt %s: not %s",
				       value, key, options[i].wanted);
		json_put(config, key, json_text(value));
		return 0;
	}
	return err_set(err, EINVAL, "unknown log opt '%s' for %s log driver", key, driver_name);
}

int log_options(struct engine *engine, const struct create_options *o, json_t *host,
		struct err *err)
{
	const char *name = o->log_driver ? o->log_driver : engine->settings.log_driver;
	json_t *config = json_object(), *log = json_object();
	enum driver driver = 0;

	json_put(log, "Type", json_text(name));
	json_put(log, "Config", config);
	json_put(host, "LogConfig", log);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(drivers[i].name, name) == 0)
			driver = drivers[i].driver;
	if (driver == 0) {
		err_set(err, EOPNOTSUPP, "--log-driver %s: no such log driver", name);
		return err_hint(err, "use local, json-file, journald, syslog or none");
	}
	for (size_t i = 0; o->log_opts && o->log_opts[i]; i++) {
		_cleanup_free_ char *key = str_dup(o->log_opts[i]);
		char *value = strchr(key, '=');
		int r;

		if (!value)
			return err_set(err, EINVAL, "invalid logging option: %s", key);
		*value++ = '\0';
		r = option_put(driver, name, key, value, config, err);
		if (r < 0)
			return r;
	}
	if (json_object_get(config, "max-buffer-size") &&
	    strcmp(json_string_at(config, "mode", ""), "non-blocking") != 0)
		return err_set(
			err, EINVAL,
			"logging opt: max-buffer-size is only supported with mode=non-blocking");
	if (driver == JOURNALD && access(JOURNAL_SOCKET, F_OK) < 0)
		return err_set(err, ENOENT, "journald is not enabled on this host: there is no %s",
			       JOURNAL_SOCKET);
	return 0;
}

int log_buffer_bytes(const struct record *record)
{
	const char *text =
		json_string_at(record->config, "HostConfig.LogConfig.Config.max-buffer-size", NULL);
	uint64_t bytes = 0;

	if (text)
		(void)str_to_bytes(text, &bytes); /* create has checked it */
	return (int)bytes;
}

/* -- RUN/log-sink ----------------------------------------------------------------------------- */

static const char *option_of(const struct record *record, const char *key, const char *otherwise)
{
	const json_t *config = json_at(record->config, "HostConfig.LogConfig.Config");
	const char *value = json_string_value(json_object_get(config, key));

	return value ? value : otherwise;
}

/* Docker's words for the tag of a log (docs: "Log tag option reference"). */
static char *tag_make(const struct record *record, struct err *err)
{
	const char *image = json_string_at(record->config, "Config.Image", "");
	const char *digest = strchr(record->row.image_id, ':');
	struct template *template = NULL;
	_cleanup_json_ json_t *words = json_object();
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	_cleanup_free_ char *id = str_ndup(record->row.id, 12),
			    *image_id = str_ndup(digest ? digest + 1 : record->row.image_id, 12),
			    *name = str_printf("/%s", record->row.name);

	json_put(words, "ID", json_text(id));
	json_put(words, "FullID", json_text(record->row.id));
	json_put(words, "Name", json_text(record->row.name));
	json_put(words, "FullName", json_text(name));
	json_put(words, "ImageName", json_text(image));
	json_put(words, "ImageID", json_text(image_id));
	json_put(words, "ImageFullID", json_text(record->row.image_id));
	json_put(words, "Command", json_text(json_string_at(record->config, "Cloche.Path", "")));
	json_put(words, "DaemonName", json_text("cloche"));
	if (template_parse(option_of(record, "tag", "{{.ID}}"), &template, err) < 0 ||
	    template_run(template, words, &template_any, 0, &out, err) < 0) {
		template_free(template);
		return NULL;
	}
	template_free(template);
	/* one line, no blanks: it is a field of a protocol */
	for (char *p = out.data; p && *p; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
			*p = '_';
	return str_dup(out.data ? out.data : "");
}

/* A field of journald: capital letters, digits and _, no _ first (systemd.journal-fields(7)); a line break cannot be in this form. */
static void field_put(void *data, const char *name, const char *value)
{
	struct buf *out = data;
	const char *p = name;

	while (*p == '_' || isdigit((unsigned char)*p))
		p++;
	if (!*p || strchr(value, '\n'))
		return;
	for (; *p; p++)
		buf_printf(out, "%c",
			   isalnum((unsigned char)*p) ? toupper((unsigned char)*p) : '_');
	buf_printf(out, "=%s\n", value);
}

/* Is the name asked for? By `key`, names with commas between, or `key`-regex. */
static bool asked_for(const struct record *record, const char *key, const char *name)
{
	_cleanup_free_ char *regex_key = str_printf("%s-regex", key);
	const char *text = option_of(record, regex_key, "");
	_cleanup_strv_ char **names = strv_split(option_of(record, key, ""), ',');
	regex_t pattern;
	bool matches;

	if (strv_has(names, name))
		return true;
	if (!*text || regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&pattern, name, 0, NULL, 0) == 0;
	regfree(&pattern);
	return matches;
}

/* put() for each label and variable that the log options name, and that the container has. */
static void asked_each(const struct record *record,
		       void (*put)(void *out, const char *key, const char *value), void *out)
{
	const json_t *labels = json_at(record->config, "Config.Labels");
	_cleanup_strv_ char **values = json_strv_at(record->config, "Config.Env");
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)labels, key, value)
	{
		if (json_is_string(value) && asked_for(record, "labels", key))
			put(out, key, json_string_value(value));
	}
	for (size_t i = 0; values && values[i]; i++) {
		_cleanup_free_ char *name = str_ndup(values[i], strcspn(values[i], "="));

		if (values[i][strlen(name)] == '=' && asked_for(record, "env", name))
			put(out, name, values[i] + strlen(name) + 1);
	}
}

/* As in a URL's query: Docker's way to keep blanks and commas out. */
static void query_put(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (isalnum((unsigned char)*p) || strchr("-_.~", *p))
			buf_add(out, p, 1);
		else if (*p == ' ')
			buf_puts(out, "+");
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	}
}

void log_detail_put(void *data, const char *key, const char *value)
{
	struct buf *out = data;

	if (out->length > 0)
		buf_puts(out, ",");
	query_put(out, key);
	buf_puts(out, "=");
	query_put(out, value);
}

char *log_details(const struct record *record)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

	asked_each(record, log_detail_put, &out);
	buf_puts(&out, " ");
	return ptr_take(&out.data);
}

static void journald_fields(const struct record *record, const char *tag, struct buf *out)
{
	_cleanup_free_ char *id = str_ndup(record->row.id, 12);

	field_put(out, "CONTAINER_ID", id);
	field_put(out, "CONTAINER_ID_FULL", record->row.id);
	field_put(out, "CONTAINER_NAME", record->row.name);
	field_put(out, "CONTAINER_TAG", tag);
	field_put(out, "IMAGE_NAME", json_string_at(record->config, "Config.Image", ""));
	field_put(out, "SYSLOG_IDENTIFIER", tag);
	asked_each(record, field_put, out);
}

/* The monitor has no resolver: it gets a number. */
static int address_resolve(const char *host, const char *port, char *ret_text, size_t room,
			   struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found = NULL;
	int r = getaddrinfo(host, port, &hints, &found);

	if (r != 0)
		return err_set(err, EHOSTUNREACH, "syslog-address %s: %s", host, gai_strerror(r));
	r = getnameinfo(found->ai_addr, found->ai_addrlen, ret_text, (socklen_t)room, NULL, 0,
			NI_NUMERICHOST);
	freeaddrinfo(found);
	return r == 0 ? 0 : err_set(err, EINVAL, "syslog-address %s: %s", host, gai_strerror(r));
}

/* "unix PATH 0", "udp IP PORT", "tcp IP PORT" */
static int syslog_address(const struct record *record, struct buf *out, bool *ret_local,
			  struct err *err)
{
	const char *address = option_of(record, "syslog-address", "unix://" SYSLOG_SOCKET);
	_cleanup_free_ char *host = NULL;
	const char *port = "514";
	char text[NI_MAXHOST], *colon;
	int r;

	*ret_local = str_prefix(address, "unix");
	if (*ret_local) {
		buf_printf(out, "unix %s 0\n", strstr(address, "://") + 3);
		return 0;
	}
	host = str_dup(address + strlen("udp://"));
	host[strcspn(host, "/")] = '\0';
	colon = strrchr(host, ':');
	if (host[0] == '[') { /* [IPv6]:PORT */
		memmove(host, host + 1, strlen(host));
		colon = strchr(host, ']');
		if (colon)
			*colon++ = '\0';
	}
	if (colon && *colon == ':') {
		*colon = '\0';
		port = colon + 1;
	}
	r = address_resolve(host, port, text, sizeof(text), err);
	if (r == 0)
		buf_printf(out, "%.3s %s %s\n", address, text, port);
	return r;
}

static void attr_put(void *attrs, const char *key, const char *value)
{
	json_put(attrs, key, json_text(value));
}

/* A line of json-file has them as Docker's has: no object where there are none, and a tag only when one was asked for. */
static int attrs_prepare(const struct record *record, int run, struct err *err)
{
	_cleanup_json_ json_t *attrs = json_object();
	_cleanup_free_ char *tag = NULL, *text = NULL, *object = NULL;

	asked_each(record, attr_put, attrs);
	if (*option_of(record, "tag", "")) {
		tag = tag_make(record, err);
		if (!tag)
			return -err->code;
		attr_put(attrs, "tag", tag);
	}
	if (json_object_size(attrs) == 0)
		return 0;
	object = json_dumps(attrs, JSON_COMPACT | JSON_SORT_KEYS);
	text = str_printf("\"attrs\":%s,", object);
	if (strlen(text) > LOG_ATTRS_ROOM)
		return err_set(err, E2BIG, "log opts tag, labels and env are too long together");
	return file_replace(run, "log-attrs", text, strlen(text), 0600, false, err);
}

int log_sink_prepare(const struct record *record, int run, struct err *err)
{
	const char *driver = json_string_at(record->config, "HostConfig.LogConfig.Type", "");
	const char *mode = option_of(record, "mode", "blocking");
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY, address = BUF_EMPTY;
	_cleanup_free_ char *tag = NULL;
	bool journald = strcmp(driver, "journald") == 0, local = true;
	char host[256] = "-";

	if (strcmp(driver, "json-file") == 0)
		return attrs_prepare(record, run, err);
	if (!journald && strcmp(driver, "syslog") != 0)
		return 0;
	tag = tag_make(record, err);
	if (!tag)
		return -err->code;
	if (journald)
		buf_puts(&address, "unix " JOURNAL_SOCKET " 0\n");
	else if (syslog_address(record, &address, &local, err) < 0)
		return -err->code;
	(void)gethostname(host, sizeof(host) - 1);
	buf_printf(&text, "%s %s %d %d %s",
		   journald ? "journald" :
		   local    ? "syslog" :
			      "syslog5424",
		   strcmp(mode, "blocking") == 0 ? "block" : "drop", log_buffer_bytes(record),
		   facility_of(option_of(record, "syslog-facility", "daemon")), address.data);
	if (journald)
		journald_fields(record, tag, &text);
	else
		buf_printf(&text, "%s\n%s\n", host, tag);
	if (text.length >= 4096)
		return err_set(err, E2BIG, "log opts tag, labels and env are too long together");
	return file_replace(run, "log-sink", text.data, text.length, 0600, false, err);
}
