/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "control/call.h"
#include "control/front.h"

#define PATCHES_MAX 1000

static const char *const op_names[] = {
    [TG_PATCH_ADD] = "add",
    [TG_PATCH_REMOVE] = "remove",
    [TG_PATCH_REPLACE] = "replace",
    [TG_PATCH_MOVE] = "move",
    [TG_PATCH_COPY] = "copy",
    [TG_PATCH_TEST] = "test",
};

#define OP_COUNT (sizeof(op_names) / sizeof(op_names[0]))

const char *
tg_patch_op_name(enum tg_patch_op op)
{
    return op_names[op];
}

static enum tg_status
parse_op(struct tg_control_call *call, size_t index, const char *name,
    enum tg_patch_op *out)
{
    size_t i;

    for (i = 0; name != NULL && i < OP_COUNT; i++) {
        if (strcmp(name, op_names[i]) == 0) {
            *out = (enum tg_patch_op) i;
            return TG_OK;
        }
    }
    return tg_call_refuse(call, 400, "ValidationException",
        "1 validation error detected: Value '%s' at '%s.patchOperations"
        ".%zu.member.op' failed to satisfy constraint: Member must satisfy "
        "enum value set: [add, remove, move, test, replace, copy]",
        name != NULL ? name : "null", tg_front_input(call), index + 1);
}

static enum tg_status
parse_one(struct tg_control_call *call, size_t index, const json_t *item,
    struct tg_patch *out)
{
    static const char *const members[] = { "op", "path", "value", "from",
        NULL };
    const char    *op = NULL;
    enum tg_status status;

    if (!json_is_object(item)) {
        return tg_call_bad_request(call, "Invalid patch operation: expected "
            "an object");
    }
    status = tg_call_members(call, item, members);
    if (status == TG_OK) {
        status = tg_call_string(call, item, "op", &op);
    }
    if (status == TG_OK) {
        status = parse_op(call, index, op, &out->op);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, item, "path", &out->path);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, item, "value", &out->value);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, item, "from", &out->from);
    }
    if (status == TG_OK && out->path == NULL) {
        status = tg_call_bad_request(call, "Invalid patch path null");
    }
    return status;
}

enum tg_status
tg_call_patches(struct tg_control_call *call, struct tg_patch **out,
    size_t *count)
{
    static const char *const members[] = { "patchOperations", NULL };
    size_t         i;
    enum tg_status status;
    const json_t  *list = NULL;

    *out = NULL;
    *count = 0;
    status = tg_call_members(call, call->body, members);
    if (status == TG_OK) {
        status = tg_call_array(call, call->body, "patchOperations", &list);
    }
    if (status != TG_OK || list == NULL || json_array_size(list) == 0) {
        return status;
    }
    if (json_array_size(list) > PATCHES_MAX) {
        return tg_call_bad_request(call, "Too many patch operations: at "
            "most %d are allowed", PATCHES_MAX);
    }
    *out = tg_arena_alloc(call->arena,
        json_array_size(list) * sizeof(**out));
    if (*out == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    for (i = 0; status == TG_OK && i < json_array_size(list); i++) {
        status = parse_one(call, i, json_array_get(list, i), *out + i);
    }
    *count = json_array_size(list);
    return status;
}

const char *
tg_patch_segment(struct tg_arena *arena, const char **rest)
{
    char       *to;
    char       *out;
    const char *at = *rest;
    const char *end;

    if (*at != '/') {
        return NULL;
    }
    at++;
    end = at + strcspn(at, "/");
    out = tg_arena_alloc(arena, (size_t) (end - at) + 1);
    if (out == NULL) {
        return NULL;
    }
    for (to = out; at < end; at++) {
        if (*at == '~' && (at[1] == '0' || at[1] == '1')) {
            *to++ = at[1] == '0' ? '~' : '/';
            at++;
        } else {
            *to++ = *at;
        }
    }
    *rest = end;
    return out;
}

bool
tg_patch_bool(const char *value)
{
    return value != NULL && strcasecmp(value, "true") == 0;
}
