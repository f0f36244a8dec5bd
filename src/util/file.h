/*
 * file.h - whole small files: read with a limit, replaced in one step
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_FILE_H
#define TG_UTIL_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"

/*
 * Appends the file's bytes to out.  TG_NOTFOUND when it does not exist,
 * TG_LIMIT when it is larger than out may hold, TG_IO otherwise.
 */
TG_MUST_CHECK enum tg_status tg_file_read(struct tg_buf *out,
    const char *path, struct tg_error *err);

/*
 * Writes data beside path, syncs it and renames it over path, so that a
 * reader sees the old bytes or the new ones, also after a power cut.
 */
TG_MUST_CHECK enum tg_status tg_file_replace(const char *path,
    const void *data, size_t len, mode_t mode, struct tg_error *err);

/* mkdir -p; directories that are there keep their mode. */
TG_MUST_CHECK enum tg_status tg_dir_make(const char *path, mode_t mode,
    struct tg_error *err);

#endif
