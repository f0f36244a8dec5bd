/*
 * utf8.h - texts in characters: their lengths, and messages that were cut
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_UTF8_H
#define TG_UTIL_UTF8_H

#include <stddef.h>

/* How many characters a text of valid UTF-8 has. */
size_t tg_utf8_length(const char *text);

/*
 * Puts a question mark in the place of each byte that is of no valid
 * character (RFC 3629, section 4): a message that names what somebody sent
 * may have been cut within one, and JSON takes no such text.
 */
void tg_utf8_mend(char *text);

#endif
