/*
 * access.c - access keys, their roles, and who fails to sign too often
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "control/access.h"
#include "control/access_keys.h"
#include "control/attempts.h"

/* A call on the operator's socket; the answer is p->status, p->answer. */
static int
operate(struct place *p, const char *method, const char *target,
    const char *body)
{
    struct tg_arena        arena;
    struct tg_http_request req = {.method = method, .target = target,
        .body = body, .body_len = strlen(body), .arena = &arena,
        .now_s = p->now_s, .source_ip = ""};
    struct tg_http_response res = {.status = 200, .arena = &arena};

    tg_arena_init(&arena);
    tg_buf_init(&res.body, 1 << 20);
    assert_int_equal(tg_http_request_split(&req), TG_OK);
    tg_access_handle(&req, &res, p->control);
    json_decref(p->answer);
    p->answer = json_loadb(res.body.data, res.body.len, 0, NULL);
    p->status = res.status;
    tg_buf_clear(&res.body);
    tg_arena_clear(&arena);
    return p->status;
}

/* A key as the operator got it. */
struct made {
    char id[32], secret[64], token[128];
};

static struct made
make(struct place *p, const char *body)
{
    struct made made = {0};

    if (operate(p, "POST", "/access-keys", body) != 201) {
        fail_msg("%s: %d %s", body, p->status, text(p, "message"));
    }
    strcpy(made.id, text(p, "accessKeyId"));
    strcpy(made.secret, text(p, "secretAccessKey"));
    strcpy(made.token, text(p, "sessionToken"));
    return made;
}

static void
sign_with(struct place *p, const struct made *made)
{
    p->signer = made == NULL ? (struct tg_sigv4_credentials) {0}
        : (struct tg_sigv4_credentials) {made->id, made->secret,
            made->token[0] != '\0' ? made->token : NULL};
}

static int64_t
count_audit(struct place *p, const char *where)
{
    char sql[256];

    (void) snprintf(sql, sizeof(sql),
        "SELECT count(*) FROM audit_event WHERE %s", where);
    return number(p, sql);
}

static void
an_admin_may_do_everything(void **state)
{
    struct made   made;
    struct place *p = *state;

    made = make(p, "{\"userName\":\"ops\",\"role\":\"admin\"}");
    assert_memory_equal(made.id, "AKIA", 4);
    assert_int_equal(strlen(made.id), 20);
    assert_int_equal(strlen(made.secret), 40);
    assert_string_equal(made.token, "");
    sign_with(p, &made);
    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    assert_int_equal(count_audit(p, "event_name = 'CreateRestApi'"
        " AND record LIKE '%:user/ops\"%'"), 1);
}

static void
onboarding_makes_keys_and_no_apis(void **state)
{
    char          id[32];
    struct made   made;
    struct place *p = *state;

    made = make(p, "{\"userName\":\"portal\",\"role\":\"onboarding\"}");
    sign_with(p, &made);
    (void) snprintf(id, sizeof(id), "%s",
        make_key(p, "a-value-of-twenty-characters", "c"));
    assert_int_equal(call(p, "GET", "/apikeys?includeValues=true", ""), 200);
    assert_int_equal(call(p, "GET", "/usageplans", ""), 200);
    assert_refused(p, "POST", "/usageplans", "{\"name\":\"p\"}", 403,
        "User: arn:aws:iam::123456789012:user/portal is not authorized to "
        "perform: apigateway:POST on resource: "
        "arn:aws:apigateway:us-east-1::/usageplans");
    assert_refused(p, "GET", "/restapis", "", 403, "not authorized");
    assert_refused(p, "DELETE", "/restapis/abc", "", 403, "not authorized");
    /* Every refusal is on the record, the reading one, too. */
    assert_int_equal(count_audit(p, "record LIKE '%AccessDeniedException%'"),
        3);
    assert_int_equal(number(p, "SELECT count(*) FROM usage_plan"), 0);
}

static void
a_reader_sees_all_but_values(void **state)
{
    char          target[64];
    struct made   made;
    struct place *p = *state;

    (void) snprintf(target, sizeof(target), "/apikeys/%s",
        make_key(p, "a-value-of-twenty-characters", "c"));
    made = make(p, "{\"userName\":\"r\",\"role\":\"read-only\"}");
    sign_with(p, &made);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_int_equal(call(p, "GET", "/restapis", ""), 200);
    assert_refused(p, "GET", "/apikeys?includeValues=TRUE", "", 403,
        "with the values of API keys");
    assert_refused(p, "DELETE", target, "", 403, "not authorized");
    assert_refused(p, "POST", "/apikeys?mode=import&format=csv", "x", 403,
        "not authorized");
}

