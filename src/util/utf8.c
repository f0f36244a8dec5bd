/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

size_t
tg_utf8_length(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += ((unsigned char) *text & 0xc0) != 0x80; /* begins one */
    }
    return count;
}
