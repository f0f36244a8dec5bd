/*
 * api_parts.c - what else belongs to an API: rows by kind and id
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/call.h"
#include "control/page.h"
#include "control/rest_rows.h"

enum tg_status
tg_api_part_find(struct tg_control_call *call, const char *api_id,
    const char *kind, const char *id, json_t **out)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM api_part WHERE api_id = $1 AND kind = $2 AND "
        "id = $3", "sss", api_id, kind, id);

    *out = NULL;
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *out = tg_row_json(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_api_part_get(struct tg_control_call *call, const char *kind,
    const char *id, json_t **out)
{
    const char *api_id = tg_http_path_get(call->req, "restapi_id");

    call->resource_type = "AWS::ApiGateway::RestApi";
    call->resource_name = api_id;
    return tg_api_part_find(call, api_id, kind, id, out);
}

enum tg_status
tg_api_part_delete(struct tg_control_call *call, const char *kind,
    const char *id)
{
    json_t        *doc;
    enum tg_status status = tg_api_part_get(call, kind, id, &doc);

    json_decref(doc);
    return status == TG_OK
        ? tg_store_exec(call->store, &call->err,
            "DELETE FROM api_part WHERE api_id = $1 AND kind = $2 AND "
            "id = $3", "sss", tg_http_path_get(call->req, "restapi_id"),
            kind, id)
        : status;
}

enum tg_status
tg_api_parts_page(struct tg_control_call *call, const char *kind)
{
    struct tg_page  page;
    struct tg_stmt *q = NULL;
    const char     *api_id, *after;
    enum tg_status  status = tg_page_begin_of_api(&page, call, &api_id);

    if (status == TG_OK) {
        status = tg_page_after_text(&page, &after);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT doc, id FROM api_part WHERE api_id = $1 AND kind = $2 "
            "AND id > $3 ORDER BY id LIMIT $4", "sssi", api_id, kind, after,
            page.limit + 1);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        status = tg_page_add(&page, tg_row_json(q, 0),
            json_string(tg_stmt_text(q, 1)));
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}
