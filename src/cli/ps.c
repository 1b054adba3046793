/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/filter.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/spread.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/host_view.h"
#include "cli/redraw.h"
#include "engine/container_filter.h"
#include "engine/disk_use.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/inspect.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/repair.h"
#include "engine/status.h"
#include "host/owner.h"
#include "host/process.h"

enum { WATCH_MS = 2000 };
enum { SPREAD_FROM = 100 }; /* below that, a thread costs more than it saves */

struct ps_args {
	bool all, all_engines, latest, no_trunc, quiet, size, watch;
	const char *format, *last;
	char **filters;
};

static const struct opt ps_opts[] = {
	OPT_BOOL('a', "all", struct ps_args, all, "show all containers, not only running ones"),
	OPT_BOOL(0, "all-engines", struct ps_args, all_engines,
		 "also those of Docker, Podman, containerd, Kubernetes, CRI-O, LXC, systemd-nspawn"),
	OPT_LIST('f', "filter", "NAME=VALUE", struct ps_args, filters,
		 "ancestor, before, exited, expose, health, id, label, name, network, publish, since, "
		 "status or volume"),
	OPT_STRING(0, "format", "TEMPLATE", struct ps_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_STRING('n', "last", "NUMBER", struct ps_args, last,
		   "show the last NUMBER created containers"),
	OPT_BOOL('l', "latest", struct ps_args, latest, "show the container created last"),
	OPT_BOOL(0, "no-trunc", struct ps_args, no_trunc, "do not shorten"),
	OPT_BOOL('q', "quiet", struct ps_args, quiet, "print ids only"),
	OPT_BOOL('s', "size", struct ps_args, size, "show what the containers' files hold"),
	OPT_BOOL('w', "watch", struct ps_args, watch,
		 "again every two seconds, and what is new in reverse"),
	OPT_END,
};

static const struct table_column headings[] = {
	{ "CONTAINER ID", "ID" },
	{ "NAMES", "Names" },
	{ "IMAGE", "Image" },
	{ "COMMAND", "Command" },
	{ "CREATED AT", "CreatedAt" },
	{ "CREATED", "RunningFor" },
	{ "PORTS", "Ports" },
	{ "STATE", "State" },
	{ "STATUS", "Status" },
	{ "SIZE", "Size" },
	{ "LABELS", "Labels" },
	{ "MOUNTS", "Mounts" },
	{ "LOCAL VOLUMES", "LocalVolumes" },
	{ "NETWORKS", "Networks" },
	{ "ENGINE", "Engine" },
	{ NULL, NULL },
};
static const struct table_column columns[] = {
	{ NULL, "ID" },	    { NULL, "Image" }, { NULL, "Command" }, { NULL, "RunningFor" },
	{ NULL, "Status" }, { NULL, "Ports" }, { NULL, "Names" },   { NULL, NULL },
};
static const struct table_column size_columns[] = {
	{ NULL, "ID" },		{ NULL, "Image" },  { NULL, "Command" },
	{ NULL, "RunningFor" }, { NULL, "Status" }, { NULL, "Ports" },
	{ NULL, "Names" },	{ NULL, "Size" },   { NULL, NULL },
};

static char *command_text(const json_t *config, bool whole)
{
	_cleanup_strv_ char **args = json_strv_at(config, "Cloche.Args");
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char safe[4096];

	buf_puts(&text, json_string_at(config, "Cloche.Path", ""));
	for (size_t i = 0; args && args[i]; i++) /* as Docker's daemon has it */
		buf_printf(&text, strchr(args[i], ' ') ? " '%s'" : " %s", args[i]);
	str_escape(safe, sizeof(safe), text.data, text.length);
	if (!whole && strlen(safe) > 20)
		return str_printf("\"%.19s…\"", safe);
	return str_printf("\"%s\"", safe);
}

static char *mounts_text(const json_t *config, int *ret_volumes)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const json_t *mount;
	size_t i;

	*ret_volumes = 0;
	json_array_foreach(json_at(config, "Mounts"), i, mount)
	{
		const char *name =
			json_string_at(mount, "Name", json_string_at(mount, "Source", ""));

		*ret_volumes += json_at(mount, "Name") != NULL;
		if (*name)
			buf_printf(&text, "%s%s", text.length ? "," : "", name);
	}
	return str_dup(text.data ? text.data : "");
}

