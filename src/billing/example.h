/*
 * example.h - a call that a buyer can make with the new key
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_EXAMPLE_H
#define TG_BILLING_EXAMPLE_H

#include "settings/settings.h"
#include "store/store.h"
#include "util/arena.h"
#include "util/error.h"

/*
 * The URL of a method that the plan's stages really serve: a GET that wants
 * a key and has no path parameters, else any GET without them, else the
 * stage itself.  TG_NOTFOUND: the plan has no deployed stage.
 */
TG_MUST_CHECK enum tg_status tg_example_url(const char **out,
    struct tg_store *store, const struct tg_settings *settings,
    const char *plan_id, struct tg_arena *arena, struct tg_error *err);

#endif
