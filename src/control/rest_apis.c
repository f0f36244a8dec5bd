/*
 * rest_apis.c - the operations on REST APIs themselves
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <string.h>

#include "control/call.h"
#include "control/clone.h"
#include "control/doc_patch.h"
#include "control/domain_rows.h"
#include "control/endpoint.h"
#include "control/import.h"
#include "control/listed_id.h"
#include "control/members.h"
#include "control/page.h"
#include "control/quotas.h"
#include "control/rest_rows.h"
#include "control/stage_rows.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define COMPRESSION_MAX 10485760
#define COMPRESSION_WORDS                                                     \
    "Invalid minimum compression size, must be between 0 and %d"
#define API_NAME_MAX 1024
#define API_ID_LEN 10
#define DESCRIPTION_MAX 125000

/* An API begins with these two models, unless a document says its own. */
static const struct {
    const char *name, *description, *schema;
} default_models[] = {
    { "Empty", "This is a default empty schema model",
        "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n"
        "  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}" },
    { "Error", "This is a default error schema model",
        "{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n"
        "  \"title\" : \"Error Schema\",\n  \"type\" : \"object\",\n"
        "  \"properties\" : {\n    \"message\" : { \"type\" : \"string\" }\n"
        "  }\n}" },
};

/* ---- what CreateRestApi takes ---- */

static const char *const key_sources[] = { "HEADER", "AUTHORIZER", NULL };
static const char *const access_modes[] = { "BASIC", "STRICT", NULL };

static const struct tg_member api_members[] = {
    { .name = "name", .is_required = true, .max = API_NAME_MAX },
    { .name = "description", .keep_empty = true,
        .max = DESCRIPTION_MAX },
    { .name = "version", .max = 1024 },
    { .name = "binaryMediaTypes", .kind = TG_MEMBER_TEXTS },
    { .name = "minimumCompressionSize", .kind = TG_MEMBER_INT },
    { .name = "apiKeySource", .values = key_sources },
    { .name = "endpointConfiguration", .kind = TG_MEMBER_OBJECT },
    { .name = "policy" },
    { .name = "tags", .kind = TG_MEMBER_TEXT_MAP },
    { .name = "disableExecuteApiEndpoint", .kind = TG_MEMBER_BOOL },
    { .name = "securityPolicy" },
    { .name = "endpointAccessMode", .values = access_modes },
};

/* Settings that would have to be ignored are refused. */
static const char *const unsupported[] = { "policy", "securityPolicy",
    "endpointAccessMode", NULL };

static enum tg_status
check_supported(const json_t *doc, struct tg_refusal *r)
{
    for (size_t i = 0; unsupported[i]; i++) {
        if (json_object_get(doc, unsupported[i])) {
            return tg_refuse_bad(r, unsupported[i],
                "%s is not supported by this gateway", unsupported[i]);
        }
    }
    return TG_OK;
}

static enum tg_status
check_compression(const json_t *in, struct tg_refusal *r)
{
    const json_t *size = json_object_get(in, "minimumCompressionSize");

    return !json_is_integer(size) || (json_integer_value(size) >= 0
            && json_integer_value(size) <= COMPRESSION_MAX)
        ? TG_OK
        : tg_refuse_bad(r, "minimumCompressionSize", COMPRESSION_WORDS,
            COMPRESSION_MAX);
}

/* "createRestApiInput", as Amazon's messages call what came in. */
static const char *
operation_of(const struct tg_control_call *call)
{
    const char *input = tg_arena_printf(call->arena, "%c%sInput",
        tolower((unsigned char) call->operation->name[0]),
        call->operation->name + 1);

    return input ? input : "";
}

static enum tg_status
api_doc(json_t **out, const json_t *in, const char *operation,
    struct tg_refusal *r)
{
    enum tg_status status = tg_members_take(out, in, operation, api_members,
        COUNT(api_members), r);
    const char    *text;

