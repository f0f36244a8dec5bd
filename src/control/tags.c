/*
 * tags.c - GetTags, TagResource, UntagResource for API keys and usage plans
 *
 * arn:aws:apigateway:{region}::/apikeys/{id} and .../usageplans/{id}
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/tags.h"

#include <stdlib.h>
#include <string.h>

#include "control/customers.h"
#include "http/form.h"

struct resource {
    bool        is_key; /* else a usage plan */
    const char *id;
    json_t     *tags;
};

static enum tg_status
invalid_arn(struct tg_control_call *call, const char *arn)
{
    return tg_call_bad_request(call, "Invalid resource ARN specified: %s: "
        "expected the ARN of an API key or a usage plan", arn);
}

/* The ARN is one segment, but SDKs of old leave its slashes as they are. */
static enum tg_status
find(struct tg_control_call *call, struct resource *out)
{
    const char     *arn;
    const char     *path;
    const char     *raw = tg_http_path_get(call->req, "resourceArn");
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    out->tags = NULL;
    if (tg_http_decode(&arn, call->arena, raw, strlen(raw), false)
        != TG_OK)
    {
        return invalid_arn(call, raw);
    }
    path = strstr(arn, "::/");
    if (strncmp(arn, "arn:aws:apigateway:", 19) != 0 || path == NULL) {
        return invalid_arn(call, arn);
    }
    path += 3;
    out->is_key = strncmp(path, "apikeys/", 8) == 0;
    if (!out->is_key && strncmp(path, "usageplans/", 11) != 0) {
        return invalid_arn(call, arn);
    }
    out->id = strchr(path, '/') + 1;
    call->resource_type = out->is_key ? "AWS::ApiGateway::ApiKey"
                                      : "AWS::ApiGateway::UsagePlan";
    call->resource_name = out->id;
    status = tg_store_query(call->store, &q, &call->err,
        out->is_key ? "SELECT tags FROM api_key WHERE id = $1"
                    : "SELECT tags FROM usage_plan WHERE id = $1", "s",
        out->id);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        out->tags = json_loads(tg_stmt_text(q, 0), 0, NULL);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, out->is_key ? TG_NO_API_KEY
                                              : TG_NO_USAGE_PLAN)
        : status;
}

static enum tg_status
store_tags(struct tg_control_call *call, const struct resource *r)
{
    char          *text;
    enum tg_status status = tg_call_check_tags(call, r->tags);

    if (status != TG_OK) {
        return status;
    }
    if (r->is_key) {
        return tg_api_key_set_tags(call->change, r->id, r->tags, &call->err);
    }
    text = json_dumps(r->tags, JSON_COMPACT);
    if (text == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    status = tg_store_exec(call->store, &call->err,
        "UPDATE usage_plan SET tags = $2 WHERE id = $1", "ss", r->id, text);
    free(text);
    return status;
}

enum tg_status
tg_get_tags(struct tg_control_call *call)
{
    struct resource r;
    enum tg_status  status = find(call, &r);

    if (status == TG_OK) {
        call->result = json_pack("{s:o}", "tags", r.tags);
    }
    return status;
}

enum tg_status
tg_tag_resource(struct tg_control_call *call)
{
    struct resource r;
    const json_t   *tags;
    enum tg_status  status = find(call, &r);

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
    json_decref(r.tags);
    return status;
}

enum tg_status
tg_untag_resource(struct tg_control_call *call)
{
    size_t                       i;
    const struct tg_http_params *params = &call->req->params;
    struct resource              r;
    enum tg_status               status = find(call, &r);

    for (i = 0; status == TG_OK && i < params->count; i++) {
        if (strcmp(params->items[i].name, "tagKeys") == 0) {
            (void) json_object_del(r.tags, params->items[i].value);
        }
    }
    if (status == TG_OK) {
        status = store_tags(call, &r);
    }
    json_decref(r.tags);
    return status;
}
