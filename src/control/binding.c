/* SPDX-License-Identifier: Apache-2.0 */
#include "control/binding.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "control/agreements.h"
#include "control/control.h"
#include "control/slots.h"
#include "core/bucket.h"
#include "core/identity.h"
#include "core/quota.h"
#include "core/unbillable.h"

#define CANDIDATES_MAX 64
#define ACCOUNT_DIGITS 12

#define CANDIDATE_COLUMNS                                                     \
    "SELECT id, product_code, customer_aws_account_id, license_arn,"          \
    " customer_identifier, state IN ('active', 'ending') AS is_active"        \
    " FROM agreement WHERE product_code = $1 AND "

/* What decides a slot's owner, from the key's and the plan's rows. */
struct facts {
    struct tg_identity_key key;
    const char            *digest;
    int64_t                slot; /* -1: none yet */
    int64_t                owner;
};

/* Whom a slot counts for. */
struct binding {
    const char *product_code; /* NULL: the plan has none */
    const char *dimension;
    const char *agreement_id; /* NULL: not billable */
    const char *reason;       /* why not; else NULL */
    bool        is_wide; /* counts more than calls, which no dimension does */
};

static char *
copy(struct tg_change *change, struct tg_stmt *q, int column)
{
    return tg_arena_strdup(change->arena, tg_stmt_text(q, column));
}

static bool
same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/*
 * ---- whose a key's calls are
 */

