/*
 * support.h - a control plane of its own for each test, called as by a client
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_TESTS_CONTROL_SUPPORT_H
#define TG_TESTS_CONTROL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <jansson.h>

#include "control/binding.h"
#include "control/change.h"
#include "control/control.h"
#include "http/request.h"
#include "settings/settings.h"
#include "util/digest.h"

#include "fault.h"
#include "usage.h"

#define NOW INT64_C(1795392000) /* 2026-11-23, a Monday, 00:00 UTC */
#define DAY INT64_C(86400)

struct place {
    char                dir[64];
    struct tg_settings *settings;
    struct tg_board_map board;
    struct tg_control  *control;
    int64_t             now_s;
    int                 status; /* of the last call */
    json_t             *answer; /* of the last call; NULL: empty */
    struct tg_sigv4_credentials signer; /* of calls; NULL: the seller's */
};

static inline bool
lookup(void *data, const char *access_key_id, const char *session_token,
    char *secret)
{
    (void) data;
    (void) session_token;
    strcpy(secret, "secret");
    return strcmp(access_key_id, "AKIDTEST") == 0;
}

/* Opens the control, as a start of the daemon does. */
static inline enum tg_status
place_open(struct place *p, struct tg_error *err)
{
    const struct tg_control_config config = {
        .settings = p->settings,
        .board = &p->board,
        .verifier = {.lookup = lookup},
    };

    return tg_control_open(&p->control, &config, p->now_s, err);
}

