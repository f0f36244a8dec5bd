/*
 * api_keys.c - API keys
 *
 * https://docs.aws.amazon.com/apigateway/latest/api/API_ApiKey.html
 *
 * Lists are newest first; those by name are in the order of names, so that a
 * page is a range of an index, however many keys there are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "control/api_key_import.h"
#include "control/binding.h"
#include "control/call.h"
#include "control/customers.h"
#include "control/page.h"
#include "control/vault.h"
#include "util/digest.h"

#define RESOURCE_TYPE "AWS::ApiGateway::ApiKey"
#define LAST_CHARACTER "\xf4\x8f\xbf\xbf" /* U+10FFFF: behind every prefix */

#define KEY_COLUMNS                                                           \
    "SELECT id, name, description, customer_id, enabled, created_s,"          \
    " updated_s, stage_keys, tags, value_sealed FROM api_key"

enum column {
    ID,
    NAME,
    DESCRIPTION,
    CUSTOMER_ID,
    ENABLED,
    CREATED,
    UPDATED,
    STAGE_KEYS,
    TAGS,
    VALUE_SEALED,
};

enum tags_when_empty {
    TAGS_OMITTED, /* create, lists */
    TAGS_SHOWN,   /* get, update */
};

static enum tg_status
set_value(struct tg_control_call *call, json_t *key, struct tg_stmt *row)
{
    char           value[256];
    enum tg_status status;

    status = tg_vault_unseal(call->control->vault, tg_stmt_text(row, ID),
        tg_stmt_text(row, VALUE_SEALED), value, sizeof(value), &call->err);
    if (status == TG_OK) {
        tg_json_set_text(key, "value", value);
        tg_wipe(value, sizeof(value));
    }
    return status;
}

/* An ApiKey from a row of KEY_COLUMNS. */
static enum tg_status
key_json(struct tg_control_call *call, struct tg_stmt *row, bool has_value,
    enum tags_when_empty tags_rule, json_t **out)
{
    json_t        *tags = json_loads(tg_stmt_text(row, TAGS), 0, NULL);
    json_t        *stages = json_loads(tg_stmt_text(row, STAGE_KEYS), 0,
        NULL);
    json_t        *key = json_pack("{s:s, s:b, s:I, s:I}", "id",
        tg_stmt_text(row, ID), "enabled", (int) tg_stmt_int(row, ENABLED),
        "createdDate", (json_int_t) tg_stmt_int(row, CREATED),
        "lastUpdatedDate", (json_int_t) tg_stmt_int(row, UPDATED));
    enum tg_status status = TG_OK;

    tg_json_set_text(key, "name", tg_stmt_text(row, NAME));
    tg_json_set_text(key, "description", tg_stmt_text(row, DESCRIPTION));
    tg_json_set_text(key, "customerId", tg_stmt_text(row, CUSTOMER_ID));
    if (json_object_set_new(key, "stageKeys", stages) != 0) {
        status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    if (json_object_size(tags) > 0 || tags_rule == TAGS_SHOWN) {
        (void) json_object_set(key, "tags", tags);
    }
    json_decref(tags);
    if (status == TG_OK && has_value) {
        status = set_value(call, key, row);
    }
    if (status != TG_OK) {
        json_decref(key);
        return status;
    }
    *out = key;
    return TG_OK;
}

/* The key with that id as the result; refused when there is none. */
static enum tg_status
answer_key(struct tg_control_call *call, const char *id, bool has_value,
    enum tags_when_empty tags_rule)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        KEY_COLUMNS " WHERE id = $1", "s", id);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = key_json(call, q, has_value, tags_rule, &call->result);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, TG_NO_API_KEY) : status;
}

static void
name_resource(struct tg_control_call *call, const char *id)
{
    call->resource_type = RESOURCE_TYPE;
    call->resource_name = id;
}

/*
 * ---- CreateApiKey
 */

