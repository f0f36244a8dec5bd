/*
 * usage_plan_keys.c - the keys of a usage plan
 *
 * https://docs.aws.amazon.com/apigateway/latest/api/API_UsagePlanKey.html
 *
 * A plan key is answered with the key's value, unasked, as Amazon does; to who
 * may not see values, without it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/usage_plan_keys.h"

#include <string.h>

#include "control/authorize.h"
#include "control/customers.h"
#include "control/page.h"
#include "control/vault.h"
#include "util/digest.h"

#define LAST_CHARACTER "\xf4\x8f\xbf\xbf" /* U+10FFFF: behind every prefix */

#define KEY_COLUMNS                                                           \
    "SELECT k.id, k.name, k.value_sealed, u.created_s"                        \
    " FROM usage_plan_key u JOIN api_key k ON k.id = u.key_id"

static void
name_resource(struct tg_control_call *call, const char *id)
{
    call->resource_type = "AWS::ApiGateway::UsagePlanKey";
    call->resource_name = id;
}

static enum tg_status
key_json(struct tg_control_call *call, struct tg_stmt *row, json_t **out)
{
    char           value[256];
    enum tg_status status;

    status = tg_vault_unseal(call->control->vault, tg_stmt_text(row, 0),
        tg_stmt_text(row, 2), value, sizeof(value), &call->err);
    if (status == TG_OK) {
        *out = json_pack("{s:s, s:s}", "id", tg_stmt_text(row, 0), "type",
            "API_KEY");
        tg_json_set_text(*out, "value",
            tg_authorize_values(call) ? value : NULL);
        tg_json_set_text(*out, "name", tg_stmt_text(row, 1));
        tg_wipe(value, sizeof(value));
    }
    return status;
}

static enum tg_status
answer_key(struct tg_control_call *call, const char *plan, const char *key)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        KEY_COLUMNS " WHERE u.plan_id = $1 AND u.key_id = $2", "ss", plan,
        key);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = key_json(call, q, &call->result);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_create_usage_plan_key(struct tg_control_call *call)
{
    static const char *const members[] = { "keyId", "keyType", NULL };
    const char    *key = NULL;
    const char    *plan = tg_http_path_get(call->req, "usagePlanId");
    const char    *type = NULL;
    enum tg_status status;

    status = tg_call_members(call, call->body, members);
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "keyId", &key);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "keyType", &type);
    }
    if (status == TG_OK && (key == NULL || key[0] == '\0')) {
        status = tg_call_bad_request(call, "keyId is required");
    }
    if (status == TG_OK && (type == NULL || strcmp(type, "API_KEY") != 0)) {
        status = tg_call_bad_request(call, "Invalid keyType specified: "
            "expected API_KEY");
    }
    if (status == TG_OK) {
        name_resource(call, key);
        status = tg_usage_plan_key_attach(call->change, plan, key,
            &call->err);
    }
    return status == TG_OK ? answer_key(call, plan, key) : status;
}

static enum tg_status
plan_exists(struct tg_control_call *call, const char *plan)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "SELECT 1 FROM usage_plan WHERE id = $1", "s", plan);
    if (status == TG_OK) {
        status = tg_stmt_next(q, &call->err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, TG_NO_USAGE_PLAN) : status;
}

enum tg_status
tg_get_usage_plan_key(struct tg_control_call *call)
{
    const char    *plan = tg_http_path_get(call->req, "usagePlanId");
    enum tg_status status = plan_exists(call, plan);

    if (status == TG_OK) {
        status = answer_key(call, plan,
            tg_http_path_get(call->req, "keyId"));
    }
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, TG_NO_API_KEY) : status;
}

/* The rows behind those of the page before; by name where it was given. */
static enum tg_status
query_page(const struct tg_page *page, const char *plan, const char *name,
    struct tg_stmt **q)
{
    const char             *behind;
    const char             *id;
    const char             *after;
    int64_t                 created_s = INT64_MAX;
    struct tg_control_call *call = page->call;
    enum tg_status          status = name != NULL
        ? tg_page_after_name(page, name, &after, &id)
        : tg_page_after_row(page, &created_s, &id);

    if (status != TG_OK) {
        return status;
    }
    if (name == NULL) {
        return tg_store_query(call->store, q, &call->err,
            KEY_COLUMNS " WHERE u.plan_id = $1"
            " AND (u.created_s, u.key_id) < ($2, $3)"
            " ORDER BY u.created_s DESC, u.key_id DESC LIMIT $4", "sisi",
            plan, created_s, id, page->limit + 1);
    }
    behind = tg_arena_printf(call->arena, "%s" LAST_CHARACTER, name);
    return tg_store_query(call->store, q, &call->err,
        "SELECT k.id, k.name, k.value_sealed, 0 FROM api_key k"
        " WHERE (k.name, k.id) > ($2, $3) AND k.name < $4"
        " AND EXISTS (SELECT 1 FROM usage_plan_key u"
        " WHERE u.plan_id = $1 AND u.key_id = k.id)"
        " ORDER BY k.name, k.id LIMIT $5",
        "ssssi", plan, after, id, behind, page->limit + 1);
}

/* As a plan without keys: there is no error for an unknown plan. */
enum tg_status
tg_get_usage_plan_keys(struct tg_control_call *call)
{
    const char     *name = tg_call_query(call, "name");
    const char     *plan = tg_http_path_get(call->req, "usagePlanId");
    json_t         *key;
    enum tg_status  status;
    struct tg_page  page;
    struct tg_stmt *q = NULL;

    status = tg_page_begin(&page, call);
    if (status == TG_OK) {
        status = query_page(&page, plan, name, &q);
    }
    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        status = key_json(call, q, &key);
        if (status == TG_OK) {
            status = tg_page_add(&page, key, name != NULL
                    ? json_pack("[s, s]", tg_stmt_text(q, 1),
                          tg_stmt_text(q, 0))
                    : json_pack("[I, s]", (json_int_t) tg_stmt_int(q, 3),
                          tg_stmt_text(q, 0)));
        }
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

enum tg_status
tg_delete_usage_plan_key(struct tg_control_call *call)
{
    const char    *key = tg_http_path_get(call->req, "keyId");
    const char    *plan = tg_http_path_get(call->req, "usagePlanId");
    enum tg_status status;

    name_resource(call, key);
    status = plan_exists(call, plan);
    if (status == TG_OK) {
        status = tg_usage_plan_key_detach(call->change, plan, key,
            &call->err);
    }
    return status;
}
