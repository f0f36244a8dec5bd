/* SPDX-License-Identifier: Apache-2.0 */
#include "control/access_keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/digest.h"

#define ID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
#define NAME_LETTERS                                                          \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-"

struct access_key {
    char         id[TG_ACCESS_KEY_ID_LEN + 1];
    char         user_name[TG_USER_NAME_MAX + 1];
    char         secret[TG_SECRET_LEN + 1];
    char         token_sha256[TG_SHA256_HEX]; /* "": none */
    enum tg_role role;
    int64_t      expires_s; /* 0: never */
};

struct tg_access_keys {
    pthread_mutex_t        lock; /* guards items and count */
    const struct tg_vault *vault;
    size_t                 count;
    struct access_key      items[TG_ACCESS_KEYS_MAX];
};

/*
 * ---- roles
 */

static const char *const role_names[] = {
#define X(name, text) [name] = text,
    TG_ROLE_LIST(X)
#undef X
};

const char *
tg_role_name(enum tg_role role)
{
    return role_names[role];
}

enum tg_status
tg_role_parse(enum tg_role *out, const char *text, struct tg_error *err)
{
    size_t i;

    for (i = 0; i < sizeof(role_names) / sizeof(role_names[0]); i++) {
        if (strcmp(text, role_names[i]) == 0) {
            *out = (enum tg_role) i;
            return TG_OK;
        }
    }
    return tg_error_set(err, TG_INVALID,
        "role: expected admin, onboarding or read-only, found \"%.40s\"",
        text);
}

/*
 * ---- the set
 */

static struct access_key *
find(struct tg_access_keys *keys, const char *id)
{
    size_t i;

    for (i = 0; i < keys->count; i++) {
        if (strcmp(keys->items[i].id, id) == 0) {
            return &keys->items[i];
        }
    }
    return NULL;
}

static void
digest_token(char out[TG_SHA256_HEX], const char *token)
{
    uint8_t sha256[TG_SHA256_SIZE];

    tg_sha256(sha256, token, strlen(token));
    tg_hex(out, sha256, sizeof(sha256));
}

bool
tg_access_keys_lookup(void *data, const char *access_key_id,
    const char *session_token, char *secret)
{
    bool                   is_ours = false;
    char                   digest[TG_SHA256_HEX] = "";
    struct access_key     *key;
    struct tg_access_keys *keys = data;

    if (session_token != NULL) {
        digest_token(digest, session_token);
    }
    pthread_mutex_lock(&keys->lock);
    key = find(keys, access_key_id);
    if (key != NULL
        && tg_equal_ct(digest, key->token_sha256, sizeof(digest)))
    {
        memcpy(secret, key->secret, sizeof(key->secret));
        is_ours = true;
    }
    pthread_mutex_unlock(&keys->lock);
    return is_ours;
}

bool
tg_access_keys_caller(struct tg_access_keys *keys, struct tg_caller *out,
    const char *access_key_id, int64_t now_s)
{
    struct access_key *key;

    pthread_mutex_lock(&keys->lock);
    key = find(keys, access_key_id);
    if (key != NULL) {
        memcpy(out->user_name, key->user_name, sizeof(out->user_name));
        out->role = key->role;
        out->has_expired = key->expires_s != 0 && key->expires_s <= now_s;
    }
    pthread_mutex_unlock(&keys->lock);
    return key != NULL;
}

/*
 * ---- reading the store
 */

/* One key from its row; a text that does not fit is damage. */
static enum tg_status
read_key(struct tg_access_keys *keys, struct tg_stmt *q,
    struct tg_error *err)
{
    struct access_key *key;
    const char        *id = tg_stmt_text(q, 0), *name = tg_stmt_text(q, 1);
    const char        *token = tg_stmt_text(q, 4);

    if (keys->count == TG_ACCESS_KEYS_MAX || strlen(id) >= sizeof(key->id)
        || strlen(name) >= sizeof(key->user_name)
        || (token != NULL && strlen(token) >= sizeof(key->token_sha256)))
    {
        return tg_error_set(err, TG_CORRUPT,
            "the store's access key %.20s is damaged, or one too many", id);
    }
    key = &keys->items[keys->count];
    memset(key, 0, sizeof(*key));
    strcpy(key->id, id);
    strcpy(key->user_name, name);
    strcpy(key->token_sha256, token == NULL ? "" : token);
    key->expires_s = tg_stmt_int(q, 5);
    if (tg_role_parse(&key->role, tg_stmt_text(q, 2), err) != TG_OK) {
        return TG_CORRUPT;
    }
    keys->count++;
    return tg_vault_unseal(keys->vault, key->id, tg_stmt_text(q, 3),
        key->secret, sizeof(key->secret), err);
}

