/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parts/ of the data root: what has come of blobs whose fetching was cut (src/transfer/part.h). Each is locked (flock(2)) by whoever
 * goes on with it, and only removed by who has that lock. */
#ifndef CLOCHE_IMAGE_PARTS_H
#define CLOCHE_IMAGE_PARTS_H

#include <stdint.h>

/* Remove those that nobody goes on with nor has for so long: how many bytes. ret_names: "parts/HEX" is added for each; or NULL. */
uint64_t parts_sweep(int root, int64_t untouched_s, char ***ret_names);
/* Those that nobody goes on with, and for how long nobody has. */
void parts_each(int root,
		void (*each)(void *data, const char *path, uint64_t bytes, int64_t untouched_s),
		void *data);

#endif
