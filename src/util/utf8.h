/*
 * utf8.h - lengths that people and AWS's limits count in characters
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_UTF8_H
#define TG_UTIL_UTF8_H

#include <stddef.h>

/* How many characters a text of valid UTF-8 has. */
size_t tg_utf8_length(const char *text);

#endif
