/*
 * plan_rules.h - a usage plan's quota, as the settings have it understood
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_PLAN_RULES_H
#define TG_CONTROL_PLAN_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/quota.h"
#include "settings/settings.h"
#include "store/store.h"

/* A plan's quota; period is TG_QUOTA_NONE where it has none. */
struct tg_plan_quota {
    enum tg_quota_period period;
    unsigned             offset_days; /* 0 unless the mode is days */
    uint64_t             limit;
    uint64_t             offset;    /* as the plan has it */
    bool                 is_first_shorter; /* mode requests, offset not 0 */
    int64_t              created_s; /* of the plan */
};

#define TG_PLAN_QUOTA_COLUMNS                                                 \
    "p.quota_period, p.quota_limit, p.quota_offset, p.created_s"

/* From a row whose columns are those, the first at column. */
void tg_plan_quota_read(struct tg_plan_quota *out,
    const struct tg_settings *settings, struct tg_stmt *row, int column);

uint32_t tg_plan_quota_period(const struct tg_plan_quota *quota,
    int64_t now_s);

/*
 * The plan's first period, for which offset requests are subtracted from the
 * limit, and what is left of it; 0: no period is special.
 * https://docs.aws.amazon.com/apigateway/latest/api/API_QuotaSettings.html
 */
uint32_t tg_plan_quota_first(const struct tg_plan_quota *quota,
    uint64_t *limit);

/* The limit in a period, grants aside. */
uint64_t tg_plan_quota_limit(const struct tg_plan_quota *quota,
    uint32_t period);

#endif