static void
plan_keys_show_no_value_to_a_reader(void **state)
{
    char          body[128], key[32], plan[32], target[96];
    struct made   made;
    struct place *p = *state;

    (void) snprintf(key, sizeof(key), "%s",
        make_key(p, "a-value-of-twenty-characters", "c"));
    assert_int_equal(call(p, "POST", "/usageplans", "{\"name\":\"p\"}"),
        201);
    (void) snprintf(plan, sizeof(plan), "%s", text(p, "id"));
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys", plan);
    (void) snprintf(body, sizeof(body),
        "{\"keyId\":\"%s\",\"keyType\":\"API_KEY\"}", key);
    assert_int_equal(call(p, "POST", target, body), 201);
    assert_string_equal(text(p, "value"), "a-value-of-twenty-characters");
    made = make(p, "{\"userName\":\"r\",\"role\":\"read-only\"}");
    sign_with(p, &made);
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys/%s", plan,
        key);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "id"), key);
    assert_null(json_object_get(p->answer, "value"));
}

/* AK1: at the very second; and the token belongs to the signature. */
static void
temporary_credentials_end(void **state)
{
    struct made   bare, made;
    struct place *p = *state;

    made = make(p, "{\"userName\":\"t\",\"role\":\"admin\","
        "\"durationSeconds\":900}");
    assert_memory_equal(made.id, "ASIA", 4);
    bare = made;
    bare.token[0] = '\0';
    sign_with(p, &bare);
    assert_refused(p, "GET", "/apikeys", "", 403, "security token");
    sign_with(p, &made);
    p->now_s += 899;
    assert_int_equal(call(p, "GET", "/apikeys", ""), 200);
    place_restart(p);
    assert_int_equal(call(p, "GET", "/apikeys", ""), 200);
    p->now_s += 1;
    assert_refused(p, "GET", "/apikeys", "", 403,
        "The security token included in the request is expired");
    assert_int_equal(operate(p, "GET", "/access-keys", ""), 200);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        json_object_get(p->answer, "accessKeys"), 0), "status")), "Expired");
    /* The next one that is made takes the old one's place. */
    (void) make(p, "{\"userName\":\"t\",\"role\":\"admin\"}");
    assert_int_equal(number(p, "SELECT count(*) FROM access_key"), 1);
}

static void
a_revoked_key_signs_nothing(void **state)
{
    char          target[64];
    struct made   made, other;
    struct place *p = *state;

    made = make(p, "{\"userName\":\"a\",\"role\":\"admin\"}");
    other = make(p, "{\"userName\":\"b\",\"role\":\"admin\"}");
    (void) snprintf(target, sizeof(target), "/access-keys/%s", made.id);
    assert_int_equal(operate(p, "DELETE", target, ""), 200);
    assert_int_equal(operate(p, "DELETE", target, ""), 404);
    sign_with(p, &made);
    assert_refused(p, "GET", "/apikeys", "", 403, "security token");
    place_restart(p);
    assert_refused(p, "GET", "/apikeys", "", 403, "security token");
    sign_with(p, &other);
    assert_int_equal(call(p, "GET", "/apikeys", ""), 200);
    assert_int_equal(count_audit(p, "event_name IN"
        " ('CreateAccessKey', 'DeleteAccessKey')"), 3);
}

static void
secrets_lie_nowhere_in_the_clear(void **state)
{
    char          sql[640];
    struct made   made;
    struct place *p = *state;

    made = make(p, "{\"userName\":\"a\",\"role\":\"admin\","
        "\"durationSeconds\":900}");
    (void) snprintf(sql, sizeof(sql), "SELECT (SELECT count(*) FROM"
        " audit_event WHERE record LIKE '%%%s%%' OR record LIKE '%%%s%%') +"
        " (SELECT count(*) FROM access_key WHERE secret_sealed LIKE '%%%s%%'"
        " OR token_sha256 LIKE '%%%s%%')", made.secret, made.token,
        made.secret, made.token);
    assert_int_equal(number(p, sql), 0);
}