/* [{restApiId, stageName}] as ["restApiId/stageName"]. */
static enum tg_status
read_stage_keys(struct tg_control_call *call, json_t **out)
{
    static const char *const members[] = { "restApiId", "stageName", NULL };
    size_t         i;
    const char    *api;
    const char    *stage;
    const json_t  *list;
    const json_t  *item;
    enum tg_status status;

    status = tg_call_array(call, call->body, "stageKeys", &list);
    if (status != TG_OK || list == NULL) {
        return status;
    }
    *out = json_array();
    for (i = 0; status == TG_OK && i < json_array_size(list); i++) {
        item = json_array_get(list, i);
        api = NULL;
        stage = NULL;
        status = tg_call_members(call, item, members);
        if (status == TG_OK) {
            status = tg_call_string(call, item, "restApiId", &api);
        }
        if (status == TG_OK) {
            status = tg_call_string(call, item, "stageName", &stage);
        }
        if (status == TG_OK && (api == NULL || stage == NULL)) {
            status = tg_call_bad_request(call, "Invalid stage key specified");
        }
        if (status == TG_OK) {
            (void) json_array_append_new(*out,
                json_sprintf("%s/%s", api, stage));
        }
    }
    return status;
}

/* All but the stage keys.  An id is distinct whether asked for or not. */
static enum tg_status
read_key(struct tg_control_call *call, struct tg_api_key_new *key)
{
    static const char *const members[] = { "name", "description", "enabled",
        "generateDistinctId", "value", "stageKeys", "customerId", "tags",
        NULL };
    bool           is_distinct;
    enum tg_status status;

    status = tg_call_members(call, call->body, members);
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "name", &key->name);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "description",
            &key->description);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "customerId",
            &key->customer_id);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "value", &key->value);
    }
    if (status == TG_OK) {
        status = tg_call_bool(call, call->body, "enabled", &key->enabled);
    }
    if (status == TG_OK) {
        status = tg_call_bool(call, call->body, "generateDistinctId",
            &is_distinct);
    }
    if (status == TG_OK) {
        status = tg_call_object(call, call->body, "tags", &key->tags);
    }
    return status == TG_OK ? tg_call_check_tags(call, key->tags) : status;
}

static enum tg_status
create_api_key(struct tg_control_call *call)
{
    const char           *id = NULL;
    json_t               *stage_keys = NULL;
    struct tg_api_key_new key = {0};
    enum tg_status        status = read_key(call, &key);

    if (status == TG_OK) {
        status = read_stage_keys(call, &stage_keys);
        key.stage_keys = stage_keys;
    }
    if (status == TG_OK) {
        status = tg_api_key_create(call->change, &key, &id, &call->err);
    }
    if (status == TG_OK) {
        name_resource(call, id);
        status = answer_key(call, id, true, TAGS_OMITTED);
    }
    json_decref(stage_keys);
    return status;
}

/*
 * ---- GetApiKey, GetApiKeys
 */

static enum tg_status
get_api_key(struct tg_control_call *call)
{
    return answer_key(call, tg_http_path_get(call->req, "apiKey"),
        tg_patch_bool(tg_call_query(call, "includeValue")), TAGS_SHOWN);
}

static bool
is_by_name(const char *name, const char *customer)
{
    return name != NULL && customer == NULL;
}

