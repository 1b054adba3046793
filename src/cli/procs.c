/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* procs: ps -ef of the whole host, with whose each process is before it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/host_view.h"
#include "host/inner_users.h"
#include "host/owner.h"

struct procs_args {
	bool pss, tree, json, no_headings, containers_only;
	const char *sort, *format, *watch;
	char **containers, **engines;
};

static const struct opt procs_opts[] = {
	OPT_LIST(
		0, "container", "NAME", struct procs_args, containers,
		"only processes of a container: name, id or ENGINE:NAME; host for those of the host"),
	OPT_BOOL('c', "containers", struct procs_args, containers_only,
		 "only processes of containers"),
	OPT_LIST(
		0, "engine", "ENGINE", struct procs_args, engines,
		"only cloche, docker, podman, containerd, kubernetes, cri-o, lxc, nspawn, other or host"),
	OPT_BOOL(0, "json", struct procs_args, json, "print an array of objects"),
	OPT_BOOL(0, "no-headings", struct procs_args, no_headings, "print no headings"),
	OPT_STRING('o', "format", "FIELDS", struct procs_args, format,
		   "fields to show, parted by commas, or json"),
	OPT_BOOL(0, "pss", struct procs_args, pss,
		 "read the proportional share of memory of each process, which takes longer"),
	OPT_STRING(0, "sort", "FIELD", struct procs_args, sort,
		   "most first: rss, pss, swap, vsz, cpu, start or time; or pid"),
	OPT_BOOL(0, "tree", struct procs_args, tree, "children below their parents"),
	OPT_EVERY(0, "watch", struct procs_args, watch, "draw again every so many seconds"),
	OPT_END,
};

struct procs {
	struct cli *cli;
	const struct procs_args *args;
	struct host_view *view;
};

/* -- fields ----------------------------------------------------------------------------------- */

static void kib(struct grid *grid, uint64_t value)
{
	if (value == UINT64_MAX)
		grid_cell(grid, "-");
	else
		grid_number(grid, value);
}

static unsigned int cpu_percent(const struct host_view *view, const struct process *p)
{
	int64_t seconds = view->now_s - view_start_s(view, p->start_ticks);

	return seconds > 0 ? (unsigned int)(p->cpu_ticks * 100 / view->table.boot_ticks_per_second /
					    (uint64_t)seconds) :
			     0;
}

static void field_container(struct host_view *v, const struct process *p, struct grid *g)
{
	grid_cell(g, p->owner ? owner_title(view_owner(v, p)) : "-");
}

static void field_engine(struct host_view *v, const struct process *p, struct grid *g)
{
	grid_cell(g, p->owner ? owner_engine(view_owner(v, p)) : "-");
}

static void field_image(struct host_view *v, const struct process *p, struct grid *g)
{
	grid_cell(g, *view_owner(v, p)->image ? view_owner(v, p)->image : "-");
}

static void field_id(struct host_view *v, const struct process *p, struct grid *g)
{
	grid_cell(g, *view_owner(v, p)->id ? view_owner(v, p)->id : "-");
}

static void field_inner_pid(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	if (p->owner)
		grid_number(g, (unsigned int)p->inner_pid);
	else
		grid_cell(g, "-");
}

static void field_inner_user(struct host_view *v, const struct process *p, struct grid *g)
{
	grid_cell(g, view_inner_user(v, p));
}

static void field_user(struct host_view *v, const struct process *p, struct grid *g)
{
	grid_cell(g, view_outer_user(v, p));
}

static void field_uid(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	grid_number(g, p->uid);
}

static void field_pid(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	grid_number(g, (unsigned int)p->pid);
}

static void field_ppid(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	grid_number(g, (unsigned int)p->ppid);
}

static void field_c(struct host_view *v, const struct process *p, struct grid *g)
{
	grid_number(g, cpu_percent(v, p));
}

static void field_stime(struct host_view *v, const struct process *p, struct grid *g)
{
	char text[32];

	view_start(v, p->start_ticks, text);
	grid_cell(g, text);
}

