/*
 * page.h - lists that are answered a page at a time
 *
 *     status = tg_page_begin(&page, call);
 *     if (status == TG_OK) {
 *         status = tg_page_after_row(&page, &created_s, &id);
 *     }
 *     if (status == TG_OK) {
 *         status = tg_store_query(..., behind that row ..., page.limit + 1);
 *     }
 *     while (status == TG_OK && (status = tg_stmt_next(...)) == TG_OK
 *         && tg_page_has_room(&page)) {
 *         status = tg_page_add(&page, item, key);
 *     }
 *     tg_stmt_done(q);
 *     return tg_page_end(&page, status);
 *
 * A page begins behind a row, not at a count of rows, so that what is added
 * or deleted meanwhile neither repeats an item nor leaves one out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_PAGE_H
#define TG_CONTROL_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/call.h"

struct tg_page {
    struct tg_control_call *call;
    json_t                 *items;
    int64_t                 limit;
    const json_t           *position; /* where the page before ended */
    json_t                 *last;     /* where this one ends so far */
    bool                    has_more;
};

/*
 * Reads limit and position.  tg_page_end is called whatever comes of it, and
 * whatever of the functions below.
 */
TG_MUST_CHECK enum tg_status tg_page_begin(struct tg_page *page,
    struct tg_control_call *call);

/* The same for a list of the path's API, which is refused if there is none. */
TG_MUST_CHECK enum tg_status tg_page_begin_of_api(struct tg_page *page,
    struct tg_control_call *call, const char **api_id);

/*
 * Where the page begins, in one of three shapes: a text; [created_s, id];
 * [name, id].  On the first page texts are "" and *created_s keeps its value;
 * names begin with the prefix, so that what is behind the position is one
 * range of an index, however far the page before came.  A position of another
 * shape, or in front of the prefix, is refused.  Texts are lent by the call.
 */
TG_MUST_CHECK enum tg_status tg_page_after_text(const struct tg_page *page,
    const char **text);
TG_MUST_CHECK enum tg_status tg_page_after_row(const struct tg_page *page,
    int64_t *created_s, const char **id);
TG_MUST_CHECK enum tg_status tg_page_after_name(const struct tg_page *page,
    const char *prefix, const char **name, const char **id);

/* Whether the row at hand goes on this page; if not, there will be another. */
bool tg_page_has_room(struct tg_page *page);

/* Takes item and its position; NULL, out of memory, is TG_NOMEM. */
TG_MUST_CHECK enum tg_status tg_page_add(struct tg_page *page, json_t *item,
    json_t *position);

/*
 * Sets the call's result when the walk ended well (TG_NOTFOUND: no more rows;
 * TG_OK: no more room); else gives status back.
 */
enum tg_status tg_page_end(struct tg_page *page, enum tg_status status);

#endif