    if (status == TG_OK) {
        status = tg_endpoint_check_words(*out, operation, r);
    }
    if (status != TG_OK) {
        return status;
    }
    text = tg_text_of(*out, "description");
    if (!*tg_text_of(*out, "name")) {
        status = tg_refuse_bad(r, "name", "Name cannot be an empty string");
    } else if (text && !*text) {
        status = tg_refuse_bad(r, "description",
            "Description cannot be an empty string");
    }
    if (status == TG_OK) {
        status = check_supported(*out, r);
    }
    if (status == TG_OK) {
        status = check_compression(*out, r);
    }
    if (status == TG_OK) {
        status = tg_endpoint_check(*out, operation, r);
    }
    if (!json_object_get(*out, "apiKeySource")) {
        json_object_set_new(*out, "apiKeySource", json_string("HEADER"));
    }
    if (!json_object_get(*out, "disableExecuteApiEndpoint")) {
        json_object_set_new(*out, "disableExecuteApiEndpoint", json_false());
    }
    return status;
}

static enum tg_status
insert_models(struct tg_control_call *call, const char *api_id)
{
    enum tg_status status = TG_OK;

    for (size_t i = 0; i < COUNT(default_models) && status == TG_OK; i++) {
        const char *id = tg_new_id(call->arena, 6);
        json_t     *model = json_pack("{ss* ss ss ss ss}", "id", id, "name",
                default_models[i].name, "description",
                default_models[i].description, "schema",
                default_models[i].schema, "contentType",
                "application/json");

        status = model ? tg_api_part_put(call, api_id, "model",
                     default_models[i].name, model)
                       : TG_NOMEM;
        json_decref(model);
    }
    return status;
}

/* Writes the API of doc, whose name moves into its column. */
static enum tg_status
insert_api(struct tg_control_call *call, json_t *doc, const char *id,
    const char *root_id)
{
    const char    *text, *name;
    enum tg_status status;

    name = tg_arena_strdup(call->arena, tg_text_of(doc, "name"));
    json_object_del(doc, "name");
    json_object_set_new(doc, "rootResourceId", json_string(root_id));
    text = tg_row_text(call, doc);
    if (!name || !text) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    status = tg_store_exec(call->store, &call->err,
        "INSERT INTO rest_api (id, name, created_s, doc) "
        "VALUES ($1, $2, $3, $4)", "ssis", id, name, call->now_s, text);
    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err,
            "INSERT INTO resource (api_id, id, parent_id, path_part, path) "
            "VALUES ($1, $2, $3, '', '/')", "ssn", id, root_id);
    }
    return status;
}

static const char *
new_api_id(struct tg_control_call *call)
{
    char *id = tg_arena_alloc(call->arena, API_ID_LEN + 1);

    if (id) {
        tg_listed_id(id, API_ID_LEN, call->control, call->now_s);
    }
    return id;
}

enum tg_status
tg_api_create(struct tg_control_call *call, const json_t *in,
    const char **id, const char **root_id)
{
    struct tg_refusal refusal;
    json_t           *doc;
    enum tg_status    status = api_doc(&doc, in, operation_of(call),
        &refusal);

    if (status != TG_OK) {
        json_decref(doc);
        return tg_call_pass(call, status, &refusal);
    }
    status = tg_call_check_tags(call, json_object_get(doc, "tags"));
    *id = new_api_id(call);
    *root_id = tg_new_id(call->arena, 10);
    if (status == TG_OK) {
        status = *id && *root_id ? insert_api(call, doc, *id, *root_id)
                                 : TG_NOMEM;
    }
    if (status == TG_OK) {
        status = tg_quota_check(call->change, TG_QUOTA_REST_APIS, NULL,
            &call->err);
    }
    json_decref(doc);
    call->resource_type = "AWS::ApiGateway::RestApi";
    call->resource_name = *id;
    return status;
}

/* ---- the operations ---- */

/*
 * The members of a clone: what the call does not say is as in the source, but
 * its name and tags.
 */
