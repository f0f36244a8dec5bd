/* SPDX-License-Identifier: Apache-2.0 */
#include "control/customers.h"

#include <stdlib.h>
#include <string.h>

#include "control/binding.h"
#include "control/control.h"
#include "control/listed_id.h"
#include "control/plan_rules.h"
#include "control/quotas.h"
#include "control/vault.h"
#include "core/identity.h"
#include "util/digest.h"
#include "util/utf8.h"

#define ID_LEN 10
#define NAME_MAX_CHARS 1024
#define CUSTOMER_ID_MAX 1024
#define DESCRIPTION_MAX 125000
#define VALUE_MIN 20
#define VALUE_MAX 128
#define VALUE_GENERATED 40

/*
 * ---- small look-ups
 */

/* The first column of the first row, in the arena; TG_NOTFOUND. */
static enum tg_status
take_text(struct tg_change *change, struct tg_stmt *q, const char **out,
    struct tg_error *err)
{
    enum tg_status status = tg_stmt_next(q, err);

    *out = NULL;
    if (status == TG_OK) {
        *out = tg_arena_strdup(change->arena, tg_stmt_text(q, 0));
        if (*out == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    return status;
}

static enum tg_status
find_digest(struct tg_change *change, const char *id, const char **digest,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT digest FROM api_key WHERE id = $1", "s", id);
    if (status == TG_OK) {
        status = take_text(change, q, digest, err);
    }
    tg_stmt_done(q);
    return status != TG_NOTFOUND
        ? status : tg_error_set(err, TG_NOTFOUND, TG_NO_API_KEY);
}

/*
 * ---- keys
 */

/* A header's value: printable, so that a client can send it. */
static bool
is_sendable(const char *value)
{
    for (; *value != '\0'; value++) {
        if ((unsigned char) *value <= ' ' || (unsigned char) *value > '~') {
            return false;
        }
    }
    return true;
}

enum tg_status
tg_api_key_check(const char *name, const char *description,
    const char *customer_id, struct tg_error *err)
{
    if (name != NULL && tg_utf8_length(name) > NAME_MAX_CHARS) {
        return tg_error_set(err, TG_INVALID, "Invalid API Key name, can be "
            "at most 1024 characters.");
    }
    if (description != NULL && tg_utf8_length(description) > DESCRIPTION_MAX) {
        return tg_error_set(err, TG_INVALID, "Invalid API Key description "
            "specified.");
    }
    if (customer_id != NULL && tg_utf8_length(customer_id) > CUSTOMER_ID_MAX) {
        return tg_error_set(err, TG_INVALID, "Invalid customer ID specified, "
            "can be at most 1024 characters.");
    }
    return TG_OK;
}

enum tg_status
tg_api_key_check_value(const char *value, struct tg_error *err)
{
    size_t len = strlen(value);

    if (len < VALUE_MIN) {
        return tg_error_set(err, TG_INVALID, "API Key value should be at "
            "least 20 characters");
    }
    if (len > VALUE_MAX) {
        return tg_error_set(err, TG_INVALID, "API Key value exceeds maximum "
            "size of 128 characters");
    }
    if (!is_sendable(value)) {
        return tg_error_set(err, TG_INVALID, "API Key value should consist "
            "of printable ASCII characters without blanks");
    }
    return TG_OK;
}

/* NULL for a text that stands for none. */
static const char *
or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static const char *
tag_text(const json_t *tags, const char *name)
{
    return or_null(json_string_value(json_object_get(tags, name)));
}

static enum tg_status
check_unused(struct tg_change *change, const char *digest,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT 1 FROM api_key WHERE digest = $1", "s", digest);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    tg_stmt_done(q);
    if (status == TG_OK) {
        return tg_error_set(err, TG_CONFLICT, "API Key already exists");
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
insert_key(struct tg_change *change, const struct tg_api_key_new *key,
    const char *id, const char *digest, const char *sealed,
    struct tg_error *err)
{
    char          *stage_keys = key->stage_keys != NULL
        ? json_dumps(key->stage_keys, JSON_COMPACT) : strdup("[]");
    char          *tags = key->tags != NULL
        ? json_dumps(key->tags, JSON_COMPACT) : strdup("{}");
    enum tg_status status;

    if (stage_keys == NULL || tags == NULL) {
        status = tg_error_set(err, TG_NOMEM, "out of memory");
    } else {
        status = tg_store_exec(change->store, err,
            "INSERT INTO api_key (id, digest, value_sealed, name,"
            " description, customer_id, enabled, created_s, updated_s,"
            " stage_keys, tags, tag_license_arn, tag_account_id) VALUES"
            " ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)",
            "ssssssiissss", id, digest, sealed, or_null(key->name),
            or_null(key->description), or_null(key->customer_id),
            (int64_t) key->enabled, change->now_s, stage_keys, tags,
            tag_text(key->tags, TG_TAG_LICENSE_ARN),
            tag_text(key->tags, TG_TAG_CUSTOMER_ACCOUNT));
    }
    free(stage_keys);
    free(tags);
    return status;
}

enum tg_status
tg_api_key_create(struct tg_change *change, const struct tg_api_key_new *key,
    const char **id, struct tg_error *err)
{
    char           value[VALUE_MAX + 1];
    char           digest[TG_SHA256_HEX];
    char          *new_id = tg_arena_alloc(change->arena, ID_LEN + 1);
    uint8_t        hash[TG_SHA256_SIZE];
    enum tg_status status;
    struct tg_buf  sealed;

    *id = NULL;
    tg_buf_init(&sealed, 4096);
    status = tg_api_key_check(key->name, key->description, key->customer_id,
        err);
    if (status == TG_OK && or_null(key->value) != NULL) {
        status = tg_api_key_check_value(key->value, err);
    }
    if (status != TG_OK || new_id == NULL) {
        return status != TG_OK
            ? status : tg_error_set(err, TG_NOMEM, "out of memory");
    }
    if (or_null(key->value) != NULL) {
        memcpy(value, key->value, strlen(key->value) + 1);
    } else {
        tg_random_text(value, VALUE_GENERATED, TG_ALPHABET_KEY);
    }
    tg_listed_id(new_id, ID_LEN, change->control, change->now_s);
    tg_sha256(hash, value, strlen(value));
    tg_hex(digest, hash, sizeof(hash));
    status = check_unused(change, digest, err);
    if (status == TG_OK) {
        status = tg_vault_seal(change->control->vault, new_id, value,
            &sealed, err);
    }
    if (status == TG_OK) {
        status = tg_quota_check_keys(change, err);
    }
    if (status == TG_OK) {
        status = insert_key(change, key, new_id, digest, sealed.data, err);
    }
    if (status == TG_OK) {
        status = tg_change_key(change, digest, err);
        *id = new_id;
    }
    tg_wipe(value, sizeof(value));
    tg_buf_clear(&sealed);
    return status;
}

enum tg_status
tg_api_key_find_customer(struct tg_change *change, const char *customer_id,
    const char *plan_id, const char **id, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT k.id FROM api_key k LEFT JOIN usage_plan_key u"
        " ON u.key_id = k.id AND u.plan_id = $2 WHERE k.customer_id = $1"
        " ORDER BY u.key_id IS NULL, k.created_s, k.id LIMIT 1", "ss",
        customer_id, plan_id);
    if (status == TG_OK) {
        status = take_text(change, q, id, err);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_api_key_value(struct tg_change *change, const char *id, char **value,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *value = tg_arena_alloc(change->arena, VALUE_MAX + 1);
    if (*value == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = tg_store_query(change->store, &q, err,
        "SELECT value_sealed FROM api_key WHERE id = $1", "s", id);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = tg_vault_unseal(change->control->vault, id,
            tg_stmt_text(q, 0), *value, VALUE_MAX + 1, err);
    } else if (status == TG_NOTFOUND) {
        status = tg_error_set(err, TG_NOTFOUND, TG_NO_API_KEY);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_api_key_set_enabled(struct tg_change *change, const char *id, bool enabled,
    struct tg_error *err)
{
    const char    *digest;
    enum tg_status status;

    status = find_digest(change, id, &digest, err);
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "UPDATE api_key SET enabled = $2, updated_s = $3 WHERE id = $1",
            "sii", id, (int64_t) enabled, change->now_s);
    }
    if (status == TG_OK) {
        status = tg_change_key(change, digest, err);
    }
    return status;
}

/* Ends the key's bindings in all its plans (at most ten). */
static enum tg_status
end_all(struct tg_change *change, const char *id, struct tg_error *err)
{
    const char     *plans[TG_KEY_PLANS_MAX];
    size_t          count = 0;
    size_t          i;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT plan_id FROM usage_plan_key WHERE key_id = $1", "s", id);
    while (status == TG_OK && count < TG_KEY_PLANS_MAX
        && (status = take_text(change, q, &plans[count], err)) == TG_OK)
    {
        count++;
    }
    tg_stmt_done(q);
    status = status == TG_NOTFOUND ? TG_OK : status;
    for (i = 0; status == TG_OK && i < count; i++) {
        status = tg_binding_end(change, plans[i], id, err);
    }
    return status;
}

enum tg_status
tg_api_key_delete(struct tg_change *change, const char *id,
    struct tg_error *err)
{
    const char    *digest;
    enum tg_status status;

    status = find_digest(change, id, &digest, err);
    if (status == TG_OK) {
        status = end_all(change, id, err);
    }
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "DELETE FROM quota_grant WHERE key_id = $1", "s", id);
    }
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "DELETE FROM api_key WHERE id = $1", "s", id);
    }
    if (status == TG_OK) {
        status = tg_change_key(change, digest, err);
    }
    return status;
}

enum tg_status
tg_api_key_set_tags(struct tg_change *change, const char *id,
    const json_t *tags, struct tg_error *err)
{
    char          *text = json_dumps(tags, JSON_COMPACT);
    enum tg_status status;

    if (text == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = tg_store_exec(change->store, err,
        "UPDATE api_key SET tags = $2, tag_license_arn = $3,"
        " tag_account_id = $4, updated_s = $5 WHERE id = $1", "ssssi", id,
        text, tag_text(tags, TG_TAG_LICENSE_ARN),
        tag_text(tags, TG_TAG_CUSTOMER_ACCOUNT), change->now_s);
    free(text);
    if (status == TG_OK && tg_store_changes(change->store) == 0) {
        status = tg_error_set(err, TG_NOTFOUND, TG_NO_API_KEY);
    }
    if (status == TG_OK) {
        status = tg_binding_refresh_key(change, id, err);
    }
    return status;
}

/*
 * ---- keys in plans
 */

static enum tg_status
plan_exists(struct tg_change *change, const char *plan_id,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT 1 FROM usage_plan WHERE id = $1", "s", plan_id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_NOTFOUND) {
        status = tg_error_set(err, TG_NOTFOUND, TG_NO_USAGE_PLAN);
    }
    tg_stmt_done(q);
    return status;
}

/* A key is in one plan of a stage, and in at most so many plans. */
enum tg_status
tg_usage_plan_key_check(struct tg_change *change, const char *plan_id,
    const char *key_id, struct tg_error *err)
{
    const int       limit = change->control->settings->limits.plans_per_key;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = plan_exists(change, plan_id, err);
    if (status != TG_OK) {
        return status;
    }
    if (tg_usage_plan_key_exists(change, plan_id, key_id)) {
        return tg_error_set(err, TG_CONFLICT, "API Key %s is already in "
            "Usage Plan %s", key_id, plan_id);
    }
    status = tg_store_query(change->store, &q, err,
        "SELECT u.plan_id, t.api_id, t.stage FROM usage_plan_key u"
        " JOIN usage_plan_stage t ON t.plan_id = u.plan_id"
        " JOIN usage_plan_stage s ON s.plan_id = $1"
        " AND s.api_id = t.api_id AND s.stage = t.stage"
        " WHERE u.key_id = $2 LIMIT 1", "ss", plan_id, key_id);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = tg_error_set(err, TG_CONFLICT, "API Key %s is already in "
            "Usage Plan %s of the stage %s:%s", key_id, tg_stmt_text(q, 0),
            tg_stmt_text(q, 1), tg_stmt_text(q, 2));
    }
    tg_stmt_done(q);
    if (status != TG_NOTFOUND) {
        return status;
    }
    q = NULL;
    status = tg_store_query(change->store, &q, err,
        "SELECT count(*) FROM usage_plan_key WHERE key_id = $1", "s",
        key_id);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK
        && tg_stmt_int(q, 0) >= limit)
    {
        status = tg_error_set(err, TG_LIMIT, "API Key %s is in %d Usage "
            "Plans, the most that are possible", key_id, limit);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_usage_plans_overlap(struct tg_change *change, const char *plan_id,
    const char *other_id, bool *overlaps, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *overlaps = false;
    status = tg_store_query(change->store, &q, err,
        "SELECT 1 FROM usage_plan_stage a JOIN usage_plan_stage b"
        " ON b.plan_id = $2 AND b.api_id = a.api_id AND b.stage = a.stage"
        " WHERE a.plan_id = $1 LIMIT 1", "ss", plan_id, other_id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
        *overlaps = status == TG_OK;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_usage_plan_key_attach(struct tg_change *change, const char *plan_id,
    const char *key_id, struct tg_error *err)
{
    const char    *digest;
    enum tg_status status = plan_exists(change, plan_id, err);

    if (status == TG_OK) {
        status = find_digest(change, key_id, &digest, err);
    }
    if (status == TG_OK) {
        status = tg_usage_plan_key_check(change, plan_id, key_id, err);
    }
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "INSERT INTO usage_plan_key (plan_id, key_id, created_s)"
            " VALUES ($1, $2, $3)", "ssi", plan_id, key_id, change->now_s);
    }
    if (status == TG_OK) {
        status = tg_binding_refresh(change, plan_id, key_id, err);
    }
    return status;
}

enum tg_status
tg_usage_plan_key_detach(struct tg_change *change, const char *plan_id,
    const char *key_id, struct tg_error *err)
{
    enum tg_status status;

    if (!tg_usage_plan_key_exists(change, plan_id, key_id)) {
        return tg_error_set(err, TG_NOTFOUND, TG_NO_API_KEY);
    }
    status = tg_binding_end(change, plan_id, key_id, err);
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "DELETE FROM usage_plan_key WHERE plan_id = $1 AND key_id = $2",
            "ss", plan_id, key_id);
    }
    return status;
}

bool
tg_usage_plan_key_exists(struct tg_change *change, const char *plan_id,
    const char *key_id)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, NULL,
        "SELECT 1 FROM usage_plan_key WHERE plan_id = $1 AND key_id = $2",
        "ss", plan_id, key_id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, NULL);
    }
    tg_stmt_done(q);
    return status == TG_OK;
}

enum tg_status
tg_usage_plan_find_product(struct tg_change *change,
    const char *product_code, const char **plan_id, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT id FROM usage_plan WHERE product_code = $1"
        " ORDER BY created_s, id LIMIT 1", "s", product_code);
    if (status == TG_OK) {
        status = take_text(change, q, plan_id, err);
    }
    tg_stmt_done(q);
    return status;
}
