/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an image asks of the host, worked out once, when it is stored, so that a start need not look into it:
 *
 *	{"Kernel":"3.2.0","Level":2,"Systemd":252,"LabelKernel":"5.10","Modules":["tun"],"Devices":["/dev/kvm"],"Libc":true}
 *
 * from its libc's notes (elf_need.h), its systemd's library, and the labels org.cloche.requires.kernel, .modules and .devices. What it does not ask for
 * is left out. At a start there is one warning for each thing that the host lacks, and nothing otherwise; nothing is ever acted on.
 */
#ifndef CLOCHE_ENGINE_IMAGE_NEED_H
#define CLOCHE_ENGINE_IMAGE_NEED_H

#include <jansson.h>
#include <stdbool.h>

struct engine;
struct image_row;

enum need_verdict { NEED_MET, NEED_NOT_MET };
typedef void need_report(void *data, enum need_verdict verdict, const char *what,
			 const char *words);

/* row: its layers and configuration. JSON to be freed. */
char *image_need_of(struct engine *engine, const struct image_row *row);
/* Each demand of `needs` against this host. */
void image_need_check(struct engine *engine, const json_t *needs, need_report *report, void *data);
/* The demands that this kernel's like need not all meet, for the container's own record; NULL: none, which is most images'. From the text of image_row, and
 * the architecture of the image's configuration; NULL: not to be looked at, since the user asked for it. */
json_t *image_need_rare(const char *needs, const char *architecture);
/* image_need_check, for a start: a warning for what is not met. init: systemd is what starts; nothing else of the image minds what it asks for. */
void image_need_warn(struct engine *engine, const json_t *needs, bool init, char ***warnings);
/* Where C libraries lie in images; NULL at the end. */
extern const char *const image_need_libraries[];

#endif
