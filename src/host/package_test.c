/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void versions_are_ordered_as_dpkg_does(void **state)
{
	static const char *const rising[][2] = {
		{ "1.0~rc1", "1.0" },
		{ "1.0", "1.0a" },
		{ "1.0a", "1.0+b" },
		{ "1.9", "1.10" },
		{ "9", "1:1" },
		{ "1.0-1", "1.0-1+deb12u1" },
		{ "1.0-1~bpo", "1.0-1" },
		{ "2.36-9", "2.36-9+deb12u13" },
		{ "1.2.4-r1", "1.2.4-r10" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rising); i++) {
		assert_true(version_compare(PACKAGE_DPKG, rising[i][0], rising[i][1]) < 0);
		assert_true(version_compare(PACKAGE_DPKG, rising[i][1], rising[i][0]) > 0);
	}
	assert_int_equal(version_compare(PACKAGE_DPKG, "1.0-1", "1.0-1"), 0);
	assert_int_equal(version_compare(PACKAGE_DPKG, "0:1.00", "1.0"), 0);
}

/* from the cases of rpm's own tests/rpmvercmp.at */
static void versions_are_ordered_as_rpm_does(void **state)
{
	static const char *const rising[][2] = {
		{ "1.0", "2.0" },
		{ "2.0", "2.0.1" },
		{ "5.5p1", "5.5p2" },
		{ "5.5p1", "5.5p10" },
		{ "10xyz", "10.1xyz" },
		{ "xyz10", "xyz10.1" },
		{ "xyz.4", "8" },
		{ "xyz.4", "2" },
		{ "5.6p1", "6.5p1" },
		{ "6.0", "6.0.rc1" },
		{ "10a2", "10b2" },
		{ "1.0aa", "1.0aaa" },
		{ "1.0~rc1", "1.0" },
		{ "1.0~rc1", "1.0~rc2" },
		{ "1.0", "1.0^" },
		{ "1.0^git1", "1.0.1" },
		{ "1.0^git1", "1.0^git2" },
		{ "1.0~rc1", "1.0~rc1^git1" },
		{ "1.0^git1~pre", "1.0^git1" },
		{ "5.1-2.fc30", "5.1-10.fc30" },
		{ "9", "1:1" },
	};
	static const char *const same[][2] = {
		{ "2_0", "2.0" },
		{ "fc4", "fc.4" },
		{ "3.0.0_fc", "3.0.0.fc" },
		{ "05", "5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rising); i++) {
		assert_true(version_compare(PACKAGE_RPM, rising[i][0], rising[i][1]) < 0);
		assert_true(version_compare(PACKAGE_RPM, rising[i][1], rising[i][0]) > 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		assert_int_equal(version_compare(PACKAGE_RPM, same[i][0], same[i][1]), 0);
}

static void exposed_packages_are_those_that_meet_foreign_data(void **state)
{
	(void)state;
	assert_true(package_is_exposed("libssl3"));
	assert_true(package_is_exposed("musl"));
	assert_false(package_is_exposed("tzdata"));
}

static void packages_of_dpkg_are_those_installed(void **state)
{
	struct packages packages = PACKAGES_EMPTY;

	(void)state;
	packages_parse("Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2.13\n\n"
		       "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
		       "Package: bash\nStatus: install ok installed\nVersion: 5.2\n",
		       &packages);
	assert_int_equal(packages.count, 2);
	assert_string_equal(packages_find(&packages, "zlib1g")->version, "1:1.2.13");
	assert_null(packages_find(&packages, "gone"));
	packages_clear(&packages);
}

static void packages_of_apk_are_read(void **state)
{
	struct packages packages = PACKAGES_EMPTY;

	(void)state;
	packages_parse("C:Q1\nP:musl\nV:1.2.4-r1\n\nP:busybox\nV:1.36\n\n", &packages);
	assert_string_equal(packages_find(&packages, "musl")->version, "1.2.4-r1");
	assert_string_equal(packages_find(&packages, "busybox")->version, "1.36");
	packages_clear(&packages);
	packages_parse("", &packages);
	assert_null(packages_find(&packages, "x"));
	packages_clear(&packages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_ordered_as_dpkg_does),
		cmocka_unit_test(versions_are_ordered_as_rpm_does),
		cmocka_unit_test(exposed_packages_are_those_that_meet_foreign_data),
		cmocka_unit_test(packages_of_dpkg_are_those_installed),
		cmocka_unit_test(packages_of_apk_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