static void field_tty(struct host_view *v, const struct process *p, struct grid *g)
{
	char text[32];

	(void)v;
	view_tty(p->tty, text);
	grid_cell(g, text);
}

static void field_time(struct host_view *v, const struct process *p, struct grid *g)
{
	unsigned long long s = p->cpu_ticks / v->table.boot_ticks_per_second;
	char text[64];

	if (s >= 86400)
		(void)snprintf(text, sizeof(text), "%llu-%02llu:%02llu:%02llu", s / 86400,
			       s / 3600 % 24, s / 60 % 60, s % 60);
	else
		(void)snprintf(text, sizeof(text), "%02llu:%02llu:%02llu", s / 3600, s / 60 % 60,
			       s % 60);
	grid_cell(g, text);
}

static void field_cmd(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	grid_cell(g, p->args ? p->args : p->comm);
}

static void field_comm(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	grid_cell(g, p->comm);
}

static void field_rss(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	kib(g, p->rss_kb);
}

static void field_pss(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	kib(g, p->pss_kb);
}

static void field_swap(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	kib(g, p->swap_kb);
}

static void field_vsz(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	kib(g, p->vsz_kb);
}

static void field_limit(struct host_view *v, const struct process *p, struct grid *g)
{
	uint64_t limit = view_owner(v, p)->memory_limit_bytes;

	kib(g, limit == UINT64_MAX ? limit : limit / 1024);
}

static void field_state(struct host_view *v, const struct process *p, struct grid *g)
{
	char text[2] = { p->state, '\0' };

	(void)v;
	grid_cell(g, text);
}

static void field_nice(struct host_view *v, const struct process *p, struct grid *g)
{
	char text[16];

	(void)v;
	(void)snprintf(text, sizeof(text), "%d", p->nice);
	grid_cell(g, text);
}

static void field_threads(struct host_view *v, const struct process *p, struct grid *g)
{
	(void)v;
	grid_number(g, (unsigned long long)p->threads);
}

static const struct field {
	const char *name;
	struct grid_column column;
	void (*print)(struct host_view *, const struct process *, struct grid *);
} fields[] = {
	{ "container", { "CONTAINER", false, 24 }, field_container },
	{ "engine", { "ENGINE", false, 12 }, field_engine },
	{ "image", { "IMAGE", false, 28 }, field_image },
	{ "ipid", { "IPID", true, 0 }, field_inner_pid },
	{ "iuser", { "IUSER", false, 16 }, field_inner_user },
	{ "user", { "UID", false, 20 }, field_user },
	{ "pid", { "PID", true, 0 }, field_pid },
	{ "ppid", { "PPID", true, 0 }, field_ppid },
	{ "c", { "C", true, 0 }, field_c },
	{ "stime", { "STIME", false, 0 }, field_stime },
	{ "tty", { "TTY", false, 0 }, field_tty },
	{ "time", { "TIME", true, 0 }, field_time },
	{ "cmd", { "CMD", false, 0 }, field_cmd },
	{ "id", { "ID", false, 64 }, field_id },
	{ "uid", { "UID", true, 0 }, field_uid },
	{ "comm", { "COMM", false, 0 }, field_comm },
	{ "rss", { "RSS", true, 0 }, field_rss },
	{ "pss", { "PSS", true, 0 }, field_pss },
	{ "swap", { "SWAP", true, 0 }, field_swap },
	{ "vsz", { "VSZ", true, 0 }, field_vsz },
	{ "limit", { "LIMIT", true, 0 }, field_limit },
	{ "state", { "S", false, 0 }, field_state },
	{ "nice", { "NI", true, 0 }, field_nice },
	{ "threads", { "NLWP", true, 0 }, field_threads },
};
enum { FIELDS = ARRAY_SIZE(fields) };

#define FIELDS_DEFAULT "container,engine,image,ipid,iuser,user,pid,ppid,c,stime,tty,time,cmd"
#define FIELDS_MEMORY "container,engine,iuser,user,pid,rss,pss,swap,limit,cmd"

