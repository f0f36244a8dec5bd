/* SPDX-License-Identifier: Apache-2.0 */
#include "util/percent.h"

#include "util/digest.h"

bool
tg_percent_is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
           || c == '~';
}

int
tg_percent_byte(const char *text, size_t len)
{
    int high, low;

    if (len < TG_PERCENT_SIZE || text[0] != '%') {
        return -1;
    }
    high = tg_hex_digit(text[1]);
    low = tg_hex_digit(text[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

enum tg_status
tg_percent_add(struct tg_buf *out, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned          byte = (unsigned char) c;
    char              escape[TG_PERCENT_SIZE] = { '%', digits[byte >> 4],
                     digits[byte & 15] };

    return tg_buf_add(out, escape, sizeof(escape));
}

enum tg_status
tg_percent_encode(struct tg_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (tg_percent_is_plain(*text)) {
            (void) tg_buf_putc(out, *text);
        } else {
            (void) tg_percent_add(out, *text);
        }
    }
    return out->status;
}
