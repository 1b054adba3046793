/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of an image, as anyone may have written it. */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "image/image_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(image_config_clear) struct image_config config = IMAGE_CONFIG_EMPTY;
	struct err err = ERR_NONE;

	(void)image_config_parse((const char *)data, size, &config, &err);
	return 0;
}