/* ps's own words for what has another name here */
static const char *field_name(const char *wanted)
{
	static const struct {
		const char *ps, *ours;
	} words[] = { { "args", "cmd" },   { "command", "cmd" },  { "ucmd", "comm" },
		      { "rssize", "rss" }, { "vsize", "vsz" },	  { "euser", "user" },
		      { "euid", "uid" },   { "ni", "nice" },	  { "nlwp", "threads" },
		      { "s", "state" },	   { "cputime", "time" }, { "tname", "tty" } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].ps, wanted) == 0)
			return words[i].ours;
	return wanted;
}

static int fields_parse(const char *text, const struct field *list[FIELDS + 1], struct err *err)
{
	_cleanup_strv_ char **names = strv_split(text, ',');
	size_t count = 0;

	for (size_t i = 0; names[i]; i++) {
		const char *name = field_name(names[i]);
		size_t k = 0;

		while (k < FIELDS && strcmp(fields[k].name, name) != 0)
			k++;
		if (k == FIELDS || count == FIELDS) {
			_cleanup_(buf_clear) struct buf known = BUF_EMPTY;

			for (k = 0; k < FIELDS; k++)
				buf_printf(&known, "%s%s", k ? ", " : "", fields[k].name);
			err_set(err, EINVAL, "no such field: %s", names[i]);
			return err_hint(err, "fields are %s", known.data);
		}
		list[count++] = &fields[k];
	}
	list[count] = NULL;
	return 0;
}

/* -- order ------------------------------------------------------------------------------------ */

static const char
	*sort_field; /* qsort has no argument; set before it, read by the comparison alone */
static const struct host_view *sort_view;

static uint64_t sort_key(const struct process *p)
{
	if (strcmp(sort_field, "rss") == 0)
		return p->rss_kb;
	if (strcmp(sort_field, "pss") == 0)
		return p->pss_kb == UINT64_MAX ? 0 : p->pss_kb;
	if (strcmp(sort_field, "swap") == 0)
		return p->swap_kb;
	if (strcmp(sort_field, "vsz") == 0)
		return p->vsz_kb;
	if (strcmp(sort_field, "time") == 0)
		return p->cpu_ticks;
	if (strcmp(sort_field, "start") == 0)
		return p->start_ticks;
	return p->cpu_ticks * 1000 /
	       (uint64_t)(sort_view->now_s - view_start_s(sort_view, p->start_ticks) + 1);
}

static int by_key(const void *a, const void *b)
{
	const struct process *x = *(const struct process *const *)a,
			     *y = *(const struct process *const *)b;
	uint64_t left = sort_key(x), right = sort_key(y);

	return left != right ? (left < right) - (left > right) :
			       (x->pid > y->pid) - (x->pid < y->pid);
}

static int sort_check(const char *field, struct err *err)
{
	static const char *const known[] = { "rss", "pss",  "swap",  "vsz",
					     "cpu", "time", "start", "pid" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i], field) == 0)
			return 0;
	err_set(err, EINVAL, "sort by %s: no such order", field);
	return err_hint(err, "rss, pss, swap, vsz, cpu, time, start and pid are");
}

/* Children behind their parents; `depths` says how deep each stands. */
static void tree_add(const struct process_table *table, struct process **list, size_t count,
		     struct process **out, unsigned char *depths, size_t *at, bool *placed,
		     size_t which, unsigned char depth)
{
	pid_t pid = list[which]->pid;

	placed[which] = true;
	depths[*at] = depth;
	out[(*at)++] = list[which];
	for (size_t i = 0; i < count; i++)
		if (!placed[i] && list[i]->ppid == pid)
			tree_add(table, list, count, out, depths, at, placed, i,
				 depth < 60 ? (unsigned char)(depth + 1) : depth);
}

