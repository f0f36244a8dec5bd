/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "audit/lookup.h"
#include "audit/trail.h"

#define NOW 1795395600 /* 2026-11-23T01:00:00Z */

struct fixture {
    char             dir[64];
    char             path[96];
    struct tg_store *store;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    (void) snprintf(f->dir, sizeof(f->dir), "/tmp/tg-audit-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void) snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
    assert_int_equal(tg_store_open(&f->store, f->path, NULL), TG_OK);
    assert_int_equal(tg_store_migrate(f->store, NOW, NULL), TG_OK);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    char            name[128];

    tg_store_close(f->store);
    (void) unlink(f->path);
    (void) snprintf(name, sizeof(name), "%s-wal", f->path);
    (void) unlink(name);
    (void) snprintf(name, sizeof(name), "%s-shm", f->path);
    (void) unlink(name);
    (void) rmdir(f->dir);
    free(f);
    return 0;
}

static void
append(struct fixture *f, const struct tg_audit_record *record)
{
    struct tg_error err = { 0 };

    assert_int_equal(tg_store_begin(f->store, TG_STORE_DURABLE, &err), TG_OK);
    if (tg_audit_append(f->store, record, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(tg_store_commit(f->store, &err), TG_OK);
}

/* A successful call of the admin API. */
static void
append_call(struct fixture *f, const char *name, int64_t time_s,
    const json_t *request, const json_t *response)
{
    char arn[TG_AUDIT_ARN_SIZE];

    append(f, &(struct tg_audit_record) {
        .time_s = time_s,
        .event_source = TG_AUDIT_SOURCE_APIGATEWAY,
        .event_name = name,
        .region = "us-east-1",
        .account_id = "123456789012",
        .identity = tg_audit_user(arn, "123456789012", "admin",
            "AKIAEXAMPLE"),
        .source_ip = "127.0.0.1",
        .user_agent = "aws-cli/2.9",
        .request_id = "3d0b1d4e-0c6b-4c1c-8d0e-0a4c1f5b7a11",
        .request = request,
        .response = response,
        .resource_type = "AWS::ApiGateway::ApiKey",
        .resource_name = "abc123",
    });
}

/* The record of that number, parsed. */
static json_t *
record(struct fixture *f, int64_t seq)
{
    struct tg_stmt *q;
    json_t         *json;

    assert_int_equal(tg_store_query(f->store, &q, NULL,
        "SELECT record FROM audit_event WHERE seq = $1", "i", seq), TG_OK);
    assert_int_equal(tg_stmt_next(q, NULL), TG_OK);
    json = json_loads(tg_stmt_text(q, 0), 0, NULL);
    assert_non_null(json);
    tg_stmt_done(q);
    return json;
}

static void
change(struct fixture *f, const char *sql)
{
    struct tg_error err = { 0 };

    assert_int_equal(tg_store_begin(f->store, TG_STORE_DURABLE, &err), TG_OK);
    if (tg_store_exec(f->store, &err, sql, "") != TG_OK) {
        fail_msg("%s: %s", sql, err.message);
    }
    assert_int_equal(tg_store_commit(f->store, &err), TG_OK);
}

static void
assert_text(const json_t *object, const char *member, const char *text)
{
    const json_t *value = json_object_get(object, member);

    if (!json_is_string(value)
        || strcmp(json_string_value(value), text) != 0)
    {
        fail_msg("%s is %s, not %s", member, json_is_string(value)
            ? json_string_value(value) : "no text", text);
    }
}

static void
a_record_is_as_cloudtrail_writes_it(void **state)
{
    struct fixture *f = *state;
    json_t         *request = json_pack("{s:{s:s}}", "createApiKeyInput",
        "name", "k");
    json_t         *response = json_pack("{s:s}", "id", "abc123");
    json_t         *r, *id;

    append_call(f, "CreateApiKey", NOW, request, response);
    r = record(f, 1);
    id = json_object_get(r, "userIdentity");
    assert_text(r, "eventVersion", "1.11");
    assert_text(id, "type", "IAMUser");
    assert_text(id, "principalId", "AKIAEXAMPLE");
    assert_text(id, "arn", "arn:aws:iam::123456789012:user/admin");
    assert_text(id, "accountId", "123456789012");
    assert_text(id, "accessKeyId", "AKIAEXAMPLE");
    assert_text(id, "userName", "admin");
    assert_null(json_object_get(id, "invokedBy"));
    assert_text(r, "eventTime", "2026-11-23T01:00:00Z");
    assert_text(r, "eventSource", "apigateway.amazonaws.com");
    assert_text(r, "eventName", "CreateApiKey");
    assert_text(r, "awsRegion", "us-east-1");
    assert_text(r, "sourceIPAddress", "127.0.0.1");
    assert_text(r, "userAgent", "aws-cli/2.9");
    assert_true(json_equal(json_object_get(r, "requestParameters"), request));
    assert_true(json_equal(json_object_get(r, "responseElements"),
        response));
    assert_text(r, "requestID", "3d0b1d4e-0c6b-4c1c-8d0e-0a4c1f5b7a11");
    assert_int_equal(json_string_length(json_object_get(r, "eventID")), 36);
    assert_true(json_is_false(json_object_get(r, "readOnly")));
    assert_text(r, "eventType", "AwsApiCall");
    assert_true(json_is_true(json_object_get(r, "managementEvent")));
    assert_text(r, "recipientAccountId", "123456789012");
    assert_text(r, "eventCategory", "Management");
    assert_null(json_object_get(r, "errorCode"));
    json_decref(r);
    json_decref(request);
    json_decref(response);
}

static void
a_failure_says_why_and_has_no_response(void **state)
{
    struct fixture *f = *state;
    char            long_text[3000];
    json_t         *r;

    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    memcpy(long_text + 1022, "\xe2\x82\xac", 3); /* cut inside a character */
    append(f, &(struct tg_audit_record) {
        .time_s = NOW,
        .event_source = TG_AUDIT_SOURCE_METERING,
        .event_name = "BatchMeterUsage",
        .region = "us-east-1",
        .account_id = "123456789012",
        .identity = tg_audit_self("123456789012", "reporter"),
        .user_agent = "bad \xff byte",
        .error_code = "ThrottlingException",
        .error_message = long_text,
    });
    r = record(f, 1);
    assert_text(r, "errorCode", "ThrottlingException");
    assert_int_equal(json_string_length(json_object_get(r, "errorMessage")),
        1022);
    assert_text(r, "userAgent", "bad ? byte");
    assert_text(r, "sourceIPAddress", "tallygate");
    assert_true(json_is_null(json_object_get(r, "responseElements")));
    assert_true(json_is_null(json_object_get(r, "requestParameters")));
    assert_int_equal(json_string_length(json_object_get(r, "requestID")), 36);
    json_decref(r);
}

static void
what_is_over_100_kb_is_left_out(void **state)
{
    struct fixture *f = *state;
    char           *text = malloc(100 * 1024 + 1);
    json_t         *fits, *large, *r;

    assert_non_null(text);
    memset(text, 'x', 100 * 1024);
    text[100 * 1024 - 8] = '\0'; /* {"a":""} is eight bytes */
    fits = json_pack("{s:s}", "a", text);
    text[100 * 1024 - 8] = 'x';
    text[100 * 1024 - 7] = '\0';
    large = json_pack("{s:s}", "a", text);
    append_call(f, "ImportRestApi", NOW, fits, large);
    r = record(f, 1);
    assert_true(json_equal(json_object_get(r, "requestParameters"), fits));
    assert_null(json_object_get(r, "responseElements"));
    json_decref(r);
    json_decref(fits);
    json_decref(large);
    free(text);
}

static void
secrets_do_not_get_in(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        { "{\"createApiKeyInput\":{\"name\":\"n\",\"value\":\"SECRET\"}}",
            "{\"createApiKeyInput\":{\"name\":\"n\",\"value\":\"HIDDEN\"}}" },
        { "[{\"id\":\"1\",\"value\":\"SECRET\"},[{\"value\":\"SECRET\"}]]",
            "[{\"id\":\"1\",\"value\":\"HIDDEN\"},[{\"value\":\"HIDDEN\"}]]" },
        { "{\"patchOperations\":[{\"op\":\"replace\",\"path\":\"/name\","
          "\"value\":\"x\"}]}",
            "{\"patchOperations\":[{\"op\":\"replace\",\"path\":\"/name\","
            "\"value\":\"x\"}]}" },
        { "{\"registrationToken\":\"SECRET\",\"productCode\":\"p\"}",
            "{\"registrationToken\":\"HIDDEN\",\"productCode\":\"p\"}" },
        { "{\"body\":\"name,key\\nn,SECRET\",\"format\":\"csv\"}",
            "{\"body\":\"HIDDEN\",\"format\":\"csv\"}" },
        { "{\"apiKey\":\"k3yid00000\",\"keyId\":\"k3yid00000\"}",
            "{\"apiKey\":\"k3yid00000\",\"keyId\":\"k3yid00000\"}" },
        { "{\"apiKey\":\"SECRET-and-no-id-at-all\","
          "\"createUsagePlanKeyInput\":"
          "{\"keyId\":\"SECRET-and-no-id-at-all\"}}",
            "{\"apiKey\":\"HIDDEN\",\"createUsagePlanKeyInput\":"
            "{\"keyId\":\"HIDDEN\"}}" },
        { "{\"resourceArn\":\"arn:aws:apigateway:r::/apikeys/"
          "SECRET-and-no-id-at-all\"}",
            "{\"resourceArn\":\"HIDDEN\"}" },
        { "{\"ClientSecret\":\"SECRET\",\"value\":7,\"quota\":{\"limit\":3}}",
            "{\"ClientSecret\":\"HIDDEN\",\"value\":7,\"quota\":"
            "{\"limit\":3}}" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *in = json_loads(rows[i].in, 0, NULL);
        json_t *out = tg_audit_mask(in);
        char   *text = json_dumps(out, JSON_COMPACT);
        char   *hidden;

        while ((hidden = strstr(text, TG_AUDIT_HIDDEN)) != NULL) {
            memmove(hidden + 6, hidden + strlen(TG_AUDIT_HIDDEN),
                strlen(hidden + strlen(TG_AUDIT_HIDDEN)) + 1);
        }
        assert_string_equal(text, rows[i].out);
        append_call(f, "CreateApiKey", NOW, in, in);
        free(text);
        append(f, &(struct tg_audit_record) {
            .time_s = NOW, .event_source = TG_AUDIT_SOURCE_METERING,
            .event_name = "X", .region = "r", .account_id = "1",
            .identity = tg_audit_self("1", "test"), .request = in,
            .response = in, .is_own = true,
        });
        assert_true(json_equal(in, out)); /* masked where it was */
        json_decref(in);
        json_decref(out);
    }
    append(f, &(struct tg_audit_record) {
        .time_s = NOW, .event_source = TG_AUDIT_SOURCE_APIGATEWAY,
        .event_name = "DeleteApiKey", .region = "us-east-1",
        .account_id = "123456789012",
        .identity = tg_audit_self("123456789012", "admin"),
        .resource_type = "AWS::ApiGateway::ApiKey",
        .resource_name = "SECRET-and-no-id-at-all",
    });
    for (int64_t seq = 1;
        seq <= 2 * (int64_t) (sizeof(rows) / sizeof(rows[0])) + 1; seq++)
    {
        json_t *r = record(f, seq);
        char   *text = json_dumps(r, 0);

        assert_null(strstr(text, "SECRET"));
        free(text);
        json_decref(r);
    }
}

/* Made beforehand and appended later: the chain is that of the appending. */
static void
an_entry_takes_its_place_when_it_is_appended(void **state)
{
    struct fixture         *f = *state;
    struct tg_audit_entry  *entry;
    struct tg_audit_verdict verdict;

    assert_int_equal(tg_audit_render(&entry, &(struct tg_audit_record) {
        .time_s = NOW, .event_source = TG_AUDIT_SOURCE_METERING,
        .event_name = "BatchMeterUsage", .region = "r", .account_id = "1",
        .identity = tg_audit_self("1", "test"),
    }, NULL), TG_OK);
    append_call(f, "CreateApiKey", NOW, NULL, NULL);
    assert_int_equal(tg_store_begin(f->store, TG_STORE_DURABLE, NULL), TG_OK);
    assert_int_equal(tg_audit_append_entry(f->store, entry, NULL), TG_OK);
    assert_int_equal(tg_store_commit(f->store, NULL), TG_OK);
    tg_audit_entry_free(entry);
    append_call(f, "CreateApiKey", NOW, NULL, NULL);
    assert_int_equal(tg_audit_verify(f->store, &verdict, NULL), TG_OK);
    assert_int_equal(verdict.records, 3);
}

static void
no_record_is_left_of_a_change_that_was_undone(void **state)
{
    struct fixture         *f = *state;
    struct tg_audit_verdict verdict;

    append_call(f, "CreateApiKey", NOW, NULL, NULL);
    assert_int_equal(tg_store_begin(f->store, TG_STORE_DURABLE, NULL), TG_OK);
    assert_int_equal(tg_audit_append(f->store, &(struct tg_audit_record) {
        .time_s = NOW, .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = "X", .region = "r", .account_id = "1",
        .identity = tg_audit_self("1", "test"),
    }, NULL), TG_OK);
    tg_store_rollback(f->store);
    assert_int_equal(tg_audit_verify(f->store, &verdict, NULL), TG_OK);
    assert_int_equal(verdict.records, 1);
}

static void
the_trail_is_found_intact(void **state)
{
    struct fixture         *f = *state;
    struct tg_audit_verdict verdict;

    assert_int_equal(tg_audit_verify(f->store, &verdict, NULL), TG_OK);
    assert_int_equal(verdict.records, 0);
    for (int i = 0; i < 5; i++) {
        append_call(f, "CreateApiKey", NOW + i, NULL, NULL);
    }
    assert_int_equal(tg_audit_verify(f->store, &verdict, NULL), TG_OK);
    assert_int_equal(verdict.records, 5);
    assert_int_equal(verdict.head, 5);
    assert_int_equal(verdict.first_bad, 0);
    assert_int_equal(strlen(verdict.hash), 64);
}

/* A client chooses the bytes of a resource's name. */
static void
odd_names_break_nothing(void **state)
{
    struct fixture         *f = *state;
    char                    long_name[3000];
    const char *const       names[] = { "\xff\xfe", "a\"b\\", long_name };
    struct tg_audit_verdict verdict;
    struct tg_error         err = { 0 };

    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        append(f, &(struct tg_audit_record) {
            .time_s = NOW, .event_source = TG_AUDIT_SOURCE_APIGATEWAY,
            .event_name = "DeleteApiKey", .region = "us-east-1",
            .account_id = "123456789012",
            .identity = tg_audit_self("123456789012", names[i]),
            .resource_name = names[i],
        });
    }
    if (tg_audit_verify(f->store, &verdict, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
}

static void
every_tampering_is_named(void **state)
{
    static const struct {
        const char *sql;
        int64_t     first_bad;
        const char *says;
    } rows[] = {
        { "UPDATE audit_event SET record = replace(record, '127.0.0.1',"
          " '10.0.0.1') WHERE seq = 3", 3, "was changed" },
        { "UPDATE audit_event SET record = record || ' ' WHERE seq = 1", 1,
            "was changed" },
        { "DELETE FROM audit_event WHERE seq = 3", 3, "is missing" },
        { "DELETE FROM audit_event WHERE seq = 1", 1, "is missing" },
        { "DELETE FROM audit_event WHERE seq = 5", 5,
            "is missing at the end: the newest was number 5" },
        { "DELETE FROM audit_event WHERE seq > 2", 3,
            "is missing at the end: the newest was number 5" },
        { "DELETE FROM audit_event", 1, "is missing at the end" },
        { "UPDATE audit_event SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN"
          " -2 END WHERE seq IN (2, 3)", 1, "is missing" },
        { "UPDATE audit_event SET record = (SELECT a.record FROM audit_event"
          " a WHERE a.seq = 5 - audit_event.seq) WHERE seq IN (2, 3)", 2,
            "was changed" },
        { "UPDATE audit_event SET event_name = 'GetApiKey' WHERE seq = 4", 4,
            "its column event_name is not what the record says" },
        { "UPDATE audit_event SET event_time_s = event_time_s + 1 WHERE"
          " seq = 4", 4, "its column event_time_s" },
        { "UPDATE audit_event SET username = NULL WHERE seq = 4", 4,
            "its column username" },
        { "UPDATE audit_event SET resource_name = 'other' WHERE seq = 4", 4,
            "its column resource_name" },
        { "UPDATE audit_event SET read_only = 1 WHERE seq = 4", 4,
            "its column read_only" },
        { "UPDATE audit_event SET hash = 'x' || substr(hash, 2) WHERE"
          " seq = 2", 2, "was changed" },
        { "DELETE FROM audit_head", 5, "audit_head" },
        { "UPDATE audit_head SET seq = 4", 5, "audit_head" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_audit_verdict verdict;
        struct tg_error         err = { 0 };

        change(f, "DELETE FROM audit_event");
        change(f, "DELETE FROM audit_head");
        for (int n = 0; n < 5; n++) {
            append_call(f, "CreateApiKey", NOW + n, NULL, NULL);
        }
        change(f, rows[i].sql);
        assert_int_equal(tg_audit_verify(f->store, &verdict, &err),
            TG_CORRUPT);
        assert_int_equal(verdict.first_bad, rows[i].first_bad);
        if (strstr(err.message, rows[i].says) == NULL) {
            fail_msg("%s: %s", rows[i].sql, err.message);
        }
    }
}

/*
 * ---- look-up
 */

/* The answer to a request written as JSON; the caller's. */
static json_t *
look_up(struct fixture *f, const char *request)
{
    json_t         *json = json_loads(request, 0, NULL);
    json_t         *answer;
    const char     *code = NULL;
    struct tg_error err = { 0 };

    if (tg_audit_lookup(&answer, &code, f->store, json, &err) != TG_OK) {
        fail_msg("%s: %s: %s", request, code, err.message);
    }
    json_decref(json);
    return answer;
}

static size_t
count_found(struct fixture *f, const char *request)
{
    json_t *answer = look_up(f, request);
    size_t  count = json_array_size(json_object_get(answer, "Events"));

    json_decref(answer);
    return count;
}

static void
fill(struct fixture *f)
{
    append_call(f, "CreateApiKey", NOW, NULL, NULL);
    append_call(f, "UpdateApiKey", NOW + 1, NULL, NULL);
    append(f, &(struct tg_audit_record) {
        .time_s = NOW + 2, .event_source = TG_AUDIT_SOURCE_METERING,
        .event_name = "BatchMeterUsage", .region = "us-east-1",
        .account_id = "123456789012",
        .identity = tg_audit_self("123456789012", "reporter"),
    });
    append(f, &(struct tg_audit_record) {
        .time_s = NOW + 2, .event_source = TG_AUDIT_SOURCE_METERING,
        .event_name = "ResolveCustomer", .region = "us-east-1",
        .account_id = "123456789012", .is_read_only = true,
        .identity = tg_audit_self("123456789012", "onboarding"),
    });
}

static void
events_are_found_newest_first(void **state)
{
    struct fixture *f = *state;
    json_t         *answer, *events, *event, *record_json;

    fill(f);
    answer = look_up(f, "{}");
    events = json_object_get(answer, "Events");
    assert_int_equal(json_array_size(events), 4);
    assert_null(json_object_get(answer, "NextToken"));
    assert_text(json_array_get(events, 0), "EventName", "ResolveCustomer");
    assert_text(json_array_get(events, 1), "EventName", "BatchMeterUsage");
    assert_text(json_array_get(events, 2), "EventName", "UpdateApiKey");
    event = json_array_get(events, 3);
    assert_text(event, "EventName", "CreateApiKey");
    assert_text(event, "ReadOnly", "false");
    assert_text(event, "AccessKeyId", "AKIAEXAMPLE");
    assert_text(event, "Username", "admin");
    assert_text(event, "EventSource", "apigateway.amazonaws.com");
    assert_int_equal(json_integer_value(json_object_get(event, "EventTime")),
        NOW);
    assert_text(json_array_get(json_object_get(event, "Resources"), 0),
        "ResourceType", "AWS::ApiGateway::ApiKey");
    assert_text(json_array_get(json_object_get(event, "Resources"), 0),
        "ResourceName", "abc123");
    record_json = json_loads(json_string_value(json_object_get(event,
        "CloudTrailEvent")), 0, NULL);
    assert_true(json_equal(json_object_get(record_json, "eventID"),
        json_object_get(event, "EventId")));
    json_decref(record_json);
    json_decref(answer);
}

static void
attributes_and_times_choose(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        size_t      count;
    } rows[] = {
        { "EventName", "BatchMeterUsage", 1 },
        { "EventName", "batchmeterusage", 0 },
        { "EventName", "' OR '1'='1", 0 },
        { "EventSource", "metering-marketplace.amazonaws.com", 2 },
        { "Username", "admin", 2 },
        { "Username", "tallygate", 2 },
        { "AccessKeyId", "AKIAEXAMPLE", 2 },
        { "ReadOnly", "true", 1 },
        { "ReadOnly", "false", 3 },
        { "ReadOnly", "perhaps", 0 },
        { "ResourceName", "abc123", 2 },
        { "ResourceType", "AWS::ApiGateway::ApiKey", 2 },
        { "EventId", "none", 0 },
    };
    struct fixture *f = *state;
    char            request[256];

    fill(f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(request, sizeof(request),
            "{\"LookupAttributes\":[{\"AttributeKey\":\"%s\","
            "\"AttributeValue\":\"%s\"}]}", rows[i].key, rows[i].value);
        if (count_found(f, request) != rows[i].count) {
            fail_msg("%s %s", rows[i].key, rows[i].value);
        }
    }
    assert_int_equal(count_found(f, "{\"StartTime\":1795395601}"), 3);
    assert_int_equal(count_found(f, "{\"StartTime\":1795395600.5}"), 3);
    assert_int_equal(count_found(f, "{\"EndTime\":1795395601.9}"), 2);
    assert_int_equal(count_found(f,
        "{\"StartTime\":1795395601,\"EndTime\":1795395601}"), 1);
    assert_int_equal(count_found(f, "{\"EventCategory\":\"insight\"}"), 0);
    assert_int_equal(count_found(f, "{\"LookupAttributes\":[],"
        "\"StartTime\":null}"), 4);
}

static void
pages_follow_each_other(void **state)
{
    struct fixture *f = *state;
    char            request[256], token[128] = "";
    int             seen = 0, pages = 0;

    for (int i = 0; i < 7; i++) {
        append_call(f, "CreateApiKey", NOW, NULL, NULL); /* one second */
    }
    do {
        json_t       *answer;
        const json_t *next;

        (void) snprintf(request, sizeof(request), "{\"MaxResults\":3%s%s%s}",
            *token == '\0' ? "" : ",\"NextToken\":\"", token,
            *token == '\0' ? "" : "\"");
        answer = look_up(f, request);
        seen += (int) json_array_size(json_object_get(answer, "Events"));
        pages++;
        next = json_object_get(answer, "NextToken");
        (void) snprintf(token, sizeof(token), "%s",
            next == NULL ? "" : json_string_value(next));
        json_decref(answer);
        /* What comes meanwhile is newer and shifts no page. */
        append_call(f, "UpdateApiKey", NOW + 5, NULL, NULL);
    } while (*token != '\0');
    assert_int_equal(seen, 7);
    assert_int_equal(pages, 3);
}

static void
bad_requests_are_refused_in_cloudtrails_words(void **state)
{
    static const struct {
        const char *request;
        const char *code;
    } rows[] = {
        { "[]", "SerializationException" },
        { "{\"LookupAttributes\":[{\"AttributeKey\":\"EventName\","
          "\"AttributeValue\":\"a\"},{\"AttributeKey\":\"EventName\","
          "\"AttributeValue\":\"b\"}]}", "InvalidLookupAttributesException" },
        { "{\"LookupAttributes\":[{\"AttributeKey\":\"Colour\","
          "\"AttributeValue\":\"red\"}]}",
            "InvalidLookupAttributesException" },
        { "{\"LookupAttributes\":[{\"AttributeKey\":\"EventName\"}]}",
            "InvalidLookupAttributesException" },
        { "{\"LookupAttributes\":[{\"AttributeKey\":\"EventName\","
          "\"AttributeValue\":\"\"}]}", "InvalidLookupAttributesException" },
        { "{\"LookupAttributes\":{\"AttributeKey\":\"EventName\"}}",
            "InvalidLookupAttributesException" },
        { "{\"StartTime\":2,\"EndTime\":1}", "InvalidTimeRangeException" },
        { "{\"StartTime\":\"yesterday\"}", "InvalidTimeRangeException" },
        { "{\"EndTime\":1e300}", "InvalidTimeRangeException" },
        { "{\"StartTime\":-1}", "InvalidTimeRangeException" },
        { "{\"MaxResults\":0}", "InvalidMaxResultsException" },
        { "{\"MaxResults\":51}", "InvalidMaxResultsException" },
        { "{\"MaxResults\":\"5\"}", "InvalidMaxResultsException" },
        { "{\"EventCategory\":\"management\"}",
            "InvalidEventCategoryException" },
        { "{\"NextToken\":\"x\"}", "InvalidNextTokenException" },
        { "{\"NextToken\":\"\"}", "InvalidNextTokenException" },
        { "{\"NextToken\":7}", "InvalidNextTokenException" },
        { "{\"NextToken\":\"MTIzNDU2Nzg5\"}", "InvalidNextTokenException" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t     *request = json_loads(rows[i].request, 0, NULL);
        json_t     *answer = (json_t *) 1;
        const char *code = "none";

        assert_int_equal(tg_audit_lookup(&answer, &code, f->store, request,
            NULL), TG_INVALID);
        assert_null(answer);
        assert_string_equal(code, rows[i].code);
        json_decref(request);
    }
}

static void
a_token_serves_its_own_search_only(void **state)
{
    struct fixture *f = *state;
    json_t         *answer, *request;
    const char     *code = NULL;

    fill(f);
    answer = look_up(f, "{\"MaxResults\":1,\"StartTime\":5}");
    request = json_pack("{s:i,s:O}", "StartTime", 6, "NextToken",
        json_object_get(answer, "NextToken"));
    json_decref(answer);
    assert_int_equal(tg_audit_lookup(&answer, &code, f->store, request, NULL),
        TG_INVALID);
    assert_string_equal(code, "InvalidNextTokenException");
    json_decref(request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_as_cloudtrail_writes_it),
        TEST(a_failure_says_why_and_has_no_response),
        TEST(what_is_over_100_kb_is_left_out),
        TEST(secrets_do_not_get_in),
        TEST(an_entry_takes_its_place_when_it_is_appended),
        TEST(no_record_is_left_of_a_change_that_was_undone),
        TEST(the_trail_is_found_intact),
        TEST(odd_names_break_nothing),
        TEST(every_tampering_is_named),
        TEST(events_are_found_newest_first),
        TEST(attributes_and_times_choose),
        TEST(pages_follow_each_other),
        TEST(bad_requests_are_refused_in_cloudtrails_words),
        TEST(a_token_serves_its_own_search_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
