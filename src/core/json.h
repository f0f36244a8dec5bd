/*
 * json.h - one value out of a JSON text
 *
 * Mappings and templates take single values out of bodies: $.pets[0].name.
 * The text is read once, from its start to its end, and nothing of it is
 * built in memory: what is found is a piece of the text.
 *
 * Promises
 *   J1  Pure: no allocation, no I/O; the time is linear in the text, and
 *       nesting deeper than TG_JSON_DEPTH_MAX is no JSON here.
 *   J2  What comes with TG_OK or TG_NOTFOUND is one whole JSON text (RFC
 *       8259); UTF-8 is not checked.
 *   J3  Of a name that stands twice in an object the last counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_JSON_H
#define TG_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "util/status.h"

#define TG_JSON_DEPTH_MAX 100

struct tg_json_value {
    const char *text; /* inside the text that was searched */
    size_t      len;
    bool        is_string; /* then text has its quotes */
};

/*
 * A path is what follows the $ of a JSONPath: names and indexes, ".name",
 * "['name']", "[0]"; "" is the whole.  Wildcards, slices, filters and the
 * deep search are none.
 */
bool tg_json_path_is_valid(const char *path, size_t len);

/*
 * The value at path (a valid one).  TG_NOTFOUND: there is none; TG_INVALID:
 * text is not JSON.
 */
TG_MUST_CHECK enum tg_status tg_json_find(struct tg_json_value *out,
    const char *text, size_t len, const char *path, size_t path_len);

/*
 * Whether text looks as if it were meant as JSON with something inside: its
 * first character is one of { [ " '.  Amazon does not try others.
 */
bool tg_json_is_meant(const char *text, size_t len);

/*
 * Writes what value says: the characters of a string, decoded, or the text
 * of anything else.  out has room for value->len bytes; the result is what
 * was used.
 */
size_t tg_json_decode(char *out, const struct tg_json_value *value);

/*
 * Writes text as the inside of a JSON string.  out may be NULL, and then
 * only the length is counted.
 */
size_t tg_json_escape(char *out, const char *text, size_t len);

#endif
