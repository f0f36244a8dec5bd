/* SPDX-License-Identifier: Apache-2.0 */
#include "control/domain_rows.h"

#include <string.h>

#include "control/page.h"
#include "control/rest_rows.h"
#include "plane/domains.h"

#define NAME_MAX_BYTES 253 /* RFC 1035, as text */
#define LABEL_MAX 63
#define PATH_MAX_CHARS 300
#define PATH_CHARS                                                            \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"          \
    "$-_.+!*'()/"
#define HOST_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-"

static enum tg_status
no_memory(struct tg_control_call *call)
{
    return tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

/* ---- domains ---- */

static bool
is_label(const char *label, size_t len)
{
    return len >= 1 && len <= LABEL_MAX && label[0] != '-'
        && label[len - 1] != '-' && strspn(label, HOST_CHARS) >= len;
}

/* A host's name in lower case, whose first label may be a star. */
static bool
is_host(const char *name)
{
    const char *at = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    size_t      len = 0;

    if (strlen(name) > NAME_MAX_BYTES) {
        return false;
    }
    for (;; at += len + 1) {
        len = strcspn(at, ".");
        if (!is_label(at, len)) {
            return false;
        }
        if (at[len] == '\0') {
            return strspn(at, "0123456789") < len; /* no IPv4 address */
        }
    }
}

/* Hosts of this form are found as APIs (nginx/route.c). */
static bool
is_execute_api(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot != NULL && strncmp(dot, ".execute-api", 12) == 0
        && (dot[12] == '.' || dot[12] == '\0');
}

static char *
lower_case(struct tg_control_call *call, const char *name)
{
    char *lower = tg_arena_strdup(call->arena, name);

    for (char *p = lower; p != NULL && *p != '\0'; p++) {
        *p = (char) tg_ascii_lower((uint8_t) *p);
    }
    return lower;
}

enum tg_status
tg_domain_check_name(struct tg_control_call *call, const char *name,
    const char **out)
{
    const char *lower = lower_case(call, name);

    if (lower == NULL) {
        return no_memory(call);
    }
    if (!is_host(lower) || is_execute_api(lower)) {
        return tg_call_bad_request(call, "Invalid domain name specified: "
            "%.300s", name);
    }
    *out = lower;
    return TG_OK;
}

enum tg_status
tg_domain_of(struct tg_control_call *call, const char **name, json_t **doc)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status;
    const char     *given = tg_http_path_get(call->req, "domain_name");

    *name = lower_case(call, given);
    if (*name == NULL) {
        return no_memory(call);
    }
    call->resource_type = "AWS::ApiGateway::DomainName";
    call->resource_name = *name;
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM domain_name WHERE name = $1", "s", *name);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && doc != NULL)
    {
        *doc = tg_row_json(q, 0);
        status = *doc != NULL ? TG_OK : no_memory(call);
    }
    tg_stmt_done(q);
    /* Only private domains have an id, and this gateway has none of them. */
    if (status == TG_OK && tg_call_query(call, "domainNameId") != NULL) {
        if (doc != NULL) {
            json_decref(*doc);
            *doc = NULL;
        }
        status = TG_NOTFOUND;
    }
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid domain name identifier specified")
        : status;
}

