/*
 * access_keys.h - who may sign calls of the admin API, and what for
 *
 * The key of admin-credentials is the seller's own and may do everything.
 * Others are made for a program or a person, with a role, and revoked again;
 * they lie in the store, their secrets sealed by the vault.  One with an
 * expiry is a temporary credential: it comes with a session token, which
 * every request has to carry.
 *
 * Promises
 *   AK1 A key that was revoked, or has expired, signs nothing from the moment
 *       in which the answer was given, or the second was reached.
 *   AK2 A secret is shown once, when it is made.  It is wiped from memory
 *       with the set, and session tokens are kept as digests alone.
 *   AK3 Changes are made under the control plane's lock, in the caller's
 *       transaction; looking up takes a lock of the set's own, which nobody
 *       holds while waiting for a disk.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_ACCESS_KEYS_H
#define TG_CONTROL_ACCESS_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/vault.h"
#include "store/store.h"
#include "util/error.h"
#include "util/sigv4.h"

#define TG_ACCESS_KEYS_MAX 1000
#define TG_USER_NAME_MAX 64 /* as IAM has it */
#define TG_ACCESS_KEY_ID_LEN 20
#define TG_SECRET_LEN 40
#define TG_SESSION_TOKEN_LEN 64
#define TG_DURATION_MIN_S 900 /* as STS has it, and up to 36 hours */
#define TG_DURATION_MAX_S 129600

/* name, as it is written */
#define TG_ROLE_LIST(X)                                                       \
    X(TG_ROLE_ADMIN, "admin")                                                 \
    X(TG_ROLE_ONBOARDING, "onboarding")                                       \
    X(TG_ROLE_READ_ONLY, "read-only")

enum tg_role {
#define X(name, text) name,
    TG_ROLE_LIST(X)
#undef X
};

const char *tg_role_name(enum tg_role role);
/* TG_INVALID: err lists the roles there are. */
TG_MUST_CHECK enum tg_status tg_role_parse(enum tg_role *out,
    const char *text, struct tg_error *err);

/* A key as it was just made; wipe after use. */
struct tg_new_access_key {
    char    id[TG_ACCESS_KEY_ID_LEN + 1];
    char    secret[TG_SECRET_LEN + 1];
    char    token[TG_SESSION_TOKEN_LEN + 1]; /* "": none */
    int64_t expires_s;                       /* 0: never */
};

/* Whose key it is. */
struct tg_caller {
    char         user_name[TG_USER_NAME_MAX + 1];
    enum tg_role role;
    bool         has_expired;
};

struct tg_access_keys;

/* Reads the store's keys.  The vault is borrowed. */
TG_MUST_CHECK enum tg_status tg_access_keys_open(struct tg_access_keys **out,
    struct tg_store *store, const struct tg_vault *vault,
    struct tg_error *err);
void tg_access_keys_close(struct tg_access_keys *keys);

/* A tg_sigv4_lookup; data is the struct tg_access_keys. */
bool tg_access_keys_lookup(void *data, const char *access_key_id,
    const char *session_token, char *secret);

/* Whose key it is at now_s; false: none of these. */
bool tg_access_keys_caller(struct tg_access_keys *keys,
    struct tg_caller *out, const char *access_key_id, int64_t now_s);

/*
 * Makes a key, in an open transaction of store: duration_s is 0, or for how
 * long.  Expired keys are removed on the way.  TG_INVALID: the name or the
 * duration is none; TG_LIMIT: there are TG_ACCESS_KEYS_MAX.
 * tg_access_keys_add makes it valid, after the commit.
 */
TG_MUST_CHECK enum tg_status tg_access_keys_make(
    struct tg_access_keys *keys, struct tg_new_access_key *out,
    struct tg_store *store, const char *user_name, enum tg_role role,
    int64_t duration_s, int64_t now_s, struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_access_keys_add(struct tg_access_keys *keys,
    const struct tg_new_access_key *key, const char *user_name,
    enum tg_role role, int64_t now_s, struct tg_error *err);

/*
 * Removes one from the store, in an open transaction: TG_NOTFOUND.
 * tg_access_keys_drop makes it invalid, after the commit.
 */
TG_MUST_CHECK enum tg_status tg_access_keys_revoke(struct tg_store *store,
    const char *access_key_id, struct tg_error *err);
void tg_access_keys_drop(struct tg_access_keys *keys,
    const char *access_key_id);

/*
 * All of the store's, oldest first, as IAM's AccessKeyMetadata has them:
 * [{"accessKeyId","userName","role","status","createDate","expiration"?}].
 */
TG_MUST_CHECK enum tg_status tg_access_keys_list(struct tg_store *store,
    json_t *out, int64_t now_s, struct tg_error *err);

#endif
