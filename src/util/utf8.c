/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

#include <stdint.h>

size_t
tg_utf8_length(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += ((unsigned char) *text & 0xc0) != 0x80; /* begins one */
    }
    return count;
}

/* How many bytes the character at text has; 0: there is none. */
static size_t
character_size(const unsigned char *text)
{
    size_t   i, size;
    uint32_t value;
    /* the least value that needs as many bytes */
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    if (text[0] < 0x80) {
        return 1;
    }
    size = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc0 || text[0] > 0xf4) {
        return 0;
    }
    value = text[0] & (0x7fU >> size);
    for (i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (text[i] & 0x3fU);
    }
    return value < least[size] || value > 0x10ffff
            || (value >= 0xd800 && value <= 0xdfff) ? 0 : size;
}

void
tg_utf8_mend(char *text)
{
    while (*text != '\0') {
        size_t size = character_size((const unsigned char *) text);

        if (size == 0) {
            *text = '?';
            size = 1;
        }
        text += size;
    }
}
