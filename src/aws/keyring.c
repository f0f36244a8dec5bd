/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/keyring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "aws/profiles.h"
#include "util/digest.h"
#include "util/log.h"

#define MANDATORY_S 60
#define SHORT_S 10 /* before the expiry of what a program gave */

struct tg_aws_keyring {
    struct tg_aws_source source;
    _Atomic int64_t      skew_s;

    pthread_mutex_t           lock; /* guards all that follows */
    pthread_cond_t            fetched;
    bool                      is_fetching;
    bool                      has_keys;
    bool                      is_refused; /* K2 */
    struct tg_aws_credentials keys;
    int64_t                   fetched_s;
    int64_t                   next_try_s; /* after a failure */
    struct tg_aws_stamp       stamp;      /* of the shared files */
    struct tg_error           failure;    /* of the last try */
};

static int64_t
between(int64_t least, int64_t most)
{
    uint32_t chance;

    tg_random(&chance, sizeof(chance));
    return least + chance % (uint32_t) (most - least + 1);
}

/* From when on somebody fetches them anew, while the others go on. */
static int64_t
advisory_s(const struct tg_aws_keyring *k)
{
    int64_t life = k->keys.expires_s - k->fetched_s;

    if (k->keys.is_short) {
        return k->keys.expires_s - SHORT_S;
    }
    return k->keys.expires_s - (life <= 20 * 60 ? 5 * 60
            : life < 90 * 60 ? 15 * 60 : 60 * 60);
}

/* Whether they may be used without a look at the source. */
static bool
is_fresh(const struct tg_aws_keyring *k, int64_t now_s)
{
    return k->has_keys && !k->is_refused
        && (k->keys.expires_s == 0
            || now_s < k->keys.expires_s
                - (k->keys.is_short ? SHORT_S : MANDATORY_S));
}

static bool
wants_fetch(const struct tg_aws_keyring *k, int64_t now_s)
{
    /* a try that was put off by more than the longest pause was put off
       before a clock went back */
    bool is_put_off = now_s < k->next_try_s && k->next_try_s <= now_s + 600;

    return !k->is_fetching && !is_put_off
        && (!is_fresh(k, now_s)
            || (k->keys.expires_s != 0 && now_s >= advisory_s(k)));
}

static void
forget(struct tg_aws_keyring *k)
{
    tg_aws_credentials_wipe(&k->keys);
    k->has_keys = false;
    k->is_refused = false;
    k->next_try_s = 0;
    k->failure = (struct tg_error) { TG_OK, "" };
}

/* Whether the failure may pass by itself. */
static bool
may_pass(enum tg_status status)
{
    return status == TG_IO || status == TG_BUSY || status == TG_NOMEM;
}

/* With the lock held: what a try brought. */
static void
take(struct tg_aws_keyring *k, struct tg_aws_credentials *found,
    enum tg_status status, int64_t now_s, const struct tg_error *err)
{
    if (status == TG_OK) {
        forget(k);
        if (!found->is_reread) {
            k->keys = *found; /* owns the token now */
            k->has_keys = true;
            k->fetched_s = now_s;
        }
        return;
    }
    k->failure = *err;
    if (may_pass(status) && k->has_keys && !k->keys.is_short) {
        k->next_try_s = now_s + between(300, 600);
        k->is_refused = false; /* they serve on */
        tg_logf(TG_LOG_WARN, "credentials_not_refreshed", "%s",
            err->message);
    } else {
        k->next_try_s = now_s + between(1, 5);
    }
}

/* Without the lock held, but alone (is_fetching). */
static enum tg_status
fetch(struct tg_aws_keyring *k, struct tg_aws_credentials *out,
    int64_t now_s, struct tg_error *err)
{
    int64_t        skew_s = atomic_load(&k->skew_s);
    enum tg_status status = tg_aws_chain_find(out, &k->source, now_s,
        &skew_s, err);

    atomic_store(&k->skew_s, skew_s);
    return status;
}

