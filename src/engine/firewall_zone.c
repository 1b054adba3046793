/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/firewall_zone.h"

#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/tell.h"
#include "net/foreign_forward.h"
#include "runtime/bus.h"

#define FIREWALLD "org.fedoraproject.FirewallD1"
#define OBJECT "/org/fedoraproject/FirewallD1"
#define ZONE "cloche"

static int zone_call(const char *method, const char *link, struct err *err)
{
	struct bus *bus = bus_open_system(err);
	int r;

	if (!bus)
		return -err->code;
	r = bus_call_do(bus_call_to(bus, FIREWALLD, OBJECT, FIREWALLD ".zone", method, "ss", ZONE,
				    link),
			err);
	bus_close(bus);
	return r;
}

/* That the link has a zone already is what was wanted. */
static void zone_add(const char *link)
{
	struct err why = ERR_NONE;
	_cleanup_free_ char *words = NULL;

	if (zone_call("addInterface", link, &why) == 0 || strstr(why.words, "ZONE_ALREADY_SET") ||
	    strstr(why.words, "ZONE_CONFLICT"))
		return;
	words = str_printf(
		"firewalld lets nothing out of %s, and could not be told of it: %s; firewall-cmd --zone=trusted --add-interface=%s helps",
		link,
		strstr(why.words, "INVALID_ZONE") ?
			"it has no zone " ZONE
			", whose file ./setup install brings (then firewall-cmd --reload)" :
			why.words,
		link);
	tell(TELL_WARN, "WARNING: ", words);
}

int firewall_zone_allow(struct netlink *nl, const char *link, struct err *err)
{
	int r = foreign_forward_allow(nl, link, err);

	if (r == FOREIGN_ZONE_MISSING)
		zone_add(link);
	return r < 0 ? r : 0;
}

int firewall_zone_forget(struct netlink *nl, const char *link, struct err *err)
{
	struct err ignored = ERR_NONE;
	int r = foreign_forward_forget(nl, link, err);

	if (r == FOREIGN_ZONE_TOLD) /* a zone of another name is not ours to take it from */
		(void)zone_call("removeInterface", link, &ignored);
	return r < 0 ? r : 0;
}
