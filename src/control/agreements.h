/*
 * agreements.h - who has bought what, and how they are named to Amazon
 *
 * Invariants
 *   W1  One row for what ResolveCustomer names: by licence, else by account
 *       and product, else by CustomerIdentifier and product.  Found again it
 *       is the same row, and keeps its id and, unless it had ended, its
 *       activation: no record is stamped before the present agreement.
 *   W2  A row that was named in an older way and is now named by a licence
 *       (or by an account) keeps its id and changes its mode; an answer that
 *       names less does not change it back.  As each of its
 *       hours becomes one record, an hour is reported in one mode only: the
 *       mode in force when it is sealed.
 *   W3  The account that ResolveCustomer gives is never asked of the buyer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_AGREEMENTS_H
#define TG_CONTROL_AGREEMENTS_H

#include <stdint.h>

#include "core/ledger.h"
#include "store/store.h"
#include "util/error.h"

#define TG_AGREEMENT_ID_SIZE 24

/*
 * What ResolveCustomer answered, or what a seller who called it himself says
 * in the tags of a key; NULL or "": not given.
 */
struct tg_resolved {
    const char *product_code;
    const char *customer_aws_account_id;
    const char *license_arn;
    const char *customer_identifier;
};

/*
 * Finds or makes the agreement, active from now_s on, in the caller's
 * transaction.  TG_INVALID: nobody is named.
 */
TG_MUST_CHECK enum tg_status tg_agreement_register(struct tg_store *s,
    char id[TG_AGREEMENT_ID_SIZE], const struct tg_resolved *resolved,
    int64_t now_s, struct tg_error *err);

/*
 * The agreement that a person means: by its id, licence ARN, the licence's
 * trailing l-... id, or, where only one has it, account or
 * CustomerIdentifier.  TG_NOTFOUND; TG_CONFLICT: more than one.
 */
TG_MUST_CHECK enum tg_status tg_agreement_find(struct tg_store *s,
    char id[TG_AGREEMENT_ID_SIZE], const char *name, struct tg_error *err);

#endif