/* What the usual table shows. */
static json_t *row_json(struct engine *engine, const struct record *record,
			const struct container_status *status, const struct ps_args *a,
			const struct port_row *ports, int port_count)
{
	_cleanup_free_ char *command = command_text(record->config, a->no_trunc);
	_cleanup_free_ char *text = status_text(status);
	_cleanup_free_ char *age =
		duration_text((engine_now_ns() - record->row.created_ns) / 1000000000);
	_cleanup_free_ char *running_for = str_printf("%s ago", age);
	_cleanup_free_ char *id = str_ndup(record->row.id, a->no_trunc ? 64 : 12);
	_cleanup_free_ char *published = status->status == STATUS_RUNNING ?
						 publish_text(ports, port_count, record) :
						 str_dup("");
	json_t *row = json_object();

	json_put(row, "ID", json_text(id));
	json_put(row, "Names", json_text(record->row.name));
	json_put(row, "Image", json_text(json_string_at(record->config, "Config.Image", "")));
	json_put(row, "Command", json_text(command));
	json_put(row, "RunningFor", json_text(running_for));
	if (status->status == STATUS_RUNNING && health_wanted(record)) {
		_cleanup_json_ json_t *health = health_json(engine, record);
		_cleanup_free_ char *with = str_printf(
			strcmp(health_word(health), "starting") == 0 ? "%s (health: %s)" :
								       "%s (%s)",
			text, health_word(health));

		json_put(row, "Status", json_text(with));
	} else {
		json_put(row, "Status", json_text(text));
	}
	json_put(row, "Ports", json_text(published));
	return row;
}

/* "12B (virtual 1.98MB)": its own layer, and with the image below it */
static void size_put(struct engine *engine, json_t *row, const struct record *record)
{
	_cleanup_free_ char *own = NULL, *all = NULL, *text = NULL;
	struct image_row image = { 0 };
	struct err ignored = ERR_NONE;
	int64_t bytes = disk_use_container(engine, record->row.id);
	struct store *store = engine_store(engine, &ignored); /* a repair closes it */
	int r = store ? image_find(store, record->row.image_id, &image, &ignored) : -1;

	own = str_size((double)bytes, 1000, 3);
	all = str_size((double)(bytes + (r == 0 ? image.size_bytes : 0)), 1000, 3);
	text = str_printf("%s (virtual %s)", own, all);
	json_put(row, "Size", json_text(text));
	image_row_clear(&image);
}

/* What a --format may ask for besides. */
static void row_complete(json_t *row, const struct record *record,
			 const struct container_status *status)
{
	_cleanup_free_ char *labels = table_labels_text(json_at(record->config, "Config.Labels"));
	_cleanup_free_ char *created = table_time_text(record->row.created_ns);
	int volumes;
	_cleanup_free_ char *mounts = mounts_text(record->config, &volumes),
			    *count = str_printf("%d", volumes);

	json_put(row, "CreatedAt", json_text(created));
	json_put(row, "State", json_text(status_word(status)));
	json_put(row, "Size", json_text(""));
	json_put(row, "Labels", json_text(labels));
	if (json_at(record->config, "Config.Labels"))
		json_put(row, TABLE_LABELS,
			 json_incref((json_t *)json_at(record->config, "Config.Labels")));
	json_put(row, "Mounts", json_text(mounts));
	json_put(row, "LocalVolumes", json_text(count));
	json_put(row, "Networks",
		 json_text(json_string_at(record->config, "HostConfig.NetworkMode", "")));
}

