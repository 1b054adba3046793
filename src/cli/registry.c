/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pull, push, login, logout, save: images from elsewhere and to elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/opt.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/image_report.h"
#include "cli/transport.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/transfer.h"

/* -- pull ------------------------------------------------------------------------------------- */

static void add_insecure(char ***words, char *const *insecure)
{
	for (; insecure && *insecure; insecure++) {
		strv_add(words, "--insecure-registry");
		strv_add(words, *insecure);
	}
}

struct pull_args {
	bool quiet, all_tags, verify, foreign, no_content_trust;
	const char *platform, *progress;
	char **insecure;
};

static const struct opt pull_opts[] = {
	OPT_BOOL('a', "all-tags", struct pull_args, all_tags, "all tags of the repository"),
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct pull_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_BOOL(0, "foreign-layers", struct pull_args, foreign,
		 "layers that the registry may not give on come from where the manifest says"),
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", struct pull_args, platform,
		   "of an image for several platforms the one for this"),
	OPT_STRING(0, "progress", "MODE", struct pull_args, progress,
		   "auto, tty, plain, json or none"),
	OPT_BOOL('q', "quiet", struct pull_args, quiet, "print only the name"),
	OPT_BOOL(0, "disable-content-trust", struct pull_args, no_content_trust,
		 "no effect, as in Docker"),
	OPT_BOOL(0, "verify", struct pull_args, verify,
		 "take only what policy.json allows (containers-policy.json(5))"),
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
	if (a->verify)
		strv_add(&words, "--verify");
	if (a->foreign)
		strv_add(&words, "--foreign-layers");
	add_insecure(&words, a->insecure);
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

static int pull_one(struct engine *engine, const struct pull_args *a, const char *name,
		    struct err *err)
{
	_cleanup_strv_ char **words = transfer_words(a);
	_cleanup_free_ char *full = NULL, *digest = NULL, *familiar = NULL;
	enum image_pulled what;

	if (image_name_full(name, &full, err) < 0)
		return 1;
	if (!a->quiet)
		tell_name(name, full);
	free(ptr_take(&full));
	if (image_pull(engine, name, words, &what, &full, &digest, err) < 0)
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

/* The first that fails is the end; what came before it stays. */
static int pull_all(struct engine *engine, const struct pull_args *a, const char *name,
		    struct err *err)
{
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	_cleanup_strv_ char **words = NULL, **tags = NULL;
	const char *slash = strrchr(name, '/');
	int r;

