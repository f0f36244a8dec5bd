/*
 * json.h - JSON as text, whole or not at all
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_JSON_H
#define TG_AWS_JSON_H

#include <jansson.h>

/*
 * The value as compact text, which the caller frees; NULL: no memory, a text
 * that is not UTF-8, or no value.  jansson's own json_dumps drops the name of
 * a member when there is no memory for it, and says that all is well: what
 * is money or evidence is written with this.
 */
char *tg_aws_json_text(const json_t *value);

#endif
