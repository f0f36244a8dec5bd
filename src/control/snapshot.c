/* SPDX-License-Identifier: Apache-2.0 */
#include "control/snapshot.h"

#include <stdbool.h>
#include <string.h>

#include "control/canary.h"
#include "control/domain_rows.h"
#include "control/method_doc.h"
#include "control/method_settings.h"
#include "control/mock.h"
#include "control/plan_rules.h"
#include "control/proxy.h"
#include "control/responses.h"
#include "control/stage_rules.h"

/* ---- taking ---- */

static enum tg_status
no_memory(struct tg_error *err)
{
    return tg_error_set(err, TG_NOMEM, "no memory for a deployment");
}

static enum tg_status
take_methods(json_t *resource, struct tg_store *store, const char *api_id,
    struct tg_error *err)
{
    struct tg_stmt *q;
    json_t         *methods = json_object();
    const char     *id = tg_text_of(resource, "id");
    enum tg_status  status = tg_store_query(store, &q, err,
        "SELECT verb, doc FROM method WHERE api_id = $1 AND resource_id = $2 "
        "ORDER BY verb", "ss", api_id, id);

    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        json_t *doc = json_loads(tg_stmt_text(q, 1), 0, NULL);

        if (json_object_set_new(methods, tg_stmt_text(q, 0), doc)) {
            status = no_memory(err);
        }
    }
    tg_stmt_done(q);
    json_object_set_new(resource, "methods", methods);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
take_resources(json_t *list, struct tg_store *store, const char *api_id,
    struct tg_error *err)
{
    struct tg_stmt *q;
    json_t         *resource;
    size_t          i;
    enum tg_status  status = tg_store_query(store, &q, err,
        "SELECT id, path FROM resource WHERE api_id = $1 ORDER BY path", "s",
        api_id);

    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        resource = json_pack("{ss ss}", "id", tg_stmt_text(q, 0), "path",
            tg_stmt_text(q, 1));
        if (json_array_append_new(list, resource)) {
            status = no_memory(err);
        }
    }
    tg_stmt_done(q);
    if (status == TG_NOTFOUND) {
        status = TG_OK;
        json_array_foreach(list, i, resource) {
            if (status == TG_OK) {
                status = take_methods(resource, store, api_id, err);
            }
        }
    }
    return status;
}

/*
 * Models, validators, authorizers and gateway responses, by kind and id; what
 * is said of the API has versions of its own.
 */
