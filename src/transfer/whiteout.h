/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whiteouts, what a layer takes away from those below it (image-spec, layer.md, "Whiteouts"): `.wh.NAME` hides NAME,
 * `.wh..wh..opq` hides all that lower layers have in its folder. Overlayfs wants a character device 0:0 and the attribute
 * trusted.overlay.opaque, which no sandboxed process may make: it reports them, and the parent makes them, by descriptor,
 * following nothing. They apply to lower layers alone, whatever their order in the archive. */
#ifndef CLOCHE_TRANSFER_WHITEOUT_H
#define CLOCHE_TRANSFER_WHITEOUT_H

#include <stdbool.h>

struct buf;
struct err;

enum whiteout_kind {
	WHITEOUT_NONE, /* a file like any other */
	WHITEOUT_HIDE, /* *ret_name: what it hides */
	WHITEOUT_OPAQUE,
	WHITEOUT_METADATA, /* AUFS's own (.wh..wh.plnk): left out, as Docker does */
};

/* path: clean (tar_name_clean). -EINVAL: a mark that hides nothing a folder can have. */
int whiteout_parse(const char *path, enum whiteout_kind *ret_kind, const char **ret_name,
		   struct err *err);

/* In the child: folder is absolute, as getcwd(2) gives it, in the layer; name is NULL for an opaque folder. */
void whiteout_report(struct buf *report, const char *folder, const char *name);

/* In the parent: make all that the report lists in the layer whose root is `tree`. Each path is checked again.
 * *ret_opaque_root: the layer hides all layers below it, which overlayfs has no mark for. */
int whiteout_apply(int tree, const struct buf *report, bool *ret_opaque_root, struct err *err);
/* The same of a layer that is unpacked already. */
bool whiteout_opaque_root(int tree);

#endif