/* The rows behind those of the page before. */
static enum tg_status
query_page(const struct tg_page *page, const char *name,
    const char *customer, struct tg_stmt **q)
{
    int64_t                 created_s = INT64_MAX;
    const char             *id;
    const char             *after;
    enum tg_status          status;
    struct tg_control_call *call = page->call;
    char *behind = tg_arena_printf(call->arena, "%s" LAST_CHARACTER,
        name != NULL ? name : "");

    status = is_by_name(name, customer)
        ? tg_page_after_name(page, name, &after, &id)
        : tg_page_after_row(page, &created_s, &id);
    if (status != TG_OK) {
        return status;
    }
    if (customer != NULL) {
        return tg_store_query(call->store, q, &call->err,
            KEY_COLUMNS " WHERE customer_id = $1"
            " AND (created_s, id) < ($2, $3)"
            " AND ($4 IS NULL OR (name >= $4 AND name < $5))"
            " ORDER BY created_s DESC, id DESC LIMIT $6", "sisssi", customer,
            created_s, id, name, behind, page->limit + 1);
    }
    if (name != NULL) {
        return tg_store_query(call->store, q, &call->err,
            KEY_COLUMNS " WHERE (name, id) > ($1, $2) AND name < $3"
            " ORDER BY name, id LIMIT $4", "sssi", after, id, behind,
            page->limit + 1);
    }
    return tg_store_query(call->store, q, &call->err,
        KEY_COLUMNS " WHERE (created_s, id) < ($1, $2)"
        " ORDER BY created_s DESC, id DESC LIMIT $3", "isi", created_s, id,
        page->limit + 1);
}

static enum tg_status
get_api_keys(struct tg_control_call *call)
{
    bool            has_values;
    const char     *name = tg_call_query(call, "name");
    const char     *customer = tg_call_query(call, "customerId");
    enum tg_status  status;
    json_t         *key;
    struct tg_page  page;
    struct tg_stmt *q = NULL;

    has_values = tg_patch_bool(tg_call_query(call, "includeValues"));
    status = tg_page_begin(&page, call);
    if (status == TG_OK) {
        status = query_page(&page, name, customer, &q);
    }
    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        status = key_json(call, q, has_values, TAGS_OMITTED, &key);
        if (status == TG_OK) {
            status = tg_page_add(&page, key, json_pack("[O, O]",
                json_object_get(key,
                    is_by_name(name, customer) ? "name" : "createdDate"),
                json_object_get(key, "id")));
        }
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

/*
 * ---- UpdateApiKey
 */

static enum tg_status
bad_path(struct tg_control_call *call, const struct tg_patch *patch)
{
    return tg_call_bad_request(call, "Invalid patch path  '%s' specified "
        "for op '%s'. Must be one of: [/description, /enabled, /name, "
        "/customerId]", patch->path, tg_patch_op_name(patch->op));
}

static enum tg_status
replace_text(struct tg_control_call *call, const char *id, const char *sql,
    const char *value)
{
    return tg_store_exec(call->store, &call->err, sql, "ssi", id,
        value != NULL && value[0] != '\0' ? value : NULL, call->now_s);
}

static enum tg_status
replace_customer(struct tg_control_call *call, const char *id,
    const char *value)
{
    enum tg_status status;

    status = replace_text(call, id, "UPDATE api_key SET customer_id = $2,"
        " updated_s = $3 WHERE id = $1", value);
    if (status == TG_OK) {
        status = tg_binding_refresh_key(call->change, id, &call->err);
    }
    return status;
}

/* add or remove /stages: one "apiId/stage" of the deprecated stageKeys. */
static enum tg_status
patch_stages(struct tg_control_call *call, const char *id,
    const struct tg_patch *patch)
{
    bool            is_there = false;
    char           *text = NULL;
    size_t          i;
    json_t         *list = NULL;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    if (patch->value == NULL || strchr(patch->value, '/') == NULL) {
        return tg_call_bad_request(call, "Invalid stage key specified");
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT stage_keys FROM api_key WHERE id = $1", "s", id);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        list = json_loads(tg_stmt_text(q, 0), 0, NULL);
    }
    tg_stmt_done(q);
    for (i = json_array_size(list); i-- > 0;) {
        if (strcmp(json_string_value(json_array_get(list, i)),
                patch->value) == 0)
        {
            is_there = true;
            if (patch->op == TG_PATCH_REMOVE) {
                (void) json_array_remove(list, i);
            }
        }
    }
    if (patch->op == TG_PATCH_ADD && !is_there) {
        (void) json_array_append_new(list, json_string(patch->value));
    }
    if (status == TG_OK) {
        text = json_dumps(list, JSON_COMPACT);
        status = replace_text(call, id, "UPDATE api_key SET stage_keys = $2,"
            " updated_s = $3 WHERE id = $1", text);
    }
    free(text);
    json_decref(list);
    return status;
}

static enum tg_status
apply_patch(struct tg_control_call *call, const char *id,
    const struct tg_patch *patch)
{
    if (strcmp(patch->path, "/stages") == 0
        && (patch->op == TG_PATCH_ADD || patch->op == TG_PATCH_REMOVE))
    {
        return patch_stages(call, id, patch);
    }
    if (patch->op != TG_PATCH_REPLACE) {
        return tg_call_bad_request(call, "Invalid patch operation specified."
            " Must be one of: [replace]");
    }
    if (strcmp(patch->path, "/name") == 0) {
        return replace_text(call, id, "UPDATE api_key SET name = $2,"
            " updated_s = $3 WHERE id = $1", patch->value);
    }
    if (strcmp(patch->path, "/description") == 0) {
        return replace_text(call, id, "UPDATE api_key SET description = $2,"
            " updated_s = $3 WHERE id = $1", patch->value);
    }
    if (strcmp(patch->path, "/customerId") == 0) {
        return replace_customer(call, id, patch->value);
    }
    if (strcmp(patch->path, "/enabled") == 0) {
        return tg_api_key_set_enabled(call->change, id,
            tg_patch_bool(patch->value), &call->err);
    }
    return bad_path(call, patch);
}

/* A value that a client tries to set is not for the trail. */
static void
hide_values(struct tg_control_call *call, const struct tg_patch *patches,
    size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strncmp(patches[i].path, "/value", 6) == 0) {
            (void) json_object_del(call->audit_request, "updateApiKeyInput");
        }
    }
}

