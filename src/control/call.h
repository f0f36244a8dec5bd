/*
 * call.h - one call of an AWS API on the admin listener
 *
 * dispatch.c verifies the signature, finds the operation's row, parses the
 * body, opens the transaction of a changing operation, calls the handler,
 * appends the audit record, commits and publishes, and only then answers.  A
 * handler reads the call, works on call->store, and either sets call->result
 * and returns TG_OK, or ends with one of the tg_call_* refusals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CALL_H
#define TG_CONTROL_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/access_keys.h"
#include "control/change.h"
#include "control/control.h"
#include "http/http.h"
#include "util/arena.h"
#include "util/error.h"

/* Where the operations of API Gateway v2 begin. */
#define TG_V2 "/v2"

struct tg_control_call;

typedef enum tg_status tg_operation_handler(struct tg_control_call *call);

enum tg_body_kind {
    TG_BODY_NONE, /* a body is ignored */
    TG_BODY_JSON, /* an object in call->body; {} when it is empty */
    TG_BODY_RAW,  /* call->req->body is the handler's to read */
};

/*
 * An operation a client can name.  For API Gateway the method and pattern
 * select it (see struct tg_http_route), for CloudTrail X-Amz-Target does, by
 * the operation's name; method and pattern are NULL there.
 */
struct tg_operation {
    const char           *method;
    const char           *pattern;
    const char           *name;   /* AWS's: CreateApiKey */
    int                   status; /* of success; 202 and 204: no body */
    bool                  is_read_only; /* no transaction, no audit record */
    enum tg_body_kind     body;
    tg_operation_handler *handler;
};

/*
 * The tables, each ended by a row without a name; operations.c lists them, and
 * rows are tried in that order.
 */
extern const struct tg_operation tg_api_key_operations[];
extern const struct tg_operation tg_usage_plan_operations[];
extern const struct tg_operation tg_account_operations[];
extern const struct tg_operation tg_rest_api_operations[];
extern const struct tg_operation tg_resource_operations[];
extern const struct tg_operation tg_method_operations[];
extern const struct tg_operation tg_integration_operations[];
extern const struct tg_operation tg_deployment_operations[];
extern const struct tg_operation tg_stage_operations[];
extern const struct tg_operation tg_model_operations[];
extern const struct tg_operation tg_authorizer_operations[];
extern const struct tg_operation tg_documentation_part_operations[];
extern const struct tg_operation tg_documentation_version_operations[];
extern const struct tg_operation tg_export_operations[];
extern const struct tg_operation tg_domain_name_operations[];
extern const struct tg_operation tg_base_path_mapping_operations[];
extern const struct tg_operation tg_api_mapping_operations[];
extern const struct tg_operation tg_request_validator_operations[];
extern const struct tg_operation tg_gateway_response_operations[];
extern const struct tg_operation tg_unsupported_operations[];
extern const struct tg_operation tg_cloudtrail_operations[];
extern const struct tg_operation *const tg_operation_tables[];

struct tg_control_call {
    struct tg_control         *control;
    struct tg_http_request    *req; /* path parameters: tg_http_path_get */
    struct tg_http_response   *res; /* headers may be added */
    struct tg_arena           *arena; /* of the request */
    int64_t                    now_s;
    const struct tg_operation *operation;
    struct tg_store           *store;
    struct tg_change          *change; /* NULL for a read-only operation */
    json_t                    *body;   /* TG_BODY_JSON: an object */
    const char                *access_key_id; /* the caller's */
    struct tg_caller           caller;

    json_t *result; /* the answer; given up by the handler */
    /* Or: a text of another type, both living as long as the call. */
    const char *result_text;
    const char *result_type;

    /*
     * For the audit record.  audit_request starts with the path and query
     * parameters and, under "createApiKeyInput" and the like, the body;
     * members "value" of it are hidden.  audit_response is result unless the
     * handler sets it (a secret must not be in it).
     */
    json_t     *audit_request;
    json_t     *audit_response;
    const char *resource_type; /* "AWS::ApiGateway::ApiKey"; may be NULL */
    const char *resource_name;
    json_t     *position; /* decoded by tg_call_position */

    /* A refusal, filled by tg_call_refuse. */
    int         error_http;
    const char *error_type;
    const char *error_message;
    struct tg_error err; /* of everything below; becomes a 5xx */
};

/*
 * Refusals: set what the caller gets and return TG_DENIED.  The text is
 * formatted into the arena.
 */
