/*
 * identity.h - whose calls a key's calls are
 *
 * A key names its buyer by tags or by customerId; the product's agreements are
 * known.  This is the one rule that brings them together, in this order:
 *
 *   1. the agreement named by the tags tallygate:licenseArn and
 *      tallygate:customerAWSAccountId (either alone will do; both must fit;
 *      one named in full need not be registered: control/binding.c does it);
 *   2. the one whose licence ARN, or its trailing l-... id, is customerId;
 *   3. the account in customerId, if it has exactly one active agreement;
 *   4. the one with that CustomerIdentifier.
 *
 * Otherwise the calls are counted, held, and shown as not billable, with the
 * reason.
 *
 * Invariants
 *   D1  Agreements of other products are never chosen.
 *   D2  Tags that lead nowhere are not made up for by customerId: the seller
 *       has said whose key it is.
 *   D3  The result does not depend on the order of the candidates.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_IDENTITY_H
#define TG_CORE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#define TG_TAG_LICENSE_ARN "tallygate:licenseArn"
#define TG_TAG_CUSTOMER_ACCOUNT "tallygate:customerAWSAccountId"

/* A registered agreement; texts may be NULL but id and product_code. */
struct tg_identity_agreement {
    const char *id;
    const char *product_code;
    const char *customer_aws_account_id;
    const char *license_arn;
    const char *customer_identifier;
    bool        is_active; /* active or ending: usage may still be billed */
};

struct tg_identity_key {
    const char *product_code; /* of the plan; NULL: none */
    const char *customer_id;
    const char *tag_license_arn;
    const char *tag_account_id;
};

/*
 * The agreement's index among the candidates, or -1 with the reason in
 * *reason: a short stable phrase for people and for the ledger.
 */
int tg_identity_find(const struct tg_identity_key *key,
    const struct tg_identity_agreement *agreements, size_t count,
    const char **reason);

/* The trailing "l-..." of a licence ARN, or NULL. */
const char *tg_license_id(const char *license_arn);

#endif
