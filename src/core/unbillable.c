/* SPDX-License-Identifier: Apache-2.0 */
#include "core/unbillable.h"

#include <string.h>

static const struct {
    const char *name;
    const char *text;
    bool        comes_home;
} reasons[] = {
#define X(name, slug, comes_home, text) { slug, text, comes_home },
    TG_UNBILLABLE_LIST(X)
#undef X
};

const char *
tg_unbillable_text(enum tg_unbillable why)
{
    return reasons[why].text;
}

const char *
tg_unbillable_name(enum tg_unbillable why)
{
    return reasons[why].name;
}

bool
tg_unbillable_comes_home(enum tg_unbillable why)
{
    return reasons[why].comes_home;
}

enum tg_unbillable
tg_unbillable_of(const char *text)
{
    int    i;
    size_t len;

    for (i = 0; i < TG_UNBILLABLE_OTHER; i++) {
        len = strlen(reasons[i].text);
        if (strncmp(text, reasons[i].text, len) == 0
            && (text[len] == '\0' || text[len] == ' '))
        {
            break;
        }
    }
    return (enum tg_unbillable) i;
}
