/*
 * rest_rows.h - rows of REST APIs that several operations read and write
 *
 * The handlers of one resource each, and the import, which does what many of
 * them do in one transaction, share these.  All refuse in Amazon's words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_REST_ROWS_H
#define TG_CONTROL_REST_ROWS_H

#include <jansson.h>

#include "control/call.h"
#include "control/members.h"
#include "store/store.h"

/* Passes a refusal of a pure check on to the caller; TG_DENIED. */
enum tg_status tg_call_pass(struct tg_control_call *call,
    enum tg_status status, const struct tg_refusal *refusal);

/* JSON as it stands in a column or goes into one; NULL: no memory. */
json_t *tg_row_json(struct tg_stmt *q, int column);
const char *tg_row_text(struct tg_control_call *call, const json_t *value);

/* Sets call->result (taken); TG_NOMEM when value is NULL. */
enum tg_status tg_call_result(struct tg_control_call *call, json_t *value);

/* ---- APIs ---- */

/* The path's restapi_id, if there is such an API. */
TG_MUST_CHECK enum tg_status tg_api_of(struct tg_control_call *call,
    const char **id);

/*
 * The path's restapi_id and the call's body as members have it, which is the
 * caller's; what is wrong is refused under the operation's name.
 */
TG_MUST_CHECK enum tg_status tg_api_take_body(struct tg_control_call *call,
    const char **id, json_t **in, const char *operation,
    const struct tg_member *members, size_t count);

/* Its stored members; the caller owns *doc. */
TG_MUST_CHECK enum tg_status tg_api_doc(struct tg_control_call *call,
    const char *id, json_t **doc);

/* Amazon's RestApi of the API, new. */
TG_MUST_CHECK enum tg_status tg_api_answer(struct tg_control_call *call,
    const char *id, json_t **answer);
/* The same with tags, which may be none, as in the answers to an id. */
TG_MUST_CHECK enum tg_status tg_api_answer_tagged(
    struct tg_control_call *call, const char *id, json_t **out);

/*
 * Makes an API of in, the members of CreateRestApi, with its root resource;
 * the ids live in the call's arena.
 */
TG_MUST_CHECK enum tg_status tg_api_create(struct tg_control_call *call,
    const json_t *in, const char **id, const char **root_id);

/*
 * Puts in, such members, in the place of those that the API has; with
 * is_merge those that in does not name stay.  Endpoint and tags stay unless
 * in names them.  *root_id lives in the call's arena.
 */
TG_MUST_CHECK enum tg_status tg_api_replace(struct tg_control_call *call,
    const char *id, const json_t *in, bool is_merge, const char **root_id);

/*
 * Models, validators, authorizers, gateway responses, documentation
 * (api_part):
 * rows by kind and id.  The API of _get, _delete and _page is the path's; if
 * there is none, _get and _delete find nothing in it.
 */
TG_MUST_CHECK enum tg_status tg_api_part_put(struct tg_control_call *call,
    const char *api_id, const char *kind, const char *id, const json_t *doc);
/* *out is the caller's.  TG_NOTFOUND: there is none. */
TG_MUST_CHECK enum tg_status tg_api_part_find(struct tg_control_call *call,
    const char *api_id, const char *kind, const char *id, json_t **out);
TG_MUST_CHECK enum tg_status tg_api_part_get(struct tg_control_call *call,
    const char *kind, const char *id, json_t **out);
TG_MUST_CHECK enum tg_status tg_api_part_delete(struct tg_control_call *call,
    const char *kind, const char *id);
/* Answers with a page of them. */
TG_MUST_CHECK enum tg_status tg_api_parts_page(struct tg_control_call *call,
    const char *kind);

/* ---- resources and methods ---- */

struct tg_resource_row {
    const char *id;        /* all in the call's arena */
    const char *parent_id; /* NULL: the root */
    const char *part;
    const char *path;
};

TG_MUST_CHECK enum tg_status tg_resource_get(struct tg_control_call *call,
    const char *api_id, const char *id, struct tg_resource_row *out);

TG_MUST_CHECK enum tg_status tg_resource_create(struct tg_control_call *call,
    const char *api_id, const struct tg_resource_row *parent,
    const char *part, struct tg_resource_row *out);

/*
 * Moves a resource, which has a parent, and all below it: under parent, with
 * that part.  What is refused of a new resource is refused here, too.
 */
TG_MUST_CHECK enum tg_status tg_resource_move(struct tg_control_call *call,
    const char *api_id, const struct tg_resource_row *parent,
    const char *part, struct tg_resource_row *row);

/* The path's method with all below it; the caller owns *doc. */
TG_MUST_CHECK enum tg_status tg_method_get(struct tg_control_call *call,
    json_t **doc);

/* Writes a method; TG_CONFLICT is refused as Amazon does. */
TG_MUST_CHECK enum tg_status tg_method_create(struct tg_control_call *call,
    const char *api_id, const char *resource_id, const char *verb,
    const json_t *doc);
/*
 * The two ends of an operation on a part of the path's method (which both
 * take): answers with the part, lent by the method; or writes the changed
 * method back and answers with the part (taken; NULL: with nothing).  A
 * status other than TG_OK is passed on instead.
 */
enum tg_status tg_method_answer(struct tg_control_call *call,
    enum tg_status status, json_t *method, json_t *part);
enum tg_status tg_method_change(struct tg_control_call *call,
    enum tg_status status, json_t *method, json_t *part);

/* A method that uses a part of its API: a model, an authorizer ... */
struct tg_method_user {
    const char *use;         /* how, as use_of says; NULL: no method does */
    const char *verb, *path; /* in the call's arena */
};

/*
 * The first such method of the path's API, in the order of paths.  use_of
 * says how a method uses what has that name: a constant text, or NULL.
 */
TG_MUST_CHECK enum tg_status tg_method_find_user(struct tg_control_call *call,
    struct tg_method_user *user,
    const char *(*use_of)(const json_t *method, const char *name),
    const char *name);

#endif