bool
tg_domain_has_type(const json_t *doc, const char *name)
{
    json_t *type, *types = json_object_get(
        json_object_get(doc, "endpointConfiguration"), "types");
    size_t  i;

    json_array_foreach(types, i, type) {
        if (strcmp(json_string_value(type), name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- mappings ---- */

enum tg_status
tg_mapping_read(struct tg_control_call *call, struct tg_stmt *q,
    struct tg_mapping_row *out)
{
    out->id = tg_arena_strdup(call->arena, tg_stmt_text(q, 0));
    out->path = tg_arena_strdup(call->arena, tg_stmt_text(q, 1));
    out->api_id = tg_arena_strdup(call->arena, tg_stmt_text(q, 2));
    out->stage = tg_arena_strdup(call->arena, tg_stmt_text(q, 3));
    return out->id != NULL && out->path != NULL && out->api_id != NULL
            && (out->stage != NULL || tg_stmt_is_null(q, 3))
        ? TG_OK : no_memory(call);
}

enum tg_status
tg_mapping_get(struct tg_control_call *call, const char *domain,
    const char *path, const char *id, struct tg_mapping_row *out)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        path != NULL
            ? "SELECT " TG_MAPPING_COLUMNS " FROM base_path_mapping "
              "WHERE domain = $1 AND path = $2"
            : "SELECT " TG_MAPPING_COLUMNS " FROM base_path_mapping "
              "WHERE domain = $1 AND id = $2", "ss", domain,
        path != NULL ? path : id);

    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_mapping_read(call, q, out);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_mapping_put(struct tg_control_call *call, const char *domain,
    const struct tg_mapping_row *row)
{
    struct tg_mapping_row other;
    enum tg_status        status = tg_mapping_get(call, domain, row->path,
        NULL, &other);

    if (status == TG_OK && strcmp(other.id, row->id) != 0) {
        return TG_CONFLICT;
    }
    if (status != TG_OK && status != TG_NOTFOUND) {
        return status;
    }
    tg_change_routes(call->change);
    return tg_store_exec(call->store, &call->err,
        "INSERT INTO base_path_mapping (domain, id, path, api_id, stage) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (domain, id) DO UPDATE "
        "SET path = $3, api_id = $4, stage = $5", "sssss", domain, row->id,
        row->path, row->api_id, row->stage);
}

enum tg_status
tg_mapping_delete(struct tg_control_call *call, const char *domain,
    const char *id)
{
    tg_change_routes(call->change);
    return tg_store_exec(call->store, &call->err,
        "DELETE FROM base_path_mapping WHERE domain = $1 AND id = $2", "ss",
        domain, id);
}

enum tg_status
tg_mapping_check_path(struct tg_control_call *call, const char *what,
    const char *path)
{
    size_t len = strlen(path);

    if (strspn(path, PATH_CHARS) != len) {
        return tg_call_bad_request(call, "%s may contain only letters, "
            "numbers and one of $-_.+!*'()/", what);
    }
    return len <= PATH_MAX_CHARS ? TG_OK
        : tg_call_bad_request(call, "%s can be at most %d characters", what,
            PATH_MAX_CHARS);
}

enum tg_status
tg_mapping_list(struct tg_control_call *call,
    json_t *(*answer)(const struct tg_mapping_row *row))
{
    struct tg_page  page = { 0 };
    struct tg_stmt *q = NULL;
    const char     *domain, *after = "";
    enum tg_status  status = tg_domain_of(call, &domain, NULL);

    if (status != TG_OK) {
        return status;
    }
    status = tg_page_begin(&page, call);
    if (status == TG_OK) {
        status = tg_page_after_text(&page, &after);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT " TG_MAPPING_COLUMNS " FROM base_path_mapping "
            "WHERE domain = $1 AND (path > $2 OR $3) ORDER BY path "
            "LIMIT $4", "ssii", domain, after,
            (int64_t) (page.position == NULL), page.limit + 1);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        struct tg_mapping_row row;

        status = tg_mapping_read(call, q, &row);
        if (status == TG_OK) {
            status = tg_page_add(&page, answer(&row), json_string(row.path));
        }
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

enum tg_status
tg_mapping_check_stage(struct tg_control_call *call, const char *api_id,
    const char *stage)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status;

    if (stage == NULL) {
        return TG_OK;
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT 1 FROM stage WHERE api_id = $1 AND name = $2", "ss", api_id,
        stage);
    if (status == TG_OK) {
        status = tg_stmt_next(q, &call->err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_bad_request(call, "Invalid stage identifier specified")
        : status;
}

enum tg_status
tg_mapping_refuse_used(struct tg_control_call *call, const char *api_id,
    const char *stage)
{
    struct tg_stmt *q = NULL;
    const char     *domains = NULL;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT DISTINCT domain FROM base_path_mapping WHERE api_id = $1 "
        "AND ($2 = '' OR stage = $2) ORDER BY domain", "ss", api_id,
        stage != NULL ? stage : "");

    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        domains = domains == NULL
            ? tg_arena_strdup(call->arena, tg_stmt_text(q, 0))
            : tg_arena_printf(call->arena, "%s, %s", domains,
                  tg_stmt_text(q, 0));
        if (domains == NULL) {
            status = no_memory(call);
        }
    }
    tg_stmt_done(q);
    if (status != TG_NOTFOUND) {
        return status;
    }
    if (domains == NULL) {
        return TG_OK;
    }
    return tg_call_bad_request(call, "Deleting %s %s failed. Please remove "
        "all base path mappings related to the %s in your domains: %s",
        stage != NULL ? "stage" : "RestApi", stage != NULL ? stage : api_id,
        stage != NULL ? "stage" : "RestApi", domains);
}

/* ---- the routes file ---- */

enum tg_status
tg_domains_compile(struct tg_routes_builder *builder, struct tg_store *store,
    struct tg_error *err)
{
    struct tg_stmt *q = NULL;
    char            name[NAME_MAX_BYTES + 1] = "";
    uint32_t        domain = TG_ROUTE_NONE;
    enum tg_status  status = tg_store_query(store, &q, err,
        "SELECT d.name, m.path, m.api_id, m.stage FROM domain_name d "
        "LEFT JOIN base_path_mapping m ON m.domain = d.name "
        "ORDER BY d.name, m.path", "");

    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        const char *next = tg_stmt_text(q, 0);

        if (strcmp(name, next) != 0) {
            (void) strncpy(name, next, NAME_MAX_BYTES);
            domain = tg_routes_add_domain(builder, next);
        }
        if (!tg_stmt_is_null(q, 1)) {
            tg_routes_add_mapping(builder, domain, tg_stmt_text(q, 1),
                tg_stmt_text(q, 2), tg_stmt_text(q, 3));
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}
