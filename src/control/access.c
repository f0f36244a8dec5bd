/* SPDX-License-Identifier: Apache-2.0 */
#include "control/access.h"

#include <string.h>

#include "audit/trail.h"
#include "control/access_keys.h"
#include "control/change.h"
#include "control/rotation.h"
#include "http/json.h"

#define KEYS_PATH "/access-keys"
#define MASTER_PATH "/master-key"

bool
tg_access_is_path(const char *path)
{
    return strncmp(path, KEYS_PATH, sizeof(KEYS_PATH) - 1) == 0
        || strncmp(path, MASTER_PATH, sizeof(MASTER_PATH) - 1) == 0;
}

static void
refuse_status(struct tg_http_response *res, enum tg_status status,
    const struct tg_error *err)
{
    switch (status) {
    case TG_INVALID:
        tg_http_json_refuse(res, 400, err->message);
        break;
    case TG_NOTFOUND:
        tg_http_json_refuse(res, 404, err->message);
        break;
    case TG_CONFLICT:
    case TG_LIMIT:
        tg_http_json_refuse(res, 409, err->message);
        break;
    default:
        tg_http_json_refuse(res, 503, err->message);
    }
}

/* What the operator did to an access key, in the change's transaction. */
static enum tg_status
append_audit(struct tg_change *change, const char *event, const char *key_id,
    const char *user_name, const char *role, struct tg_error *err)
{
    enum tg_status            status;
    const struct tg_settings *settings = change->control->settings;
    json_t *request = json_pack("{s:s, s:s*, s:s*}", "accessKeyId", key_id,
        "userName", user_name, "role", role);
    const struct tg_audit_record record = {
        .time_s = change->now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = event,
        .region = settings->region,
        .account_id = settings->account_id,
        .identity = tg_audit_self(settings->account_id, "operator"),
        .request = request,
        .resource_type = "AWS::IAM::AccessKey",
        .resource_name = key_id,
    };

    status = tg_audit_append(change->store, &record, err);
    json_decref(request);
    return status;
}

/*
 * ---- access keys
 */

static void
list_keys(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    enum tg_status     status;
    json_t            *list = json_array();
    struct tg_control *control = data;
    struct tg_error    err = {0};

    pthread_mutex_lock(&control->lock);
    status = tg_access_keys_list(control->store, list, req->now_s, &err);
    pthread_mutex_unlock(&control->lock);
    if (status == TG_OK) {
        tg_http_json_reply(res, 200, TG_HTTP_JSON,
            json_pack("{s:O}", "accessKeys", list));
    } else {
        refuse_status(res, status, &err);
    }
    json_decref(list);
}

/* What a POST asks for; the texts are lent by body. */
struct wanted {
    const char  *user_name;
    enum tg_role role;
    int64_t      duration_s;
};

static enum tg_status
read_wanted(struct wanted *out, const json_t *body, struct tg_error *err)
{
    const char   *key;
    const json_t *name = json_object_get(body, "userName");
    const json_t *role = json_object_get(body, "role");
    const json_t *duration = json_object_get(body, "durationSeconds");
    json_t       *value;

    json_object_foreach ((json_t *) body, key, value) {
        if (value != name && value != role && value != duration) {
            return tg_error_set(err, TG_INVALID, "%.40s: there is no such"
                " member", key);
        }
    }
    if (!json_is_string(name)) {
        return tg_error_set(err, TG_INVALID, "userName: expected a text");
    }
    if (!json_is_string(role)) {
        return tg_error_set(err, TG_INVALID, "role: expected a text");
    }
    if (duration != NULL && !json_is_integer(duration)) {
        return tg_error_set(err, TG_INVALID,
            "durationSeconds: expected a number");
    }
    out->user_name = json_string_value(name);
    out->duration_s = json_integer_value(duration);
    return tg_role_parse(&out->role, json_string_value(role), err);
}

static enum tg_status
make_key(struct tg_control *control, struct tg_new_access_key *key,
    const struct wanted *wanted, struct tg_http_request *req,
    struct tg_error *err)
{
    enum tg_status   status;
    struct tg_change change;

    status = tg_change_begin(&change, control, req->arena, req->now_s, err);
    if (status != TG_OK) {
        return status;
    }
    status = tg_access_keys_make(control->access_keys, key, control->store,
        wanted->user_name, wanted->role, wanted->duration_s, req->now_s,
        err);
    if (status == TG_OK) {
        status = append_audit(&change, "CreateAccessKey", key->id,
            wanted->user_name, tg_role_name(wanted->role), err);
    }
    if (status == TG_OK) {
        status = tg_change_commit(&change, err);
    }
    tg_change_abort(&change);
    return status == TG_OK ? tg_access_keys_add(control->access_keys, key,
        wanted->user_name, wanted->role, req->now_s, err) : status;
}

