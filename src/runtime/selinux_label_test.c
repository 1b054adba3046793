/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/selinux_label.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void no_label_is_right_everywhere(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(selinux_label_check("process.selinuxLabel", NULL, &err), 0);
	assert_int_equal(selinux_label_check("process.selinuxLabel", "", &err), 0);
}

/* What the kernel says of labels is seen in the guest (tests/vm/cases/selinux.sh). */
static void a_wrong_label_is_named_with_the_reason(void **state)
{
	struct err err = ERR_NONE;
	int r = selinux_label_check("linux.mountLabel", "no:such:label", &err);

	(void)state;
	if (selinux_enabled()) {
		assert_int_equal(r, -EINVAL);
		assert_string_equal(
			err.words,
			"linux.mountLabel: \"no:such:label\" is no label of the SELinux policy that is loaded");
	} else {
		assert_int_equal(r, -EOPNOTSUPP);
		assert_string_equal(
			err.words,
			"linux.mountLabel: \"no:such:label\": this host does not use SELinux");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_label_is_right_everywhere),
		cmocka_unit_test(a_wrong_label_is_named_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
