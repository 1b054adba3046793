/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of an instance: state.db below the data root (SQLite, WAL kept between commands). It holds what must be
 * unique or must change together; each call outside store_begin/store_commit is its own transaction.
 *
 *	store_open(&store, root_path, err);
 *	store_begin(store, err);                      BEGIN IMMEDIATE, waits for the other writers
 *	container_add(store, &row, err);
 *	volume_ref_add(store, "data", row.id, err);
 *	store_commit(store, err);
 *	store_close(store);
 *
 * A store must not cross a fork (sqlite.org/howtocorrupt.html, 2.6): close it before. Strings in rows
 * are the caller's on the way in and, on the way out, belong to the row until its _clear.
 */
#ifndef CLOCHE_STATE_STORE_H
#define CLOCHE_STATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct store;

int store_open(struct store **ret_store, const char *root_path, struct err *err);
void store_close(struct store *store);
/* A descriptor for a process that stays: while one is open the index of the log (state.db-shm) is true, and
 * the next command does not read the whole log to make it anew. It has the shared lock that every connection of SQLite has there
 * (the "dead man's switch" of os_unix.c), as a lock of the open file (fcntl(2), F_OFD_SETLK). root: the data root's. -1: there
 * is none, and nothing but that reading depends on it. */
int store_index_hold(int root);
/* false: from here on a commit does not wait for the disk. After a power cut it is there whole or not at all: for the record of
 * what a reboot removes anyway. */
int store_durable(struct store *store, bool durable, struct err *err);
bool store_is_durable(const struct store *store);
int store_begin(struct store *store, struct err *err);
int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store); /* nothing happens outside a transaction */
/* PRAGMA integrity_check; -EBADMSG with its first words. */
int store_check(struct store *store, struct err *err);

struct container_row {
	char *id;	    /* 64 hex digits */
	char *name;	    /* without slash */
	int64_t created_ns; /* CLOCK_REALTIME */
	uint32_t uid_base;  /* 0: the host's ids */
	char *image_id;	    /* "sha256:...", "" for a --rootfs, "host" for the built-in image */
	char *config;	    /* JSON as the engine made it */
};
void container_row_clear(struct container_row *row);

/* -EEXIST: id or name taken (words: Docker's conflict sentence is the engine's). */
int container_add(struct store *store, const struct container_row *row, struct err *err);
/* By name, whole id or unambiguous prefix of an id, in that order. -ENOENT: `No such container: x`; -ENOTUNIQ: several. */
int container_find(struct store *store, const char *reference, struct container_row *ret_row,
		   struct err *err);
/* All, newest first. *ret_rows is the caller's: container_rows_free. Count or -errno. with_config=false leaves config NULL. */
int container_list(struct store *store, bool with_config, struct container_row **ret_rows,
		   struct err *err);
/* The config of those rows that have none and that wanted() wants, with one statement; it stays NULL where the container is gone meanwhile. */
int container_read_configs(struct store *store, struct container_row *rows, size_t count,
			   bool (*wanted)(void *data, size_t i), void *data, struct err *err);
void container_rows_free(struct container_row *rows, size_t count);
int container_set_config(struct store *store, const char *id, const char *config, struct err *err);
int container_rename(struct store *store, const char *id, const char *name, struct err *err);
/* Also drops its volume references. Missing is success. */
int container_delete(struct store *store, const char *id, struct err *err);

struct image_row {
	char *id; /* "sha256:..." of the config blob */
	int64_t created_ns;
	int64_t size_bytes;    /* of its unpacked layers */
	char *config;	       /* the config blob's bytes, JSON */
	char *manifest_digest; /* or NULL */
	char *needs;	       /* what it asks of the host, JSON (engine/image_need.h), or NULL */
	bool manifest_made; /* by us, for an image that came without: gives way to one that came. Only for image_add */
	char **layers; /* diff ids, lowest first */
	char **tags; /* "docker.io/library/x:tag", and "docker.io/library/x@sha256:..." of a pull; filled by find and list */
};
void image_row_clear(struct image_row *row);

/* Of a known image only the manifest changes, to the one that came last. Layers get rows with their sizes (parallel to row->layers). */
int image_add(struct store *store, const struct image_row *row, const int64_t *layer_sizes,
	      struct err *err);
/* An archive of one of its layers that the store keeps. */
int image_blob_add(struct store *store, const char *image_id, const char *digest,
		   int64_t size_bytes, struct err *err);
/* It has none of them any more; their files go with the next sweep. */
int image_blobs_forget(struct store *store, const char *image_id, struct err *err);
/* Move a full tag to an image. */
int image_tag(struct store *store, const char *tag, const char *image_id, struct err *err);
/* Remove one tag; -ENOENT. */
int image_untag(struct store *store, const char *tag, struct err *err);
/* By full tag, "sha256:..." id, or unambiguous prefix of the hex. -ENOENT, -ENOTUNIQ without words. */
int image_find(struct store *store, const char *reference, struct image_row *ret_row,
	       struct err *err);
