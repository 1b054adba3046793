/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of `system check` about single elements of our nftables table: of a network or a published port that is missing, or left of one that is gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/check_part.h"
#include "engine/engine.h"
#include "engine/network.h"
#include "engine/network_up.h"
#include "engine/publish.h"
#include "engine/status.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/nft.h"
#include "net/ruleset.h"
#include "state/store.h"

struct look {
	char **wanted, **names; /* a line, and whose it is */
	char **either; /* of ports whose container does not run: a command may be on its way */
	char **found;
	char **missing; /* names */
	char **left;	/* words of lines that nobody wants */
	char **links;	/* those of them that are links of this host */
};

static void look_clear(struct look *look)
{
	char ***const lists[] = { &look->wanted,  &look->names, &look->either, &look->found,
				  &look->missing, &look->left,	&look->links };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_free(lists[i]);
	*look = (struct look){ 0 };
}

static void add_once(char ***list, const char *text)
{
	if (!strv_has(*list, text))
		strv_add(list, text);
}

static void names_fill(struct look *look, char *name)
{
	_cleanup_free_ char *owned = name;

	for (size_t i = strv_length(look->names); i < strv_length(look->wanted); i++)
		strv_add(&look->names, owned);
}

static void network_wanted(const char *name, const struct ruleset_network *of, void *data)
{
	struct look *look = data;

	ruleset_network_lines(of, &look->wanted);
	names_fill(look, str_printf("network %s", name));
}

static int ports_wanted(struct check *check, struct look *look, struct err *err)
{
	struct port_row *rows = NULL;
	int count = port_list(check->engine->store, NULL, &rows, err);

	for (int i = 0; i < count; i++) {
		const struct container_row *row = check_row(check, rows[i].container);
		struct container_status status = { 0 };
		struct ruleset_port port;

		if (publish_port_of(&rows[i], &port) < 0)
			continue;
		status_get(check->engine, rows[i].container, &status);
		ruleset_port_line(&port,
				  status.status == STATUS_RUNNING ? &look->wanted : &look->either);
		names_fill(look, str_printf("%s %lld/%s", row ? row->name : rows[i].container,
					    (long long)rows[i].port, rows[i].protocol));
	}
	if (count > 0)
		port_rows_free(rows, (size_t)count);
	return count < 0 ? count : 0;
}

static void compare(struct look *look, int s)
{
	for (size_t i = 0; look->wanted && look->wanted[i]; i++)
		if (!strv_has(look->found, look->wanted[i]))
			add_once(&look->missing, look->names[i]);
	for (size_t i = 0; look->found && look->found[i]; i++) {
		_cleanup_free_ char *words = NULL;

		if (strv_has(look->wanted, look->found[i]) ||
		    strv_has(look->either, look->found[i]))
			continue;
		words = ruleset_line_words(look->found[i]);
		if (ruleset_line_is_link(look->found[i]) && link_index(s, words))
			add_once(&look->links, words);
		else
			add_once(&look->left, words);
	}
}

/* Nobody makes or removes networks meanwhile. */
static int take_look(struct check *check, int s, struct look *look, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(check->engine);
	_cleanup_close_ int lock = network_lock(check->engine, true, err);
	int r = lock < 0 || !engine_store(check->engine, err) ?
			-err->code :
			netlink_open(&nl, NETLINK_NETFILTER, err);

	if (r == 0)
		r = nft_has_table(&nl, table, err);
	if (r <= 0)
		return r;
	r = ruleset_lines(&nl, table, &look->found, err);
	if (r == 0)
		r = network_rulesets(check->engine, s, network_wanted, look, err);
	if (r == 0)
		r = ports_wanted(check, look, err);
	if (r == 0)
		compare(look, s);
	return r;
}

/* A start has rows before it has elements, and an end the other way round. */
static bool anybody_at_work(struct check *check)
{
	DIR *d = check_folder(check->engine->root, "locks");
	bool found = false;
	struct dirent *e;

	while (!found && d && (e = readdir(d)) != NULL)
		found = str_is_id(e->d_name) && check_at_work(check, e->d_name);
	if (d)
		(void)closedir(d);
	return found;
}

static bool link_ours(const struct check *check, const char *link)
{
	_cleanup_free_ char *first = str_printf("cloche0%s", check->engine->suffix);

	return str_prefix(link, "cl-") || strcmp(link, first) == 0;
}

static bool link_remove(int s, const char *link)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err ignored = ERR_NONE;

	if (netlink_open(&nl, NETLINK_ROUTE, &ignored) < 0)
		return false;
	link_delete(&nl, link_index(s, link));
	return netlink_send(&nl, &ignored) == 0;
}

static void tell(struct check *check, int s, const struct look *look, struct err *err)
{
	bool any = look->missing || look->left || look->links, mended;

	for (size_t i = 0; look->links && look->links[i]; i++) {
		bool ours = link_ours(check, look->links[i]);

		check_finding(
			check, check->repair && ours && link_remove(s, look->links[i]),
			ours ? "a link of a network that is gone" :
			       "a link of a network that is gone, with a name that was given; remove it by hand",
			look->links[i]);
	}
	mended = any && check->repair && network_reload(check->engine, err) == 0;
	for (size_t i = 0; look->missing && look->missing[i]; i++)
		check_finding(check, mended, "is not in the nftables table", look->missing[i]);
	for (size_t i = 0; look->left && look->left[i]; i++)
		check_finding(check, mended,
			      "stands in the nftables table, and nobody has it any more",
			      look->left[i]);
}

int check_ruleset(struct check *check, struct err *err)
{
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	_cleanup_(look_clear) struct look first = { 0 }, second = { 0 };
	int r;

	if (s < 0)
		return err_sys(err, errno, "open a socket");
	r = take_look(check, s, &first, err);
	if (r < 0 || (!first.missing && !first.left && !first.links) || anybody_at_work(check))
		return r;
	/* what ended between the reading of table and record agrees by now */
	r = take_look(check, s, &second, err);
	if (r < 0 || anybody_at_work(check))
		return r;
	tell(check, s, &second, err);
	return -err->code;
}
