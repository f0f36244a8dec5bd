/* SPDX-License-Identifier: Apache-2.0 */
#include "control/doc_patch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SHOWN 200 /* of it in a message */

static enum tg_status
refuse_path(struct tg_control_call *call, const struct tg_patch *patch)
{
    return tg_call_bad_request(call, "Invalid patch path %.*s", PATH_SHOWN,
        patch->path);
}

static enum tg_status
refuse_op(struct tg_control_call *call, unsigned ops)
{
    enum tg_patch_op op;
    char             list[64] = "";
    size_t           len = 0;

    for (op = TG_PATCH_ADD; op <= TG_PATCH_TEST; op++) {
        if ((ops & TG_PATCH_OP(op)) != 0) {
            len += (size_t) snprintf(list + len, sizeof(list) - len, "%s%s",
                len == 0 ? "" : ", ", tg_patch_op_name(op));
        }
    }
    return tg_call_bad_request(call, "Invalid patch operation specified. "
        "Must be one of: [%s]", list);
}

/* With all paths of the table that take the operation. */
static enum tg_status
refuse_listed(struct tg_control_call *call, const struct tg_patch *patch,
    const struct tg_patch_path *table, size_t count)
{
    size_t i, len = 0;
    char   list[400] = "";

    for (i = 0; i < count && len < sizeof(list); i++) {
        if ((table[i].ops & TG_PATCH_OP(patch->op)) != 0) {
            len += (size_t) snprintf(list + len, sizeof(list) - len,
                "%s/%s%s%s", len == 0 ? "" : ", ",
                table[i].outer != NULL ? table[i].outer : "",
                table[i].outer != NULL ? "/" : "", table[i].member);
        }
    }
    return len == 0
        ? tg_call_bad_request(call, "Invalid patch path  '%.*s' specified "
            "for op '%s'. Please choose supported operations", PATH_SHOWN,
            patch->path, tg_patch_op_name(patch->op))
        : tg_call_bad_request(call, "Invalid patch path  '%.*s' specified "
            "for op '%s'. Must be one of: [%s]", PATH_SHOWN, patch->path,
            tg_patch_op_name(patch->op), list);
}

static enum tg_status
refuse_value(struct tg_control_call *call, const struct tg_patch *patch)
{
    return tg_call_bad_request(call, "Invalid value for the patch path %.*s "
        "specified", PATH_SHOWN, patch->path);
}

/* ---- finding the row ---- */

static bool
is_map(enum tg_patch_kind kind)
{
    return kind == TG_PATCH_TEXT_ENTRY || kind == TG_PATCH_BOOL_ENTRY;
}

static bool
is_list(enum tg_patch_kind kind)
{
    return kind == TG_PATCH_ITEM || kind == TG_PATCH_KEYED_ITEM
        || kind == TG_PATCH_SOLE_ITEM;
}

/*
 * Whether row is what path names; *key is then the entry or item that it
 * names, too, or NULL.
 */
static bool
names(const struct tg_patch_path *row, const char *path,
    struct tg_arena *arena, const char **key)
{
    const char *segment = tg_patch_segment(arena, &path);

    if (row->outer != NULL) {
        if (segment == NULL || strcmp(segment, row->outer) != 0) {
            return false;
        }
        segment = tg_patch_segment(arena, &path);
    }
    if (segment == NULL || strcmp(segment, row->member) != 0) {
        return false;
    }
    *key = tg_patch_segment(arena, &path);
    if (*path != '\0') {
        return false;
    }
    return *key == NULL
        ? !is_map(row->kind) && row->kind != TG_PATCH_KEYED_ITEM
        : is_map(row->kind) || is_list(row->kind);
}

static const struct tg_patch_path *
find_row(struct tg_control_call *call, const struct tg_patch *patch,
    const struct tg_patch_path *table, size_t count, const char **key)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (names(&table[i], patch->path, call->arena, key)) {
            return &table[i];
        }
    }
    return NULL;
}

/* ---- changing the document ---- */

/* The value in its kind; NULL: it is none. */
static json_t *
value_of(enum tg_patch_kind kind, const char *value)
{
    char     *end;
    long long number;

    switch (kind) {
    case TG_PATCH_BOOL:
    case TG_PATCH_BOOL_ENTRY:
        return json_boolean(tg_patch_bool(value));
    case TG_PATCH_INT:
    case TG_PATCH_INT_OR_NONE:
        errno = 0;
        number = value != NULL ? strtoll(value, &end, 10) : 0;
        if (value != NULL && *value != '\0' && *end == '\0' && errno == 0) {
            return json_integer(number);
        }
        return kind == TG_PATCH_INT ? NULL : json_string(value);
    default:
        return value != NULL ? json_string(value) : NULL;
    }
}

/* A member that is an object or array, made where there is none. */
static json_t *
inner_of(json_t *doc, const char *name, json_t *(*make)(void))
{
    json_t *inner = json_object_get(doc, name);

    if (inner == NULL) {
        (void) json_object_set_new(doc, name, make());
        inner = json_object_get(doc, name);
    }
    return inner;
}

static size_t
index_of(const json_t *list, const char *item)
{
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), item) == 0) {
            break;
        }
    }
    return i;
}

