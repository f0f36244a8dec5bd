/*
 * yaml_write.h - JSON values as YAML text
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_YAML_WRITE_H
#define TG_CONTROL_YAML_WRITE_H

#include <jansson.h>

#include "util/buf.h"
#include "util/error.h"

/*
 * Appends the value as one document.  Texts are always quoted, so that what
 * reads it takes none for a number or a boolean.  TG_LIMIT: out is full.
 */
TG_MUST_CHECK enum tg_status tg_yaml_write(struct tg_buf *out,
    const json_t *value, struct tg_error *err);

#endif
