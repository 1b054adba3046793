/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/address_place.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "host/net_space.h"

struct search {
	int family;
	unsigned char wanted[16];
	const struct net_spaces *spaces;
	struct address_place *places;
	size_t count, most;
};

static bool address_is(const struct search *search, const struct sockaddr *address)
{
	if (!address || address->sa_family != search->family)
		return false;
	if (search->family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)(const void *)address)->sin_addr,
			      search->wanted, 4) == 0;
	return memcmp(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
		      search->wanted, 16) == 0;
}

static void space_search(struct search *search, int space)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a && search->count < search->most; a = a->ifa_next) {
		struct address_place *place = &search->places[search->count];

		if (!address_is(search, a->ifa_addr))
			continue;
		*place = (struct address_place){ .space = space };
		(void)str_append(place->link, sizeof(place->link), a->ifa_name);
		search->count++;
		break;
	}
	freeifaddrs(all);
}

/* setns(2) moves the calling thread alone; it never goes home, it ends. */
static void *search_run(void *data)
{
	struct search *search = data;

	for (size_t i = 0; i < search->spaces->count; i++)
		if (i == 0 || setns(search->spaces->list[i].fd, CLONE_NEWNET) == 0)
			space_search(search, (int)i);
	return NULL;
}

static bool everywhere(const struct search *search)
{
	static const unsigned char loopback[16] = { [15] = 1 };

	if (search->family == AF_INET)
		return search->wanted[0] == 127;
	return memcmp(search->wanted, loopback, 16) == 0 ||
	       (search->wanted[0] == 0xfe && (search->wanted[1] & 0xc0) == 0x80);
}

size_t address_places(const char *address, const struct net_spaces *spaces,
		      struct address_place *ret_places, size_t most)
{
	struct search search = { .spaces = spaces, .places = ret_places, .most = most };
	pthread_t thread;

	search.family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(search.family, address, search.wanted) != 1 || everywhere(&search))
		return 0;
	if (pthread_create(&thread, NULL, search_run, &search) != 0)
		return 0;
	(void)pthread_join(thread, NULL);
	return search.count;
}