int image_list(struct store *store, bool with_config, struct image_row **ret_rows, struct err *err);
void image_rows_free(struct image_row *rows, size_t count);
/* Ids of containers that use it: a string list in *ret_ids. */
int image_users(struct store *store, const char *image_id, char ***ret_ids, struct err *err);
/* Delete the image, its tags, and the rows of layers nobody else has: those diff ids come back in *ret_layers. */
int image_delete(struct store *store, const char *image_id, char ***ret_layers, struct err *err);
/* Bytes of one unpacked layer, and of all that have a row; 0 when there is none. */
int64_t layer_size(struct store *store, const char *layer, struct err *err);
int64_t layers_size(struct store *store, struct err *err);
/* Every diff id that has a row: a string list. */
int layer_list(struct store *store, char ***ret_layers, struct err *err);
/* Every digest of a config, manifest or layer's archive that an image has. */
int blob_list(struct store *store, char ***ret_digests, struct err *err);

struct volume_row {
	char *name;
	int64_t created_ns;
	bool anonymous;
	char *labels;  /* JSON object or NULL */
	char *options; /* JSON object or NULL */
};
void volume_row_clear(struct volume_row *row);

/* -EEXIST: it is there already, nothing changed, no words. */
int volume_add(struct store *store, const struct volume_row *row, struct err *err);
int volume_find(struct store *store, const char *name, struct volume_row *ret_row, struct err *err);
int volume_list(struct store *store, struct volume_row **ret_rows, struct err *err);
void volume_rows_free(struct volume_row *rows, size_t count);
int volume_ref_add(struct store *store, const char *name, const char *container_id,
		   struct err *err);
int volume_users(struct store *store, const char *name, char ***ret_ids, struct err *err);
/* -EBUSY while a container refers to it; -ENOENT. */
int volume_delete(struct store *store, const char *name, struct err *err);
/* Anonymous volumes that only this container refers to: a string list. */
int volume_anonymous_of(struct store *store, const char *container_id, char ***ret_names,
			struct err *err);

struct network_row {
	char *id; /* 64 hex digits */
	char *name;
	int64_t created_ns;
	char *driver;		 /* "bridge", ... */
	char *link;		 /* of the host */
	char *subnet4, *subnet6; /* the gateway with its prefix, "172.30.0.1/16"; "": none */
	int64_t slot;		 /* host part of the address that was given last */
	char *config;		 /* JSON as the engine made it */
};
void network_row_clear(struct network_row *row);

/* -EEXIST: id or name taken. */
int network_add(struct store *store, const struct network_row *row, struct err *err);
/* By name, whole id, or unambiguous prefix of an id. -ENOENT, -ENOTUNIQ without words. */
int network_row_find(struct store *store, const char *reference, struct network_row *ret_row,
		     struct err *err);
int network_list(struct store *store, struct network_row **ret_rows, struct err *err);
void network_rows_free(struct network_row *rows, size_t count);
int network_set_slot(struct store *store, const char *id, int64_t slot, struct err *err);
/* -EBUSY while a container has an address of it; -ENOENT. */
int network_delete(struct store *store, const char *id, struct err *err);

struct endpoint_row {		   /* a container on a network, from its creation to its removal */
	char *network, *container; /* ids */
	int64_t position;	   /* among the container's own */
	int64_t slot;
	char *ip4, *ip6, *mac; /* "": none */
	char *config;	       /* JSON: what the user asked for */
};
void endpoint_row_clear(struct endpoint_row *row);

/* -EEXIST: it is on that network, or the slot is taken. */
int endpoint_add(struct store *store, const struct endpoint_row *row, struct err *err);
int endpoint_delete(struct store *store, const char *network, const char *container,
		    struct err *err);
/* Its slot, ip4 and config anew. -EEXIST: another one has the slot. */
int endpoint_update(struct store *store, const struct endpoint_row *row, struct err *err);
/* 1: a container has this slot, 0: free. */
int endpoint_slot_taken(struct store *store, const char *network, int64_t slot, struct err *err);
/* Of a container by position, or of a network; the other is NULL. Count. */
int endpoint_list(struct store *store, const char *network, const char *container,
		  struct endpoint_row **ret_rows, struct err *err);
void endpoint_rows_free(struct endpoint_row *rows, size_t count);

struct port_row {	/* a published port of a running container */
	char *protocol; /* "tcp", "udp", "sctp" */
	int64_t port;
	char *host; /* address of the host; "0.0.0.0", "::": every */
	char *container;
	char *to_ip;
	int64_t to_port;
	char *mode;    /* "kernel", "visible" */
	int64_t count; /* the table's own; 1 */
};
void port_row_clear(struct port_row *row);

enum { PORT_RUN_MAX = 128 };
/* This one and those that follow it, at both ends: `count` in all, at most PORT_RUN_MAX. -EEXIST: one of them is taken. */
int port_add(struct store *store, const struct port_row *row, int64_t count, struct err *err);
/* container NULL: all. Each port has a row of its own. */
int port_list(struct store *store, const char *container, struct port_row **ret_rows,
	      struct err *err);
void port_rows_free(struct port_row *rows, size_t count);
int port_delete_all(struct store *store, const char *container, struct err *err);
int port_delete(struct store *store, const struct port_row *row, struct err *err);

#endif