static enum tg_status
take_parts(json_t *parts, struct tg_store *store, const char *api_id,
    struct tg_error *err)
{
    struct tg_stmt *q;
    json_t         *kind;
    enum tg_status  status = tg_store_query(store, &q, err,
        "SELECT kind, id, doc FROM api_part WHERE api_id = $1 AND "
        "kind NOT LIKE 'documentation%' "
        "ORDER BY kind, id", "s", api_id);

    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        kind = json_object_get(parts, tg_stmt_text(q, 0));
        if (!kind) {
            kind = json_object();
            json_object_set_new(parts, tg_stmt_text(q, 0), kind);
        }
        if (json_object_set_new(kind, tg_stmt_text(q, 1),
                json_loads(tg_stmt_text(q, 2), 0, NULL)))
        {
            status = no_memory(err);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_snapshot_take(json_t **out, struct tg_store *store, const char *api_id,
    struct tg_error *err)
{
    json_t        *resources = json_array(), *parts = json_object();
    enum tg_status status = resources && parts ? TG_OK : no_memory(err);

    if (status == TG_OK) {
        status = take_resources(resources, store, api_id, err);
    }
    if (status == TG_OK) {
        status = take_parts(parts, store, api_id, err);
    }
    if (status != TG_OK) {
        json_decref(resources);
        json_decref(parts);
        *out = NULL;
        return status;
    }
    *out = json_pack("{so so}", "resources", resources, "parts", parts);
    return *out ? TG_OK : no_memory(err);
}

size_t
tg_snapshot_method_count(const json_t *snapshot)
{
    json_t *resource;
    size_t  i, count = 0;

    json_array_foreach(json_object_get(snapshot, "resources"), i, resource) {
        count += json_object_size(json_object_get(resource, "methods"));
    }
    return count;
}

/* ---- compiling ---- */

static enum tg_verb
verb_of(const char *name)
{
    return tg_verb_parse(name, strlen(name));
}

static enum tg_status
compile_proxy(struct tg_snapshot_compiler *c, struct tg_integration_spec *spec,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    struct tg_uri          uri;
    struct tg_route_address *addresses;
    struct tg_backend_spec backend = { 0 };
    enum tg_status         status = tg_proxy_compile(spec, &uri, c->arena,
        scope, integration, err);

    if (status != TG_OK) {
        return status;
    }
    spec->verb = verb_of(tg_text_of(integration, "httpMethod"));
    backend.name = uri.host;
    backend.host = uri.authority;
    backend.is_tls = uri.is_tls;
    backend.skip_chain = json_is_true(json_object_get(
        json_object_get(integration, "tlsConfig"),
        "insecureSkipVerification"));
    status = tg_resolver_get(c->resolver, c->arena, uri.host, uri.port,
        &addresses, &backend.address_count);
    if (status == TG_OK) {
        tg_prober_mark(c->prober, addresses, backend.address_count);
        backend.addresses = addresses;
        spec->backend = tg_routes_add_backend(c->builder, &backend);
    }
    return status;
}

/* An integration that is not a proxy: templates and responses, too. */
static enum tg_status
compile_http(struct tg_snapshot_compiler *c, struct tg_integration_spec *spec,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    struct tg_template_spec *templates;
    enum tg_status status = compile_proxy(c, spec, scope, integration, err);

    spec->type = TG_INTEGRATION_HTTP;
    if (status == TG_OK) {
        status = tg_requests_compile(spec, &templates, c->arena, scope,
            integration, err);
    }
    return status == TG_OK
        ? tg_responses_compile(spec, c->arena, scope, integration, err)
        : status;
}

enum tg_status
tg_snapshot_integration(struct tg_snapshot_compiler *c,
    struct tg_integration_spec *spec, const struct tg_mapping_scope *scope,
    const json_t *integration, struct tg_error *err)
{
    const char *type = tg_text_of(integration, "type");

    spec->timeout_ms = (uint32_t) json_integer_value(
        json_object_get(integration, "timeoutInMillis"));
    if (strcmp(type, "MOCK") == 0) {
        return tg_mock_compile(spec, c->arena, scope, integration, err);
    }
    spec->type = TG_INTEGRATION_HTTP_PROXY;
    return strcmp(type, "HTTP") == 0
        ? compile_http(c, spec, scope, integration, err)
        : compile_proxy(c, spec, scope, integration, err);
}

/* A stage while it is compiled. */
struct stage {
    const char             *api_id;
    const char             *name;
    uint32_t                number; /* in the builder */
    bool                    has_header_keys; /* apiKeySource HEADER */
    const json_t           *settings; /* of its methods */
    struct tg_mapping_scope scope;
    const json_t           *parts; /* of the snapshot */
};

static struct tg_bucket_limit
account_limit(const struct tg_snapshot_compiler *c)
{
    return tg_bucket_limit_make(c->settings->gateway.account_rate,
        (uint64_t) c->settings->gateway.account_burst);
}

/*
 * The method's identity, and its throttle of the stage.  One that is not
 * below the account's can never be the one that refuses, and is left out:
 * Amazon fills it in with the first setting of any kind.
 */
static enum tg_status
compile_throttle(struct tg_snapshot_compiler *c, const struct stage *stage,
    const char *path, const char *verb, struct tg_method_spec *spec,
    struct tg_error *err)
{
    struct tg_bucket_limit    account = account_limit(c);
    struct tg_method_identity id = tg_method_identity_make(stage->api_id,
        stage->name, path, verb);

    spec->identity = id.word[0];
    if (!tg_method_settings_throttle(stage->settings, path, verb,
            &spec->throttle)
        || (spec->throttle.interval_ns != 0
            && spec->throttle.interval_ns <= account.interval_ns
            && spec->throttle.burst >= account.burst))
    {
        return TG_OK;
    }
    spec->has_throttle = true;
    return tg_buckets_assign(c->buckets, &id, c->generation,
        (uint64_t) c->now_s * 1000000000, &spec->bucket, err);
}

static void
warn(struct tg_snapshot_compiler *c, const struct stage *stage,
    const char *event, const char *verb, const char *path,
    const char *reason)
{
    if (c->on_warning) {
        c->on_warning(event, stage->api_id, stage->name, verb, path, reason);
    }
}

/* Who would have to be asked, and cannot be (S3). */
static enum tg_guard
guard_of(const json_t *method, bool has_no_key)
{
    const char *type = tg_text_of(method, "authorizationType");

    if (type && strcmp(type, "NONE") == 0) {
        return has_no_key ? TG_GUARD_AUTHORIZER : TG_GUARD_NONE;
    }
    return type && strcmp(type, "AWS_IAM") == 0 ? TG_GUARD_IAM
                                                : TG_GUARD_AUTHORIZER;
}

static enum tg_status
compile_method(struct tg_snapshot_compiler *c, const struct stage *stage,
    uint32_t resource, const char *path, const char *verb,
    const json_t *method, struct tg_error *err)
{
    struct tg_integration_spec spec = { 0 };
    struct tg_method_spec      added = { 0 };
    struct tg_error            why = { 0 };
    const char *reason = tg_method_gap(method);
    bool        wants_key
        = json_is_true(json_object_get(method, "apiKeyRequired"));
    bool        has_no_key = wants_key && !stage->has_header_keys;
    struct tg_parts required;
    enum tg_status  status = TG_DENIED;

    if (!reason && has_no_key) {
        reason = "its key would come from an authorizer";
    }
    if (!reason) {
        status = tg_snapshot_integration(c, &spec, &stage->scope,
            json_object_get(method, "methodIntegration"), &why);
        reason = why.message;
    }
    if (status == TG_NOMEM
        || tg_required_compile(&required, c->arena, stage->parts, method))
    {
        return tg_error_set(err, TG_NOMEM, "no memory for the routes");
    }
    if (status != TG_OK) {
        spec = (struct tg_integration_spec) {
            .type = TG_INTEGRATION_BROKEN, .timeout_ms = 29000,
        };
        warn(c, stage, "integration_broken", verb, path, reason);
    }
    if (tg_validator_wants_body(stage->parts, method)) {
        warn(c, stage, "body_not_validated", verb, path, "this gateway does "
            "not check bodies against models: every body passes");
    }
    added.verb = verb_of(verb);
    added.is_key_required = wants_key;
    added.guard = guard_of(method, has_no_key);
    added.integration = tg_routes_add_integration(c->builder, &spec);
    added.required = required.items;
    added.required_count = required.count;
    status = compile_throttle(c, stage, path, verb, &added, err);
    if (status == TG_OK) {
        tg_routes_add_method(c->builder, resource, &added);
    }
    return status;
}

static enum tg_status
compile_resources(struct tg_snapshot_compiler *c, const struct stage *stage,
    const json_t *snapshot, struct tg_error *err)
{
    json_t        *resource, *method;
    const char    *verb;
    size_t         i;
    enum tg_status status = TG_OK;

    json_array_foreach(json_object_get(snapshot, "resources"), i, resource) {
        json_t     *methods = json_object_get(resource, "methods");
        const char *path = tg_text_of(resource, "path");
        uint32_t    number = tg_routes_add_resource(c->builder,
               stage->number, path, tg_text_of(resource, "id"));

        json_object_foreach(methods, verb, method) {
            if (status == TG_OK) {
                status = compile_method(c, stage, number, path, verb, method,
                    err);
            }
        }
    }
    return status;
}

/* ---- plans ---- */

/*
 * Of a row: id, number, rate, burst, TG_PLAN_QUOTA_COLUMNS.  Of a throttle
 * that has but one half the other is the account's.
 */
static void
read_plan(struct tg_plan_spec *plan, const struct tg_snapshot_compiler *c,
    struct tg_stmt *q)
{
    struct tg_plan_quota quota;

    tg_plan_quota_read(&quota, c->settings, q, 4);
    *plan = (struct tg_plan_spec) {
        .id = tg_arena_strdup(c->arena, tg_stmt_text(q, 0)),
        .number = (uint32_t) tg_stmt_int(q, 1),
        .has_throttle = !tg_stmt_is_null(q, 2) || !tg_stmt_is_null(q, 3),
        .throttle = tg_bucket_limit_make(
            tg_stmt_is_null(q, 2) ? c->settings->gateway.account_rate
                                  : tg_stmt_double(q, 2),
            tg_stmt_is_null(q, 3)
                ? (uint64_t) c->settings->gateway.account_burst
                : (uint64_t) tg_stmt_int(q, 3)),
        .quota_period = quota.period,
        .quota_limit = quota.limit,
        .quota_offset_days = quota.offset_days,
    };
    plan->first_period = tg_plan_quota_first(&quota, &plan->first_limit);
}

/* "/pets/GET" as the plan has it: the last slash divides. */
static uint64_t
identity_of(const struct tg_snapshot_compiler *c, const struct stage *stage,
    const char *name)
{
    const char *verb = strrchr(name, '/');
    const char *path = verb == name + 1 ? "/"
        : tg_arena_dup(c->arena, name, (size_t) (verb - name));

    return path ? tg_method_identity_make(stage->api_id, stage->name, path,
        verb + 1).word[0] : 0;
}

/* The plan's throttles of methods: {"/pets/GET": {...}}, or for them all. */
static enum tg_status
read_methods(struct tg_plan_spec *plan, const struct tg_snapshot_compiler *c,
    const struct stage *stage, json_t *map, struct tg_error *err)
{
    const char *name;
    json_t     *limits;
    struct tg_route_method_throttle *items = tg_arena_alloc(c->arena,
        (json_object_size(map) + 1) * sizeof(*items));

    if (!items) {
        return no_memory(err);
    }
    plan->methods = items;
    json_object_foreach(map, name, limits) {
        struct tg_bucket_limit limit = tg_bucket_limit_make(
            json_number_value(json_object_get(limits, "rateLimit")),
            (uint64_t) json_integer_value(json_object_get(limits,
                "burstLimit")));

        if (strcmp(name, "/*/*") == 0) {
            plan->has_every_method = true;
            plan->every_method = limit;
        } else {
            items[plan->method_count++] = (struct tg_route_method_throttle) {
                identity_of(c, stage, name), limit,
            };
        }
    }
    return TG_OK;
}

static enum tg_status
compile_plans(struct tg_snapshot_compiler *c, const struct stage *stage,
    struct tg_error *err)
{
    struct tg_stmt     *q;
    struct tg_plan_spec plan;
    enum tg_status      status = tg_store_query(c->store, &q, err,
        "SELECT p.id, p.number, p.rate_limit, p.burst_limit, "
        TG_PLAN_QUOTA_COLUMNS ", s.throttle FROM usage_plan p "
        "JOIN usage_plan_stage s ON s.plan_id = p.id "
        "WHERE s.api_id = $1 AND s.stage = $2 ORDER BY p.number", "ss",
        stage->api_id, stage->name);

    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        json_t *methods = json_loads(tg_stmt_text(q, 8), 0, NULL);

        read_plan(&plan, c, q);
        status = read_methods(&plan, c, stage, methods, err);
        json_decref(methods);
        if (status != TG_OK) {
            break;
        }
        tg_routes_add_stage_plan(c->builder, stage->number,
            tg_routes_add_plan(c->builder, &plan));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* ---- stages ---- */

/* What is read of a stage's row, in the arena. */
struct stage_row {
    struct stage_row *next;
    const char       *api_id, *name, *deployment_id;
    const char       *canary_id; /* a deployment that takes calls, or NULL */
    uint32_t          canary_share;
    json_t           *stage_doc, *api_doc, *snapshot, *canary;
};

static void
free_rows(struct stage_row *rows)
{
    for (; rows; rows = rows->next) {
        json_decref(rows->stage_doc);
        json_decref(rows->api_doc);
        json_decref(rows->snapshot);
        json_decref(rows->canary);
    }
}

static struct stage_row *
read_row(struct tg_arena *arena, struct tg_stmt *q)
{
    struct stage_row *row = tg_arena_alloc(arena, sizeof *row);

    if (row) {
        row->api_id = tg_arena_strdup(arena, tg_stmt_text(q, 0));
        row->name = tg_arena_strdup(arena, tg_stmt_text(q, 1));
        row->deployment_id = tg_arena_strdup(arena, tg_stmt_text(q, 2));
        row->stage_doc = json_loads(tg_stmt_text(q, 3), 0, NULL);
        row->snapshot = json_loads(tg_stmt_text(q, 4), 0, NULL);
        row->api_doc = json_loads(tg_stmt_text(q, 5), 0, NULL);
        row->canary_share = tg_canary_share(row->stage_doc);
        row->canary_id = row->canary_share == 0 ? NULL
            : tg_text_of(json_object_get(row->stage_doc, "canarySettings"),
                "deploymentId");
        row->canary = NULL;
    }
    return row;
}

/*
 * All stages first, plans and methods after: a statement of the store is not
 * open twice at a time.
 */
static enum tg_status
read_stages(struct stage_row **out, struct tg_snapshot_compiler *c,
    struct tg_error *err)
{
    struct tg_stmt    *q;
    struct stage_row **end = out;
    enum tg_status     status = tg_store_query(c->store, &q, err,
        "SELECT s.api_id, s.name, s.deployment_id, s.doc, d.snapshot, a.doc "
        "FROM stage s JOIN deployment d ON d.api_id = s.api_id AND "
        "d.id = s.deployment_id JOIN rest_api a ON a.id = s.api_id "
        "ORDER BY s.api_id, s.name", "");

    *out = NULL;
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        *end = read_row(c->arena, q);
        if (!*end || !(*end)->snapshot || !(*end)->api_doc
            || !(*end)->stage_doc)
        {
            status = tg_error_set(err, TG_CORRUPT,
                "stage %s of API %s cannot be read from the store",
                tg_stmt_text(q, 1), tg_stmt_text(q, 0));
        } else {
            end = &(*end)->next;
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* The snapshots of those canaries that take calls. */
static enum tg_status
read_canaries(struct stage_row *rows, struct tg_snapshot_compiler *c,
    struct tg_error *err)
{
    struct tg_stmt *q;
    enum tg_status  status = TG_OK;

    for (; rows && status == TG_OK; rows = rows->next) {
        if (!rows->canary_id) {
            continue;
        }
        status = tg_store_query(c->store, &q, err, "SELECT snapshot FROM "
            "deployment WHERE api_id = $1 AND id = $2", "ss", rows->api_id,
            rows->canary_id);
        if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
            rows->canary = json_loads(tg_stmt_text(q, 0), 0, NULL);
        }
        tg_stmt_done(q);
        if (status == TG_NOTFOUND || (status == TG_OK && !rows->canary)) {
            status = tg_error_set(err, TG_CORRUPT, "the canary of stage %s "
                "of API %s cannot be read from the store", rows->name,
                rows->api_id);
        }
    }
    return status;
}

static enum tg_status
compile_gateway(struct tg_snapshot_compiler *c, const struct stage *stage,
    struct tg_error *err)
{
    struct tg_gateway_spec *specs;
    struct tg_error         why = { 0 };
    enum tg_status status = tg_gateway_compile(&specs, c->arena,
        &stage->scope, stage->parts, &why);

    if (status == TG_NOMEM) {
        return tg_error_set(err, TG_NOMEM, "no memory for the routes");
    }
    if (status != TG_OK) {
        warn(c, stage, "gateway_response_broken", NULL, NULL, why.message);
    }
    if (specs) {
        tg_routes_set_gateway(c->builder, stage->number, specs);
    }
    return TG_OK;
}

/* What the stage asks for beside its calls, and nobody here does. */
static void
warn_of_settings(struct tg_snapshot_compiler *c, const struct stage *stage,
    const json_t *doc)
{
    if (json_object_get(doc, "accessLogSettings")) {
        warn(c, stage, "access_log_not_written", NULL, NULL, "this gateway "
            "sends no access log to AWS: nginx writes its own");
    }
    if (json_is_true(json_object_get(doc, "tracingEnabled"))) {
        warn(c, stage, "calls_not_traced", NULL, NULL, "this gateway sends "
            "no segments to X-Ray: X-Amzn-Trace-Id passes to the backend");
    }
}

/* One deployment of a stage: what is compiled from its snapshot. */
static enum tg_status
compile_deployment(struct tg_snapshot_compiler *c, const struct stage *stage,
    const json_t *snapshot, struct tg_error *err)
{
    enum tg_status status = compile_plans(c, stage, err);

    if (status == TG_OK) {
        status = compile_gateway(c, stage, err);
    }
    return status == TG_OK ? compile_resources(c, stage, snapshot, err)
                           : status;
}

static enum tg_status
compile_canary(struct tg_snapshot_compiler *c, const struct stage_row *row,
    const struct stage *stage, struct tg_error *err)
{
    struct stage   canary = *stage;
    json_t        *variables = tg_canary_variables(row->stage_doc);
    enum tg_status status;

    if (!variables) {
        return tg_error_set(err, TG_NOMEM, "no memory for the routes");
    }
    canary.number = tg_routes_add_canary(c->builder, stage->number,
        row->canary_id, row->canary_share);
    canary.scope.variables = variables;
    canary.scope.deployment_id = row->canary_id;
    canary.scope.is_canary = true;
    canary.parts = json_object_get(row->canary, "parts");
    status = compile_deployment(c, &canary, row->canary, err);
    json_decref(variables);
    return status;
}

static enum tg_status
compile_stage(struct tg_snapshot_compiler *c, const struct stage_row *row,
    uint32_t api, struct tg_error *err)
{
    const char  *source = tg_text_of(row->api_doc, "apiKeySource");
    struct stage stage = {
        .api_id = row->api_id,
        .name = row->name,
        .number = tg_routes_add_stage(c->builder, api, row->name,
            row->deployment_id),
        .has_header_keys = !source || strcmp(source, "HEADER") == 0,
        .settings = json_object_get(row->stage_doc, "methodSettings"),
        .scope = { json_object_get(row->stage_doc, "variables"),
            row->deployment_id, c->settings->headers.strict, false },
        .parts = json_object_get(row->snapshot, "parts"),
    };
    enum tg_status status = compile_deployment(c, &stage, row->snapshot, err);

    if (status == TG_OK) {
        warn_of_settings(c, &stage, row->stage_doc);
    }
    return status == TG_OK && row->canary_id
        ? compile_canary(c, row, &stage, err) : status;
}

enum tg_status
tg_snapshot_compile(struct tg_snapshot_compiler *c, struct tg_error *err)
{
    struct stage_row *rows = NULL;
    const char       *api_id = "";
    uint32_t          api = 0;
    enum tg_status    status;

    tg_resolver_renew(c->resolver);
    tg_prober_renew(c->prober);
    tg_routes_set_account(c->builder, c->settings->account_id,
        account_limit(c));
    tg_routes_set_region(c->builder, c->settings->region);
    status = read_stages(&rows, c, err);
    if (status == TG_OK) {
        status = read_canaries(rows, c, err);
    }
    for (struct stage_row *r = rows; r && status == TG_OK; r = r->next) {
        if (strcmp(api_id, r->api_id) != 0) {
            api_id = r->api_id;
            api = tg_routes_add_api(c->builder, api_id,
                json_is_true(json_object_get(r->api_doc,
                    "disableExecuteApiEndpoint")));
        }
        status = compile_stage(c, r, api, err);
    }
    free_rows(rows);
    return status == TG_OK ? tg_domains_compile(c->builder, c->store, err)
                           : status;
}
