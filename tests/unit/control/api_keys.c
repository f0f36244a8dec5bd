/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdatomic.h>

#include "audit/trail.h"

#define VALUE "abcdefghijklmnopqrstuvwxyz"

static void
a_key_is_made_read_changed_and_deleted(void **state)
{
    char          id[32];
    char          target[64];
    struct place *p = *state;
    struct tg_key e;

    assert_int_equal(call(p, "POST", "/apikeys", "{\"name\":\"n\","
        "\"description\":\"d\",\"customerId\":\"c\",\"value\":\"" VALUE
        "\",\"tags\":{\"a\":\"b\"}}"), 201);
    (void) snprintf(id, sizeof(id), "%s", text(p, "id"));
    assert_int_equal(strlen(id), 10);
    assert_string_equal(text(p, "value"), VALUE);
    assert_true(json_is_false(json_object_get(p->answer, "enabled")));
    assert_int_equal(json_integer_value(json_object_get(p->answer,
        "createdDate")), NOW);
    assert_true(json_is_array(json_object_get(p->answer, "stageKeys")));
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_false(e.enabled);
    assert_string_equal(e.id, id);

    p->now_s++;
    (void) snprintf(target, sizeof(target), "/apikeys/%s", id);
    assert_int_equal(patch(p, target, "replace", "/enabled", "true"), 200);
    assert_string_equal(text(p, "value"), "");
    assert_int_equal(json_integer_value(json_object_get(p->answer,
        "lastUpdatedDate")), NOW + 1);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_true(e.enabled);
    assert_int_equal(patch(p, target, "replace", "/enabled", "no-boolean"),
        200);
    assert_true(json_is_false(json_object_get(p->answer, "enabled")));
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "value"), "");
    (void) snprintf(target, sizeof(target), "/apikeys/%s?includeValue=true",
        id);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "value"), VALUE);

    (void) snprintf(target, sizeof(target), "/apikeys/%s", id);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_null(p->answer);
    assert_int_equal(entry(p, VALUE, &e), TG_NOTFOUND);
    assert_refused(p, "GET", target, "", 404, "Invalid API Key identifier");
    assert_refused(p, "DELETE", target, "", 404, "Invalid API Key");
}

static void
empty_members_are_absent(void **state)
{
    struct place *p = *state;

    assert_int_equal(call(p, "POST", "/apikeys", ""), 201);
    assert_int_equal(strlen(text(p, "value")), 40);
    assert_null(json_object_get(p->answer, "name"));
    assert_null(json_object_get(p->answer, "tags"));
    assert_int_equal(call(p, "POST", "/apikeys", "{\"name\":\"\",\"value\":"
        "\"\",\"enabled\":\"false\",\"description\":null}"), 201);
    assert_null(json_object_get(p->answer, "name"));
    assert_int_equal(strlen(text(p, "value")), 40);
}

static void
bad_members_are_refused(void **state)
{
    static const struct {
        const char *body;
        const char *words;
    } facts[] = {
        {"{\"value\":\"too-short\"}", "at least 20 characters"},
        {"{\"value\":\"with a blank in the middle\"}", "printable"},
        {"{\"value\":17}", "value"},
        {"{\"enabled\":\"maybe\"}", "enabled"},
        {"{\"enabled\":1}", "enabled"},
        {"{\"tags\":{\"aws:x\":\"1\"}}", "reserved"},
        {"{\"tags\":{\"x\":1}}", "tag x"},
        {"{\"tags\":[]}", "tags"},
        {"{\"stageKeys\":[{}]}", "stage key"},
        {"{\"name\":", "line 1"},
        {"[]", "no JSON object"},
        {"{\"name\":\"a\",\"name\":\"b\"}", "JSON"},
    };
    char          body[2200];
    char          name[1100];
    size_t        i;
    struct place *p = *state;

    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        assert_refused(p, "POST", "/apikeys", facts[i].body, 400,
            facts[i].words);
    }
    memset(name, 'n', sizeof(name));
    name[1025] = '\0';
    (void) snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    assert_refused(p, "POST", "/apikeys", body, 400,
        "Invalid API Key name, can be at most 1024 characters.");
    name[129] = '\0';
    (void) snprintf(body, sizeof(body), "{\"value\":\"%s\"}", name);
    assert_refused(p, "POST", "/apikeys", body, 400,
        "exceeds maximum size of 128 characters");
    assert_int_equal(number(p, "SELECT count(*) FROM api_key"), 0);
}

