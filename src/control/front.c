/* SPDX-License-Identifier: Apache-2.0 */
#include "control/front.h"

#include <string.h>

#include "control/gateway_response.h"
#include "control/method_doc.h"
#include "util/buf.h"

#define MESSAGE_MAX 16384
#define SHOWN 200 /* of a value that is wrong */

#define OPS "[add, remove, move, test, replace, copy]"

/* In the order in which Amazon lists them. */
#define RESPONSE_TYPES                                                        \
    "[REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR," \
    " MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, INVALID_SIGNATURE,"     \
    " INVALID_API_KEY, BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE,"           \
    " UNAUTHORIZED, INTEGRATION_TIMEOUT, ACCESS_DENIED, DEFAULT_4XX,"         \
    " DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED,"                  \
    " API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE,"  \
    " EXPIRED_TOKEN]"

struct violations {
    struct tg_buf text;
    size_t        count;
};

static void
add(struct violations *v, const char *value, const char *where,
    const char *constraint)
{
    (void) tg_buf_printf(&v->text, "%sValue '%.*s' at '%s' failed to satisfy "
        "constraint: Member must satisfy %s", v->count > 0 ? "; " : "", SHOWN,
        value, where, constraint);
    v->count++;
}

const char *
tg_front_input(const struct tg_control_call *call)
{
    const char *name = call->operation->name;
    const char *input = tg_arena_printf(call->arena, "%c%sInput",
        name[0] + ('a' - 'A'), name + 1);

    return input != NULL ? input : "";
}

static void
check_ops(struct tg_control_call *call, struct violations *v)
{
    static const char *const ops[] = { "add", "remove", "move", "test",
        "replace", "copy", NULL };
    size_t  i;
    json_t *item;

    json_array_foreach(json_object_get(call->body, "patchOperations"), i,
        item)
    {
        const char *op = tg_text_of(item, "op");

        if (op != NULL && !tg_is_one_of(op, ops)) {
            const char *where = tg_arena_printf(call->arena,
                "%s.patchOperations.%zu.member.op", tg_front_input(call),
                i + 1);

            add(v, op, where != NULL ? where : "", "enum value set: " OPS);
        }
    }
}

static void
check_path(struct tg_control_call *call, struct violations *v)
{
    const char *code = tg_http_path_get(call->req, "status_code");
    const char *type = tg_http_path_get(call->req, "response_type");

    if (code != NULL && !tg_status_code_is_valid(code)) {
        add(v, code, "statusCode", "regular expression pattern: [1-5]\\d\\d");
    }
    if (type != NULL && !tg_gateway_response_is_type(type)) {
        add(v, type, "responseType", "enum value set: " RESPONSE_TYPES);
    }
}

enum tg_status
tg_front_check(struct tg_control_call *call)
{
    enum tg_status    status = TG_OK;
    struct violations v = { 0 };

    tg_buf_init(&v.text, MESSAGE_MAX);
    check_ops(call, &v);
    check_path(call, &v);
    if (v.count > 0) {
        status = tg_call_refuse(call, 400, "ValidationException",
            "%zu validation error%s detected: %s", v.count,
            v.count == 1 ? "" : "s", v.text.data != NULL ? v.text.data : "");
    }
    tg_buf_clear(&v.text);
    return status;
}
