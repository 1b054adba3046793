/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports that follow each other are one row of the table, and nobody who asks sees that. */
#include "state/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

struct place {
	char path[32];
	struct store *store;
};

static int set_up(void **state)
{
	static struct place place;
	static const char *const names[] = { "web", "db" };
	struct err err = ERR_NONE;

	place = (struct place){ .path = "/tmp/port-row.XXXXXX" };
	assert_non_null(mkdtemp(place.path));
	assert_int_equal(store_open(&place.store, place.path, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct container_row row = { .id = (char *)names[i],
					     .name = (char *)names[i],
					     .image_id = (char *)"",
					     .config = (char *)"{}" };

		assert_int_equal(container_add(place.store, &row, &err), 0);
	}
	*state = &place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	store_close(place->store);
	return dir_remove(AT_FDCWD, place->path);
}

static struct port_row row_of(const char *container, const char *host, int64_t port)
{
	return (struct port_row){ .protocol = (char *)"tcp",
				  .port = port,
				  .host = (char *)host,
				  .container = (char *)container,
				  .to_ip = (char *)"172.30.0.2",
				  .to_port = port - 8000,
				  .mode = (char *)"kernel" };
}

static int add(void **state, const char *container, const char *host, int64_t port, int64_t count)
{
	struct port_row row = row_of(container, host, port);
	struct err err = ERR_NONE;

	return port_add(((struct place *)*state)->store, &row, count, &err);
}

/* "HOST:PORT>TO ..." of what is listed. */
static char *listed(void **state, const char *container)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct port_row *rows = NULL;
	struct err err = ERR_NONE;
	int count = port_list(((struct place *)*state)->store, container, &rows, &err);

	assert_true(count >= 0);
	buf_puts(&text, "");
	for (int i = 0; i < count; i++) {
		assert_string_equal(rows[i].to_ip, "172.30.0.2");
		buf_printf(&text, "%s:%lld>%lld ", rows[i].host, (long long)rows[i].port,
			   (long long)rows[i].to_port);
	}
	port_rows_free(rows, count > 0 ? (size_t)count : 0);
	return ptr_take(&text.data);
}

static void see(void **state, const char *container, const char *wanted)
{
	_cleanup_free_ char *text = listed(state, container);

	assert_string_equal(text, wanted);
}

static void each_of_a_run_is_listed_in_its_place(void **state)
{
	assert_int_equal(add(state, "web", "0.0.0.0", 8080, 3), 0);
	assert_int_equal(add(state, "web", "::", 8080, 3), 0);
	assert_int_equal(add(state, "db", "0.0.0.0", 8079, 1), 0);
	see(state, "web",
	    "0.0.0.0:8080>80 :::8080>80 0.0.0.0:8081>81 :::8081>81 0.0.0.0:8082>82 :::8082>82 ");
	see(state, NULL,
	    "0.0.0.0:8079>79 0.0.0.0:8080>80 :::8080>80 0.0.0.0:8081>81 :::8081>81 0.0.0.0:8082>82 :::8082>82 ");
}

static void what_overlaps_is_taken(void **state)
{
	assert_int_equal(add(state, "web", "0.0.0.0", 8080, PORT_RUN_MAX), 0);
	assert_int_equal(add(state, "db", "0.0.0.0", 8080, 1), -EEXIST);
	assert_int_equal(add(state, "db", "0.0.0.0", 8080 + PORT_RUN_MAX - 1, 1), -EEXIST);
	assert_int_equal(add(state, "db", "0.0.0.0", 8070, 11), -EEXIST);
	assert_int_equal(add(state, "db", "0.0.0.0", 8000, PORT_RUN_MAX), -EEXIST);
	assert_int_equal(add(state, "db", "127.0.0.1", 8080, 1), 0);
	assert_int_equal(add(state, "db", "0.0.0.0", 8070, 10), 0);
	assert_int_equal(add(state, "db", "0.0.0.0", 8080 + PORT_RUN_MAX, 10), 0);
}

static void delete (void **state, int64_t port)
{
	struct port_row row = row_of("web", "0.0.0.0", port);
	struct err err = ERR_NONE;

	assert_int_equal(port_delete(((struct place *)*state)->store, &row, &err), 0);
}

static void one_of_a_run_goes_alone(void **state)
{
	struct store *store = ((struct place *)*state)->store;
	struct err err = ERR_NONE;

	assert_int_equal(add(state, "web", "0.0.0.0", 8080, 5), 0);
	delete (state, 8082);
	see(state, "web", "0.0.0.0:8080>80 0.0.0.0:8081>81 0.0.0.0:8083>83 0.0.0.0:8084>84 ");
	delete (state, 8082);
	delete (state, 8080);
	assert_int_equal(store_begin(store, &err), 0);
	delete (state, 8084);
	assert_int_equal(store_commit(store, &err), 0);
	see(state, "web", "0.0.0.0:8081>81 0.0.0.0:8083>83 ");
	assert_int_equal(add(state, "db", "0.0.0.0", 8082, 1), 0);
	assert_int_equal(add(state, "db", "0.0.0.0", 8082, 2), -EEXIST);
	delete (state, 8081);
	delete (state, 8083);
	see(state, "web", "");
	see(state, "db", "0.0.0.0:8082>82 ");
}

static void a_container_takes_its_ports_with_it(void **state)
{
	struct store *store = ((struct place *)*state)->store;
	struct err err = ERR_NONE;

	assert_int_equal(add(state, "web", "0.0.0.0", 8080, 5), 0);
	assert_int_equal(add(state, "db", "0.0.0.0", 8085, 2), 0);
	assert_int_equal(container_delete(store, "web", &err), 0);
	see(state, NULL, "0.0.0.0:8085>85 0.0.0.0:8086>86 ");
	assert_int_equal(port_delete_all(store, "db", &err), 0);
	see(state, NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_of_a_run_is_listed_in_its_place, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_overlaps_is_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_of_a_run_goes_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_container_takes_its_ports_with_it, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