static json_t *
describe_key(const struct tg_new_access_key *key, const struct wanted *wanted)
{
    json_t *answer = json_pack("{s:s, s:s, s:s, s:s}", "accessKeyId",
        key->id, "secretAccessKey", key->secret, "userName",
        wanted->user_name, "role", tg_role_name(wanted->role));

    if (key->token[0] != '\0') {
        (void) json_object_set_new(answer, "sessionToken",
            json_string(key->token));
        (void) json_object_set_new(answer, "expiration",
            json_integer((json_int_t) key->expires_s));
    }
    return answer;
}

static void
create_key(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    json_t                  *body = NULL;
    enum tg_status           status;
    struct wanted            wanted;
    struct tg_error          err = {0};
    struct tg_new_access_key key;

    status = tg_http_json_parse(&body, req, &err);
    if (status == TG_OK) {
        status = read_wanted(&wanted, body, &err);
    }
    if (status == TG_OK) {
        status = make_key(data, &key, &wanted, req, &err);
    }
    if (status == TG_OK) {
        tg_http_json_reply(res, 201, TG_HTTP_JSON,
            describe_key(&key, &wanted));
        tg_wipe(&key, sizeof(key));
    } else {
        refuse_status(res, status, &err);
    }
    json_decref(body);
}

static void
revoke_key(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const char        *id = tg_http_path_get(req, "accessKeyId");
    enum tg_status     status;
    struct tg_change   change;
    struct tg_control *control = data;
    struct tg_error    err = {0};

    status = tg_change_begin(&change, control, req->arena, req->now_s, &err);
    if (status == TG_OK) {
        status = tg_access_keys_revoke(change.store, id, &err);
        if (status == TG_OK) {
            status = append_audit(&change, "DeleteAccessKey", id, NULL, NULL,
                &err);
        }
        if (status == TG_OK) {
            status = tg_change_commit(&change, &err);
        }
        tg_change_abort(&change);
    }
    if (status == TG_OK) {
        tg_access_keys_drop(control->access_keys, id);
        tg_http_json_reply(res, 200, TG_HTTP_JSON,
            json_pack("{s:s}", "accessKeyId", id));
    } else {
        refuse_status(res, status, &err);
    }
}

/*
 * ---- the master key
 */

static void
answer_report(struct tg_http_response *res, int status,
    struct tg_control *control)
{
    json_t                   *answer;
    struct tg_rotation_report report;

    tg_rotation_report(control->rotation, &report);
    answer = json_pack("{s:s, s:s, s:I, s:I}", "masterKeyId", report.key_id,
        "state", report.is_running ? "ROTATING" : "CURRENT", "done",
        (json_int_t) report.done, "total", (json_int_t) report.total);
    if (report.trouble[0] != '\0') {
        (void) json_object_set_new(answer, "trouble",
            json_string(report.trouble));
    }
    tg_http_json_reply(res, status, TG_HTTP_JSON, answer);
}

static void
get_master_key(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    (void) req;
    answer_report(res, 200, data);
}

static void
rotate_master_key(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    enum tg_status     status;
    struct tg_control *control = data;
    struct tg_error    err = {0};

    status = tg_rotation_start(control->rotation, req->now_s, &err);
    if (status == TG_OK) {
        answer_report(res, 202, control);
    } else {
        refuse_status(res, status, &err);
    }
}

/*
 * ---- routes
 */

static const struct tg_http_route routes[] = {
    {"GET", KEYS_PATH, NULL, "ListAccessKeys", list_keys, NULL},
    {"POST", KEYS_PATH, NULL, "CreateAccessKey", create_key, NULL},
    {"DELETE", KEYS_PATH "/{accessKeyId}", NULL, "DeleteAccessKey",
        revoke_key, NULL},
    {"GET", MASTER_PATH, NULL, "GetMasterKey", get_master_key, NULL},
    {"POST", MASTER_PATH "/rotate", NULL, "RotateMasterKey",
        rotate_master_key, NULL},
};

void
tg_access_handle(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    tg_http_json_route(req, res, routes, sizeof(routes) / sizeof(routes[0]),
        data);
}
