/*
 * quotas.h - how many there may be of each thing (settings limits.*)
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
 *
 * Asked in the transaction that has made one more: a refusal undoes it.  What
 * it costs grows with the things that are counted, of one API or of their
 * kind; only API keys, of which there are many, are counted without looking
 * at them.  A limit that is lowered takes nothing away.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_QUOTAS_H
#define TG_CONTROL_QUOTAS_H

#include <stdint.h>

#include "control/change.h"
#include "control/control.h"

enum tg_quota_of {
    /* of an API */
    TG_QUOTA_RESOURCES,
    TG_QUOTA_STAGES,
    TG_QUOTA_AUTHORIZERS,
    TG_QUOTA_MODELS,
    TG_QUOTA_DOCUMENTATION_PARTS,
    /* of the account */
    TG_QUOTA_REST_APIS,
    TG_QUOTA_USAGE_PLANS,
    TG_QUOTA_DOMAIN_NAMES,
    TG_QUOTA_COUNT
};

/*
 * TG_LIMIT, which the caller gets as a LimitExceededException, when there are
 * more than may be.  api_id is NULL for those of the account.
 */
TG_MUST_CHECK enum tg_status tg_quota_check(const struct tg_change *change,
    enum tg_quota_of of, const char *api_id, struct tg_error *err);

/* All quotas of one API: a document has made many things at once. */
TG_MUST_CHECK enum tg_status tg_quota_check_api(
    const struct tg_change *change, const char *api_id,
    struct tg_error *err);

/* For one more API key than the change has made so far. */
TG_MUST_CHECK enum tg_status tg_quota_check_keys(struct tg_change *change,
    struct tg_error *err);

#endif
