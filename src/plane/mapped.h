/*
 * mapped.h - a file that several processes map: made whole, opened checked
 *
 * keys.<generation> and meters.<piece> start with one page that holds a
 * struct tg_mapped_header; what lies behind it is the matter of keys and
 * meters.  This is private to src/plane.
 *
 * Promises
 *   F1  A file is made under another name, allocated in full, headed and
 *       synced before it takes its name; so whoever finds it finds all of it,
 *       and no write to it can meet a full disk (SIGBUS).
 *   F2  A file is opened only if its kind, version, size, number and file id
 *       are the ones expected and its header's digest is right; the reason
 *       names the file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_MAPPED_H
#define TG_PLANE_MAPPED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "plane/board.h"
#include "util/error.h"

#define TG_MAPPED_PAGE 4096
#define TG_MAPPED_CHECK_SIZE 16

struct tg_mapped_header {
    char     magic[8];
    uint32_t version;
    uint32_t header_size; /* TG_MAPPED_PAGE */
    uint64_t size;        /* of the whole file */
    uint64_t number;      /* generation or piece */
    uint8_t  file_id[TG_PLANE_ID_SIZE];
    uint64_t shape[2]; /* keys: words, entries; meters: cells, 0 */
    uint8_t  check[TG_MAPPED_CHECK_SIZE]; /* SHA-256 of the above, cut */
};

struct tg_mapped {
    uint8_t *base;
    size_t   size;
};

/* The header of a new file; size is set by tg_mapped_make. */
void tg_mapped_header_init(struct tg_mapped_header *h, const char *magic,
    uint64_t number, const uint8_t file_id[TG_PLANE_ID_SIZE]);

/* F2 without the file: bytes that claim to be one. */
TG_MUST_CHECK enum tg_status tg_mapped_check(const void *bytes, size_t size,
    const struct tg_mapped_header *expected, const char *path,
    struct tg_error *err);

/*
 * Makes path.new: header, then zeros up to size, mapped for writing (F1).
 * TG_IO: no room; nothing is left behind.
 */
TG_MUST_CHECK enum tg_status tg_mapped_make(struct tg_mapped *out,
    const char *path, struct tg_mapped_header *header, size_t size,
    mode_t mode, struct tg_error *err);

/* Syncs a file that was made beside path and gives it its name, durably. */
TG_MUST_CHECK enum tg_status tg_mapped_rename(const char *beside,
    const char *path, struct tg_error *err);

/* The same for the mapped path.new; on failure that is removed. */
TG_MUST_CHECK enum tg_status tg_mapped_name(const struct tg_mapped *m,
    const char *path, struct tg_error *err);

/*
 * Opens a file made before, if it is what expected says in magic, number and
 * file_id.  With is_owner the file is allocated in full again, should a
 * restored copy have lost that.
 */
TG_MUST_CHECK enum tg_status tg_mapped_open(struct tg_mapped *out,
    const char *path, const struct tg_mapped_header *expected,
    bool is_writable, bool is_owner, struct tg_error *err);

void tg_mapped_close(struct tg_mapped *m);

/* "<dir>/<name>.<number>"; TG_INVALID when it is too long. */
TG_MUST_CHECK enum tg_status tg_mapped_path(char out[PATH_MAX],
    const char *dir, const char *name, uint64_t number,
    struct tg_error *err);

/* Allocates size bytes and sets the mode, whatever the umask. */
TG_MUST_CHECK enum tg_status tg_mapped_allocate(int fd, size_t size,
    mode_t mode, const char *path, struct tg_error *err);

/*
 * Calls visit with the number of every "<name>.<number>" in dir, and removes
 * those for which it returns false, and "<name>.<number>.new" in any case.
 */
void tg_mapped_clean(const char *dir, const char *name,
    bool (*is_needed)(void *data, uint64_t number), void *data);

#endif