static void
bad_wishes_are_named(void **state)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        {"{\"role\":\"admin\"}", "userName: expected a text"},
        {"{\"userName\":\"a\"}", "role: expected a text"},
        {"{\"userName\":\"a\",\"role\":\"root\"}", "found \"root\""},
        {"{\"userName\":\"a b\",\"role\":\"admin\"}", "userName: expected 1"},
        {"{\"userName\":\"\",\"role\":\"admin\"}", "userName: expected 1"},
        {"{\"userName\":\"a\",\"role\":\"admin\",\"durationSeconds\":899}",
            "durationSeconds: expected 900"},
        {"{\"userName\":\"a\",\"role\":\"admin\",\"durationSeconds\":129601}",
            "found 129601"},
        {"{\"userName\":\"a\",\"role\":\"admin\",\"durationSeconds\":\"1\"}",
            "durationSeconds: expected a number"},
        {"{\"userName\":\"a\",\"role\":\"admin\",\"x\":1}",
            "x: there is no such member"},
        {"{", "line 1"},
    };
    size_t        i;
    struct place *p = *state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (operate(p, "POST", "/access-keys", rows[i].body) != 400
            || strstr(text(p, "message"), rows[i].words) == NULL)
        {
            fail_msg("%s: %d %s", rows[i].body, p->status,
                text(p, "message"));
        }
    }
    assert_int_equal(number(p, "SELECT count(*) FROM access_key"), 0);
    assert_int_equal(operate(p, "GET", "/access-keys/x/y", ""), 404);
    assert_int_equal(operate(p, "PUT", "/access-keys", ""), 405);
}

/* The store fails at each step in turn: no half-made key ever signs. */
static void
a_store_that_fails_makes_no_key(void **state)
{
    uint64_t      n;
    bool          has_failed = true;
    struct place *p = *state;

    for (n = 1; has_failed; n++) {
        fault_arm(FAULT_SQL, n, false);
        fault_begin();
        (void) operate(p, "POST", "/access-keys",
            "{\"userName\":\"a\",\"role\":\"admin\"}");
        has_failed = fault_end();
        if (has_failed) {
            assert_int_equal(p->status, 503);
            assert_int_equal(number(p, "SELECT count(*) FROM access_key"),
                0);
        }
    }
    assert_int_equal(p->status, 201);
    assert_true(n > 3);
}

static void
who_fails_too_often_is_told_so(void **state)
{
    int           i;
    struct made   wrong = {.id = "AKIDTEST", .secret = "not it"};
    struct place *p = *state;

    sign_with(p, &wrong);
    for (i = 0; i < TG_ATTEMPTS_BURST; i++) {
        assert_int_equal(call(p, "GET", "/apikeys", ""), 403);
    }
    assert_refused(p, "GET", "/apikeys", "", 429, "wrong signature");
    /* The right key is not held up by it. */
    sign_with(p, NULL);
    assert_int_equal(call(p, "GET", "/apikeys", ""), 200);
    sign_with(p, &wrong);
    p->now_s += 1;
    assert_int_equal(call(p, "GET", "/apikeys", ""), 403);
    assert_int_equal(call(p, "GET", "/apikeys", ""), 429);
    /* What was told is on the record, and what was not is not. */
    assert_int_equal(count_audit(p,
        "record LIKE '%InvalidSignatureException%'"), TG_ATTEMPTS_BURST + 1);
}

static void
sources_have_buckets_of_their_own(void **state)
{
    int                       i;
    static struct tg_attempts attempts;

    (void) state;
    for (i = 0; i < TG_ATTEMPTS_BURST; i++) {
        assert_true(tg_attempts_admit(&attempts, "192.0.2.1", NOW));
    }
    assert_false(tg_attempts_admit(&attempts, "192.0.2.1", NOW));
    assert_true(tg_attempts_admit(&attempts, "192.0.2.2", NOW));
    assert_true(tg_attempts_admit(&attempts, NULL, NOW));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(an_admin_may_do_everything),
        PLACE_TEST(onboarding_makes_keys_and_no_apis),
        PLACE_TEST(a_reader_sees_all_but_values),
        PLACE_TEST(plan_keys_show_no_value_to_a_reader),
        PLACE_TEST(temporary_credentials_end),
        PLACE_TEST(a_revoked_key_signs_nothing),
        PLACE_TEST(secrets_lie_nowhere_in_the_clear),
        PLACE_TEST(bad_wishes_are_named),
        PLACE_TEST(a_store_that_fails_makes_no_key),
        PLACE_TEST(who_fails_too_often_is_told_so),
        cmocka_unit_test(sources_have_buckets_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
