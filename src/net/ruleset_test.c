/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel takes what we send, and nft prints it as it was meant. In a network namespace of its own. */
#include "net/ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "net/netlink.h"
#include "net/nft.h"

/* What nft prints, or NULL when this host has no nft. */
static char *listing(void)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], 1);
		(void)dup2(ends[1], 2);
		(void)execlp("nft", "nft", "list", "table", "inet", "cloche-test", NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	assert_int_equal(fd_read_all(ends[0], 1 << 20, &text), 0);
	(void)close(ends[0]);
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? NULL : ptr_take(&text.data);
}

static void commit(struct netlink *nl)
{
	struct err err = ERR_NONE;

	if (nft_commit(nl, &err) < 0)
		fail_msg("%s", err.words);
}

static void a_table_is_loaded_and_loaded_again(void **state)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err err = ERR_NONE;
	struct ruleset_network bridge = { .link = "cloche0", .masquerade = true };
	struct ruleset_network closed = { .link = "cl-0123456789ab", .internal = true };
	struct ruleset_port web = { .protocol = IPPROTO_TCP, .host_port = 8080, .to_port = 80 };
	struct ruleset_port one = { .protocol = IPPROTO_UDP, .host_port = 53, .to_port = 5353 };
	_cleanup_strv_ char **wanted = NULL, **found = NULL;
	_cleanup_free_ char *text = NULL, *words = NULL;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		skip();
	assert_int_equal(address_parse("0.0.0.0", &web.host), 0);
	assert_int_equal(address_parse("172.30.0.2", &web.to), 0);
	assert_int_equal(address_parse("fd00::1", &one.host), 0);
	assert_int_equal(address_parse("fd30::2", &one.to), 0);
	assert_int_equal(netlink_open(&nl, NETLINK_NETFILTER, &err), 0);
	assert_int_equal(nft_has_table(&nl, "cloche-test", &err), 0);
	for (int i = 0; i < 2; i++) {
		nft_begin(&nl);
		ruleset_load(&nl, "cloche-test");
		ruleset_add_network(&nl, "cloche-test", &bridge);
		ruleset_add_network(&nl, "cloche-test", &closed);
		ruleset_publish(&nl, "cloche-test", &web, "web");
		ruleset_publish(&nl, "cloche-test", &one, "dns");
		commit(&nl);
	}
	assert_int_equal(nft_has_table(&nl, "cloche-test", &err), 1);
	ruleset_network_lines(&bridge, &wanted);
	ruleset_network_lines(&closed, &wanted);
	ruleset_port_line(&web, &wanted);
	ruleset_port_line(&one, &wanted);
	assert_int_equal(ruleset_lines(&nl, "cloche-test", &found, &err), 0);
	strv_sort(wanted);
	strv_sort(found);
	for (size_t i = 0; wanted[i] || found[i]; i++)
		assert_string_equal(found[i], wanted[i]);
	words = ruleset_line_words(wanted[0]);
	assert_string_equal(words, "cl-0123456789ab");
	for (size_t i = 0; wanted[i]; i++)
		if (str_prefix(wanted[i], "published6_at")) {
			free(words);
			words = ruleset_line_words(wanted[i]);
		}
	assert_string_equal(words, "53/udp");
	text = listing();
	if (!text)
		return;
	assert_non_null(strstr(text, "tcp . 8080 comment \"web\" : 172.30.0.2 . 80"));
	assert_non_null(strstr(text, "fd00::1 . udp . 53 comment \"dns\" : fd30::2 . 5353"));
	assert_non_null(strstr(text, "iifname . oifname @own ct status dnat meta mark set"));
	assert_non_null(
		strstr(text, "dnat ip to ip daddr . meta l4proto . th dport map @published4_at"));
	assert_non_null(strstr(text, "oifname @bridges drop"));
	assert_non_null(strstr(text, "\"cloche0\" . \"cloche0\""));
	assert_non_null(strstr(text, "ct state established,related accept"));
	free(ptr_take(&text));
	nft_begin(&nl);
	ruleset_unpublish(&nl, "cloche-test", &web);
	ruleset_remove_network(&nl, "cloche-test", &closed);
	commit(&nl);
	text = listing();
	assert_null(strstr(text, "8080"));
	assert_null(strstr(text, "cl-0123456789ab"));
}

static void what_is_not_there_cannot_be_taken_away(void **state)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err err = ERR_NONE;
	struct ruleset_network closed = { .link = "cl-0", .internal = true };

	(void)state;
	assert_int_equal(netlink_open(&nl, NETLINK_NETFILTER, &err), 0);
	nft_begin(&nl);
	ruleset_remove_network(&nl, "cloche-test", &closed);
	assert_int_equal(nft_commit(&nl, &err), -ENOENT);
	/* the socket is still good for the next one */
	err_clear(&err);
	assert_int_equal(nft_has_table(&nl, "cloche-none", &err), 0);
}

static size_t lines_count(struct netlink *nl)
{
	struct err err = ERR_NONE;
	_cleanup_strv_ char **lines = NULL;

	assert_int_equal(ruleset_lines(nl, "cloche-test", &lines, &err), 0);
	return strv_length(lines);
}

static struct ruleset_port numbered(int i)
{
	/* now and then one of another map comes between */
	struct ruleset_port port = { .protocol = IPPROTO_TCP,
				     .host_port = (uint16_t)(20000 + i),
				     .to_port = (uint16_t)i };

	assert_int_equal(address_parse(i % 1000 ? "0.0.0.0" : "::", &port.host), 0);
	assert_int_equal(address_parse(i % 1000 ? "172.30.0.2" : "fd00::2", &port.to), 0);
	return port;
}

/* More than one message takes, of which each element has to arrive and to go. */
static void thousands_of_ports_go_together(void **state)
{
	enum { PORTS = 3000 };
	static const char name[] = "a-container-with-quite-a-name";
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(netlink_open(&nl, NETLINK_NETFILTER, &err), 0);
	nft_begin(&nl);
	ruleset_load(&nl, "cloche-test");
	for (int i = 0; i < PORTS; i++) {
		struct ruleset_port port = numbered(i);

		ruleset_publish(&nl, "cloche-test", &port, name);
	}
	commit(&nl);
	assert_int_equal(lines_count(&nl), PORTS);
	for (int i = 0; i < PORTS; i += 999) {
		struct ruleset_port port = numbered(i);

		assert_int_equal(ruleset_published(&nl, "cloche-test", &port, &err), 1);
	}
	nft_begin(&nl);
	for (int i = 1; i < PORTS; i++) {
		struct ruleset_port port = numbered(i);

		ruleset_unpublish(&nl, "cloche-test", &port);
	}
	commit(&nl);
	assert_int_equal(lines_count(&nl), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_loaded_and_loaded_again),
		cmocka_unit_test(what_is_not_there_cannot_be_taken_away),
		cmocka_unit_test(thousands_of_ports_go_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
