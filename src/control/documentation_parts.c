/*
 * documentation_parts.c - the operations on documentation parts
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/doc_patch.h"
#include "control/documentation.h"
#include "control/members.h"
#include "control/page.h"
#include "control/quotas.h"
#include "control/rest_rows.h"

#define PARTS "/restapis/{restapi_id}/documentation/parts"
#define PART PARTS "/{part_id}"
#define KIND TG_DOCUMENTATION_PART

static enum tg_status
no_memory(struct tg_control_call *call)
{
    return tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

/* ---- rows ---- */

/* The path's part and the id of its row; *out is the caller's. */
static enum tg_status
read_part(struct tg_control_call *call, const char **key, json_t **out)
{
    static const char ids[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct tg_stmt *q = NULL;
    const char     *api_id = tg_http_path_get(call->req, "restapi_id");
    const char     *id = tg_http_path_get(call->req, "part_id"), *found;
    const char     *pattern = tg_arena_printf(call->arena,
            "%%\"id\":\"%s\"%%", id);
    enum tg_status  status = TG_NOTFOUND;

    *out = NULL;
    call->resource_type = "AWS::ApiGateway::RestApi";
    call->resource_name = api_id;
    /* The text is only looked for; which member it is, is seen after. */
    if (pattern && id[strspn(id, ids)] == '\0') {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT id, doc FROM api_part WHERE api_id = $1 AND kind = $2 "
            "AND doc LIKE $3", "sss", api_id, KIND, pattern);
    }
    while (status == TG_OK && !*out
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        *out = tg_row_json(q, 1);
        found = tg_text_of(*out, "id");
        *key = tg_arena_strdup(call->arena, tg_stmt_text(q, 0));
        if (!found || strcmp(found, id) != 0) {
            json_decref(*out);
            *out = NULL;
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call,
            "Invalid Documentation part identifier specified")
        : status;
}

enum tg_status
tg_documentation_put(struct tg_control_call *call, const char *api_id,
    const json_t *location, const char *properties, const char **id)
{
    const char    *key = tg_documentation_key(call->arena, location);
    json_t        *old = NULL, *doc;
    enum tg_status status = key ? tg_api_part_find(call, api_id, KIND, key,
                         &old)
                                : no_memory(call);

    *id = old ? tg_arena_strdup(call->arena, tg_text_of(old, "id"))
              : tg_new_id(call->arena, 6);
    json_decref(old);
    if (status != TG_OK && status != TG_NOTFOUND) {
        return status;
    }
    doc = json_pack("{ss* sO ss}", "id", *id, "location",
        (json_t *) location, "properties", properties);
    status = *id && doc ? tg_api_part_put(call, api_id, KIND, key, doc)
                        : no_memory(call);
    json_decref(doc);
    return status;
}

enum tg_status
tg_documentation_all(struct tg_control_call *call, const char *api_id,
    json_t **out)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM api_part WHERE api_id = $1 AND kind = $2 "
        "ORDER BY id", "ss", api_id, KIND);

    *out = json_array();
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_t *doc = tg_row_json(q, 0);

        json_object_del(doc, "id");
        if (json_array_append_new(*out, doc)) {
            status = no_memory(call);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* ---- CreateDocumentationPart ---- */

static const struct tg_member part_members[] = {
    { .name = "location", .kind = TG_MEMBER_OBJECT, .is_required = true },
    { .name = "properties", .is_required = true },
};

/* "type 'METHOD', path '/pets', method 'GET'" */
static const char *
describe(struct tg_control_call *call, const json_t *location)
{
    static const char *const names[] = { "path", "method", "statusCode",
        "name" };
    const char *text = tg_arena_printf(call->arena, "type '%s'",
        tg_text_of(location, "type"));

    for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++) {
        const char *value = tg_text_of(location, names[i]);

        if (value) {
            text = tg_arena_printf(call->arena, "%s, %s '%s'", text,
                names[i], value);
        }
    }
    return text ? text : "";
}

