/* SPDX-License-Identifier: Apache-2.0 */
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

const char *
tg_status_text(enum tg_status status)
{
    switch (status) {
#define X(name, number, text)                                                 \
    case name:                                                                \
        return text;
        TG_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

enum tg_status
tg_error_set(struct tg_error *err, enum tg_status status, const char *fmt, ...)
{
    va_list args;

    if (err != NULL) {
        err->status = status;
        va_start(args, fmt);
        (void) vsnprintf(err->message, sizeof(err->message), fmt, args);
        va_end(args);
        tg_utf8_mend(err->message);
    }
    return status;
}

enum tg_status
tg_error_errno(struct tg_error *err, enum tg_status status, const char *fmt,
    ...)
{
    int     saved = errno;
    int     n;
    char    reason[128];
    va_list args;

    if (err != NULL) {
        err->status = status;
        va_start(args, fmt);
        n = vsnprintf(err->message, sizeof(err->message), fmt, args);
        va_end(args);
        if (n >= 0 && (size_t) n < sizeof(err->message)) {
            (void) snprintf(err->message + n,
                sizeof(err->message) - (size_t) n, ": %s",
                strerror_r(saved, reason, sizeof(reason)));
        }
        tg_utf8_mend(err->message);
    }
    errno = saved;
    return status;
}