static enum tg_status
members_of_clone(struct tg_control_call *call, const char *source,
    json_t *in)
{
    static const char *const own[] = { "id", "name", "tags", "createdDate",
        "rootResourceId" };
    json_t        *from;
    enum tg_status status = tg_api_answer(call, source, &from);

    if (status == TG_DENIED) { /* CreateRestApi knows no "not found" */
        return tg_call_bad_request(call, "%s", call->error_message);
    }
    for (size_t i = 0; i < COUNT(own); i++) {
        json_object_del(from, own[i]);
    }
    if (status == TG_OK && json_object_update_missing(in, from)) {
        status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    json_decref(from);
    return status;
}

/* The new API, with what it begins with. */
static enum tg_status
create_from(struct tg_control_call *call, json_t *in, const char *source,
    const char **id)
{
    const char    *root_id;
    enum tg_status status = source ? members_of_clone(call, source, in)
                                   : TG_OK;

    if (status == TG_OK) {
        status = tg_api_create(call, in, id, &root_id);
    }
    if (status != TG_OK) {
        return status;
    }
    return source ? tg_api_clone(call, source, *id, root_id)
                  : insert_models(call, *id);
}

static enum tg_status
create_rest_api(struct tg_control_call *call)
{
    const char    *id, *source = NULL;
    json_t        *answer = NULL, *in = json_copy(call->body);
    enum tg_status status = tg_call_string(call, call->body, "cloneFrom",
        &source);

    json_object_del(in, "cloneFrom");
    if (status == TG_OK) {
        status = create_from(call, in, source && *source ? source : NULL,
            &id);
    }
    json_decref(in);
    if (status == TG_OK) {
        status = tg_api_answer(call, id, &answer);
    }
    return status == TG_OK ? tg_call_result(call, answer) : status;
}

enum tg_status
tg_api_answer_tagged(struct tg_control_call *call, const char *id,
    json_t **out)
{
    enum tg_status status = tg_api_answer(call, id, out);

    if (status == TG_OK && !json_object_get(*out, "tags")) {
        json_object_set_new(*out, "tags", json_object());
    }
    return status;
}

static enum tg_status
get_rest_api(struct tg_control_call *call)
{
    json_t        *answer;
    enum tg_status status = tg_api_answer_tagged(call,
        tg_http_path_get(call->req, "restapi_id"), &answer);

    return status == TG_OK ? tg_call_result(call, answer) : status;
}

/* Oldest first. */
static enum tg_status
get_rest_apis(struct tg_control_call *call)
{
    struct tg_page  page;
    struct tg_stmt *q = NULL;
    int64_t         created_s = 0;
    const char     *id;
    enum tg_status  status = tg_page_begin(&page, call);

    if (status == TG_OK) {
        status = tg_page_after_row(&page, &created_s, &id);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT doc, name, created_s, id FROM rest_api "
            "WHERE created_s > $1 OR (created_s = $1 AND id > $2) "
            "ORDER BY created_s, id LIMIT $3", "isi", created_s, id,
            page.limit + 1);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        json_t *api = tg_row_json(q, 0);

        json_object_set_new(api, "id", json_string(tg_stmt_text(q, 3)));
        json_object_set_new(api, "name", json_string(tg_stmt_text(q, 1)));
        json_object_set_new(api, "createdDate",
            json_integer(tg_stmt_int(q, 2)));
        status = tg_page_add(&page, api, json_pack("[I s]",
            (json_int_t) tg_stmt_int(q, 2), tg_stmt_text(q, 3)));
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

enum tg_status
tg_stage_refuse_planned(struct tg_control_call *call, const char *api_id,
    const char *stage)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT plan_id, stage FROM usage_plan_stage WHERE api_id = $1 AND "
        "($2 = '' OR stage = $2) ORDER BY plan_id LIMIT 1", "ss", api_id,
        stage);

    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_call_bad_request(call, "Cannot delete %s:%s because it "
            "is associated with the Usage Plan %s", api_id,
            tg_stmt_text(q, 1), tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* ---- changes of an API ---- */

/* The name has a column of its own. */
static enum tg_status
write_api(struct tg_control_call *call, const char *id, json_t *api)
{
    const char *text;
    const char *name = tg_arena_strdup(call->arena, tg_text_of(api, "name"));

    json_object_del(api, "name");
    text = tg_row_text(call, api);
    if (!name || !text) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    tg_change_routes(call->change);
    return tg_store_exec(call->store, &call->err,
        "UPDATE rest_api SET name = $2, doc = $3 WHERE id = $1", "sss", id,
        name, text);
}

/* The binary media types of both, the older ones first. */
static void
merge_types(json_t *api, const json_t *older)
{
    json_t *newer = json_object_get(api, "binaryMediaTypes"), *all, *type;
    json_t *seen = json_object();
    size_t  i;

    if (newer && older && newer != older) {
        all = json_copy((json_t *) older);
        json_array_foreach(all, i, type) {
            json_object_set(seen, json_string_value(type), json_true());
        }
        json_array_foreach(newer, i, type) {
            if (!json_object_get(seen, json_string_value(type))) {
                json_array_append(all, type);
            }
        }
        json_object_set_new(api, "binaryMediaTypes", all);
    }
    json_decref(seen);
}

/* What the API is to be, as a whole, before it is checked. */
static json_t *
replaced(const json_t *old, const json_t *in, bool is_merge)
{
    static const char *const kept[] = { "endpointConfiguration", "tags",
        "rootResourceId" };
    json_t *out = is_merge ? json_copy((json_t *) old) : json_object();

    for (size_t i = 0; i < COUNT(kept); i++) {
        json_t *value = json_object_get(old, kept[i]);

        if (value) {
            json_object_set(out, kept[i], value);
        }
    }
    json_object_update(out, (json_t *) in);
    if (is_merge) {
        merge_types(out, json_object_get(old, "binaryMediaTypes"));
    }
    return out;
}

/* Checks api, an answer as it is to be, as if it were new; writes it. */
static enum tg_status
replace_api(struct tg_control_call *call, const char *id, json_t *api,
    const char **root_id)
{
    static const char *const ours[] = { "id", "createdDate",
        "rootResourceId" };
    struct tg_refusal refusal;
    json_t           *doc = NULL;
    enum tg_status    status;

    *root_id = tg_arena_strdup(call->arena,
        tg_text_of(api, "rootResourceId"));
    for (size_t i = 0; i < COUNT(ours); i++) {
        json_object_del(api, ours[i]);
    }
    status = api_doc(&doc, api, operation_of(call), &refusal);
    if (status != TG_OK) {
        status = tg_call_pass(call, status, &refusal);
    } else if (!*root_id || json_object_set_new(doc, "rootResourceId",
            json_string(*root_id)))
    {
        status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
    } else {
        status = write_api(call, id, doc);
    }
    json_decref(doc);
    return status;
}

enum tg_status
tg_api_replace(struct tg_control_call *call, const char *id,
    const json_t *in, bool is_merge, const char **root_id)
{
    json_t        *old, *all;
    enum tg_status status = tg_api_answer(call, id, &old);

    if (status != TG_OK) {
        return status;
    }
    all = replaced(old, in, is_merge);
    status = replace_api(call, id, all, root_id);
    json_decref(all);
    json_decref(old);
    return status;
}

/* ---- UpdateRestApi ---- */

static const struct tg_patch_path api_paths[] = {
    { NULL, "name", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "description", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "apiKeySource", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "disableExecuteApiEndpoint", TG_PATCH_BOOL, TG_PATCH_REPLACES },
    { NULL, "minimumCompressionSize", TG_PATCH_INT_OR_NONE,
        TG_PATCH_REPLACES },
    { NULL, "binaryMediaTypes", TG_PATCH_KEYED_ITEM, TG_PATCH_ALL },
    { "endpointConfiguration", "types", TG_PATCH_SOLE_ITEM,
        TG_PATCH_REPLACES },
    { "endpointConfiguration", "ipAddressType", TG_PATCH_TEXT,
        TG_PATCH_REPLACES },
    { NULL, "policy", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "securityPolicy", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "endpointAccessMode", TG_PATCH_TEXT, TG_PATCH_REPLACES },
};

/* What Amazon says of a PATCH in other words than of a new API. */
static enum tg_status
check_patched(struct tg_control_call *call, const json_t *api)
{
    static const char *const endpoint_types[] = { "REGIONAL", "EDGE",
        "PRIVATE", NULL };
    const char   *source = tg_text_of(api, "apiKeySource");
    const json_t *endpoint = json_object_get(api, "endpointConfiguration");
    const char   *type = json_string_value(
        json_array_get(json_object_get(endpoint, "types"), 0));
    const char   *address = tg_text_of(endpoint, "ipAddressType");

    if (!tg_text_of(api, "name")) {
        return tg_call_bad_request(call, "Name cannot be an empty string");
    }
    if (!source || !tg_is_one_of(source, key_sources)) {
        return tg_call_bad_request(call, "Invalid API key source specified: "
            "%.40s. Must be one of: [HEADER, AUTHORIZER]",
            source ? source : "null");
    }
    if (json_is_string(json_object_get(api, "minimumCompressionSize"))) {
        return tg_call_bad_request(call, COMPRESSION_WORDS, COMPRESSION_MAX);
    }
    if (!type || !tg_is_one_of(type, endpoint_types)) {
        return tg_call_bad_request(call, "Invalid EndpointTypes specified. "
            "Valid options are REGIONAL,EDGE,PRIVATE");
    }
    if (strcmp(type, "PRIVATE") == 0) {
        return tg_call_bad_request(call,
            "PRIVATE endpoints are not supported by this gateway");
    }
    return address && tg_is_one_of(address, tg_endpoint_address_types)
        ? TG_OK
        : tg_call_bad_request(call,
            "ipAddressType must be either ipv4 or dualstack.");
}

static enum tg_status
update_rest_api(struct tg_control_call *call)
{
    json_t        *api = NULL;
    const char    *id, *root_id;
    enum tg_status status = tg_api_of(call, &id);

    if (status == TG_OK) {
        status = tg_api_answer(call, id, &api);
    }
    if (status == TG_OK) {
        status = tg_doc_patch(call, api, api_paths, COUNT(api_paths));
    }
    if (status == TG_OK) {
        status = check_patched(call, api);
    }
    if (status == TG_OK) {
        status = replace_api(call, id, api, &root_id);
    }
    json_decref(api);
    api = NULL;
    if (status == TG_OK) {
        status = tg_api_answer_tagged(call, id, &api);
    }
    return status == TG_OK ? tg_call_result(call, api) : status;
}

static enum tg_status
delete_rest_api(struct tg_control_call *call)
{
    const char    *id;
    enum tg_status status = tg_api_of(call, &id);

    if (status == TG_OK) {
        status = tg_stage_refuse_planned(call, id, "");
    }
    if (status == TG_OK) {
        status = tg_mapping_refuse_used(call, id, NULL);
    }
    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err,
            "DELETE FROM stage WHERE api_id = $1", "s", id);
    }
    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err,
            "DELETE FROM rest_api WHERE id = $1", "s", id);
    }
    if (status == TG_OK) {
        tg_change_routes(call->change);
    }
    return status;
}

const struct tg_operation tg_rest_api_operations[] = {
    { "POST", "/restapis?mode=import", "ImportRestApi", 201, false,
        TG_BODY_RAW, tg_import_rest_api },
    { "POST", "/restapis", "CreateRestApi", 201, false, TG_BODY_JSON,
        create_rest_api },
    { "GET", "/restapis", "GetRestApis", 200, true, TG_BODY_NONE,
        get_rest_apis },
    { "GET", "/restapis/{restapi_id}", "GetRestApi", 200, true, TG_BODY_NONE,
        get_rest_api },
    { "PUT", "/restapis/{restapi_id}", "PutRestApi", 200, false, TG_BODY_RAW,
        tg_put_rest_api },
    { "PATCH", "/restapis/{restapi_id}", "UpdateRestApi", 200, false,
        TG_BODY_JSON, update_rest_api },
    { "DELETE", "/restapis/{restapi_id}", "DeleteRestApi", 202, false,
        TG_BODY_NONE, delete_rest_api },
    { 0 },
};