/* What a row reads of the record, the first three only for row_complete(); the rest is not even parsed. */
enum { COMPLETE_PARTS = 3 };
static const char *const record_parts[] = {
	"Config.Labels",
	"Mounts",
	"HostConfig.NetworkMode",
	"Cloche.Path",
	"Cloche.Args",
	"Config.Image",
	"Config.Healthcheck",
	"Config.ExposedPorts",
	NULL,
};

/* What is read of one container; rows of many are read side by side. */
struct reading {
	struct container_status status;
	json_t *config;
};

struct work {
	struct engine *engine;
	struct container_row *rows;
	struct reading *readings;
	bool *rests;		     /* those that were not looked at: they have no run folder */
	struct status_survey survey; /* for those that run alone */
	bool all, whole, complete;   /* whole: filters look at everything in the record */
};

static bool shown(const struct container_status *status, bool all)
{
	return all || status->status == STATUS_RUNNING || status->restarting;
}

static bool is_shown(void *data, size_t i)
{
	const struct work *work = data;

	return !work->rests[i] && shown(&work->readings[i].status, work->all);
}

static void config_parse(void *data, size_t i)
{
	const struct work *work = data;
	struct reading *reading = &work->readings[i];

	/* one that a repair brings back is parsed then */
	if (work->rows[i].config && !reading->config && is_shown(data, i))
		reading->config =
			work->whole ?
				json_loads(work->rows[i].config, 0, NULL) :
				json_parts(work->rows[i].config,
					   record_parts + (work->complete ? 0 : COMPLETE_PARTS));
}

static void reading_fill(void *data, size_t i)
{
	const struct work *work = data;
	const char *id = work->rows[i].id;

	work->rests[i] = !work->all && !status_survey_has(&work->survey, id) &&
			 !status_waits(work->engine, id);
	if (work->rests[i])
		return; /* and no page of its reading is touched */
	status_get(work->engine, id, &work->readings[i].status);
	config_parse(data, i);
}

/* What a list of those that run needs of the record, which is 1 to 10 KB each, is read for those alone. */
static int readings_fill(struct work *work, size_t count, struct err *err)
{
	int r;

	if (count >= SPREAD_FROM)
		status_get_ready(work->engine);
	if (!work->all)
		status_survey_take(work->engine, &work->survey);
	spread(count, SPREAD_FROM, reading_fill, work);
	if (work->all)
		return 0;
	status_survey_take(work->engine, &work->survey);
	for (size_t i = 0; i < count; i++)
		if (work->rests[i] && status_survey_has(&work->survey, work->rows[i].id)) {
			status_get(work->engine, work->rows[i].id, &work->readings[i].status);
			work->rests[i] = false;
		}
	r = container_read_configs(work->engine->store, work->rows, count, is_shown, work, err);
	if (r == 0)
		spread(count, SPREAD_FROM, config_parse, work);
	return r;
}

static bool is_gone(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = engine_container_dir(engine, id, false, &ignored);

	return dir == -ENOENT;
}

static void rows_fill(struct work *work, size_t count, const struct ps_args *a,
		      struct container_filter *filter, long last, const struct port_row *ports,
		      int port_count, json_t *out)
{
	struct err ignored = ERR_NONE; /* what cannot be read now is gone */
	struct store *store;

	for (size_t i = 0; i < count && last != 0; i++) {
		struct record record = { .row = work->rows[i] };
		struct container_status *status = &work->readings[i].status;

		if (work->rests[i])
			continue;
		if (repair_unmonitored(work->engine, record.row.id, status)) {
			json_decref(work->readings[i].config);
			work->readings[i].config = NULL;
			if (is_gone(work->engine, record.row.id))
				continue; /* with --rm the repair was its removal */
			status_get(work->engine, record.row.id, status);
			store = engine_store(work->engine, &ignored); /* a repair closes it */
			if (store)
				(void)container_read_configs(store, work->rows, count, is_shown,
							     work, &ignored);
			config_parse(work, i);
		}
		record.config = work->readings[i].config;
		if (record.config && shown(status, work->all) &&
		    container_filter_matches(filter, &record, status)) {
			json_t *row = row_json(work->engine, &record, status, a, ports, port_count);

			if (work->complete)
				row_complete(row, &record, status);
			if (a->size || (a->format && strstr(a->format, ".Size")))
				size_put(work->engine, row, &record);
			json_push(out, row);
			last -= last > 0; /* Docker counts those that the filters leave */
		}
	}
}

