/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/registries_conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { FILE_MAX = 1024 * 1024, TEXT_MAX = 1024 };

/* -- the part of TOML that such files are written in --------------------------------------------- */

enum value_kind { VALUE_STRING, VALUE_TRUE, VALUE_FALSE, VALUE_OTHER };

struct value {
	enum value_kind kind;
	char text[TEXT_MAX];
};

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Past a string at s; NULL: it does not end on its line. *out may be NULL. */
static const char *read_string(const char *s, char out[TEXT_MAX])
{
	char quote = *s++;
	size_t used = 0;

	for (; *s && *s != '\n' && *s != quote; s++) {
		if (quote == '"' && *s == '\\' && s[1] && s[1] != '\n')
			s++; /* of the escapes a name of a registry needs none */
		if (out && used + 1 < TEXT_MAX)
			out[used++] = *s;
	}
	if (out)
		out[used] = '\0';
	return *s == quote ? s + 1 : NULL;
}

/* Past an array, which may have several lines. NULL: it does not end. */
static const char *skip_array(const char *s)
{
	int depth = 0;

	while (*s) {
		if (*s == '[')
			depth++;
		if (*s == ']' && --depth == 0)
			return s + 1;
		if (*s == '#')
			s += strcspn(s, "\n");
		else if (*s == '"' || *s == '\'')
			s = read_string(s, NULL);
		else
			s++;
		if (!s)
			return NULL;
	}
	return NULL;
}

/* Past a value; NULL: it is none. */
static const char *read_value(const char *s, struct value *ret)
{
	*ret = (struct value){ .kind = VALUE_OTHER };
	if (*s == '"' || *s == '\'') {
		ret->kind = VALUE_STRING;
		return read_string(s, ret->text);
	}
	if (*s == '[')
		return skip_array(s);
	if (str_prefix(s, "true"))
		ret->kind = VALUE_TRUE;
	else if (str_prefix(s, "false"))
		ret->kind = VALUE_FALSE;
	else if (*s == '\0' || *s == '\n' || *s == '#')
		return NULL;
	return s + strcspn(s, " \t\r\n#");
}

/* -- what it means ------------------------------------------------------------------------------ */

enum section { SECTION_TOP, SECTION_REGISTRY, SECTION_MIRROR, SECTION_OTHER };

struct parser {
	struct registries *registries;
	const char *file;
	unsigned int line;
	enum section section;
};

static int bad(const struct parser *p, const char *what, struct err *err)
{
	return err_set(err, EBADMSG, "%s, line %u: %s", p->file, p->line, what);
}

static struct registry_rule *rule_add(struct registries *registries, const char *file)
{
	struct registry_rule *rule;

	registries->rules =
		reallocarray(registries->rules, registries->count + 1, sizeof(*registries->rules));
	if (!registries->rules)
		abort();
	rule = &registries->rules[registries->count++];
	*rule = (struct registry_rule){ .file = str_dup(file) };
	return rule;
}

static void mirror_add(struct registry_rule *rule)
{
	rule->mirrors = reallocarray(rule->mirrors, rule->mirror_count + 1, sizeof(*rule->mirrors));
	if (!rule->mirrors)
		abort();
	rule->mirrors[rule->mirror_count++] = (struct registry_place){ 0 };
}

static int on_section(struct parser *p, const char *line, size_t length, struct err *err)
{
	struct registries *r = p->registries;

	p->section = SECTION_OTHER;
	if (length == strlen("[[registry]]") && strncmp(line, "[[registry]]", length) == 0) {
		p->section = SECTION_REGISTRY;
		rule_add(r, p->file);
	} else if (length == strlen("[[registry.mirror]]") &&
		   strncmp(line, "[[registry.mirror]]", length) == 0) {
		if (r->count == 0)
			return bad(p, "a mirror of no registry", err);
		p->section = SECTION_MIRROR;
		mirror_add(&r->rules[r->count - 1]);
	} else if (str_prefix(line, "[registries.")) {
		return bad(p, "it is of version 1, which podman does not read any more, either",
			   err);
	}
	return 0;
}

static int set_text(struct parser *p, char **field, const struct value *v, struct err *err)
{
	if (v->kind != VALUE_STRING)
		return bad(p, "a string is missing", err);
	free(*field);
	*field = str_dup(v->text);
	return 0;
}

static int set_flag(struct parser *p, bool *field, const struct value *v, struct err *err)
{
	if (v->kind != VALUE_TRUE && v->kind != VALUE_FALSE)
		return bad(p, "it is neither true nor false", err);
	*field = v->kind == VALUE_TRUE;
	return 0;
}

static int set_from(struct parser *p, struct registry_place *place, const struct value *v,
		    struct err *err)
{
	if (v->kind != VALUE_STRING ||
	    (strcmp(v->text, "all") != 0 && strcmp(v->text, "digest-only") != 0 &&
	     strcmp(v->text, "tag-only") != 0))
		return bad(p, "pull-from-mirror is all, digest-only or tag-only", err);
	place->digest_only = strcmp(v->text, "digest-only") == 0;
	place->tag_only = strcmp(v->text, "tag-only") == 0;
	return 0;
}