/* Fetches, tells the others, and copies what came to out. */
static enum tg_status
fetch_and_tell(struct tg_aws_keyring *k, struct tg_aws_credentials *out,
    int64_t now_s, struct tg_error *err)
{
    bool                      serves_on;
    enum tg_status            status;
    struct tg_aws_stamp       stamp = tg_aws_profiles_stamp(k->source.file);
    struct tg_aws_credentials found;

    k->is_fetching = true;
    pthread_mutex_unlock(&k->lock);
    status = fetch(k, &found, now_s, err);
    if (status == TG_OK) {
        status = tg_aws_credentials_copy(out, &found, err);
        if (status != TG_OK) {
            tg_aws_credentials_wipe(&found);
        }
    }
    pthread_mutex_lock(&k->lock);
    k->is_fetching = false;
    k->stamp = stamp;
    take(k, &found, status, now_s, err);
    if (status == TG_OK && found.is_reread) {
        tg_aws_credentials_wipe(&found);
    }
    pthread_cond_broadcast(&k->fetched);
    serves_on = status != TG_OK && k->has_keys && !k->is_refused
        && (!k->keys.is_short || is_fresh(k, now_s));
    return serves_on ? tg_aws_credentials_copy(out, &k->keys, err) : status;
}

enum tg_status
tg_aws_keyring_get(struct tg_aws_keyring *k, struct tg_aws_credentials *out,
    int64_t now_s, struct tg_error *err)
{
    bool                is_usable;
    enum tg_status      status;
    struct tg_error     own = { TG_OK, "" };
    struct tg_aws_stamp stamp = tg_aws_profiles_stamp(k->source.file);

    tg_aws_credentials_init(out);
    pthread_mutex_lock(&k->lock);
    if (memcmp(&stamp, &k->stamp, sizeof(stamp)) != 0 && !k->is_fetching) {
        forget(k); /* K1 */
        k->stamp = stamp;
    }
    while (k->is_fetching && !is_fresh(k, now_s)) {
        pthread_cond_wait(&k->fetched, &k->lock);
    }
    is_usable = k->has_keys && !k->is_refused
        && (!k->keys.is_short || is_fresh(k, now_s));
    if (wants_fetch(k, now_s)) {
        status = fetch_and_tell(k, out, now_s, &own);
    } else if (is_usable) {
        status = tg_aws_credentials_copy(out, &k->keys, &own);
    } else {
        own = k->failure; /* K3 */
        status = own.status != TG_OK ? own.status : TG_BUSY;
    }
    pthread_mutex_unlock(&k->lock);
    if (status != TG_OK) {
        (void) tg_error_set(err, status, "%s", own.message);
    }
    return status;
}

static bool
is_same(const struct tg_aws_credentials *a,
    const struct tg_aws_credentials *b)
{
    return strcmp(a->access_key_id, b->access_key_id) == 0
        && (a->session_token == NULL) == (b->session_token == NULL)
        && (a->session_token == NULL
            || strcmp(a->session_token, b->session_token) == 0);
}

void
tg_aws_keyring_refused(struct tg_aws_keyring *k,
    const struct tg_aws_credentials *refused)
{
    pthread_mutex_lock(&k->lock);
    if (k->has_keys && is_same(&k->keys, refused)) {
        k->is_refused = true;
        k->next_try_s = 0;
    }
    pthread_mutex_unlock(&k->lock);
}

int64_t
tg_aws_keyring_skew(struct tg_aws_keyring *k)
{
    return atomic_load(&k->skew_s);
}

void
tg_aws_keyring_set_skew(struct tg_aws_keyring *k, int64_t skew_s)
{
    atomic_store(&k->skew_s, skew_s);
}

int64_t
tg_aws_keyring_expiry(struct tg_aws_keyring *k)
{
    int64_t expires_s;

    pthread_mutex_lock(&k->lock);
    expires_s = k->has_keys ? k->keys.expires_s : 0;
    pthread_mutex_unlock(&k->lock);
    return expires_s;
}

enum tg_status
tg_aws_keyring_open(struct tg_aws_keyring **out,
    const struct tg_aws_source *source, struct tg_error *err)
{
    struct tg_aws_keyring *k = calloc(1, sizeof(*k));

    *out = NULL;
    if (k == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    k->source = *source;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->fetched, NULL);
    *out = k;
    return TG_OK;
}

void
tg_aws_keyring_close(struct tg_aws_keyring *k)
{
    if (k == NULL) {
        return;
    }
    tg_aws_credentials_wipe(&k->keys); /* K4 */
    pthread_cond_destroy(&k->fetched);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