static int ps_collect(struct engine *engine, const struct ps_args *a, json_t *out, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	struct port_row *ports = NULL;
	struct container_filter filter;
	int count, port_count = 0, r = container_filter_init(&filter, engine, a->filters, err);
	char *end = NULL;
	long last = a->latest ? 1 : a->last ? strtol(a->last, &end, 10) : -1;
	/* asking for a status is asking for those that do not run, too */
	struct work work = { .engine = engine,
			     .all = a->all || last >= 0 || filter_value(a->filters, "status") ||
				    filter_value(a->filters, "exited"),
			     .whole = a->filters != NULL,
			     .complete = a->format || a->all_engines };

	if (r == 0 && end && (*end || !*a->last))
		r = err_argument(err, a->last, "-n, --last", "not a number");
	count = store ? container_list(store, work.all || work.whole, &rows, err) : -err->code;
	work.rows = rows;
	if (r == 0 && count < 0)
		r = count;
	if (r == 0) {
		port_count = port_list(store, NULL, &ports, err);
		r = port_count < 0 ? port_count : 0;
	}
	if (r == 0) {
		work.readings = mem_new(((size_t)count + 1) * sizeof(*work.readings));
		work.rests = mem_new((size_t)count + 1);
		r = readings_fill(&work, (size_t)count, err);
	}
	if (r == 0)
		rows_fill(&work, (size_t)count, a, &filter, last, ports, port_count, out);
	port_rows_free(ports, port_count < 0 ? 0 : (size_t)port_count);
	for (int i = 0; work.readings && i < count; i++)
		if (!work.rests[i])
			json_decref(work.readings[i].config);
	free(work.rests);
	free(work.readings);
	buf_clear(&work.survey.ids);
	container_rows_free(rows, count < 0 ? 0 : (size_t)count);
	container_filter_clear(&filter);
	return r;
}

/* -- other engines' ---------------------------------------------------------------------------- */

static const struct table_column all_columns[] = {
	{ NULL, "Engine" },  { NULL, "ID" },	{ NULL, "Names" }, { NULL, "Image" },
	{ NULL, "Command" }, { NULL, "State" }, { NULL, "Ports" }, { NULL, NULL },
};

static json_t *foreign_row(const json_t *found, bool whole)
{
	_cleanup_free_ char *id = str_ndup(json_string_at(found, "Id", ""), whole ? 64 : 12);
	const char *command = json_string_at(found, "Command", "");
	_cleanup_free_ char *short_command = !whole && strlen(command) > 20 ?
						     str_printf("\"%.19s…\"", command) :
						     str_printf("\"%s\"", command);
	json_t *row = json_object();

	json_put(row, "Engine", json_text(json_string_at(found, "Engine", "")));
	json_put(row, "ID", json_text(id));
	json_put(row, "Names", json_text(json_string_at(found, "Name", "")));
	json_put(row, "Image", json_text(json_string_at(found, "Image", "")));
	json_put(row, "Command", json_text(*command ? short_command : ""));
	json_put(row, "State", json_text(json_string_at(found, "State", "")));
	json_put(row, "Ports", json_text(json_string_at(found, "Ports", "")));
	json_put(row, "CreatedAt", json_text(json_string_at(found, "Created", "")));
	json_put(row, "Pid", json_integer(json_int_at(found, "Pid", 0)));
	return row;
}

