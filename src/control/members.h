/*
 * members.h - the members of a JSON object against a table
 *
 * A request body and a part of an OpenAPI document are checked by the same
 * tables, so that an API cannot hold, by one way in, what the other refuses.
 *
 * Promises
 *   E1  What passes has only members of its table, each of its kind; null and
 *       members that hold nothing (but with keep_empty) are left out.  Where
 *       entries may be null, those that hold nothing are.
 *   E2  A refusal names the member, so that an importer can say where in the
 *       document it stands.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_MEMBERS_H
#define TG_CONTROL_MEMBERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/status.h"

/* Why something was refused, in the words that the caller gets. */
struct tg_refusal {
    int         http;
    const char *type;         /* "BadRequestException" */
    char        member[200];  /* RFC 6901, within what was checked */
    char        message[600];
};

/* Each fills *r and returns TG_DENIED.  member may be NULL: the whole. */
enum tg_status tg_refuse(struct tg_refusal *r, int http, const char *type,
    const char *member, const char *fmt, ...) TG_PRINTF(5, 6);
enum tg_status tg_refuse_bad(struct tg_refusal *r, const char *member,
    const char *fmt, ...) TG_PRINTF(3, 4);

/* What is said of a member that there is not; takes its name. */
#define TG_UNKNOWN_MEMBER "Invalid request input: unknown member '%.100s'"

/* Puts one more token in front of r->member. */
void tg_refusal_within(struct tg_refusal *r, const char *token);

enum tg_member_kind {
    TG_MEMBER_TEXT,
    TG_MEMBER_BOOL,
    TG_MEMBER_INT,
    TG_MEMBER_NUMBER,
    TG_MEMBER_TEXTS,    /* a list of texts */
    TG_MEMBER_TEXT_MAP, /* an object of texts */
    TG_MEMBER_BOOL_MAP,
    TG_MEMBER_OBJECT,   /* checked by its owner */
    TG_MEMBER_LIST,     /* checked by its owner */
};

struct tg_member {
    const char          *name;
    enum tg_member_kind  kind;
    bool                 is_required;
    bool                 keep_empty; /* E1 */
    bool                 null_entries; /* TEXT_MAP: E1 */
    const char *const   *values; /* TEXT: the enum, ended by NULL */
    long long            min, max; /* INT, and of a text's length; 0, 0: any */
};

/*
 * The members of in, checked and put in *out (the caller's).  operation is
 * what Amazon's messages call the input: "putIntegrationInput".  A member
 * that is not in the table is refused.
 */
TG_MUST_CHECK enum tg_status tg_members_take(json_t **out, const json_t *in,
    const char *operation, const struct tg_member *table, size_t count,
    struct tg_refusal *r);

/* The enumerations among them alone: Amazon looks at these first of all. */
TG_MUST_CHECK enum tg_status tg_members_check_words(const json_t *in,
    const char *operation, const struct tg_member *table, size_t count,
    struct tg_refusal *r);

/* Whether text is one of values (ended by NULL). */
bool tg_is_one_of(const char *text, const char *const *values);

/* The text of a member; NULL when there is none. */
const char *tg_text_of(const json_t *object, const char *name);

#endif