static void
a_value_is_used_once(void **state)
{
    struct place *p = *state;

    (void) make_key(p, VALUE, "c");
    assert_refused(p, "POST", "/apikeys", "{\"value\":\"" VALUE "\"}", 409,
        "API Key already exists");
}

static void
patches_are_atomic_and_checked(void **state)
{
    char          target[64];
    struct place *p = *state;

    (void) snprintf(target, sizeof(target), "/apikeys/%s",
        make_key(p, VALUE, "c"));
    assert_refused(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"new\"},"
        "{\"op\":\"replace\",\"path\":\"/id\",\"value\":\"x\"}]}", 400,
        "Invalid patch path  '/id' specified for op 'replace'. Must be one "
        "of: [/description, /enabled, /name, /customerId]");
    assert_refused(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"add\",\"path\":\"/name\",\"value\":\"x\"}]}", 400,
        "Invalid patch operation specified. Must be one of: [replace]");
    assert_refused(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"replace\",\"value\":\"x\"}]}", 400,
        "Invalid patch path null");
    assert_refused(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"swap\",\"path\":\"/name\"}]}", 400,
        "'updateApiKeyInput.patchOperations.1.member.op'");
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_null(json_object_get(p->answer, "name"));
    assert_int_equal(patch(p, target, "add", "/stages", "api/prod"), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer,
        "stageKeys")), 1);
    assert_int_equal(patch(p, target, "remove", "/stages", "api/prod"), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer,
        "stageKeys")), 0);
}

/* Walks all pages; returns the number of items, each seen once. */
static size_t
walk(struct place *p, const char *query, unsigned *pages)
{
    char        target[512];
    char        position[256] = "";
    const char *next;
    json_t     *seen = json_object();
    json_t     *item;
    size_t      count;
    size_t      i;

    for (*pages = 1; ; *pages += 1) {
        (void) snprintf(target, sizeof(target), "/apikeys?%s%s%s", query,
            position[0] != '\0' ? "&position=" : "", position);
        assert_int_equal(call(p, "GET", target, ""), 200);
        json_array_foreach(json_object_get(p->answer, "item"), i, item) {
            assert_int_equal(json_object_set_new(seen, json_string_value(
                json_object_get(item, "id")), json_true()), 0);
        }
        next = text(p, "position");
        if (next[0] == '\0') {
            break;
        }
        /* As a client would encode it. */
        for (i = 0; *next != '\0'; next++) {
            i += (size_t) snprintf(position + i, sizeof(position) - i,
                strchr("+/=", *next) != NULL ? "%%%02X" : "%c", *next);
        }
    }
    count = json_object_size(seen);
    json_decref(seen);
    return count;
}