static enum tg_status
check_free(struct tg_control_call *call, const char *api_id,
    const json_t *location)
{
    const char    *key = tg_documentation_key(call->arena, location);
    json_t        *old = NULL;
    enum tg_status status = key ? tg_api_part_find(call, api_id, KIND, key,
                         &old)
                                : no_memory(call);

    json_decref(old);
    if (status == TG_OK) {
        return tg_call_conflict(call, "Documentation part already exists "
            "for the specified location: %.600s.", describe(call, location));
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
create_at(struct tg_control_call *call, const char *api_id,
    const json_t *location, const char *properties)
{
    const char    *id;
    enum tg_status status = check_free(call, api_id, location);

    if (status == TG_OK) {
        status = tg_documentation_put(call, api_id, location, properties,
            &id);
    }
    if (status == TG_OK) {
        status = tg_quota_check(call->change,
            TG_QUOTA_DOCUMENTATION_PARTS, api_id, &call->err);
    }
    return status == TG_OK
        ? tg_call_result(call, json_pack("{ss sO ss}", "id", id, "location",
            (json_t *) location, "properties", properties))
        : status;
}

static enum tg_status
create_part(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *in = NULL, *location = NULL;
    const char       *api_id;
    enum tg_status    status = tg_api_of(call, &api_id);

    if (status != TG_OK) {
        return status;
    }
    status = tg_members_take(&in, call->body, "createDocumentationPartInput",
        part_members, sizeof part_members / sizeof part_members[0],
        &refusal);
    if (status == TG_OK) {
        status = tg_documentation_location(&location,
            json_object_get(in, "location"),
            "createDocumentationPartInput.location", &refusal);
    }
    if (status == TG_OK) {
        status = tg_documentation_properties(tg_text_of(in, "properties"),
            &refusal);
    }
    status = status == TG_OK
        ? create_at(call, api_id, location, tg_text_of(in, "properties"))
        : tg_call_pass(call, status, &refusal);
    json_decref(location);
    json_decref(in);
    return status;
}

/* ---- reading ---- */

static enum tg_status
get_part(struct tg_control_call *call)
{
    const char    *key;
    json_t        *doc;
    enum tg_status status = read_part(call, &key, &doc);

    return status == TG_OK ? tg_call_result(call, doc) : status;
}

/* Whether a place is one of those that the query parameters ask for. */
static bool
is_wanted(const struct tg_control_call *call, const json_t *location)
{
    static const char *const filters[] = { "type", "name", "path" };

    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *wanted = tg_call_query(call, filters[i]);
        const char *value = tg_text_of(location, filters[i]);

        if (wanted && (!value || strcmp(value, wanted) != 0)) {
            return false;
        }
    }
    return true;
}

static enum tg_status
add_documented(struct tg_page *page, const char *api_id, const char *after)
{
    struct tg_control_call *call = page->call;
    struct tg_stmt         *q;
    enum tg_status          status = tg_store_query(call->store, &q,
        &call->err, "SELECT doc, id FROM api_part WHERE api_id = $1 AND "
        "kind = $2 AND id > $3 ORDER BY id", "sss", api_id, KIND, after);

    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_t *doc = tg_row_json(q, 0);

        if (!is_wanted(call, json_object_get(doc, "location"))) {
            json_decref(doc);
            continue;
        }
        if (!tg_page_has_room(page)) {
            json_decref(doc);
            break;
        }
        status = tg_page_add(page, doc, json_string(tg_stmt_text(q, 1)));
    }
    tg_stmt_done(q);
    return status;
}