static enum tg_status
read_keys(struct tg_access_keys *keys, struct tg_store *store,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(store, &q, err, "SELECT id, user_name, role,"
        " secret_sealed, token_sha256, expires_s FROM access_key", "");
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = read_key(keys, q, err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_access_keys_open(struct tg_access_keys **out, struct tg_store *store,
    const struct tg_vault *vault, struct tg_error *err)
{
    enum tg_status         status;
    struct tg_access_keys *keys = calloc(1, sizeof(*keys));

    *out = NULL;
    if (keys == NULL) {
        return tg_error_set(err, TG_NOMEM, "access keys: out of memory");
    }
    pthread_mutex_init(&keys->lock, NULL);
    keys->vault = vault;
    status = read_keys(keys, store, err);
    if (status != TG_OK) {
        tg_access_keys_close(keys);
        return status;
    }
    *out = keys;
    return TG_OK;
}

void
tg_access_keys_close(struct tg_access_keys *keys)
{
    if (keys != NULL) {
        tg_wipe(keys->items, sizeof(keys->items));
        pthread_mutex_destroy(&keys->lock);
        free(keys);
    }
}

/*
 * ---- making and revoking
 */

static enum tg_status
check_new(const char *user_name, int64_t duration_s, struct tg_error *err)
{
    size_t len = strlen(user_name);

    if (len == 0 || len > TG_USER_NAME_MAX
        || strspn(user_name, NAME_LETTERS) != len)
    {
        return tg_error_set(err, TG_INVALID, "userName: expected 1 to %d "
            "letters, digits or any of +=,.@_-", TG_USER_NAME_MAX);
    }
    if (duration_s != 0 && (duration_s < TG_DURATION_MIN_S
            || duration_s > TG_DURATION_MAX_S))
    {
        return tg_error_set(err, TG_INVALID, "durationSeconds: expected %d "
            "to %d seconds, found %lld", TG_DURATION_MIN_S,
            TG_DURATION_MAX_S, (long long) duration_s);
    }
    return TG_OK;
}

static void
draw(struct tg_new_access_key *out, int64_t duration_s, int64_t now_s)
{
    memset(out, 0, sizeof(*out));
    /* Amazon's prefixes: for good, and for a time. */
    memcpy(out->id, duration_s == 0 ? "AKIA" : "ASIA", 4);
    tg_random_text(out->id + 4, TG_ACCESS_KEY_ID_LEN - 4, ID_LETTERS);
    tg_random_text(out->secret, TG_SECRET_LEN, TG_ALPHABET_KEY);
    if (duration_s != 0) {
        tg_random_text(out->token, TG_SESSION_TOKEN_LEN, TG_ALPHABET_KEY);
        out->expires_s = now_s + duration_s;
    }
}

static enum tg_status
insert(const struct tg_access_keys *keys, const struct tg_new_access_key *key,
    struct tg_store *store, const char *user_name, enum tg_role role,
    int64_t now_s, struct tg_error *err)
{
    char           digest[TG_SHA256_HEX];
    enum tg_status status;
    struct tg_buf  sealed;
    const bool     is_temporary = key->token[0] != '\0';

    tg_buf_init(&sealed, 1024);
    digest_token(digest, key->token);
    status = tg_vault_seal(keys->vault, key->id, key->secret, &sealed, err);
    if (status == TG_OK) {
        status = tg_store_exec(store, err, "INSERT INTO access_key (id,"
            " user_name, role, secret_sealed, token_sha256, created_s,"
            " expires_s) VALUES ($1, $2, $3, $4, $5, $6, nullif($7, 0))",
            "sssssii", key->id, user_name, tg_role_name(role), sealed.data,
            is_temporary ? digest : NULL, now_s, key->expires_s);
    }
    tg_buf_clear(&sealed);
    return status;
}

static enum tg_status
check_room(struct tg_store *store, int64_t now_s, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_exec(store, err,
        "DELETE FROM access_key WHERE expires_s <= $1", "i", now_s);
    if (status == TG_OK) {
        status = tg_store_query(store, &q, err,
            "SELECT count(*) FROM access_key", "");
    }
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK
        && tg_stmt_int(q, 0) >= TG_ACCESS_KEYS_MAX)
    {
        status = tg_error_set(err, TG_LIMIT, "there are %d access keys, and "
            "there can be no more: revoke some", TG_ACCESS_KEYS_MAX);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_access_keys_make(struct tg_access_keys *keys,
    struct tg_new_access_key *out, struct tg_store *store,
    const char *user_name, enum tg_role role, int64_t duration_s,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status status = check_new(user_name, duration_s, err);

    if (status == TG_OK) {
        status = check_room(store, now_s, err);
    }
    if (status == TG_OK) {
        draw(out, duration_s, now_s);
        status = insert(keys, out, store, user_name, role, now_s, err);
    }
    return status;
}

/* Under the lock: the place of a key that has expired, else a new one. */
static struct access_key *
find_place(struct tg_access_keys *keys, int64_t now_s)
{
    size_t i;

    for (i = 0; i < keys->count; i++) {
        if (keys->items[i].expires_s != 0
            && keys->items[i].expires_s <= now_s)
        {
            return &keys->items[i];
        }
    }
    return keys->count < TG_ACCESS_KEYS_MAX ? &keys->items[keys->count++]
                                            : NULL;
}

enum tg_status
tg_access_keys_add(struct tg_access_keys *keys,
    const struct tg_new_access_key *key, const char *user_name,
    enum tg_role role, int64_t now_s, struct tg_error *err)
{
    struct access_key *place;

    pthread_mutex_lock(&keys->lock);
    place = find_place(keys, now_s);
    if (place != NULL) {
        memset(place, 0, sizeof(*place));
        strcpy(place->id, key->id);
        strcpy(place->secret, key->secret);
        strcpy(place->user_name, user_name);
        place->role = role;
        place->expires_s = key->expires_s;
        if (key->token[0] != '\0') {
            digest_token(place->token_sha256, key->token);
        }
    }
    pthread_mutex_unlock(&keys->lock);
    return place != NULL ? TG_OK
        : tg_error_set(err, TG_LIMIT, "there are too many access keys");
}

enum tg_status
tg_access_keys_revoke(struct tg_store *store, const char *access_key_id,
    struct tg_error *err)
{
    enum tg_status status = tg_store_exec(store, err,
        "DELETE FROM access_key WHERE id = $1", "s", access_key_id);

    if (status == TG_OK && tg_store_changes(store) == 0) {
        status = tg_error_set(err, TG_NOTFOUND,
            "there is no access key %.40s", access_key_id);
    }
    return status;
}

void
tg_access_keys_drop(struct tg_access_keys *keys, const char *access_key_id)
{
    struct access_key *key;

    pthread_mutex_lock(&keys->lock);
    key = find(keys, access_key_id);
    if (key != NULL) {
        *key = keys->items[--keys->count];
        tg_wipe(&keys->items[keys->count], sizeof(*key));
    }
    pthread_mutex_unlock(&keys->lock);
}

enum tg_status
tg_access_keys_list(struct tg_store *store, json_t *out, int64_t now_s,
    struct tg_error *err)
{
    int64_t         expires_s;
    enum tg_status  status;
    json_t         *key;
    struct tg_stmt *q = NULL;

    status = tg_store_query(store, &q, err, "SELECT id, user_name, role,"
        " created_s, expires_s FROM access_key ORDER BY created_s, id", "");
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        expires_s = tg_stmt_int(q, 4);
        key = json_pack("{s:s, s:s, s:s, s:s, s:I}", "accessKeyId",
            tg_stmt_text(q, 0), "userName", tg_stmt_text(q, 1), "role",
            tg_stmt_text(q, 2), "status", expires_s != 0
            && expires_s <= now_s ? "Expired" : "Active", "createDate",
            (json_int_t) tg_stmt_int(q, 3));
        if (expires_s != 0) {
            (void) json_object_set_new(key, "expiration",
                json_integer((json_int_t) expires_s));
        }
        if (json_array_append_new(out, key) != 0) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}