enum tg_status tg_call_refuse(struct tg_control_call *call, int http_status,
    const char *type, const char *fmt, ...) TG_PRINTF(4, 5);
#define tg_call_bad_request(call, ...)                                        \
    tg_call_refuse(call, 400, "BadRequestException", __VA_ARGS__)
#define tg_call_not_found(call, ...)                                          \
    tg_call_refuse(call, 404, "NotFoundException", __VA_ARGS__)
#define tg_call_conflict(call, ...)                                           \
    tg_call_refuse(call, 409, "ConflictException", __VA_ARGS__)

/*
 * Members of a JSON object.  Absent and null give *out as it was; a wrong
 * type is refused as Amazon does.  Texts are lent by the object.  A boolean
 * may be the text "true" or "false", a number may be a text of digits:
 * Amazon's own examples send them so.
 */
TG_MUST_CHECK enum tg_status tg_call_string(struct tg_control_call *call,
    const json_t *object, const char *name, const char **out);
TG_MUST_CHECK enum tg_status tg_call_bool(struct tg_control_call *call,
    const json_t *object, const char *name, bool *out);
TG_MUST_CHECK enum tg_status tg_call_int(struct tg_control_call *call,
    const json_t *object, const char *name, int64_t *out);
TG_MUST_CHECK enum tg_status tg_call_number(struct tg_control_call *call,
    const json_t *object, const char *name, double *out);

/* An array or object member; NULL when absent. */
TG_MUST_CHECK enum tg_status tg_call_array(struct tg_control_call *call,
    const json_t *object, const char *name, const json_t **out);
TG_MUST_CHECK enum tg_status tg_call_object(struct tg_control_call *call,
    const json_t *object, const char *name, const json_t **out);

/*
 * Refuses what has another member than those named, ended by NULL: nothing
 * is accepted and ignored.  What is no object has none.
 */
TG_MUST_CHECK enum tg_status tg_call_members(struct tg_control_call *call,
    const json_t *object, const char *const *names);

/* Sets a text member unless text is NULL: empty members are omitted. */
void tg_json_set_text(json_t *object, const char *name, const char *text);

/*
 * Tags: refused unless keys have at most 128 characters and do not begin
 * with "aws:", values have at most 256, and there are at most 50.
 */
TG_MUST_CHECK enum tg_status tg_call_check_tags(struct tg_control_call *call,
    const json_t *tags);

/* How a list calls what its page is made of: v2 has names of its own. */
struct tg_page_names {
    const char *limit;
    const char *position;
    const char *items;
};

const struct tg_page_names *tg_call_page_names(
    const struct tg_control_call *call);

/*
 * Paging.  The limit is 25 when absent, 0 or negative, at most 500; what is
 * no number is refused.  The position is opaque to the client: the key that
 * tg_call_position_set wrote into the page before, decoded again, lent by the
 * call (NULL on the first page); what is none of ours is refused.
 */
TG_MUST_CHECK enum tg_status tg_call_limit(struct tg_control_call *call,
    int64_t *out);
TG_MUST_CHECK enum tg_status tg_call_position(struct tg_control_call *call,
    const json_t **out);
/* Writes position into page; takes key (any JSON value). */
void tg_call_position_set(struct tg_control_call *call, json_t *page,
    json_t *key);

/* A query parameter, or NULL; "" counts as absent. */
const char *tg_call_query(const struct tg_control_call *call,
    const char *name);

/*
 * PATCH: the body's patchOperations, checked for form.  path and value are
 * lent by the body; value is NULL when absent.
 */
enum tg_patch_op {
    TG_PATCH_ADD,
    TG_PATCH_REMOVE,
    TG_PATCH_REPLACE,
    TG_PATCH_MOVE,
    TG_PATCH_COPY,
    TG_PATCH_TEST,
};

struct tg_patch {
    enum tg_patch_op op;
    const char      *path;
    const char      *value;
    const char      *from;
};

TG_MUST_CHECK enum tg_status tg_call_patches(struct tg_control_call *call,
    struct tg_patch **out, size_t *count);
const char *tg_patch_op_name(enum tg_patch_op op);

/* path's next segment after *rest, with ~1 and ~0 undone; NULL at the end. */
const char *tg_patch_segment(struct tg_arena *arena, const char **rest);

/* A PATCH value as a boolean: "true" in any case, anything else is false. */
bool tg_patch_bool(const char *value);

/* A new random id of len characters [a-z0-9], in the arena. */
char *tg_new_id(struct tg_arena *arena, size_t len);


#endif
