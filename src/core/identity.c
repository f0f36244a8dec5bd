/* SPDX-License-Identifier: Apache-2.0 */
#include "core/identity.h"

#include <string.h>

#include "core/unbillable.h"

enum outcome {
    NONE = -1,    /* nothing fits */
    SEVERAL = -2, /* more than one active agreement fits */
    INACTIVE = -3 /* only agreements that cannot be billed fit */
};

typedef bool matcher(const struct tg_identity_agreement *a,
    const struct tg_identity_key *key);

static bool
same(const char *a, const char *b)
{
    return a != NULL && b != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

const char *
tg_license_id(const char *license_arn)
{
    const char *last;

    if (license_arn == NULL) {
        return NULL;
    }
    last = strrchr(license_arn, ':');
    last = last == NULL ? license_arn : last + 1;
    return strncmp(last, "l-", 2) == 0 && last[2] != '\0' ? last : NULL;
}

static bool
is_license(const struct tg_identity_agreement *a, const char *name)
{
    return same(a->license_arn, name)
        || same(tg_license_id(a->license_arn), name);
}

static bool
by_tags(const struct tg_identity_agreement *a,
    const struct tg_identity_key *key)
{
    return (key->tag_license_arn == NULL
               || is_license(a, key->tag_license_arn))
        && (key->tag_account_id == NULL
            || same(a->customer_aws_account_id, key->tag_account_id));
}

static bool
by_license(const struct tg_identity_agreement *a,
    const struct tg_identity_key *key)
{
    return is_license(a, key->customer_id);
}

static bool
by_account(const struct tg_identity_agreement *a,
    const struct tg_identity_key *key)
{
    return same(a->customer_aws_account_id, key->customer_id);
}

static bool
by_identifier(const struct tg_identity_agreement *a,
    const struct tg_identity_key *key)
{
    return same(a->customer_identifier, key->customer_id);
}

/* The one active agreement that fits, or an outcome (D1, D3). */
static int
choose(matcher *fits, const struct tg_identity_key *key,
    const struct tg_identity_agreement *agreements, size_t count)
{
    size_t i;
    int    found = NONE;

    for (i = 0; i < count; i++) {
        if (!same(agreements[i].product_code, key->product_code)
            || !fits(&agreements[i], key))
        {
            continue;
        }
        if (!agreements[i].is_active) {
            found = found == NONE ? INACTIVE : found;
        } else if (found >= 0) {
            return SEVERAL;
        } else {
            found = (int) i;
        }
    }
    return found;
}

int
tg_identity_find(const struct tg_identity_key *key,
    const struct tg_identity_agreement *agreements, size_t count,
    const char **reason)
{
    static matcher *const by_customer_id[] = {by_license, by_account,
        by_identifier};
    bool   has_tags = key->tag_license_arn != NULL
        || key->tag_account_id != NULL;
    int    found = NONE;
    int    outcome = NONE;
    size_t i;

    *reason = NULL;
    if (key->product_code == NULL || key->product_code[0] == '\0') {
        *reason = tg_unbillable_text(TG_UNBILLABLE_NO_PRODUCT);
        return -1;
    }
    if (has_tags) {
        found = choose(by_tags, key, agreements, count); /* D2 */
    } else if (key->customer_id == NULL || key->customer_id[0] == '\0') {
        *reason = tg_unbillable_text(TG_UNBILLABLE_NO_CUSTOMER);
        return -1;
    } else {
        for (i = 0; i < 3 && found != SEVERAL && found < 0; i++) {
            outcome = choose(by_customer_id[i], key, agreements, count);
            found = outcome != NONE ? outcome : found;
        }
    }
    switch (found) {
    case NONE:
        *reason = tg_unbillable_text(has_tags ? TG_UNBILLABLE_TAGS
                                              : TG_UNBILLABLE_UNREGISTERED);
        return -1;
    case SEVERAL:
        *reason = tg_unbillable_text(TG_UNBILLABLE_SEVERAL);
        return -1;
    case INACTIVE:
        *reason = tg_unbillable_text(TG_UNBILLABLE_INACTIVE);
        return -1;
    default:
        return found;
    }
}
