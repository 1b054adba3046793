/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pull, login, logout: what speaks to registries. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/image.h"

/* -- pull ------------------------------------------------------------------------------------- */

struct pull_args {
	bool quiet;
	const char *platform, *progress;
	char **insecure;
};

static const struct opt pull_opts[] = {
	OPT_LATER('a', "all-tags", NULL, "pulling all tags of a repository is not possible yet"),
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct pull_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", struct pull_args, platform,
		   "of an image for several platforms the one for this"),
	OPT_STRING(0, "progress", "MODE", struct pull_args, progress,
		   "auto, tty, plain, json or none"),
	OPT_BOOL('q', "quiet", struct pull_args, quiet, "print only the name"),
	OPT_END,
};

static char **transfer_words(const struct pull_args *a)
{
	char **words = NULL;

	if (a->platform) {
		strv_add(&words, "--platform");
		strv_add(&words, a->platform);
	}
	if (a->quiet || a->progress) {
		strv_add(&words, "--progress");
		strv_add(&words, a->quiet ? "none" : a->progress);
	}
	for (size_t i = 0; a->insecure && a->insecure[i]; i++) {
		strv_add(&words, "--insecure-registry");
		strv_add(&words, a->insecure[i]);
	}
	return words;
}

/* Docker's lines: which tag a short name means, and which registry. */
static void tell_name(const char *name, const char *full)
{
	const char *slash = strrchr(name, '/');
	const char *last = slash ? slash + 1 : name, *colon = strrchr(full, ':');

	if (!strchr(last, ':') && !strchr(last, '@'))
		(void)printf("Using default tag: latest\n");
	if (strchr(full, '@'))
		(void)printf("%s: Pulling from %.*s\n", strchr(full, '@') + 1,
			     (int)strcspn(full, "@"), full);
	else if (colon)
		(void)printf("%s: Pulling from %.*s\n", colon + 1, (int)(colon - full), full);
	(void)fflush(stdout);
}

static int pull_run(void *data, void *args, char **operands, struct err *err)
{
	struct pull_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_strv_ char **words = transfer_words(a);
	_cleanup_free_ char *full = NULL, *digest = NULL, *familiar = NULL;
	enum image_pulled what;

	if (!engine || image_name_full(operands[0], &full, err) < 0)
		return 1;
	if (!a->quiet)
		tell_name(operands[0], full);
	free(ptr_take(&full));
	if (image_pull(engine, operands[0], words, &what, &full, &digest, err) < 0)
		return 1;
	if (a->quiet) {
		(void)printf("%s\n", full);
		return 0;
	}
	familiar = image_familiar(full);
	(void)printf("Digest: %s\nStatus: %s for %s\n%s\n", digest ? digest : "<none>",
		     what == IMAGE_UP_TO_DATE ? "Image is up to date" : "Downloaded newer image",
		     familiar, full);
	return 0;
}

const struct command command_pull = {
	.group = "image",
	.name = "pull",
	.alias = "pull",
	.args = "NAME[:TAG|@DIGEST]",
	.summary = "download an image from a registry",
	.details =
		"A short name means Docker Hub: web is docker.io/library/web:latest. Layers that are "
		"here already are not fetched; a pull that was cut goes on where it was. Credentials "
		"are those of cloche login, docker login or podman login; certificates those of "
		"certs.d below /etc/cloche, /etc/containers or /etc/docker.",
	.opts = pull_opts,
	.args_size = sizeof(struct pull_args),
	.run = pull_run,
	.flags = COMMAND_INTERSPERSED,
};