	if (strpbrk(slash ? slash : name, ":@"))
		return err_set(err, EINVAL, "tag can't be used with --all-tags/-a") < 0;
	add_insecure(&words, a->insecure);
	strv_add(&words, "--");
	strv_add(&words, name);
	r = transfer_run(engine, "tags", words, -1, &said, err);
	if (r < 0)
		return 1;
	tags = strv_split(said.data ? said.data : "", '\n');
	for (size_t i = 0; tags[i] && *tags[i]; i++) {
		_cleanup_free_ char *one = str_printf("%s:%s", name, tags[i]);

		if (pull_one(engine, a, one, err) != 0)
			return 1;
	}
	return 0;
}

static int pull_run(void *data, void *args, char **operands, struct err *err)
{
	const struct pull_args *a = args;
	struct engine *engine = cli_engine(data, err);
	const char *name = operands[0];
	int status;

	if (!engine)
		return 1;
	if (images_from_transport(engine, name, &status, err))
		return status;
	if (str_prefix(name, "docker://")) /* as skopeo and podman name it */
		name += strlen("docker://");
	return a->all_tags ? pull_all(engine, a, name, err) : pull_one(engine, a, name, err);
}

const struct command command_pull = {
	.group = "image",
	.name = "pull",
	.alias = "pull",
	.args = "NAME[:TAG|@DIGEST]|TRANSPORT:PLACE",
	.summary = "download an image from a registry",
	.details =
		"A short name means Docker Hub: web is docker.io/library/web:latest. Layers that are "
		"here already are not fetched; a pull that was cut goes on where it was. Credentials "
		"are those of cloche login, docker login or podman login; certificates those of "
		"certs.d below /etc/cloche, /etc/containers or /etc/docker. From oci:FOLDER[:NAME], "
		"oci-archive:FILE[:NAME], docker-archive:FILE[:NAME] and dir:FOLDER it is read as load does; docker://NAME "
		"is NAME. CLOCHE_VERIFY=1 in the environment means "
		"--verify for every pull, also that of run.",
	.opts = pull_opts,
	.args_size = sizeof(struct pull_args),
	.run = pull_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- save ------------------------------------------------------------------------------------- */

struct save_args {
	const char *output;
};

static const struct opt save_opts[] = {
	OPT_STRING('o', "output", "FILE|TRANSPORT:PLACE", struct save_args, output,
		   "write to a file, or where a transport of skopeo's says"),
	OPT_END,
};

/* To FILE.part first, so that a save that fails leaves the earlier FILE as it was. */
static int save_to_file(struct engine *engine, const char *path, char *const *operands,
			char *const *args, struct err *err)
{
	_cleanup_free_ char *part = str_printf("%s.part", path);
	int copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), fd, r;

	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || copy < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		r = err_sys(err, errno, "write %s", part);
		fd_close(fd);
		fd_close(copy);
		return r;
	}
	fd_close(fd);
	r = image_save(engine, operands, args, err);
	(void)dup2(copy, STDOUT_FILENO);
	fd_close(copy);
	if (r == 0 && rename(part, path) < 0)
		r = err_sys(err, errno, "write %s", path);
	if (r < 0)
		(void)unlink(part);
	return r;
}

/* place: a file, or a transport's. */
static int save_to(struct engine *engine, const char *place, char *const *operands, struct err *err)
{
	_cleanup_(transport_clear) struct transport transport;
	_cleanup_strv_ char **words = NULL;
	char *const none[] = { NULL };

	transport_parse(place, &transport);
	if (transport.kind == TRANSPORT_NONE)
		return save_to_file(engine, place, operands, none, err);
	if (!*transport.path)
		return err_set(err, EINVAL, "%s names no place", place);
	if (operands[0] && operands[1] && transport.name)
		return err_set(err, EINVAL, "%s takes one image at a time", place);
	if (transport.name) {
		strv_add(&words, "--as");
		strv_add(&words, transport.name);
	}
	if (!transport_is_folder(&transport))
		return save_to_file(engine, transport.path, operands, words, err);
	strv_add(&words, transport.kind == TRANSPORT_OCI ? "--oci" : "--dir");
	strv_add(&words, transport.path);
	return image_save(engine, operands, words, err);
}

