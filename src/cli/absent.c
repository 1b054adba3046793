/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/absent.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

#define SWARM \
	"Cloche is no orchestrator; use Kubernetes, or Docker's Swarm with cloche-runtime below it"
#define PLUGINS "plugins need a daemon that calls them"
#define BUILD \
	"Cloche does not build from Dockerfiles yet; build with buildah or docker, then cloche load"
#define REMOTE "Cloche works on this host alone; run it there, for instance by ssh"
#define COMPOSE "there is no API socket for Compose yet; see cloche inspect --as compose"

static const struct {
	const char *group, *name; /* name NULL: whatever follows */
	const char *reason;
} absent[] = {
	{ "build", NULL, BUILD },
	{ "builder", NULL, BUILD },
	{ "buildx", NULL, BUILD },
	{ "image", "build", BUILD },
	{ "bake", NULL, BUILD },
	{ "checkpoint", NULL, "there are no checkpoints; cloche pause stands a container still" },
	{ "compose", NULL, COMPOSE },
	{ "config", NULL, SWARM },
	{ "context", NULL, REMOTE },
	{ "node", NULL, SWARM },
	{ "plugin", NULL, PLUGINS },
	{ "secret", NULL, "secrets are options of a container: cloche run --secret" },
	{ "service", NULL, SWARM },
	{ "stack", NULL, SWARM },
	{ "swarm", NULL, SWARM },
	{ "system", "dial-stdio", "there is no API socket to connect to" },
	{ "trust", NULL, "signatures are verified by cloche pull --verify" },
	{ "volume", "update", "cluster volumes are Swarm's; " SWARM },
};

void absent_explain(char *const *argv, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		if (strcmp(argv[0], absent[i].group) != 0 ||
		    (absent[i].name && !str_equal(argv[1], absent[i].name)))
			continue;
		err_clear(err);
		err_set(err, EOPNOTSUPP, "%s%s%s: %s", argv[0], absent[i].name ? " " : "",
			absent[i].name ? absent[i].name : "", absent[i].reason);
		err_exit(err, 1);
		return;
	}
}
