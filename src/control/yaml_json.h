/*
 * yaml_json.h - YAML text as JSON values
 *
 * The core schema of YAML 1.2: plain yes, no and dates are texts.  Anchors
 * and aliases work, by copying; what they expand to counts against the limit
 * on values.  Merge keys ("<<") and tags of one's own are refused.
 * https://yaml.org/spec/1.2.2/#103-core-schema
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_YAML_JSON_H
#define TG_CONTROL_YAML_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "util/error.h"

/* The document's value.  TG_INVALID or TG_LIMIT with line and column. */
TG_MUST_CHECK enum tg_status tg_yaml_parse(json_t **out, const char *text,
    size_t len, struct tg_error *err);

/* As tg_document_locate, for text that tg_yaml_parse has accepted. */
void tg_yaml_locate(const char *text, size_t len, const char *pointer,
    size_t *line, size_t *column);

#endif