static enum tg_status
update_api_key(struct tg_control_call *call)
{
    size_t           count;
    size_t           i;
    const char      *id = tg_http_path_get(call->req, "apiKey");
    enum tg_status   status;
    struct tg_patch *patches;

    name_resource(call, id);
    status = answer_key(call, id, false, TAGS_SHOWN);
    if (status == TG_OK) {
        json_decref(call->result);
        call->result = NULL;
        status = tg_call_patches(call, &patches, &count);
    }
    if (status != TG_OK) {
        return status;
    }
    hide_values(call, patches, count);
    for (i = 0; status == TG_OK && i < count; i++) {
        status = tg_api_key_check(
            strcmp(patches[i].path, "/name") == 0 ? patches[i].value : NULL,
            strcmp(patches[i].path, "/description") == 0
                ? patches[i].value : NULL,
            strcmp(patches[i].path, "/customerId") == 0
                ? patches[i].value : NULL, &call->err);
        if (status == TG_OK) {
            status = apply_patch(call, id, &patches[i]);
        }
    }
    return status == TG_OK ? answer_key(call, id, false, TAGS_SHOWN) : status;
}

/*
 * ---- DeleteApiKey
 */

static enum tg_status
delete_api_key(struct tg_control_call *call)
{
    const char *id = tg_http_path_get(call->req, "apiKey");

    name_resource(call, id);
    return tg_api_key_delete(call->change, id, &call->err);
}

const struct tg_operation tg_api_key_operations[] = {
    {"POST", "/apikeys?mode=import", "ImportApiKeys", 201, false,
        TG_BODY_RAW, tg_import_api_keys},
    {"POST", "/apikeys", "CreateApiKey", 201, false, TG_BODY_JSON,
        create_api_key},
    {"GET", "/apikeys", "GetApiKeys", 200, true, TG_BODY_NONE, get_api_keys},
    {"GET", "/apikeys/{apiKey}", "GetApiKey", 200, true, TG_BODY_NONE,
        get_api_key},
    {"PATCH", "/apikeys/{apiKey}", "UpdateApiKey", 200, false, TG_BODY_JSON,
        update_api_key},
    {"DELETE", "/apikeys/{apiKey}", "DeleteApiKey", 202, false, TG_BODY_NONE,
        delete_api_key},
    {0},
};
