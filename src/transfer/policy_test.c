/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/reference.h"
#include "transfer/policy.h"

static const char scopes[] =
	"{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"dir\": {\"\": [{\"type\": \"reject\"}]}, \"docker\": {"
	"\"quay.io\": [{\"type\": \"signedBy\", \"keyType\": \"GPGKeys\", \"keyPath\": \"/host\"}],"
	"\"quay.io/me\": [{\"type\": \"signedBy\", \"keyType\": \"GPGKeys\", \"keyPaths\": [\"/a\", \"/b\"]}],"
	"\"quay.io/me/web:1\": [{\"type\": \"insecureAcceptAnything\"}],"
	"\"*.corp.example\": [{\"type\": \"sigstoreSigned\", \"keyData\": \"eA==\"},"
	" {\"type\": \"signedBy\", \"keyType\": \"GPGKeys\", \"keyPath\": \"/k\"}]}}}";

static void wanted_of(const char *text, const char *name, const char *words)
{
	static const char *const types[] = { "accept", "reject", "signedBy", "sigstore" };
	struct policy policy = POLICY_NONE;
	struct reference reference = REFERENCE_EMPTY;
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	struct requirement *list = NULL;
	struct err err = ERR_NONE;
	size_t count = 0;

	assert_int_equal(policy_parse(&policy, "p.json", text, strlen(text), &err), 0);
	assert_int_equal(reference_parse(name, &reference, &err), 0);
	if (policy_requirements(&policy, &reference, &list, &count, &err) < 0)
		buf_puts(&out, err.words);
	for (size_t i = 0; i < count; i++) {
		buf_printf(&out, "%s%s", i ? " " : "", types[list[i].type]);
		for (size_t k = 0; list[i].key_paths && list[i].key_paths[k]; k++)
			buf_printf(&out, ",%s", list[i].key_paths[k]);
	}
	assert_string_equal(out.data, words);
	requirements_free(list, count);
	reference_clear(&reference);
	policy_clear(&policy);
}

static void the_narrowest_scope_counts(void **state)
{
	(void)state;
	wanted_of(scopes, "quay.io/me/web:1", "accept");
	wanted_of(scopes, "quay.io/me/web:2", "signedBy,/a,/b");
	wanted_of(scopes, "quay.io/meadow/web", "signedBy,/host");
	wanted_of(scopes, "a.b.corp.example/x", "sigstore signedBy,/k");
	wanted_of(scopes, "corp.example/x", "reject");
	wanted_of(scopes, "web", "reject");
}

static void what_is_not_understood_is_refused(void **state)
{
	static const struct {
		const char *requirement, *words;
	} cases[] = {
		{ "{\"type\": \"signedBaseLayer\"}",
		  "p.json: a requirement of type \"signedBaseLayer\" is not understood here" },
		{ "{\"type\": \"sigstoreSigned\", \"fulcio\": {}}",
		  "p.json: \"fulcio\" is not understood here" },
		{ "{\"type\": \"sigstoreSigned\"}", "p.json: it names no key" },
		{ "{\"type\": \"signedBy\", \"keyType\": \"X509\", \"keyPath\": \"/k\"}",
		  "p.json: keyType is not GPGKeys" },
		{ "{\"type\": \"sigstoreSigned\", \"keyPath\": \"/k\", \"signedIdentity\": {\"type\": \"exactReference\"}}",
		  "p.json: signedIdentity of type exactReference lacks a name" },
		{ "{\"type\": \"sigstoreSigned\", \"keyPath\": \"/k\", \"signedIdentity\": {\"type\": \"x\"}}",
		  "p.json: signedIdentity of type \"x\" is not understood here" },
		{ "[]", "p.json: a requirement is no object" },
	};
	struct policy policy = POLICY_NONE;
	struct err err = ERR_NONE;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = str_printf("{\"default\": [%s]}", cases[i].requirement);

		wanted_of(text, "web", cases[i].words);
	}
	wanted_of("{\"default\": []}", "web",
		  "p.json: what holds for docker.io/library/web is no list of requirements");
	assert_int_equal(policy_parse(&policy, "p.json", "{}", 2, &err), -EBADMSG);
}

static void a_signature_is_for_one_name(void **state)
{
	static const struct {
		enum identity_rule rule;
		const char *reference, *prefix, *name, *is;
		bool good;
	} cases[] = {
		{ IDENTITY_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a:1", "q.io/a:1", true },
		{ IDENTITY_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a:1", "q.io/a:2", false },
		{ IDENTITY_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a", "q.io/a", false },
		{ IDENTITY_REPO_DIGEST_OR_EXACT, NULL, NULL,
		  "q.io/a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "q.io/a", true },
		{ IDENTITY_REPO_DIGEST_OR_EXACT, NULL, NULL,
		  "q.io/a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "q.io/b", false },
		{ IDENTITY_EXACT, NULL, NULL, "web:1", "docker.io/library/web:1", true },
		{ IDENTITY_REPOSITORY, NULL, NULL, "q.io/a:1", "q.io/a", true },
		{ IDENTITY_REPOSITORY, NULL, NULL, "q.io/a:1", "evil.io/a", false },
		{ IDENTITY_EXACT_REFERENCE, "up.io/a:9", NULL, "q.io/a:1", "up.io/a:9", true },
		{ IDENTITY_EXACT_REFERENCE, "up.io/a:9", NULL, "q.io/a:1", "q.io/a:1", false },
		{ IDENTITY_EXACT_REPOSITORY, "up.io/a", NULL, "q.io/a:1", "up.io/a:7", true },
		{ IDENTITY_REMAP, "up.io/x", "q.io/m", "q.io/m/a:1", "up.io/x/a:1", true },
		{ IDENTITY_REMAP, "up.io/x", "q.io/m", "q.io/m/a:1", "q.io/m/a:1", false },
		{ IDENTITY_REMAP, "up.io/x", "q.io/m", "q.io/more/a:1", "q.io/more/a:1", true },
		{ IDENTITY_EXACT, NULL, NULL, "q.io/a:1", "not a name", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct requirement q = { .identity = cases[i].rule,
					 .reference = (char *)(uintptr_t)cases[i].reference,
					 .prefix = (char *)(uintptr_t)cases[i].prefix };
		struct reference name = REFERENCE_EMPTY;
		struct err err = ERR_NONE;

		assert_int_equal(reference_parse(cases[i].name, &name, &err), 0);
		if (requirement_identity(&q, &name, cases[i].is) != cases[i].good)
			fail_msg("case %zu: %s and %s", i, cases[i].name, cases[i].is);
		reference_clear(&name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_narrowest_scope_counts),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(a_signature_is_for_one_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
