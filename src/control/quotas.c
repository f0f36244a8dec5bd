/* SPDX-License-Identifier: Apache-2.0 */
#include "control/quotas.h"

#include <inttypes.h>
#include <stddef.h>

#include "plane/keys.h"
#include "settings/settings.h"

#define OF_API "for this API"
#define OF_ACCOUNT "for this account"
#define PARTS(kind)                                                           \
    "SELECT count(*) FROM api_part WHERE api_id = $1 AND kind = '" kind "'"
#define LIMIT(member) offsetof(struct tg_settings, limits.member)

static const struct {
    const char *name; /* as Amazon's messages call them */
    const char *whose;
    const char *setting;
    size_t      limit; /* where in struct tg_settings */
    const char *count; /* $1: the API */
} quotas[TG_QUOTA_COUNT] = {
    [TG_QUOTA_RESOURCES] = { "Resources", OF_API, "limits.resources",
        LIMIT(resources), "SELECT count(*) FROM resource WHERE api_id = $1 "
        "AND parent_id IS NOT NULL" },
    [TG_QUOTA_STAGES] = { "Stages", OF_API, "limits.stages", LIMIT(stages),
        "SELECT count(*) FROM stage WHERE api_id = $1" },
    [TG_QUOTA_AUTHORIZERS] = { "Authorizers", OF_API, "limits.authorizers",
        LIMIT(authorizers), PARTS("authorizer") },
    [TG_QUOTA_MODELS] = { "Models", OF_API, "limits.models", LIMIT(models),
        PARTS("model") },
    [TG_QUOTA_DOCUMENTATION_PARTS] = { "Documentation Parts", OF_API,
        "limits.documentation_parts", LIMIT(documentation_parts),
        PARTS("documentationpart") },
    [TG_QUOTA_REST_APIS] = { "REST APIs", OF_ACCOUNT, "limits.rest_apis",
        LIMIT(rest_apis), "SELECT count(*) FROM rest_api WHERE $1 = ''" },
    [TG_QUOTA_USAGE_PLANS] = { "Usage Plans", OF_ACCOUNT,
        "limits.usage_plans", LIMIT(usage_plans),
        "SELECT count(*) FROM usage_plan WHERE $1 = ''" },
    [TG_QUOTA_DOMAIN_NAMES] = { "Domain Names", OF_ACCOUNT,
        "limits.domain_names", LIMIT(domain_names),
        "SELECT count(*) FROM domain_name WHERE $1 = ''" },
};

static enum tg_status
refuse(struct tg_error *err, const char *name, const char *whose,
    const char *setting, int64_t limit)
{
    return tg_error_set(err, TG_LIMIT, "Maximum number of %s %s has been "
        "reached. The operator of this gateway has set %s to %" PRId64 ".",
        name, whose, setting, limit);
}

enum tg_status
tg_quota_check(const struct tg_change *change, enum tg_quota_of of,
    const char *api_id, struct tg_error *err)
{
    int64_t         count = 0;
    enum tg_status  status;
    struct tg_stmt *q = NULL;
    const char     *settings = (const char *) change->control->settings;
    int             limit = *(const int *) (const void *) (settings
        + quotas[of].limit);

    if (limit == 0) {
        return TG_OK;
    }
    status = tg_store_query(change->store, &q, err, quotas[of].count, "s",
        api_id != NULL ? api_id : "");
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        count = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status == TG_OK && count > limit
        ? refuse(err, quotas[of].name, quotas[of].whose, quotas[of].setting,
            limit)
        : status;
}

enum tg_status
tg_quota_check_api(const struct tg_change *change, const char *api_id,
    struct tg_error *err)
{
    enum tg_status status = TG_OK;

    for (int of = 0; status == TG_OK && of < TG_QUOTA_REST_APIS; of++) {
        status = tg_quota_check(change, (enum tg_quota_of) of, api_id, err);
    }
    return status;
}

enum tg_status
tg_quota_check_keys(struct tg_change *change, struct tg_error *err)
{
    int limit = change->control->settings->limits.api_keys;

    /* The table has an entry for each key that is committed. */
    if (limit != 0 && tg_keys_count(change->control->keys)
            + change->created_keys >= (uint64_t) limit)
    {
        return refuse(err, "API Keys", OF_ACCOUNT, "limits.api_keys", limit);
    }
    change->created_keys++;
    return TG_OK;
}