/* The places of the API of which nothing is said: each without an id. */
static enum tg_status
add_undocumented(struct tg_page *page, const char *api_id, const char *after)
{
    struct tg_control_call *call = page->call;
    json_t                 *places, *place, *part;
    size_t                  i;
    enum tg_status          status = tg_documentation_places(call, api_id,
        &places);

    json_array_foreach(places, i, place) {
        const char *key = tg_documentation_key(call->arena, place);

        if (status != TG_OK) {
            break;
        }
        if (!key) {
            status = no_memory(call);
        } else if (strcmp(key, after) > 0 && is_wanted(call, place)) {
            status = tg_api_part_find(call, api_id, KIND, key, &part);
            json_decref(part);
            if (status != TG_NOTFOUND) {
                continue;
            }
            if (!tg_page_has_room(page)) {
                status = TG_OK;
                break;
            }
            status = tg_page_add(page, json_pack("{sO}", "location", place),
                json_string(key));
        }
    }
    json_decref(places);
    return status;
}

static const char *const states[] = { "UNDOCUMENTED", "DOCUMENTED", NULL };
static const struct tg_member filter_members[] = {
    { .name = "type", .values = tg_documentation_types },
    { .name = "locationStatus", .values = states },
};

static enum tg_status
check_filters(struct tg_control_call *call, const char *state)
{
    json_t           *in = json_object(), *out;
    struct tg_refusal refusal;
    enum tg_status    status;

    tg_json_set_text(in, "type", tg_call_query(call, "type"));
    tg_json_set_text(in, "locationStatus", state);
    status = tg_members_take(&out, in, "getDocumentationPartsInput",
        filter_members, sizeof filter_members / sizeof filter_members[0],
        &refusal);
    json_decref(in);
    json_decref(out);
    return status == TG_OK ? TG_OK : tg_call_pass(call, status, &refusal);
}

static enum tg_status
get_parts(struct tg_control_call *call)
{
    struct tg_page page;
    const char    *api_id, *after;
    const char    *state = tg_call_query(call, "locationStatus");
    enum tg_status status = tg_page_begin_of_api(&page, call, &api_id);

    if (status == TG_OK) {
        status = tg_page_after_text(&page, &after);
    }
    if (status == TG_OK) {
        status = check_filters(call, state);
    }
    if (status == TG_OK) {
        status = state && *state == 'U'
            ? add_undocumented(&page, api_id, after)
            : add_documented(&page, api_id, after);
    }
    return tg_page_end(&page, status);
}

/* ---- changing ---- */

static enum tg_status
update_part(struct tg_control_call *call)
{
    static const struct tg_patch_path paths[] = {
        { NULL, "properties", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    };
    struct tg_refusal refusal;
    const char       *key, *properties;
    json_t           *doc;
    enum tg_status    status = read_part(call, &key, &doc);

    if (status != TG_OK) {
        return status;
    }
    status = tg_doc_patch_listed(call, doc, paths, 1);
    if (status == TG_OK) {
        properties = tg_text_of(doc, "properties");
        status = tg_documentation_properties(properties ? properties : "",
            &refusal);
        status = status == TG_OK
            ? tg_api_part_put(call, tg_http_path_get(call->req,
                "restapi_id"), KIND, key, doc)
            : tg_call_pass(call, status, &refusal);
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
delete_part(struct tg_control_call *call)
{
    const char    *api_id, *key;
    json_t        *doc = NULL;
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = read_part(call, &key, &doc);
    }
    json_decref(doc);
    return status == TG_OK ? tg_api_part_delete(call, KIND, key) : status;
}

const struct tg_operation tg_documentation_part_operations[] = {
    { "GET", PARTS, "GetDocumentationParts", 200, true, TG_BODY_NONE,
        get_parts },
    { "POST", PARTS, "CreateDocumentationPart", 201, false, TG_BODY_JSON,
        create_part },
    { "PUT", PARTS, "ImportDocumentationParts", 200, false, TG_BODY_RAW,
        tg_import_documentation_parts },
    { "GET", PART, "GetDocumentationPart", 200, true, TG_BODY_NONE,
        get_part },
    { "PATCH", PART, "UpdateDocumentationPart", 200, false, TG_BODY_JSON,
        update_part },
    { "DELETE", PART, "DeleteDocumentationPart", 202, false, TG_BODY_NONE,
        delete_part },
    { 0 },
};
