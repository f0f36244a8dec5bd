/* SPDX-License-Identifier: Apache-2.0 */
#include "control/page.h"

#include <string.h>

#include "control/rest_rows.h"

enum tg_status
tg_page_begin(struct tg_page *page, struct tg_control_call *call)
{
    enum tg_status status;

    *page = (struct tg_page) { .call = call, .items = json_array() };
    if (page->items == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    status = tg_call_limit(call, &page->limit);
    return status == TG_OK ? tg_call_position(call, &page->position) : status;
}

enum tg_status
tg_page_begin_of_api(struct tg_page *page, struct tg_control_call *call,
    const char **api_id)
{
    enum tg_status status = tg_api_of(call, api_id);

    *page = (struct tg_page) { .call = call };
    return status == TG_OK ? tg_page_begin(page, call) : status;
}

static enum tg_status
refuse_position(const struct tg_page *page)
{
    return tg_call_bad_request(page->call, "Invalid %s parameter",
        tg_call_page_names(page->call)->position);
}

enum tg_status
tg_page_after_text(const struct tg_page *page, const char **text)
{
    *text = page->position == NULL ? "" : json_string_value(page->position);
    return *text != NULL ? TG_OK : refuse_position(page);
}

enum tg_status
tg_page_after_row(const struct tg_page *page, int64_t *created_s,
    const char **id)
{
    const json_t *first = json_array_get(page->position, 0);

    *id = "";
    if (page->position == NULL) {
        return TG_OK;
    }
    *created_s = json_integer_value(first);
    *id = json_string_value(json_array_get(page->position, 1));
    return json_is_integer(first) && *id != NULL ? TG_OK
                                                 : refuse_position(page);
}

enum tg_status
tg_page_after_name(const struct tg_page *page, const char *prefix,
    const char **name, const char **id)
{
    *name = prefix;
    *id = "";
    if (page->position == NULL) {
        return TG_OK;
    }
    *name = json_string_value(json_array_get(page->position, 0));
    *id = json_string_value(json_array_get(page->position, 1));
    return *name != NULL && *id != NULL && strcmp(*name, prefix) >= 0
        ? TG_OK : refuse_position(page);
}

bool
tg_page_has_room(struct tg_page *page)
{
    page->has_more = (int64_t) json_array_size(page->items) >= page->limit;
    return !page->has_more;
}

enum tg_status
tg_page_add(struct tg_page *page, json_t *item, json_t *position)
{
    json_decref(page->last);
    page->last = position;
    return json_array_append_new(page->items, item) != 0 || position == NULL
        ? tg_error_set(&page->call->err, TG_NOMEM, "out of memory") : TG_OK;
}

enum tg_status
tg_page_end(struct tg_page *page, enum tg_status status)
{
    json_t *result;

    if (status != TG_OK && status != TG_NOTFOUND) {
        json_decref(page->items);
        json_decref(page->last);
        return status;
    }
    result = json_pack("{s:o}", tg_call_page_names(page->call)->items,
        page->items);
    if (result != NULL && page->has_more) {
        tg_call_position_set(page->call, result, page->last);
    } else {
        json_decref(page->last);
    }
    return tg_call_result(page->call, result);
}