static enum tg_status
load_facts(struct tg_change *change, struct facts *f, const char *plan_id,
    const char *key_id, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    memset(f, 0, sizeof(*f));
    status = tg_store_query(change->store, &q, err,
        "SELECT k.customer_id, k.tag_license_arn, k.tag_account_id, k.digest,"
        " p.product_code, u.slot, u.owner FROM usage_plan_key u"
        " JOIN api_key k ON k.id = u.key_id"
        " JOIN usage_plan p ON p.id = u.plan_id"
        " WHERE u.plan_id = $1 AND u.key_id = $2", "ss", plan_id, key_id);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        f->key.customer_id = copy(change, q, 0);
        f->key.tag_license_arn = copy(change, q, 1);
        f->key.tag_account_id = copy(change, q, 2);
        f->digest = copy(change, q, 3);
        f->key.product_code = copy(change, q, 4);
        f->slot = tg_stmt_is_null(q, 5) ? -1 : tg_stmt_int(q, 5);
        f->owner = tg_stmt_int(q, 6);
        if (f->digest == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status;
}

/* The agreements that may be meant, ended ones included. */
static enum tg_status
load_candidates(struct tg_change *change, const struct tg_identity_key *key,
    struct tg_identity_agreement *out, size_t *count, struct tg_error *err)
{
    bool            has_tags = key->tag_license_arn != NULL
        || key->tag_account_id != NULL;
    const char     *license = has_tags ? key->tag_license_arn
                                       : key->customer_id;
    const char     *account = has_tags ? key->tag_account_id
                                       : key->customer_id;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *count = 0;
    /*
     * One index a part, where an OR would read all of the product.  Active
     * ones come first: no number of ended ones hides them.
     */
    status = tg_store_query(change->store, &q, err,
        CANDIDATE_COLUMNS "license_arn = $2 UNION " CANDIDATE_COLUMNS
        "license_id = $2 UNION " CANDIDATE_COLUMNS
        "customer_aws_account_id = $3 UNION " CANDIDATE_COLUMNS
        "customer_identifier = $4 ORDER BY is_active DESC, id", "ssss",
        key->product_code, license, account,
        has_tags ? NULL : key->customer_id);
    while (status == TG_OK && *count < CANDIDATES_MAX
        && (status = tg_stmt_next(q, err)) == TG_OK)
    {
        out[*count] = (struct tg_identity_agreement) {
            .id = copy(change, q, 0),
            .product_code = copy(change, q, 1),
            .customer_aws_account_id = copy(change, q, 2),
            .license_arn = copy(change, q, 3),
            .customer_identifier = copy(change, q, 4),
            .is_active = tg_stmt_int(q, 5) != 0,
        };
        *count += 1;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * Whether the tags name an agreement in full that nobody has registered: a
 * seller who calls ResolveCustomer himself says so with both of them.
 */
static bool
is_named_in_full(const struct tg_identity_key *key,
    const struct tg_identity_agreement *candidates, size_t count)
{
    size_t      i;
    const char *account = key->tag_account_id;
    const char *license = tg_license_id(key->tag_license_arn);

    if (license == NULL || account == NULL
        || strncmp(key->tag_license_arn, "arn:", 4) != 0
        || strlen(account) != ACCOUNT_DIGITS
        || strspn(account, "0123456789") != ACCOUNT_DIGITS)
    {
        return false;
    }
    for (i = 0; i < count; i++) {
        if (candidates[i].license_arn != NULL
            && same(tg_license_id(candidates[i].license_arn), license))
        {
            return false;
        }
    }
    return true;
}

/* Active from now on, as after a visit to the portal. */
static enum tg_status
register_named(struct tg_change *change, const struct tg_identity_key *key,
    struct binding *out, struct tg_error *err)
{
    char                     id[TG_AGREEMENT_ID_SIZE];
    enum tg_status           status;
    const struct tg_resolved named = {
        .product_code = key->product_code,
        .customer_aws_account_id = key->tag_account_id,
        .license_arn = key->tag_license_arn,
    };

    status = tg_agreement_register(change->store, id, &named, change->now_s,
        err);
    if (status != TG_OK) {
        return status;
    }
    out->reason = NULL;
    out->agreement_id = tg_arena_strdup(change->arena, id);
    return out->agreement_id != NULL
        ? TG_OK : tg_error_set(err, TG_NOMEM, "out of memory");
}

static enum tg_status
decide(struct tg_change *change, const struct tg_identity_key *key,
    struct binding *out, struct tg_error *err)
{
    int                          found;
    size_t                       count = 0;
    const struct tg_product     *product = NULL;
    enum tg_status               status = TG_OK;
    struct tg_identity_agreement candidates[CANDIDATES_MAX];

    memset(out, 0, sizeof(*out));
    out->product_code = key->product_code;
    out->dimension = tg_settings_dimension(change->control->settings,
        key->product_code);
    if (key->product_code != NULL) {
        product = tg_settings_product(change->control->settings,
            key->product_code);
        status = load_candidates(change, key, candidates, &count, err);
    }
    if (status != TG_OK) {
        return status;
    }
    if (product != NULL && product->model == TG_PRODUCT_MODEL_CONTRACT) {
        out->reason = tg_unbillable_text(TG_UNBILLABLE_CONTRACT);
        return TG_OK;
    }
    found = tg_identity_find(key, candidates, count, &out->reason);
    if (found >= 0) {
        out->agreement_id = candidates[found].id;
        return TG_OK;
    }
    return key->product_code != NULL
            && is_named_in_full(key, candidates, count)
        ? register_named(change, key, out, err) : TG_OK;
}

/*
 * ---- slots
 */

/* Whether the present slot is owned just so already. */
static enum tg_status
is_bound_so(struct tg_change *change, const struct facts *f,
    const struct binding *b, bool *answer, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *answer = false;
    if (f->slot < 0) {
        return TG_OK;
    }
    status = tg_store_query(change->store, &q, err,
        "SELECT product_code, agreement_id, reason, dimension"
        " FROM meter_owner"
        " WHERE file_id = $1 AND slot = $2 AND owner = $3", "sii",
        change->control->file_id, f->slot, f->owner);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        *answer = same(tg_stmt_text(q, 0), b->product_code)
            && same(tg_stmt_text(q, 1), b->agreement_id)
            && same(tg_stmt_text(q, 2), b->reason)
            && same(tg_stmt_text(q, 3), b->dimension);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* One more than any generation that the slot has had. */
static enum tg_status
next_owner(struct tg_change *change, uint32_t slot, int64_t *owner,
    struct tg_error *err)
{
    enum tg_status        status;
    struct tg_stmt       *q = NULL;
    struct tg_meter_cell *cell = tg_meters_cell(change->control->meters,
        slot);

    if (cell == NULL) {
        return tg_error_set(err, TG_CORRUPT, "slot %" PRIu32 " is in no file "
            "of meters", slot);
    }
    *owner = (int64_t) atomic_load(&cell->owner) + 1;
    status = tg_store_query(change->store, &q, err,
        "SELECT coalesce(max(owner), 0) + 1 FROM meter_owner"
        " WHERE file_id = $1 AND slot = $2", "si", change->control->file_id,
        (int64_t) slot);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK
        && tg_stmt_int(q, 0) > *owner)
    {
        *owner = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    if (status == TG_OK && *owner > UINT32_MAX) {
        status = tg_error_set(err, TG_LIMIT, "slot %" PRIu32 " has had as "
            "many owners as it can", slot);
    }
    return status;
}

static enum tg_status
retire(struct tg_change *change, int64_t slot, int64_t owner,
    struct tg_error *err)
{
    change->has_retired = true;
    return tg_store_exec(change->store, err,
        "UPDATE meter_owner SET state = 'retired', retired_epoch = $4"
        " WHERE file_id = $1 AND slot = $2 AND owner = $3", "siii",
        change->control->file_id, slot, owner,
        (int64_t) change->next_epoch);
}

/*
 * The cell whose state a new one takes over: the present one, or the last of
 * a key which left the plan and comes back; -1: none.
 */
static enum tg_status
find_former(struct tg_change *change, const char *plan_id,
    const char *key_id, const struct facts *f, int64_t *slot, int64_t *owner,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *slot = f->slot;
    *owner = f->owner;
    if (f->slot >= 0) {
        return TG_OK;
    }
    status = tg_store_query(change->store, &q, err,
        "SELECT slot, owner FROM meter_owner"
        " WHERE file_id = $1 AND key_id = $2 AND plan_id = $3"
        " AND (state = 'retired' OR final_used IS NOT NULL)"
        " ORDER BY retired_epoch DESC LIMIT 1", "sss",
        change->control->file_id, key_id, plan_id);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        *slot = tg_stmt_int(q, 0);
        *owner = tg_stmt_int(q, 1);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Gives (key, plan) a new slot, which carries on from the former one. */
static enum tg_status
bind(struct tg_change *change, const char *plan_id, const char *key_id,
    const struct facts *f, const struct binding *b, struct tg_error *err)
{
    int64_t        owner = 0;
    int64_t        former_slot;
    int64_t        former_owner;
    uint32_t       slot = 0;
    enum tg_status status;

    status = tg_change_take_slot(change, b->is_wide, &slot, err);
    if (status == TG_OK) {
        status = next_owner(change, slot, &owner, err);
    }
    if (status == TG_OK) {
        status = find_former(change, plan_id, key_id, f, &former_slot,
            &former_owner, err);
    }
    if (status == TG_OK && f->slot >= 0) {
        status = retire(change, f->slot, f->owner, err);
    }
    if (status != TG_OK) {
        return status;
    }
    status = tg_store_exec(change->store, err,
        "INSERT INTO meter_owner (file_id, slot, owner, key_id, plan_id,"
        " product_code, dimension, agreement_id, reason, state, opened_s,"
        " is_wide) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10,"
        " $11)", "siissssssii", change->control->file_id, (int64_t) slot,
        owner, key_id, plan_id, b->product_code, b->dimension,
        b->agreement_id, b->reason, change->now_s, (int64_t) b->is_wide);
    if (status == TG_OK && former_slot >= 0) {
        status = tg_store_exec(change->store, err,
            "UPDATE meter_owner SET carry_slot = $4, carry_owner = $5"
            " WHERE file_id = $1 AND slot = $2 AND owner = $3", "siiii",
            change->control->file_id, (int64_t) slot, owner,
            former_slot, former_owner);
    }
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "UPDATE usage_plan_key SET slot = $3, owner = $4"
            " WHERE plan_id = $1 AND key_id = $2", "ssii", plan_id, key_id,
            (int64_t) slot, owner);
    }
    if (status == TG_OK) {
        status = tg_change_key(change, f->digest, err);
    }
    return status;
}

enum tg_status
tg_binding_refresh(struct tg_change *change, const char *plan_id,
    const char *key_id, struct tg_error *err)
{
    bool           is_so = false;
    enum tg_status status;
    struct facts   f;
    struct binding b;

    status = load_facts(change, &f, plan_id, key_id, err);
    if (status == TG_OK) {
        status = decide(change, &f.key, &b, err);
    }
    if (status == TG_OK) {
        status = is_bound_so(change, &f, &b, &is_so, err);
    }
    if (status == TG_OK && !is_so) {
        status = bind(change, plan_id, key_id, &f, &b, err);
    }
    return status;
}

enum tg_status
tg_binding_end(struct tg_change *change, const char *plan_id,
    const char *key_id, struct tg_error *err)
{
    enum tg_status status;
    struct facts   f;

    status = load_facts(change, &f, plan_id, key_id, err);
    if (status == TG_OK && f.slot >= 0) {
        status = retire(change, f.slot, f.owner, err);
    }
    if (status == TG_OK) {
        status = tg_change_key(change, f.digest, err);
    }
    return status;
}

/*
 * ---- several at once
 */

struct pair {
    const char  *plan_id;
    const char  *key_id;
    struct pair *next;
};

/*
 * Refreshes every (plan, key) that q gives; q is read to its end first.
 * *last (may be NULL) is the key of the last row, NULL where there was none;
 * *count (may be NULL) how many there were.
 */
static enum tg_status
refresh_all(struct tg_change *change, struct tg_stmt *q, const char **last,
    int *count, struct tg_error *err)
{
    enum tg_status status;
    struct pair   *pair;
    struct pair   *pairs = NULL;

    for (int n = 0; (status = tg_stmt_next(q, err)) == TG_OK; ) {
        pair = tg_arena_alloc(change->arena, sizeof(*pair));
        if (pair == NULL) {
            return tg_error_set(err, TG_NOMEM, "out of memory");
        }
        pair->plan_id = copy(change, q, 0);
        pair->key_id = copy(change, q, 1);
        pair->next = pairs;
        pairs = pair;
        if (pair->plan_id == NULL || pair->key_id == NULL) {
            return tg_error_set(err, TG_NOMEM, "out of memory");
        }
        n++;
        if (count != NULL) {
            *count = n;
        }
        if (last != NULL) {
            *last = pair->key_id;
        }
    }
    if (status != TG_NOTFOUND) {
        return status;
    }
    for (status = TG_OK; status == TG_OK && pairs != NULL;
         pairs = pairs->next)
    {
        status = tg_binding_refresh(change, pairs->plan_id, pairs->key_id,
            err);
    }
    return status;
}

enum tg_status
tg_binding_refresh_key(struct tg_change *change, const char *key_id,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT plan_id, key_id FROM usage_plan_key WHERE key_id = $1", "s",
        key_id);
    if (status == TG_OK) {
        status = refresh_all(change, q, NULL, NULL, err);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_binding_refresh_plan(struct tg_change *change, const char *plan_id,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT plan_id, key_id FROM usage_plan_key WHERE plan_id = $1", "s",
        plan_id);
    if (status == TG_OK) {
        status = refresh_all(change, q, NULL, NULL, err);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_binding_refresh_some(struct tg_change *change, const char *plan_id,
    const char **after, int most, struct tg_error *err)
{
    int             count = 0;
    const char     *last = NULL;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT plan_id, key_id FROM usage_plan_key"
        " WHERE plan_id = $1 AND key_id > $2 ORDER BY key_id LIMIT $3",
        "ssi", plan_id, *after, (int64_t) most);
    if (status == TG_OK) {
        status = refresh_all(change, q, &last, &count, err);
    }
    tg_stmt_done(q);
    *after = count == most ? last : NULL;
    return status;
}

/* A cell that ends. */
struct ending {
    int64_t        slot;
    int64_t        owner;
    const char    *digest; /* of the key; NULL: it is gone */
    struct ending *next;
};

static enum tg_status
list_endings(struct tg_change *change, const char *plan_id, int most,
    struct ending **list, int *count, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT m.slot, m.owner, k.digest FROM meter_owner m"
        " LEFT JOIN api_key k ON k.id = m.key_id"
        " WHERE m.plan_id = $1 AND m.state = 'open' AND m.file_id = $2"
        " LIMIT $3", "ssi", plan_id, change->control->file_id,
        (int64_t) most);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        struct ending *e = tg_arena_alloc(change->arena, sizeof(*e));

        if (e == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
            break;
        }
        e->slot = tg_stmt_int(q, 0);
        e->owner = tg_stmt_int(q, 1);
        e->digest = copy(change, q, 2);
        e->next = *list;
        *list = e;
        *count += 1;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_binding_end_some(struct tg_change *change, const char *plan_id, int most,
    bool *is_done, struct tg_error *err)
{
    int            count = 0;
    enum tg_status status;
    struct ending *list = NULL;

    status = list_endings(change, plan_id, most, &list, &count, err);
    *is_done = count < most;
    for (; status == TG_OK && list != NULL; list = list->next) {
        status = retire(change, list->slot, list->owner, err);
        if (status == TG_OK && list->digest != NULL) {
            status = tg_change_key(change, list->digest, err);
        }
    }
    return status;
}

/* Keys whose member is the agreement's: each by an index of its own. */
#define KEYS_OF_AGREEMENT(of_key, of_agreement)                               \
    "SELECT k.id FROM agreement a JOIN api_key k"                             \
    " ON k." of_key " = a." of_agreement " WHERE a.id = $1"

enum tg_status
tg_binding_refresh_agreement(struct tg_change *change,
    const char *agreement_id, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        KEYS_OF_AGREEMENT("customer_id", "license_arn") " UNION "
        KEYS_OF_AGREEMENT("customer_id", "license_id") " UNION "
        KEYS_OF_AGREEMENT("customer_id", "customer_aws_account_id")
        " UNION "
        KEYS_OF_AGREEMENT("customer_id", "customer_identifier") " UNION "
        KEYS_OF_AGREEMENT("tag_license_arn", "license_arn") " UNION "
        KEYS_OF_AGREEMENT("tag_license_arn", "license_id") " UNION "
        KEYS_OF_AGREEMENT("tag_account_id", "customer_aws_account_id"),
        "s", agreement_id);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = tg_binding_refresh_key(change, tg_stmt_text(q, 0), err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * ---- the collector's side
 */

enum tg_status
tg_binding_close(struct tg_store *store, const char *file_id, uint32_t slot,
    uint32_t owner, const struct tg_meter_cell *cell, struct tg_error *err)
{
    bool           has_words = false;
    uint64_t       used = 0;
    uint64_t       tat = 0;
    enum tg_status status;

    if (cell != NULL && atomic_load(&cell->owner) == owner) {
        tat = atomic_load(&cell->tat);
        used = atomic_load(&cell->used);
        has_words = (used & TG_QUOTA_MOVED) == 0
            && (tat & TG_BUCKET_MOVED) == 0;
    }
    status = tg_store_exec(store, err,
        "UPDATE meter_owner SET state = 'closed',"
        " final_used = CASE $4 WHEN 1 THEN $5 END,"
        " final_tat = CASE $4 WHEN 1 THEN $6 END"
        " WHERE file_id = $1 AND slot = $2 AND owner = $3"
        " AND state = 'retired'", "siiiii", file_id, (int64_t) slot,
        (int64_t) owner, (int64_t) has_words, (int64_t) used,
        (int64_t) tat);
    if (status == TG_OK && tg_store_changes(store) != 1) {
        status = tg_error_set(err, TG_STALE, "slot %" PRIu32 " is not "
            "retired by owner %" PRIu32, slot, owner);
    }
    return status;
}

void
tg_binding_reuse(struct tg_control *control, uint32_t slot, bool is_wide)
{
    tg_slots_give_back(control->slots, slot, is_wide);
}
