/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An image's distribution and packages, from its layers, against the host's own.
 *
 *	struct package_view view = PACKAGE_VIEW_EMPTY;
 *	package_view_compare(engine, image, &host, &view);
 *	if (view.why_not) ... else view.older of view.common
 *	package_view_clear(&view);
 *
 * The databases of images are foreign bytes: dpkg's and apk's text is read here, rpm's by cloche-transfer in a sandbox.
 */
#ifndef CLOCHE_CLI_PACKAGE_VIEW_H
#define CLOCHE_CLI_PACKAGE_VIEW_H

#include <jansson.h>
#include <stddef.h>

#include "host/distribution.h"
#include "host/package.h"

struct engine;
struct image_row;

struct package_host { /* what was read of the host, so that it is read once for many images */
	struct distribution distribution;
	struct packages packages[3]; /* by enum package_kind */
	unsigned int known; /* a bit for each kind that was read, and HOST_DISTRIBUTION_KNOWN */
};
#define PACKAGE_HOST_EMPTY ((struct package_host){ 0 })

struct package_view {
	struct distribution distribution;
	size_t common, older, exposed; /* packages; exposed: older ones with package_is_exposed */
	json_t *packages;	       /* the older ones: Name, Version, HostVersion, Exposed */
	char *why_not;		       /* they were not compared, because; NULL: they were */
};
#define PACKAGE_VIEW_EMPTY ((struct package_view){ 0 })

/* host: to be reused; NULL: read for this image alone. The store of the engine may be closed by it. */
void package_view_compare(struct engine *engine, const struct image_row *image,
			  struct package_host *host, struct package_view *ret);
void package_view_clear(struct package_view *view);
void package_host_clear(struct package_host *host);
/* image NULL: the host's. */
void package_view_distribution(struct engine *engine, const struct image_row *image,
			       struct distribution *ret);
/* YYYY-MM-DD, UTC; at least 16 bytes. */
void package_view_today(char *out);

#endif
