/* SPDX-License-Identifier: Apache-2.0 */
#include "control/agreements.h"

#include <stdio.h>
#include <string.h>

#include "core/identity.h"
#include "util/digest.h"

#define ID_PREFIX "agr-"
#define ID_RANDOM 16

static const char *
given(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The first column of the first row; TG_NOTFOUND: no row. */
static enum tg_status
take_id(struct tg_stmt *q, char id[TG_AGREEMENT_ID_SIZE],
    enum tg_status status, struct tg_error *err)
{
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        (void) snprintf(id, TG_AGREEMENT_ID_SIZE, "%s", tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return status;
}

/* W1, W2: the row that this answer is about. */
static enum tg_status
find_resolved(struct tg_store *s, char id[TG_AGREEMENT_ID_SIZE],
    const struct tg_resolved *r, enum tg_identity_mode mode,
    struct tg_error *err)
{
    enum tg_status  status = TG_NOTFOUND;
    struct tg_stmt *q = NULL;

    if (mode == TG_IDENTITY_LICENSE) {
        status = tg_store_query(s, &q, err, "SELECT id FROM agreement WHERE"
            " product_code = $1 AND license_arn = $2", "ss",
            r->product_code, r->license_arn);
        status = take_id(q, id, status, err);
    }
    if (status == TG_NOTFOUND && given(r->customer_aws_account_id) != NULL) {
        q = NULL;
        status = tg_store_query(s, &q, err, "SELECT id FROM agreement WHERE"
            " product_code = $1 AND customer_aws_account_id = $2 AND"
            " identity_mode = 'account'", "ss", r->product_code,
            r->customer_aws_account_id);
        status = take_id(q, id, status, err);
    }
    if (status == TG_NOTFOUND && given(r->customer_identifier) != NULL) {
        q = NULL;
        status = tg_store_query(s, &q, err, "SELECT id FROM agreement WHERE"
            " product_code = $1 AND customer_identifier = $2 AND"
            " (identity_mode = 'customer' OR (identity_mode = 'account' AND"
            " $3 = '')) ORDER BY identity_mode LIMIT 1", "sss",
            r->product_code, r->customer_identifier,
            r->customer_aws_account_id != NULL ? r->customer_aws_account_id
                                               : "");
        status = take_id(q, id, status, err);
    }
    return status;
}

static enum tg_status
insert(struct tg_store *s, char id[TG_AGREEMENT_ID_SIZE],
    const struct tg_resolved *r, enum tg_identity_mode mode, int64_t now_s,
    struct tg_error *err)
{
    char random[ID_RANDOM + 1];

    tg_random_text(random, ID_RANDOM, TG_ALPHABET_ID);
    (void) snprintf(id, TG_AGREEMENT_ID_SIZE, ID_PREFIX "%s", random);
    return tg_store_exec(s, err, "INSERT INTO agreement (id, product_code,"
        " identity_mode, customer_aws_account_id, license_arn, license_id,"
        " customer_identifier, state, activated_s, created_s, updated_s)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $8, $8)",
        "sssssssi",
        id, r->product_code, tg_identity_mode_name(mode),
        given(r->customer_aws_account_id), given(r->license_arn),
        tg_license_id(r->license_arn), given(r->customer_identifier), now_s);
}

static enum tg_status
update(struct tg_store *s, const char *id, const struct tg_resolved *r,
    enum tg_identity_mode mode, int64_t now_s, struct tg_error *err)
{
    return tg_store_exec(s, err, "UPDATE agreement SET identity_mode ="
        " CASE WHEN identity_mode = 'account' AND $1 = 'customer' THEN"
        " 'account' ELSE $1 END," /* W2 */
        " customer_aws_account_id = COALESCE($2, customer_aws_account_id),"
        " license_arn = COALESCE($3, license_arn), license_id ="
        " COALESCE($7, license_id), customer_identifier ="
        " COALESCE($4, customer_identifier), state = 'active', ended_s ="
        " NULL, activated_s = CASE WHEN state = 'ended' THEN $5 ELSE"
        " COALESCE(activated_s, $5) END, unsubscribed_s = NULL,"
        " updated_s = $5"
        " WHERE id = $6", "ssssiss", tg_identity_mode_name(mode),
        given(r->customer_aws_account_id), given(r->license_arn),
        given(r->customer_identifier), now_s, id,
        tg_license_id(r->license_arn));
}

enum tg_status
tg_agreement_register(struct tg_store *s, char id[TG_AGREEMENT_ID_SIZE],
    const struct tg_resolved *resolved, int64_t now_s, struct tg_error *err)
{
    enum tg_status        status;
    enum tg_identity_mode mode;

    if (given(resolved->product_code) == NULL
        || tg_identity_mode_choose(&mode, resolved->license_arn,
               resolved->customer_aws_account_id,
               resolved->customer_identifier) != TG_OK)
    {
        return tg_error_set(err, TG_INVALID, "ResolveCustomer named no"
            " product or no customer");
    }
    status = find_resolved(s, id, resolved, mode, err);
    if (status == TG_NOTFOUND) {
        return insert(s, id, resolved, mode, now_s, err);
    }
    return status == TG_OK ? update(s, id, resolved, mode, now_s, err)
                           : status;
}

enum tg_status
tg_agreement_find(struct tg_store *s, char id[TG_AGREEMENT_ID_SIZE],
    const char *name, struct tg_error *err)
{
    char            trailing[80] = "";
    enum tg_status  another, status;
    struct tg_stmt *q = NULL;

    if (strncmp(name, "l-", 2) == 0
        && strspn(name + 2, TG_ALPHABET_ID) == strlen(name + 2))
    {
        (void) snprintf(trailing, sizeof(trailing), "%%:%.64s", name);
    }
    status = tg_store_query(s, &q, err, "SELECT id FROM agreement WHERE"
        " id = $1 OR license_arn = $1 OR license_arn LIKE $2 OR"
        " customer_aws_account_id = $1 OR customer_identifier = $1 LIMIT 2",
        "ss", name, trailing);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        (void) snprintf(id, TG_AGREEMENT_ID_SIZE, "%s", tg_stmt_text(q, 0));
        another = tg_stmt_next(q, err);
        if (another == TG_OK) {
            status = tg_error_set(err, TG_CONFLICT, "more than one agreement"
                " goes by \"%s\"; name its id (see `tallygate status')",
                name);
        } else if (another != TG_NOTFOUND) {
            status = another;
        }
    } else if (status == TG_NOTFOUND) {
        tg_error_set(err, TG_NOTFOUND, "there is no agreement \"%s\"", name);
    }
    tg_stmt_done(q);
    return status;
}