static unsigned char *tree_order(const struct process_table *table, struct process **list,
				 size_t count)
{
	_cleanup_free_ struct process **out = mem_new((count + 1) * sizeof(struct process *));
	_cleanup_free_ bool *placed = mem_new(count + 1);
	unsigned char *depths = mem_new(count + 1);
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		bool parent = false;

		for (size_t k = 0; k < count && !parent; k++)
			parent = list[k]->pid == list[i]->ppid;
		if (!parent && !placed[i])
			tree_add(table, list, count, out, depths, &at, placed, i, 0);
	}
	memcpy(list, out, at * sizeof(*list));
	return depths;
}

/* -- output ----------------------------------------------------------------------------------- */

static bool wanted(const struct procs_args *a, const struct owner *owner)
{
	bool any = !a->containers;

	if (a->containers_only && owner->engine == ENGINE_HOST)
		return false;
	for (size_t i = 0; a->containers && a->containers[i]; i++)
		any |= view_owner_is(owner, a->containers[i]);
	if (!any || !a->engines)
		return any;
	for (size_t i = 0; a->engines[i]; i++)
		if (host_engine_find(a->engines[i]) == (int)owner->engine)
			return true;
	return false;
}

static json_t *process_json(struct host_view *view, const struct process *p)
{
	const struct owner *owner = view_owner(view, p);
	json_t *o = json_object();

	json_put(o, "Container", p->owner ? json_text(owner_title(owner)) : json_null());
	json_put(o, "Engine", json_text(p->owner ? owner_engine(owner) : "host"));
	json_put(o, "ID", json_text(owner->id));
	json_put(o, "Image", json_text(owner->image));
	json_put(o, "Pid", json_integer(p->pid));
	json_put(o, "ParentPid", json_integer(p->ppid));
	json_put(o, "InnerPid", p->owner ? json_integer(p->inner_pid) : json_null());
	json_put(o, "Uid", json_integer(p->uid));
	json_put(o, "User", json_text(view_outer_user(view, p)));
	json_put(o, "InnerUser", p->owner ? json_text(view_inner_user(view, p)) : json_null());
	json_put(o, "State", json_pack("s#", &p->state, 1));
	json_put(o, "Started", json_integer(view_start_s(view, p->start_ticks)));
	json_put(o, "CpuSeconds",
		 json_real((double)p->cpu_ticks / (double)view->table.boot_ticks_per_second));
	json_put(o, "RssKiB", json_integer((json_int_t)p->rss_kb));
	json_put(o, "SwapKiB", json_integer((json_int_t)p->swap_kb));
	json_put(o, "PssKiB",
		 p->pss_kb == UINT64_MAX ? json_null() : json_integer((json_int_t)p->pss_kb));
	json_put(o, "MemoryLimitBytes",
		 owner->memory_limit_bytes == UINT64_MAX ?
			 json_null() :
			 json_integer((json_int_t)owner->memory_limit_bytes));
	json_put(o, "Threads", json_integer(p->threads));
	json_put(o, "Command", json_text(p->args));
	return o;
}

static int json_out(struct host_view *view, struct process **list, size_t count)
{
	_cleanup_json_ json_t *all = json_array();

	for (size_t i = 0; i < count; i++)
		json_push(all, process_json(view, list[i]));
	(void)json_dumpf(all, stdout, JSON_INDENT(1));
	(void)putchar('\n');
	return 0;
}

static void grid_out(struct host_view *view, struct process **list, size_t count,
		     const struct field *const *shown, const unsigned char *depths, bool headings)
{
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;
	struct grid_column columns[FIELDS + 1] = { 0 };

	for (size_t k = 0; shown[k]; k++)
		columns[k] = shown[k]->column;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; shown[k]; k++) {
			_cleanup_free_ char *indented = NULL;

			if (depths && depths[i] && shown[k]->print == field_cmd) {
				indented = str_printf("%*s\\_ %s", 2 * (depths[i] - 1), "",
						      list[i]->args);
				grid_cell(&grid, indented);
			} else {
				shown[k]->print(view, list[i], &grid);
			}
		}
	grid_print(&grid, columns, headings, stdout);
}