static int on_key(struct parser *p, const char *key, const struct value *v, struct err *err)
{
	struct registry_rule *rule =
		p->registries->count ? &p->registries->rules[p->registries->count - 1] : NULL;
	struct registry_place *place;

	if (!rule || (p->section != SECTION_REGISTRY && p->section != SECTION_MIRROR))
		return 0;
	place = p->section == SECTION_MIRROR ? &rule->mirrors[rule->mirror_count - 1] : &rule->own;
	if (strcmp(key, "location") == 0)
		return set_text(p, &place->location, v, err);
	if (strcmp(key, "insecure") == 0)
		return set_flag(p, &place->insecure, v, err);
	if (p->section == SECTION_MIRROR)
		return strcmp(key, "pull-from-mirror") == 0 ? set_from(p, place, v, err) : 0;
	if (strcmp(key, "prefix") == 0)
		return set_text(p, &rule->prefix, v, err);
	if (strcmp(key, "blocked") == 0)
		return set_flag(p, &rule->blocked, v, err);
	if (strcmp(key, "mirror-by-digest-only") == 0)
		return set_flag(p, &rule->digest_mirrors, v, err);
	return 0;
}

static unsigned int lines_between(const char *from, const char *to)
{
	unsigned int n = 0;

	for (; from < to; from++)
		n += *from == '\n';
	return n;
}

/* A statement at s, which is no blank line nor a comment. */
static int read_statement(struct parser *p, const char **at, struct err *err)
{
	const char *s = *at, *begin = s;
	struct value value;
	char key[64] = "";
	size_t n;
	int r;

	if (*s == '[') {
		n = strcspn(s, "#\n");
		while (n > 0 && strchr(" \t\r", s[n - 1]))
			n--;
		*at = s + strcspn(s, "\n");
		return on_section(p, s, n, err);
	}
	n = strcspn(s, " \t=\r\n");
	if (n == 0 || n >= sizeof(key))
		return bad(p, "it is neither a section nor a key", err);
	memcpy(key, s, n);
	s = skip_blanks(s + n);
	if (*s != '=')
		return bad(p, "there is no \"=\" behind the key", err);
	s = read_value(skip_blanks(s + 1), &value);
	if (!s)
		return bad(p, "its value does not end", err);
	r = on_key(p, key, &value, err);
	if (r < 0)
		return r;
	s += strspn(s, " \t\r");
	if (*s && *s != '\n' && *s != '#')
		return bad(p, "there is more behind the value", err);
	p->line += lines_between(begin, s);
	*at = s + strcspn(s, "\n");
	return 0;
}

static int complete(const struct parser *p, size_t first, struct err *err)
{
	for (size_t i = first; i < p->registries->count; i++) {
		struct registry_rule *rule = &p->registries->rules[i];

		if (!rule->prefix && !rule->own.location)
			return err_set(err, EBADMSG,
				       "%s: a registry has neither prefix nor location", p->file);
		if (!rule->prefix)
			rule->prefix = str_dup(rule->own.location);
		for (size_t k = 0; k < rule->mirror_count; k++)
			if (!rule->mirrors[k].location)
				return err_set(err, EBADMSG, "%s: a mirror of %s has no location",
					       p->file, rule->prefix);
	}
	return 0;
}

int registries_parse(struct registries *registries, const char *text, const char *file,
		     struct err *err)
{
	struct parser p = { .registries = registries, .file = file, .line = 1 };
	size_t first = registries->count;

	while (*text) {
		text = skip_blanks(text);
		if (*text == '#')
			text += strcspn(text, "\n");
		else if (*text != '\n' && *text != '\r' && *text != '\0' &&
			 read_statement(&p, &text, err) < 0)
			return -err->code;
		if (*text == '\n')
			p.line++;
		text += *text != '\0';
	}
	return complete(&p, first, err);
}

static void place_clear(struct registry_place *place)
{
	free(place->location);
}

static void rule_clear(struct registry_rule *rule)
{
	free(rule->prefix);
	free(rule->file);
	place_clear(&rule->own);
	for (size_t i = 0; i < rule->mirror_count; i++)
		place_clear(&rule->mirrors[i]);
	free(rule->mirrors);
}

void registries_clear(struct registries *registries)
{
	for (size_t i = 0; i < registries->count; i++)
		rule_clear(&registries->rules[i]);
	free(registries->rules);
	*registries = REGISTRIES_EMPTY;
}

/* -- the files ---------------------------------------------------------------------------------- */

/* 1: it is there. */
static int read_file(struct registries *registries, const char *path, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_read_all(fd, FILE_MAX, &text);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(err, r, "read %s", path);
	r = registries_parse(registries, text.data ? text.data : "", path, err);
	return r < 0 ? r : 1;
}