/* The list becomes, or its item key is replaced by, the value. */
static enum tg_status
replace_item(struct tg_control_call *call, const struct tg_patch *patch,
    const char *key, json_t *list)
{
    if (patch->value == NULL || *patch->value == '\0') {
        return refuse_value(call, patch);
    }
    if (key == NULL) {
        (void) json_array_clear(list);
    } else if (json_array_remove(list, index_of(list, key)) != 0) {
        return refuse_path(call, patch);
    }
    return json_array_append_new(list, json_string(patch->value)) == 0
        ? TG_OK : tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

/* Adds item to the list, or removes it; the item is key or the value. */
static enum tg_status
change_item(struct tg_control_call *call, const struct tg_patch *patch,
    const char *key, json_t *list)
{
    const char *item = key != NULL ? key : patch->value;
    size_t      at;

    if (item == NULL || *item == '\0') {
        return refuse_value(call, patch);
    }
    at = index_of(list, item);
    if (patch->op == TG_PATCH_REMOVE) {
        return json_array_remove(list, at) == 0 ? TG_OK
                                                : refuse_path(call, patch);
    }
    if (patch->op == TG_PATCH_REPLACE && key == NULL) {
        (void) json_array_clear(list);
        at = 0;
    } else if (at < json_array_size(list)) {
        return TG_OK; /* it is there */
    }
    return json_array_append_new(list, json_string(item)) == 0
        ? TG_OK : tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

static bool
is_removed_by(enum tg_patch_kind kind, const char *value)
{
    if (value == NULL || *value == '\0') {
        return kind == TG_PATCH_TEXT || kind == TG_PATCH_INT_OR_NONE;
    }
    return kind == TG_PATCH_INT_OR_NONE && strcmp(value, "null") == 0;
}

static enum tg_status
change_list(struct tg_control_call *call, const struct tg_patch *patch,
    enum tg_patch_kind kind, const char *key, json_t *list)
{
    if (kind == TG_PATCH_SOLE_ITEM) {
        return replace_item(call, patch, NULL, list);
    }
    return kind == TG_PATCH_KEYED_ITEM && patch->op == TG_PATCH_REPLACE
        ? replace_item(call, patch, key, list)
        : change_item(call, patch, key, list);
}

/* An entry of a map, which a path names by its key. */
static enum tg_status
change_entry(struct tg_control_call *call, const struct tg_patch *patch,
    const struct tg_patch_path *row, const char *key, json_t *map)
{
    bool is_there = json_object_get(map, key) != NULL;

    if (patch->op != TG_PATCH_ADD && !is_there
        && (row->ops & (TG_PATCH_KNOWN_NAME | TG_PATCH_KNOWN_TYPE)) != 0)
    {
        return tg_call_not_found(call, "%s",
            (row->ops & TG_PATCH_KNOWN_NAME) != 0
                ? "Invalid parameter name specified"
                : "Content-Type specified was not found");
    }
    if (patch->op == TG_PATCH_REMOVE) {
        return json_object_del(map, key) == 0 ? TG_OK
                                              : refuse_path(call, patch);
    }
    if (patch->value == NULL) {
        return tg_call_bad_request(call,
            "Invalid null or empty value in %s", row->member);
    }
    return json_object_set_new(map, key, value_of(row->kind, patch->value))
            == 0
        ? TG_OK : tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

static enum tg_status
change_member(struct tg_control_call *call, const struct tg_patch *patch,
    enum tg_patch_kind kind, const char *name, json_t *object)
{
    json_t *value;

    if (patch->op == TG_PATCH_REMOVE) {
        (void) json_object_del(object, name); /* none is as good */
        return TG_OK;
    }
    if (is_removed_by(kind, patch->value)) {
        (void) json_object_del(object, name);
        return TG_OK;
    }
    value = value_of(kind, patch->value);
    return value != NULL && json_object_set_new(object, name, value) == 0
        ? TG_OK : refuse_value(call, patch);
}

static enum tg_status
apply(struct tg_control_call *call, const struct tg_patch *patch,
    json_t *doc, const struct tg_patch_path *table, size_t count,
    bool is_listed)
{
    const char                 *key;
    const struct tg_patch_path *row;

    row = find_row(call, patch, table, count, &key);
    if (is_listed
        && (row == NULL || (row->ops & TG_PATCH_OP(patch->op)) == 0))
    {
        return refuse_listed(call, patch, table, count);
    }
    if (row == NULL) {
        return refuse_path(call, patch);
    }
    if ((row->ops & TG_PATCH_OP(patch->op)) == 0) {
        return refuse_op(call, row->ops);
    }
    if (row->outer != NULL) {
        doc = inner_of(doc, row->outer, json_object);
    }
    if (is_list(row->kind)) {
        return change_list(call, patch, row->kind, key,
            inner_of(doc, row->member, json_array));
    }
    return is_map(row->kind)
        ? change_entry(call, patch, row, key,
            inner_of(doc, row->member, json_object))
        : change_member(call, patch, row->kind, row->member, doc);
}

static enum tg_status
apply_all(struct tg_control_call *call, json_t *doc,
    const struct tg_patch_path *table, size_t count, bool is_listed)
{
    size_t           i, patch_count;
    enum tg_status   status;
    struct tg_patch *patches;

    status = tg_call_patches(call, &patches, &patch_count);
    for (i = 0; status == TG_OK && i < patch_count; i++) {
        status = apply(call, &patches[i], doc, table, count, is_listed);
    }
    return status;
}

enum tg_status
tg_doc_patch(struct tg_control_call *call, json_t *doc,
    const struct tg_patch_path *table, size_t count)
{
    return apply_all(call, doc, table, count, false);
}

enum tg_status
tg_doc_patch_listed(struct tg_control_call *call, json_t *doc,
    const struct tg_patch_path *table, size_t count)
{
    return apply_all(call, doc, table, count, true);
}
