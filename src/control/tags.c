/*
 * tags.c - GetTags, TagResource, UntagResource
 *
 * For API keys, usage plans, REST APIs, stages and domain names:
 * arn:aws:apigateway:{region}::/apikeys/{id}, .../usageplans/{id},
 * .../restapis/{id}, .../restapis/{id}/stages/{name}, .../domainnames/{name}
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/tags.h"

#include <stdlib.h>
#include <string.h>

#include "control/customers.h"
#include "http/form.h"

/* What can have tags, by how its ARN goes on behind "::/". */
struct kind {
    const char *prefix;
    const char *type;
    const char *select;
    const char *update; /* NULL: an API key's */
    const char *missing;
    bool        is_member; /* of the document that select reads */
};

#define STAGES "/stages/" /* between an API's id and a stage's name */

static const struct kind kinds[] = {
    {"apikeys/", "AWS::ApiGateway::ApiKey",
        "SELECT tags FROM api_key WHERE id = $1", NULL, TG_NO_API_KEY,
        false},
    {"usageplans/", "AWS::ApiGateway::UsagePlan",
        "SELECT tags FROM usage_plan WHERE id = $1",
        "UPDATE usage_plan SET tags = $2 WHERE id = $1", TG_NO_USAGE_PLAN,
        false},
    {"domainnames/", "AWS::ApiGateway::DomainName",
        "SELECT tags FROM domain_name WHERE name = $1",
        "UPDATE domain_name SET tags = $2 WHERE name = $1",
        "Invalid domain name identifier specified", false},
    {"restapis/", "AWS::ApiGateway::Stage",
        "SELECT doc FROM stage WHERE api_id || '" STAGES "' || name = $1",
        "UPDATE stage SET doc = $2 WHERE api_id || '" STAGES "' || name = $1",
        "Invalid stage identifier specified", true},
    {"restapis/", "AWS::ApiGateway::RestApi",
        "SELECT doc FROM rest_api WHERE id = $1",
        "UPDATE rest_api SET doc = $2 WHERE id = $1",
        "Invalid API identifier specified", true},
};

struct resource {
    const struct kind *kind;
    const char        *id;
    json_t            *doc; /* that the tags are a member of, or NULL */
    json_t            *tags;
};

static enum tg_status
invalid_arn(struct tg_control_call *call, const char *arn)
{
    return tg_call_bad_request(call, "Invalid resource ARN specified: %s: "
        "expected the ARN of an API key, a usage plan, a REST API, a stage or "
        "a domain name", arn);
}

/* Kind and id of the ARN's resource; false: it is none of ours. */
static bool
read_arn(struct resource *out, const char *arn)
{
    size_t      i;
    const char *path = strstr(arn, "::/");

    if (strncmp(arn, "arn:aws:apigateway:", 19) != 0 || path == NULL) {
        return false;
    }
    path += 3;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].prefix);

        if (strncmp(path, kinds[i].prefix, len) == 0
            && (strcmp(kinds[i].type, "AWS::ApiGateway::Stage") != 0
                || strstr(path, STAGES) != NULL))
        {
            out->kind = &kinds[i];
            out->id = path + len;
            return true;
        }
    }
    return false;
}

/* Takes what the store has: the tags, or the document that they are in. */
static void
take_tags(struct resource *out, json_t *stored)
{
    if (!out->kind->is_member) {
        out->tags = stored;
        return;
    }
    out->doc = stored;
    out->tags = json_incref(json_object_get(stored, "tags"));
    if (out->tags == NULL) {
        out->tags = json_object();
    }
}

static void
release(struct resource *r)
{
    json_decref(r->tags);
    json_decref(r->doc);
}

/* The ARN is one segment, but SDKs of old leave its slashes as they are. */
static enum tg_status
find(struct tg_control_call *call, struct resource *out)
{
    const char     *arn;
    const char     *raw = tg_http_path_get(call->req, "resourceArn");
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    out->doc = out->tags = NULL;
    if (tg_http_decode(&arn, call->arena, raw, strlen(raw), false)
        != TG_OK)
    {
        return invalid_arn(call, raw);
    }
    if (!read_arn(out, arn)) {
        return invalid_arn(call, arn);
    }
    call->resource_type = out->kind->type;
    call->resource_name = out->id;
    status = tg_store_query(call->store, &q, &call->err, out->kind->select,
        "s", out->id);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        take_tags(out, json_loads(tg_stmt_text(q, 0), 0, NULL));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "%s", out->kind->missing) : status;
}

static enum tg_status
store_tags(struct tg_control_call *call, const struct resource *r)
{
    char          *text;
    enum tg_status status = tg_call_check_tags(call, r->tags);

    if (status != TG_OK) {
        return status;
    }
    if (r->kind->update == NULL) {
        return tg_api_key_set_tags(call->change, r->id, r->tags, &call->err);
    }
    if (r->doc != NULL) {
        (void) json_object_set(r->doc, "tags", r->tags);
        if (json_object_size(r->tags) == 0) {
            (void) json_object_del(r->doc, "tags");
        }
    }
    text = json_dumps(r->doc != NULL ? r->doc : r->tags, JSON_COMPACT);
    if (text == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    status = tg_store_exec(call->store, &call->err, r->kind->update, "ss",
        r->id, text);
    free(text);
    return status;
}

enum tg_status
tg_get_tags(struct tg_control_call *call)
{
    int64_t         limit; /* of which there are more than tags */
    struct resource r;
    const json_t   *position;
    enum tg_status  status = find(call, &r);

    if (status == TG_OK) {
        status = tg_call_limit(call, &limit);
    }
    if (status == TG_OK) {
        status = tg_call_position(call, &position);
    }
    if (status == TG_OK) {
        call->result = json_pack("{s:O}", "tags", r.tags);
    }
    release(&r);
    return status;
}

enum tg_status
tg_tag_resource(struct tg_control_call *call)
{
    static const char *const members[] = { "tags", NULL };
    struct resource r;
    const json_t   *tags;
    enum tg_status  status = find(call, &r);

    if (status == TG_OK) {
        status = tg_call_members(call, call->body, members);
    }
    if (status == TG_OK) {
        status = tg_call_object(call, call->body, "tags", &tags);
    }
    if (status == TG_OK && tags == NULL) {
        status = tg_call_bad_request(call, "tags are required");
    }
    if (status == TG_OK) {
        (void) json_object_update(r.tags, (json_t *) tags);
        status = store_tags(call, &r);
    }
    release(&r);
    return status;
}

enum tg_status
tg_untag_resource(struct tg_control_call *call)
{
    size_t                       i;
    const struct tg_http_params *params = &call->req->params;
    struct resource              r;
    enum tg_status               status = find(call, &r);

    if (status == TG_OK && tg_http_param_get(params, "tagKeys") == NULL) {
        status = tg_call_bad_request(call, "tagKeys are required");
    }
    for (i = 0; status == TG_OK && i < params->count; i++) {
        if (strcmp(params->items[i].name, "tagKeys") == 0) {
            (void) json_object_del(r.tags, params->items[i].value);
        }
    }
    if (status == TG_OK) {
        status = store_tags(call, &r);
    }
    release(&r);
    return status;
}