static int read_folder(struct registries *registries, const char *path, struct err *err)
{
	_cleanup_strv_ char **names = NULL;
	DIR *d = opendir(path);
	const struct dirent *e;
	int r = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)) != NULL)
		if (str_suffix(e->d_name, ".conf"))
			strv_add_take(&names, str_printf("%s/%s", path, e->d_name));
	(void)closedir(d);
	strv_sort(names);
	for (size_t i = 0; r >= 0 && names && names[i]; i++)
		r = read_file(registries, names[i], err);
	return r < 0 ? r : 0;
}

int registries_read(struct registries *registries, struct err *err)
{
	const char *named = getenv("CONTAINERS_REGISTRIES_CONF"), *home = getenv("HOME");
	_cleanup_free_ char *own =
		home && *home ? str_printf("%s/.config/containers/registries.conf", home) : NULL;
	_cleanup_free_ char *folder = own ? str_printf("%s.d", own) : NULL;
	int r;

	if (named && *named) {
		r = read_file(registries, named, err);
		return r == 0 ? err_set(err, ENOENT, "%s is not there", named) : r < 0 ? r : 0;
	}
	r = own ? read_file(registries, own, err) : 0;
	if (r == 0)
		r = read_file(registries, "/etc/containers/registries.conf", err);
	if (r == 0)
		r = read_file(registries, "/usr/share/containers/registries.conf", err);
	if (r >= 0)
		r = read_folder(registries, "/etc/containers/registries.conf.d", err);
	if (r == 0 && folder)
		r = read_folder(registries, folder, err);
	return r < 0 ? r : 0;
}

/* -- the way of a name -------------------------------------------------------------------------- */

/* How much of name the prefix covers: whole components only; 0: it does not match. */
static size_t covers(const char *prefix, const char *name)
{
	size_t n = strlen(prefix), host = strcspn(name, "/:");

	if (str_prefix(prefix, "*.")) { /* a wildcard stands for the host alone */
		const char *tail = prefix + 1;

		if (host <= strlen(tail) ||
		    strncmp(name + host - strlen(tail), tail, strlen(tail)) != 0)
			return 0;
		return strcspn(name, "/");
	}
	if (strncmp(name, prefix, n) != 0 || (name[n] != '\0' && name[n] != '/'))
		return 0;
	return n;
}

static const struct registry_rule *find(const struct registries *registries, const char *name,
					size_t *ret_covered)
{
	const struct registry_rule *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < registries->count; i++) {
		const struct registry_rule *rule = &registries->rules[i];
		size_t covered = covers(rule->prefix, name), length = strlen(rule->prefix);

		if (covered == 0 || length < longest)
			continue; /* of equal ones the last: registries.conf.d overrides */
		best = rule;
		longest = length;
		*ret_covered = covered;
	}
	return best;
}

static int stop_add(struct route *route, const struct registry_place *place, const char *name,
		    size_t covered, const char *file, struct err *err)
{
	_cleanup_free_ char *at = place->location ?
					  str_printf("%s%s", place->location, name + covered) :
					  str_dup(name);
	size_t host = strcspn(at, "/");
	struct route_stop *stop;

	if (host == 0 || at[host] == '\0' || at[host + 1] == '\0')
		return err_set(err, EINVAL, "%s: %s is no place for a repository", file, at);
	route->stops = reallocarray(route->stops, route->count + 1, sizeof(*route->stops));
	if (!route->stops)
		abort();
	stop = &route->stops[route->count++];
	*stop = (struct route_stop){ .domain = str_ndup(at, host),
				     .path = str_dup(at + host + 1),
				     .insecure = place->insecure };
	return 0;
}

int registries_route(const struct registries *registries, const char *domain, const char *path,
		     bool by_digest, struct route *ret_route, struct err *err)
{
	_cleanup_free_ char *name = str_printf("%s/%s", domain, path);
	static const struct registry_place itself;
	size_t covered = 0;
	const struct registry_rule *rule = find(registries, name, &covered);
	struct route route = ROUTE_EMPTY;
	int r = 0;

	if (rule && rule->blocked)
		return err_set(err, EPERM, "%s is blocked by %s", name, rule->file);
	for (size_t i = 0; rule && r == 0 && i < rule->mirror_count; i++) {
		const struct registry_place *mirror = &rule->mirrors[i];

		if ((rule->digest_mirrors || mirror->digest_only) && !by_digest)
			continue;
		if (mirror->tag_only && by_digest)
			continue;
		r = stop_add(&route, mirror, name, covered, rule->file, err);
	}
	if (r == 0)
		r = stop_add(&route, rule ? &rule->own : &itself, name, covered,
			     rule ? rule->file : "", err);
	if (r < 0)
		route_clear(&route);
	else
		*ret_route = route;
	return r;
}

void route_clear(struct route *route)
{
	for (size_t i = 0; i < route->count; i++) {
		free(route->stops[i].domain);
		free(route->stops[i].path);
	}
	free(route->stops);
	*route = ROUTE_EMPTY;
}
