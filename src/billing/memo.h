/*
 * memo.h - the few single values that billing keeps in the store
 *
 * Rows of `meta`.  They change in the caller's transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_MEMO_H
#define TG_BILLING_MEMO_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"
#include "util/error.h"

#define TG_MEMO_NODE "node_id"
#define TG_MEMO_SEALED_THROUGH "billing.sealed_through" /* hour */
#define TG_MEMO_WRITTEN_OFF "billing.written_off" /* time: unrecorded.h */
#define TG_MEMO_SEALING "billing.sealing" /* hour: see sealer.h, E2 */
#define TG_MEMO_BOOT "billing.boot_id"
#define TG_MEMO_HOLD "billing.hold" /* why nothing is sealed; absent: none */
#define TG_MEMO_COOKIE_KEY "portal.cookie_key"

/* The value as text; TG_NOTFOUND: there is none; TG_LIMIT: longer. */
TG_MUST_CHECK enum tg_status tg_memo_get(struct tg_store *s, char *out,
    size_t size, const char *name, struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_memo_get_int(struct tg_store *s,
    int64_t *out, const char *name, struct tg_error *err);

TG_MUST_CHECK enum tg_status tg_memo_set(struct tg_store *s,
    const char *name, const char *value, struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_memo_set_int(struct tg_store *s,
    const char *name, int64_t value, struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_memo_remove(struct tg_store *s,
    const char *name, struct tg_error *err);

#endif