static void
lists_come_in_pages(void **state)
{
    char          body[128];
    int           i;
    unsigned      pages;
    struct place *p = *state;

    for (i = 0; i < 60; i++) {
        p->now_s = NOW + i / 20; /* twenty in the same second */
        (void) snprintf(body, sizeof(body), "{\"name\":\"%s-%d\","
            "\"customerId\":\"c%d\"}", i % 2 == 0 ? "even" : "Even", i % 3,
            i % 5);
        assert_int_equal(call(p, "POST", "/apikeys", body), 201);
    }
    assert_int_equal(walk(p, "", &pages), 60);
    assert_int_equal(pages, 3);
    assert_int_equal(walk(p, "limit=7", &pages), 60);
    assert_int_equal(pages, 9);
    assert_int_equal(walk(p, "limit=-1", &pages), 60);
    assert_int_equal(walk(p, "limit=0", &pages), 60);
    assert_int_equal(walk(p, "limit=501", &pages), 60);
    assert_int_equal(pages, 1);
    assert_int_equal(walk(p, "limit=7&name=even-", &pages), 30);
    assert_int_equal(walk(p, "limit=7&name=Even", &pages), 30);
    assert_int_equal(walk(p, "limit=7&name=EVEN", &pages), 0);
    assert_int_equal(walk(p, "limit=5&customerId=c1", &pages), 12);
    assert_int_equal(walk(p, "limit=2&customerId=c1&name=even", &pages), 6);
    assert_refused(p, "GET", "/apikeys?limit=x", "", 400, "limit");
    assert_refused(p, "GET", "/apikeys?position=zz", "", 400, "position");
    assert_refused(p, "GET", "/apikeys?position=WyIxIiwiMiJd", "", 400,
        "position"); /* of a list by name */
}

static void
newest_come_first(void **state)
{
    struct place *p = *state;

    (void) make_key(p, VALUE "1", "old");
    p->now_s++;
    (void) make_key(p, VALUE "2", "new");
    assert_int_equal(call(p, "GET", "/apikeys", ""), 200);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        json_object_get(p->answer, "item"), 0), "customerId")), "new");
}

static size_t
size_of(const struct place *p, const char *list)
{
    return json_array_size(json_object_get(p->answer, list));
}

static void
a_csv_file_is_imported(void **state)
{
    static const char good[] = "\xef\xbb\xbf"
        "description , KEY,name,Enabled,extra\r\n"
        "\"a, \"\"b\"\"\",key-number-one-0000000001, one ,TRUE,x\r\n"
        "\r\n"
        ",key-number-two-0000000002,two,false\r\n";
    struct place *p = *state;
    struct tg_key e;

    assert_int_equal(call(p, "POST", "/apikeys?mode=import&format=csv",
        good), 201);
    assert_int_equal(size_of(p, "ids"), 2);
    assert_int_equal(size_of(p, "warnings"), 0);
    assert_int_equal(entry(p, "key-number-one-0000000001", &e), TG_OK);
    assert_true(e.enabled);
    assert_int_equal(entry(p, "key-number-two-0000000002", &e), TG_OK);
    assert_false(e.enabled);
    assert_int_equal(call(p, "GET", "/apikeys?name=one", ""), 200);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        json_object_get(p->answer, "item"), 0), "description")), "a, \"b\"");
    /* the same value overwrites */
    assert_int_equal(call(p, "POST", "/apikeys?mode=import&format=csv",
        "Key,Name\nkey-number-two-0000000002,three\n"), 201);
    assert_int_equal(number(p, "SELECT count(*) FROM api_key"), 2);
    assert_int_equal(entry(p, "key-number-two-0000000002", &e), TG_OK);
    assert_true(e.enabled);
}

static const char bad_csv[] =
    "Name,key,description,Enabled,usageplanIds\n"
    "short,abc,value too short,TRUE,\n"
    "twice,twice-key-0000000000000001,the same value,TRUE,\n"
    "again,twice-key-0000000000000001,the same value,TRUE,\n"
    "noplan,noplan-key-000000000000001,a plan,TRUE,nosuchplan\n"
    "maybe,maybe-key-0000000000000001,neither,perhaps,\n"
    ",nameless-key-0000000000001,no name at all,TRUE,\n";

