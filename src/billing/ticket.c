/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/ticket.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
sign(char out[TG_SHA256_HEX], const char *key, const char *text, size_t len)
{
    uint8_t mac[TG_SHA256_SIZE];

    tg_hmac_sha256(mac, key, strlen(key), text, len);
    tg_hex(out, mac, sizeof(mac));
}

void
tg_ticket_make(char out[TG_TICKET_SIZE], const char *key,
    const char *agreement, int64_t ends_s)
{
    char mac[TG_SHA256_HEX], text[TG_TICKET_SIZE - TG_SHA256_HEX];
    int  len = snprintf(text, sizeof(text), "%s.%" PRId64, agreement, ends_s);

    sign(mac, key, text, (size_t) len);
    (void) snprintf(out, TG_TICKET_SIZE, "%s.%s", text, mac);
}

bool
tg_ticket_read(char agreement[TG_AGREEMENT_ID_SIZE], const char *key,
    const char *ticket, int64_t now_s)
{
    char        mac[TG_SHA256_HEX];
    size_t      len;
    const char *dot = ticket != NULL ? strrchr(ticket, '.') : NULL;
    const char *end = ticket != NULL ? strchr(ticket, '.') : NULL;

    if (dot == NULL || end == dot || strlen(ticket) >= TG_TICKET_SIZE
        || strlen(dot + 1) != TG_SHA256_HEX - 1
        || end - ticket >= TG_AGREEMENT_ID_SIZE)
    {
        return false;
    }
    sign(mac, key, ticket, (size_t) (dot - ticket));
    if (!tg_equal_ct(mac, dot + 1, TG_SHA256_HEX - 1)
        || strtoll(end + 1, NULL, 10) < now_s)
    {
        return false;
    }
    len = (size_t) (end - ticket);
    memcpy(agreement, ticket, len);
    agreement[len] = '\0';
    return true;
}
