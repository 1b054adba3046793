/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* containers-registries.conf(5), version 2, as podman's users have it: which names of images come from where else, which of them are
 * blocked, and which servers need no TLS. Read are /usr/share/containers/registries.conf or, instead of it,
 * /etc/containers/registries.conf or ~/.config/containers/registries.conf, with the *.conf of registries.conf.d in the
 * latter two's folders; $CONTAINERS_REGISTRIES_CONF stands for the main file alone. Short names stay Docker's:
 * unqualified-search-registries and aliases are not looked at.
 *
 *	_cleanup_(registries_clear) struct registries registries = REGISTRIES_EMPTY;
 *	registries_read(&registries, err);
 *	registries_route(&registries, "quay.io", "me/web", by_digest, &route, err);
 */
#ifndef CLOCHE_TRANSFER_REGISTRIES_CONF_H
#define CLOCHE_TRANSFER_REGISTRIES_CONF_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct registry_place {
	char *location; /* "host[:port][/path]", what stands in the prefix's stead */
	bool insecure;
	bool digest_only, tag_only; /* of a mirror: pull-from-mirror */
};

struct registry_rule {
	char *prefix; /* "host[:port][/path]" or "*.domain" */
	bool blocked, digest_mirrors;
	struct registry_place own;
	struct registry_place *mirrors;
	size_t mirror_count;
	char *file; /* where it stands */
};

struct registries {
	struct registry_rule *rules;
	size_t count;
};
#define REGISTRIES_EMPTY ((struct registries){ 0 })

struct route_stop {
	char *domain, *path;
	bool insecure;
};

struct route { /* where to ask, one after the other; the last one is the repository's own place */
	struct route_stop *stops;
	size_t count;
};
#define ROUTE_EMPTY ((struct route){ 0 })

int registries_read(struct registries *registries, struct err *err);
/* Add what a file says. -EBADMSG: file, line and what is wrong with it. */
int registries_parse(struct registries *registries, const char *text, const char *file,
		     struct err *err);
void registries_clear(struct registries *registries);

/* -EPERM: it is blocked. Without a rule the route has the one stop that the name says. */
int registries_route(const struct registries *registries, const char *domain, const char *path,
		     bool by_digest, struct route *ret_route, struct err *err);
void route_clear(struct route *route);

#endif