static void
bad_rows_of_a_csv_file_are_named(void **state)
{
    size_t        i;
    json_t       *warning;
    struct place *p = *state;

    assert_refused(p, "POST",
        "/apikeys?mode=import&format=csv&failonwarnings=true", bad_csv, 400,
        "5 warnings");
    assert_int_equal(number(p, "SELECT count(*) FROM api_key"), 0);
    assert_int_equal(call(p, "POST", "/apikeys?mode=import&format=csv",
        bad_csv), 201);
    assert_int_equal(size_of(p, "ids"), 1);
    assert_int_equal(size_of(p, "warnings"), 5);
    json_array_foreach(json_object_get(p->answer, "warnings"), i, warning) {
        assert_null(strstr(json_string_value(warning), "-key-0000"));
        assert_non_null(strstr(json_string_value(warning), "Line "));
    }
    assert_refused(p, "POST", "/apikeys?mode=import&format=csv", "", 400,
        "empty");
    assert_refused(p, "POST", "/apikeys?mode=import&format=csv",
        "Name,Value\n", 400, "columns");
    assert_refused(p, "POST", "/apikeys?mode=import&format=csv",
        "Name,Key\n\"half,key-number-one-0000000001\n", 400,
        "line 2: a quote is not closed");
    assert_refused(p, "POST", "/apikeys?mode=import&format=xml", "x", 400,
        "format");
}

static void
every_changing_call_is_in_the_trail(void **state)
{
    char                    id[32];
    char                    target[64];
    struct place           *p = *state;
    struct tg_audit_verdict verdict;
    struct tg_error         err;

    (void) snprintf(id, sizeof(id), "%s", make_key(p, VALUE, "c"));
    (void) snprintf(target, sizeof(target), "/apikeys/%s", id);
    assert_int_equal(patch(p, target, "replace", "/value", VALUE "2"), 400);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_int_equal(call(p, "POST", "/apikeys", "{"), 400);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_int_equal(number(p, "SELECT count(*) FROM audit_event"), 4);
    assert_int_equal(number(p, "SELECT count(*) FROM audit_event"
        " WHERE record LIKE '%" VALUE "%'"), 0);
    assert_int_equal(number(p, "SELECT count(*) FROM audit_event"
        " WHERE record LIKE '%BadRequestException%'"), 2);
    assert_int_equal(tg_audit_verify(p->control->store, &verdict, &err),
        TG_OK);
}

static void
only_signed_calls_are_answered(void **state)
{
    struct place          *p = *state;
    struct tg_arena        arena;
    struct tg_http_request req = {.method = "GET", .target = "/apikeys",
        .body = "", .arena = &arena, .now_s = NOW};
    struct tg_http_response res = {.status = 200, .arena = &arena};

    tg_arena_init(&arena);
    tg_buf_init(&res.body, 4096);
    assert_int_equal(tg_http_request_split(&req), TG_OK);
    tg_control_handle(&req, &res, p->control);
    assert_int_equal(res.status, 403);
    tg_buf_clear(&res.body);
    tg_arena_clear(&arena);
    assert_refused(p, "GET", "/nothing", "", 403, "Unable to determine");
}

/*
 * Whichever statement fails: the key is in store, trail and table, or in
 * none of them, and the answer says which.
 */
static void
a_failing_store_leaves_nothing_half_done(void **state)
{
    bool          is_there;
    int64_t       n;
    struct place *p = *state;
    struct tg_key e;

    for (n = 1; ; n++) {
        fault_arm(FAULT_SQL, n, true);
        fault_begin();
        (void) call(p, "POST", "/apikeys", "{\"value\":\"" VALUE "\"}");
        if (!fault_end()) {
            break;
        }
        is_there = number(p, "SELECT count(*) FROM api_key") == 1;
        assert_int_equal(number(p, "SELECT count(*) FROM audit_event"),
            is_there);
        assert_true(p->status >= 500);
        if (is_there) { /* stored; published by the next tick (C3) */
            tg_control_tick(p->control);
            assert_int_equal(entry(p, VALUE, &e), TG_OK);
            break;
        }
        assert_int_equal(entry(p, VALUE, &e), TG_NOTFOUND);
    }
    assert_true(n > 5);
}