static inline void
place_restart(struct place *p)
{
    struct tg_error err = {0};

    tg_control_close(p->control);
    p->control = NULL;
    if (place_open(p, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
}

static inline int
place_setup(void **state)
{
    bool            fresh;
    char            text[512];
    struct place   *p = calloc(1, sizeof(*p));
    struct tg_error err = {0};

    assert_non_null(p);
    strcpy(p->dir, "/tmp/tg-control-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void) snprintf(text, sizeof(text), "%s/private", p->dir);
    assert_int_equal(mkdir(text, 0700), 0);
    (void) snprintf(text, sizeof(text), "state_dir: %s\nproducts:\n"
        "- code: pure-contract\n  model: contract\n", p->dir);
    assert_int_equal(tg_settings_parse(&p->settings, "t.yaml", text,
        strlen(text), &err), TG_OK);
    p->now_s = NOW;
    assert_int_equal(tg_board_create(&p->board, p->dir, &fresh, &err),
        TG_OK);
    if (place_open(p, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
    *state = p;
    return 0;
}

static inline int
place_teardown(void **state)
{
    char          command[128];
    struct place *p = *state;

    json_decref(p->answer);
    tg_control_close(p->control);
    tg_board_close(&p->board);
    tg_settings_free(p->settings);
    (void) snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
    assert_int_equal(system(command), 0);
    free(p);
    return 0;
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup,         \
    place_teardown)

/* A signed call; the answer is p->status and p->answer. */
static inline int
call_bytes(struct place *p, const char *method, const char *target,
    const char *body, size_t len)
{
    uint8_t                hash[TG_SHA256_SIZE];
    struct tg_arena        arena;
    struct tg_error        err = {0};
    struct tg_header       headers[4] = {{"Host", "localhost"}};
    struct tg_sigv4_signed sig = {0};
    const struct tg_sigv4_options options = {0};
    struct tg_http_request req = {.method = method, .target = target,
        .body = body, .body_len = len, .arena = &arena, .now_s = p->now_s,
        .source_ip = "127.0.0.1", .headers = headers, .header_count = 1};
    struct tg_http_response res = {.status = 200, .arena = &arena};
    const struct tg_sigv4_credentials keys = p->signer.access_key_id != NULL
        ? p->signer
        : (struct tg_sigv4_credentials) {"AKIDTEST", "secret", NULL};
    struct tg_sigv4_request to_sign = {.method = method, .target = target,
        .headers = headers, .header_count = 1, .body_sha256 = hash};

    tg_arena_init(&arena);
    tg_buf_init(&res.body, 16 << 20);
    tg_uuid(req.id);
    tg_sha256(hash, body, len);
    assert_int_equal(tg_sigv4_sign(&sig, &to_sign, &keys, "us-east-1",
        "apigateway", &options, p->now_s, &err), TG_OK);
    headers[1] = (struct tg_header) {"X-Amz-Date", sig.amz_date};
    headers[2] = (struct tg_header) {"Authorization",
        sig.authorization.data};
    req.header_count = 3;
    if (keys.session_token != NULL) {
        headers[req.header_count++] = (struct tg_header) {
            "X-Amz-Security-Token", keys.session_token};
    }
    assert_int_equal(tg_http_request_split(&req), TG_OK);
    tg_control_handle(&req, &res, p->control);
    json_decref(p->answer);
    p->answer = json_loadb(res.body.data, res.body.len, 0, NULL);
    p->status = res.status;
    tg_buf_clear(&res.body);
    tg_buf_clear(&sig.authorization);
    tg_arena_clear(&arena);
    return p->status;
}

static inline int
call(struct place *p, const char *method, const char *target,
    const char *body)
{
    return call_bytes(p, method, target, body, strlen(body));
}

/* A text member of the last answer, or "". */
static inline const char *
text(const struct place *p, const char *name)
{
    const char *value = json_string_value(json_object_get(p->answer, name));

    return value != NULL ? value : "";
}

/* The call is refused with that status, and the message holds words. */
static inline void
assert_refused(struct place *p, const char *method, const char *target,
    const char *body, int status, const char *words)
{
    (void) call(p, method, target, body);
    if (p->status != status || strstr(text(p, "message"), words) == NULL) {
        fail_msg("%s %s %s: %d \"%s\", expected %d \"%s\"", method, target,
            body, p->status, text(p, "message"), status, words);
    }
}

/* The last answer is this JSON document. */
static inline void
assert_answer(const struct place *p, int status, const char *expected)
{
    char   *got = json_dumps(p->answer, JSON_SORT_KEYS);
    json_t *json = json_loads(expected, 0, NULL);

    assert_non_null(json);
    if (p->status != status || !json_equal(json, p->answer)) {
        fail_msg("%d %s, expected %d %s", p->status, got, status, expected);
    }
    json_decref(json);
    free(got);
}

/* A number that a query of one row and column gives. */
static inline int64_t
number(struct place *p, const char *sql)
{
    int64_t         value;
    struct tg_stmt *q = NULL;

    assert_int_equal(tg_store_query(p->control->store, &q, NULL, sql, ""),
        TG_OK);
    assert_int_equal(tg_stmt_next(q, NULL), TG_OK);
    value = tg_stmt_int(q, 0);
    tg_stmt_done(q);
    return value;
}

/* Statements that set the scene. */
static inline void
run_sql(struct place *p, const char *sql)
{
    struct tg_error  err = {0};
    struct tg_store *s = p->control->store;

    assert_int_equal(tg_store_begin(s, TG_STORE_ORDERED, &err), TG_OK);
    if (tg_store_exec(s, &err, USAGE_WRITABLE, "") != TG_OK
        || tg_store_exec(s, &err, sql, "") != TG_OK)
    {
        fail_msg("%s", err.message);
    }
    assert_int_equal(tg_store_commit(s, &err), TG_OK);
}

/* What the key table has for a key value; TG_NOTFOUND. */
static inline enum tg_status
entry(struct place *p, const char *value, struct tg_key *out)
{
    uint8_t digest[TG_SHA256_SIZE];

    tg_sha256(digest, value, strlen(value));
    return tg_keys_get(p->control->keys, digest, out);
}

/* Creates an enabled key with a value and gives its id (static memory). */
static inline const char *
make_key(struct place *p, const char *value, const char *customer)
{
    static char id[32];
    char        body[512];

    (void) snprintf(body, sizeof(body), "{\"value\":\"%s\",\"enabled\":true,"
        "\"customerId\":\"%s\"}", value, customer);
    assert_int_equal(call(p, "POST", "/apikeys", body), 201);
    (void) snprintf(id, sizeof(id), "%s", text(p, "id"));
    return id;
}

/* Creates a plan and gives its id (static memory). */
static inline const char *
make_plan(struct place *p, const char *members)
{
    static char id[32];
    char        body[512];

    (void) snprintf(body, sizeof(body), "{\"name\":\"plan\"%s%s}",
        members[0] != '\0' ? "," : "", members);
    assert_int_equal(call(p, "POST", "/usageplans", body), 201);
    (void) snprintf(id, sizeof(id), "%s", text(p, "id"));
    return id;
}

static inline int
attach(struct place *p, const char *plan, const char *key)
{
    char body[128];
    char target[128];

    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys", plan);
    (void) snprintf(body, sizeof(body),
        "{\"keyId\":\"%s\",\"keyType\":\"API_KEY\"}", key);
    return call(p, "POST", target, body);
}

static inline int
patch(struct place *p, const char *target, const char *op, const char *path,
    const char *value)
{
    char body[512];

    (void) snprintf(body, sizeof(body), "{\"patchOperations\":[{\"op\":"
        "\"%s\",\"path\":\"%s\",\"value\":\"%s\"}]}", op, path, value);
    return call(p, "PATCH", target, body);
}

#endif