static int draw(void *data, struct err *err)
{
	enum { PSS_UNASKED = 50 };
	const struct procs *procs = data;
	const struct procs_args *a = procs->args;
	_cleanup_(host_view_clear) struct host_view view = HOST_VIEW_EMPTY;
	_cleanup_free_ struct process **list = NULL;
	_cleanup_free_ unsigned char *depths = NULL;
	const struct field *shown[FIELDS + 1];
	bool memory = a->sort && (strcmp(a->sort, "rss") == 0 || strcmp(a->sort, "pss") == 0 ||
				  strcmp(a->sort, "swap") == 0);
	size_t count = 0;

	if (fields_parse(a->format	  ? a->format :
			 memory || a->pss ? FIELDS_MEMORY :
					    FIELDS_DEFAULT,
			 shown, err) < 0 ||
	    host_view_open(procs->cli, PROCESS_ARGS, &view, err) < 0)
		return -err->code;
	list = mem_new((view.table.count + 1) * sizeof(struct process *));
	for (size_t i = 0; i < view.table.count; i++)
		if (wanted(a, &view.table.owners[view.table.list[i].owner]))
			list[count++] = &view.table.list[i];
	if (memory || a->json || (a->format && strstr(a->format, "limit")))
		owner_limits_all(&view.table);
	for (size_t i = 0; a->pss && i < count; i++)
		process_read_pss(list[i]);
	if (a->sort && strcmp(a->sort, "pid") != 0) {
		sort_field = a->sort;
		sort_view = &view;
		qsort(list, count, sizeof(struct process *), by_key);
	}
	/* whom the question is about is at the top: their shares are worth the time */
	for (size_t i = 0; memory && !a->pss && i < count && i < PSS_UNASKED; i++)
		process_read_pss(list[i]);
	if (a->json)
		return json_out(&view, list, count);
	if (a->tree)
		depths = tree_order(&view.table, list, count);
	grid_out(&view, list, count, shown, depths, !a->no_headings);
	if (view.table.partial)
		cli_warn("partial: without root the kernel hides images, inner users and more");
	return 0;
}

static int procs_run(void *data, void *args, char **operands, struct err *err)
{
	struct procs_args *a = args;
	struct procs procs = { .cli = data, .args = a };
	long interval = a->watch ? strtol(a->watch, NULL, 10) : 0;

	(void)operands;
	if (a->format && strcmp(a->format, "json") == 0) {
		a->json = true;
		a->format = NULL;
	}
	if (a->watch && (interval < 1 || interval > 86400)) {
		err_set(err, EINVAL, "watch every %s seconds: not a number of 1 to 86400",
			a->watch);
		return 125;
	}
	if (a->sort && sort_check(a->sort, err) < 0)
		return 125;
	for (size_t i = 0; a->engines && a->engines[i]; i++)
		if (host_engine_find(a->engines[i]) < 0) {
			err_set(err, EINVAL, "engine %s: nobody knows it", a->engines[i]);
			return 125;
		}
	return view_watch(interval, draw, &procs, err) < 0;
}

const struct command command_procs = {
	.name = "procs",
	.args = "",
	.summary = "list the processes of the host and of all containers, of every engine",
	.details =
		"ps -ef of the whole host, with container, engine, image, and pid and user inside before each process; - is the host's own. Known "
		"are containers of Cloche, Docker, Podman, containerd, Kubernetes, CRI-O, LXC and systemd-nspawn; whatever else has a pid "
		"namespace of its own is shown with the program that made it. Their state is read, never changed.\n"
		"Who takes the memory? cloche procs --sort rss | head shows it, with proportional share (PSS), swap and the limit of the "
		"container, in KiB. Without --pss the share is read for the first 50 only.\n"
		"Fields for -o: container, engine, image, id, ipid, iuser, user, uid, pid, ppid, c, stime, tty, time, cmd, comm, rss, pss, swap, "
		"vsz, limit, state, nice, threads.",
	.opts = procs_opts,
	.args_size = sizeof(struct procs_args),
	.run = procs_run,
	.flags = COMMAND_INTERSPERSED,
};