/* C3: what cannot be published keeps no other change waiting. */
static void
a_key_that_cannot_be_published_holds_up_no_other(void **state)
{
    char          key[32];
    char          target[64];
    uint64_t      epoch;
    struct place *p = *state;
    struct tg_key e;

    (void) snprintf(target, sizeof(target), "/apikeys/%s",
        make_key(p, VALUE "1", "c"));
    (void) snprintf(key, sizeof(key), "%s", make_key(p, VALUE "2", "c"));
    assert_int_equal(attach(p, make_plan(p, ""), key), 201);
    run_sql(p, "UPDATE usage_plan_key SET slot = 999999999");
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_int_equal(entry(p, VALUE "1", &e), TG_NOTFOUND);
    epoch = atomic_load(&p->board.page->epoch);
    assert_int_equal(call(p, "POST", "/apikeys?mode=import&format=csv",
        "Name,Key,Enabled\nn," VALUE "2,true\nm," VALUE "3,true\n"), 503);
    assert_non_null(strstr(text(p, "message"), "the change is stored"));
    assert_int_equal(entry(p, VALUE "3", &e), TG_OK);
    assert_int_equal(call(p, "POST", "/apikeys",
        "{\"value\":\"" VALUE "4\"}"), 201);
    assert_int_equal(entry(p, VALUE "4", &e), TG_OK);
    run_sql(p, "UPDATE usage_plan_key SET slot = 0");
    tg_control_tick(p->control);
    assert_int_equal(entry(p, VALUE "2", &e), TG_OK);
    assert_true(e.enabled);
    assert_int_equal(atomic_load(&p->board.page->epoch), epoch);
}

static void
a_start_mends_the_table(void **state)
{
    uint8_t         digest[TG_SHA256_SIZE];
    struct place   *p = *state;
    struct tg_error err;
    struct tg_key   e = {.id = "nobody"};

    (void) make_key(p, VALUE, "c");
    tg_sha256(digest, VALUE, strlen(VALUE));
    assert_int_equal(tg_keys_remove(p->control->keys, digest, &err), TG_OK);
    tg_sha256(digest, "unknown", 7);
    assert_int_equal(tg_keys_put(p->control->keys, digest, &e, &err), TG_OK);
    place_restart(p);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(entry(p, "unknown", &e), TG_NOTFOUND);
}

static void
tags_are_read_and_changed_by_arn(void **state)
{
    char          target[160];
    struct place *p = *state;

    (void) snprintf(target, sizeof(target), "/tags/arn%%3Aaws%%3Aapigateway"
        "%%3Aus-east-1%%3A%%3A%%2Fapikeys%%2F%s", make_key(p, VALUE, "c"));
    assert_int_equal(call(p, "PUT", target,
        "{\"tags\":{\"a\":\"1\",\"b\":\"2\"}}"), 204);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_answer(p, 200, "{\"tags\":{\"a\":\"1\",\"b\":\"2\"}}");
    strcat(target, "?tagKeys=a");
    assert_int_equal(call(p, "DELETE", target, ""), 204);
    target[strlen(target) - 10] = '\0';
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_answer(p, 200, "{\"tags\":{\"b\":\"2\"}}");
    assert_refused(p, "GET", "/tags/arn%3Aaws%3Aapigateway%3Ax%3A%3A%2F"
        "apikeys%2Fnone", "", 404, "API Key");
    assert_refused(p, "GET", "/tags/nonsense", "", 400, "ARN");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_key_is_made_read_changed_and_deleted),
        PLACE_TEST(empty_members_are_absent),
        PLACE_TEST(bad_members_are_refused),
        PLACE_TEST(a_value_is_used_once),
        PLACE_TEST(patches_are_atomic_and_checked),
        PLACE_TEST(lists_come_in_pages),
        PLACE_TEST(newest_come_first),
        PLACE_TEST(a_csv_file_is_imported),
        PLACE_TEST(bad_rows_of_a_csv_file_are_named),
        PLACE_TEST(every_changing_call_is_in_the_trail),
        PLACE_TEST(only_signed_calls_are_answered),
        PLACE_TEST(a_failing_store_leaves_nothing_half_done),
        PLACE_TEST(a_key_that_cannot_be_published_holds_up_no_other),
        PLACE_TEST(a_start_mends_the_table),
        PLACE_TEST(tags_are_read_and_changed_by_arn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