static int save_run(void *data, void *args, char **operands, struct err *err)
{
	struct save_args *a = args;
	struct engine *engine = cli_engine(data, err);

	if (!engine)
		return 1;
	if (!a->output && isatty(STDOUT_FILENO)) {
		err_set(err, EINVAL,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
		return 1;
	}
	return a->output ? save_to(engine, a->output, operands, err) < 0 :
			   image_save(engine, operands, NULL, err) < 0;
}

const struct command command_save = {
	.group = "image",
	.name = "save",
	.alias = "save",
	.args = "IMAGE...",
	.summary = "write images to an archive",
	.details =
		"The archive is an OCI layout with Docker's manifest.json beside it: docker load, podman load, "
		"skopeo and cloche load read it. Layers are in it as they came, so that digests stay. -o also takes "
		"oci:FOLDER[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME] and dir:FOLDER.",
	.opts = save_opts,
	.args_size = sizeof(struct save_args),
	.run = save_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- push ------------------------------------------------------------------------------------- */

static const struct opt push_opts[] = {
	OPT_BOOL('a', "all-tags", struct pull_args, all_tags, "all tags of the repository"),
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct pull_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_STRING(0, "progress", "MODE", struct pull_args, progress,
		   "auto, tty, plain, json or none"),
	OPT_BOOL('q', "quiet", struct pull_args, quiet, "print only the name"),
	OPT_BOOL(0, "disable-content-trust", struct pull_args, no_content_trust,
		 "no effect, as in Docker"),
	OPT_END,
};

static int push_one(struct engine *engine, const struct pull_args *a, const char *name,
		    struct err *err)
{
	_cleanup_strv_ char **words = transfer_words(a);
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	_cleanup_free_ char *full = NULL;

	if (image_name_full(name, &full, err) < 0)
		return 1;
	if (!a->quiet && strrchr(full, ':'))
		(void)printf("The push refers to repository [%.*s]\n",
			     (int)(strrchr(full, ':') - full), full);
	if (image_push(engine, name, words, a->quiet ? &said : NULL, err) < 0)
		return 1;
	if (a->quiet)
		(void)printf("%s\n", full);
	return 0;
}

static int push_all(struct engine *engine, const struct pull_args *a, const char *name,
		    struct err *err)
{
	_cleanup_strv_ char **tags = NULL;
	_cleanup_free_ char *full = NULL, *repository = NULL;
	struct store *store = engine_store(engine, err);
	struct image_row *images = NULL;
	const char *slash = strrchr(name, '/');
	int count;

	if (strpbrk(slash ? slash : name, ":@"))
		return err_set(err, EINVAL, "tag can't be used with --all-tags/-a") < 0;
	if (!store || image_name_full(name, &full, err) < 0)
		return 1;
	repository = str_ndup(full, (size_t)(strrchr(full, ':') + 1 - full));
	count = image_list(store, false, &images, err);
	for (int i = 0; i < count; i++)
		for (size_t k = 0; images[i].tags && images[i].tags[k]; k++)
			if (str_prefix(images[i].tags[k], repository))
				strv_add(&tags, images[i].tags[k]);
	if (count < 0)
		return 1;
	image_rows_free(images, (size_t)count);
	strv_sort(tags);
	if (!tags)
		return err_set(err, ENOENT, "An image does not exist locally with the tag: %s",
			       name) < 0;
	for (size_t i = 0; tags[i]; i++)
		if (push_one(engine, a, tags[i], err) != 0)
			return 1;
	return 0;
}

/* IMAGE PLACE, as podman has it. */
static int push_to(struct engine *engine, char *const *operands, struct err *err)
{
	_cleanup_(transport_clear) struct transport transport;
	char *const image[] = { operands[0], NULL };

	transport_parse(operands[1], &transport);
	if (transport.kind == TRANSPORT_NONE) {
		err_set(err, EINVAL, "%s is no place that a push goes to", operands[1]);
		err_hint(err, "for a registry: cloche tag %s NAME, then cloche push NAME",
			 operands[0]);
		return 1;
	}
	return save_to(engine, operands[1], image, err) < 0;
}

static int push_run(void *data, void *args, char **operands, struct err *err)
{
	const struct pull_args *a = args;
	struct engine *engine = cli_engine(data, err);

	if (!engine)
		return 1;
	if (operands[1])
		return push_to(engine, operands, err);
	return a->all_tags ? push_all(engine, a, operands[0], err) :
			     push_one(engine, a, operands[0], err);
}

const struct command command_push = {
	.group = "image",
	.name = "push",
	.alias = "push",
	.args = "NAME[:TAG] [TRANSPORT:PLACE]",
	.summary = "upload an image to a registry",
	.details =
		"Only what the registry lacks is sent; what another repository of it has is mounted from "
		"there. An image that was pulled and not changed keeps its digest.",
	.opts = push_opts,
	.args_size = sizeof(struct pull_args),
	.run = push_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- login, logout ---------------------------------------------------------------------------- */

struct login_args {
	const char *user, *password;
	bool password_stdin;
	char **insecure;
};

static const struct opt login_opts[] = {
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct login_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_STRING('p', "password", "TEXT", struct login_args, password,
		   "the password; others may see it in the list of processes"),
	OPT_BOOL(0, "password-stdin", struct login_args, password_stdin,
		 "take the password from stdin"),
	OPT_STRING('u', "username", "NAME", struct login_args, user, "the user"),
	OPT_END,
};

/* A line from the terminal. NULL: there was none. */
static char *prompt(const char *words, bool hidden)
{
	struct termios before, quiet;
	char line[4096];
	bool off = hidden && tcgetattr(STDIN_FILENO, &before) == 0;
	char *got;

	(void)fprintf(stderr, "%s: ", words);
	(void)fflush(stderr);
	if (off) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(line, sizeof(line), stdin);
	if (off) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		(void)fputc('\n', stderr);
	}
	if (!got)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	got = str_dup(line);
	explicit_bzero(line, sizeof(line));
	return got;
}

static int password_pipe(const char *password, struct err *err)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	r = fd_write_all(ends[1], password, strlen(password)); /* shorter than a pipe holds */
	fd_close(ends[1]);
	if (r == 0)
		return ends[0];
	fd_close(ends[0]);
	return err_sys(err, r, "hand on the password");
}

static const char *server_of(char **operands)
{
	const char *server = operands[0] ? operands[0] : "docker.io";

	server += str_prefix(server, "https://") ? strlen("https://") :
		  str_prefix(server, "http://")	 ? strlen("http://") :
						   0;
	return str_prefix(server, "index.docker.io") ? "docker.io" : server;
}

static int login_run(void *data, void *args, char **operands, struct err *err)
{
	struct login_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_free_ char *user = str_dup(a->user), *password = str_dup(a->password);
	_cleanup_free_ char *server =
		str_ndup(server_of(operands), strcspn(server_of(operands), "/"));
	_cleanup_strv_ char **words = NULL;
	_cleanup_close_ int input = -1;

	sys_no_core();
	if (!engine)
		return 1;
	if (a->password && a->password_stdin) {
		err_set(err, EINVAL, "--password and --password-stdin are mutually exclusive");
		return 1;
	}
	if (a->password_stdin && !user) {
		err_set(err, EINVAL, "the --password-stdin option requires --username to be set");
		return 1;
	}
	if (a->password)
		cli_warn("a password in --password can be seen by others; use --password-stdin");
	if ((!user || (!password && !a->password_stdin)) && !isatty(STDIN_FILENO)) {
		err_set(err, EINVAL, "cannot perform an interactive login from a non-TTY device");
		return 1;
	}
	if (!user)
		user = prompt("Username", false);
	if (!password && !a->password_stdin)
		password = prompt("Password", true);
	if (!user || !*user || (!password && !a->password_stdin)) {
		err_set(err, EINVAL, "username is empty");
		return 1;
	}
	if (password) {
		input = password_pipe(password, err);
		explicit_bzero(password, strlen(password));
		if (input < 0)
			return 1;
	}
	add_insecure(&words, a->insecure);
	strv_add(&words, "--user");
	strv_add(&words, user);
	strv_add(&words, "--");
	strv_add(&words, server);
	if (transfer_run(engine, "login", words, input, NULL, err) < 0)
		return 1;
	(void)printf("Login Succeeded\n");
	return 0;
}

const struct command command_login = {
	.name = "login",
	.args = "[SERVER]",
	.summary = "log in to a registry",
	.details =
		"Credentials are tried, and kept in ~/.docker/config.json or by the credential helper that it "
		"names, where docker and podman find them too.",
	.opts = login_opts,
	.args_size = sizeof(struct login_args),
	.run = login_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt no_opts[] = { OPT_END };

static int logout_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	_cleanup_free_ char *server =
		str_ndup(server_of(operands), strcspn(server_of(operands), "/"));
	_cleanup_strv_ char **words = NULL;

	(void)args;
	if (!engine)
		return 1;
	(void)printf("Removing login credentials for %s\n",
		     strcmp(server, "docker.io") == 0 ? "https://index.docker.io/v1/" : server);
	strv_add(&words, "--");
	strv_add(&words, server);
	return transfer_run(engine, "logout", words, -1, NULL, err) < 0;
}

const struct command command_logout = {
	.name = "logout",
	.args = "[SERVER]",
	.summary = "log out from a registry",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = logout_run,
	.flags = COMMAND_INTERSPERSED,
};