/* Without root there is no record to read: containers of Cloche as any user sees them, by their processes. */
static void seen_rows(const struct process_table *table, json_t *out)
{
	for (size_t i = 1; i < table->owner_count; i++) {
		const struct owner *owner = &table->owners[i];
		const struct process *init = owner->init ? process_find(table, owner->init) : NULL;
		_cleanup_json_ json_t *found = json_object();

		if (owner->engine != ENGINE_CLOCHE || !init)
			continue;
		json_put(found, "Engine", json_text("cloche"));
		json_put(found, "Id", json_text(owner->id));
		json_put(found, "Name", json_text(owner->name));
		json_put(found, "Image", json_text(owner->image));
		json_put(found, "Command", json_text(init->args));
		json_put(found, "State", json_text("running"));
		json_put(found, "Pid", json_integer(owner->init));
		json_push(out, foreign_row(found, false));
	}
}

static int foreign_collect(struct cli *cli, const struct ps_args *a, json_t *out, struct err *err)
{
	_cleanup_(host_view_clear) struct host_view view = HOST_VIEW_EMPTY;
	_cleanup_json_ json_t *all = NULL;
	json_t *found, *row;
	size_t i;

	json_array_foreach(out, i, row) json_put(row, "Engine", json_text("cloche"));
	if (host_view_open(cli, PROCESS_ARGS, &view, err) < 0)
		return -err->code;
	if (!view.engine) {
		seen_rows(&view.table, out);
		cli_warn("partial: without root the kernel hides much");
	}
	all = owner_all(&view.table);
	json_array_foreach(all, i, found)
	{
		const char *state = json_string_at(found, "State", "");

		if (a->all || strcmp(state, "running") == 0 || strcmp(state, "paused") == 0)
			json_push(out, foreign_row(found, a->no_trunc));
	}
	return 0;
}

static int ps_frame(struct cli *cli, struct engine *engine, const struct ps_args *a,
		    struct buf *out, struct err *err)
{
	_cleanup_json_ json_t *rows = json_array();
	int r = engine ? ps_collect(engine, a, rows, err) : 0;

	if (r == 0 && a->all_engines)
		r = foreign_collect(cli, a, rows, err);
	if (r == 0)
		r = format_rows(out, a->quiet ? "{{.ID}}" : a->format,
				a->all_engines ? all_columns :
				a->size	       ? size_columns :
						 columns,
				headings, rows, err);
	return r;
}

static int ps_watch(struct cli *cli, struct engine *engine, const struct ps_args *a,
		    struct err *err)
{
	_cleanup_(redraw_clear) struct redraw redraw = REDRAW_NONE;
	int r;

	redraw_begin(&redraw);
	do {
		_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

		r = ps_frame(cli, engine, a, &out, err);
		engine_store_close(engine);
		if (r == 0)
			r = redraw_frame(&redraw, out.data ? out.data : "", true);
		if (r == 0)
			(void)poll(NULL, 0, WATCH_MS);
	} while (r == 0);
	return r == -EPIPE ? 0 : 1;
}

static int ps_run(void *data, void *args, char **operands, struct err *err)
{
	struct ps_args *a = args;
	bool user = geteuid() != 0 && a->all_engines && !a->watch; /* sees the processes */
	struct engine *engine = user ? NULL : cli_engine(data, err);
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	int r;

	(void)operands;
	if (a->all_engines && a->filters) {
		err_set(err, EINVAL, "--filter and --all-engines exclude each other");
		return 125;
	}
	if (!engine && !user)
		return 1;
	if (a->watch)
		return ps_watch(data, engine, a, err);
	r = ps_frame(data, engine, a, &out, err);
	/* what came before the row that failed is printed, too */
	(void)fwrite(out.data ? out.data : "", 1, out.length, stdout);
	return r < 0;
}

const struct command command_ps = {
	.group = "container",
	.name = "ls",
	.alias = "ps",
	.args = "",
	.summary = "list containers",
	.opts = ps_opts,
	.args_size = sizeof(struct ps_args),
	.run = ps_run,
	.flags = COMMAND_INTERSPERSED,
};
