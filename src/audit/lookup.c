/*
 * lookup.c - the request's checks, the query and its pages
 *
 * https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/
 * API_LookupEvents.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/lookup.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audit/chain.h"
#include "util/buf.h"
#include "util/digest.h"

#define RESULTS_MAX 50
#define VALUE_MAX 2000
#define BOUND_SIZE 17 /* 16 hex digits of what a token is bound to */
#define TOKEN_SIZE 80
#define TIME_MAX 253402300799 /* 9999-12-31T23:59:59Z */

/* What may be looked up: CloudTrail's name, our column. */
static const struct {
    const char *key;
    const char *column;
} attributes[] = {
    { "EventId", "event_id" },
    { "EventName", "event_name" },
    { "ReadOnly", "read_only" },
    { "Username", "username" },
    { "ResourceType", "resource_type" },
    { "ResourceName", "resource_name" },
    { "EventSource", "event_source" },
    { "AccessKeyId", "access_key_id" },
};

struct lookup {
    const char *column; /* NULL: no attribute was given */
    const char *value;
    int64_t     start_s;
    int64_t     end_s;
    int64_t     limit;
    int64_t     before_s;   /* of the last event of the page before */
    int64_t     before_seq;
    bool        is_insight; /* insights, of which there are none here */
    char        bound[BOUND_SIZE];
    const char **code;
    struct tg_error *err;
};

static enum tg_status
refuse(struct lookup *l, const char *code, const char *text)
{
    *l->code = code;
    return tg_error_set(l->err, TG_INVALID, "%s", text);
}

/* Underscore, space, comma and newline count double. */
static size_t
value_size(const char *value)
{
    size_t size = 0;

    for (; *value != '\0'; value++) {
        size += strchr("_ ,\n", *value) == NULL ? 1 : 2;
    }
    return size;
}

static enum tg_status
take_attribute(struct lookup *l, const json_t *request)
{
    static const char code[] = "InvalidLookupAttributesException";
    const json_t *list = json_object_get(request, "LookupAttributes");
    const json_t *item = json_array_get(list, 0);
    const char   *key = json_string_value(json_object_get(item,
        "AttributeKey"));

    if (list == NULL || json_is_null(list)
        || (json_is_array(list) && json_array_size(list) == 0))
    {
        return TG_OK;
    }
    if (json_array_size(list) > 1) {
        return refuse(l, code,
            "You can only specify one lookup attribute at a time.");
    }
    l->value = json_string_value(json_object_get(item, "AttributeValue"));
    if (key == NULL || l->value == NULL) {
        return refuse(l, code, "A lookup attribute has the members"
            " AttributeKey and AttributeValue, both texts.");
    }
    if (value_size(l->value) > VALUE_MAX || *l->value == '\0') {
        return refuse(l, code,
            "AttributeValue must be 1 to 2000 characters long.");
    }
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (strcmp(attributes[i].key, key) == 0) {
            l->column = attributes[i].column;
            return TG_OK;
        }
    }
    return refuse(l, code, "AttributeKey must be one of EventId, EventName,"
        " ReadOnly, Username, ResourceType, ResourceName, EventSource,"
        " AccessKeyId.");
}

static enum tg_status
take_time(struct lookup *l, const json_t *request, const char *member,
    double (*whole)(double), int64_t *out)
{
    const json_t *value = json_object_get(request, member);
    double        time_s;

    if (value == NULL || json_is_null(value)) {
        return TG_OK;
    }
    time_s = json_number_value(value);
    if (!json_is_number(value) || !(time_s >= 0 && time_s <= TIME_MAX)) {
        return refuse(l, "InvalidTimeRangeException",
            "StartTime and EndTime are seconds since 1970-01-01T00:00:00Z.");
    }
    *out = (int64_t) whole(time_s);
    return TG_OK;
}

static enum tg_status
take_range(struct lookup *l, const json_t *request)
{
    enum tg_status status;

    l->end_s = TIME_MAX;
    status = take_time(l, request, "StartTime", ceil, &l->start_s);
    if (status == TG_OK) {
        status = take_time(l, request, "EndTime", floor, &l->end_s);
    }
    if (status == TG_OK && l->start_s > l->end_s) {
        return refuse(l, "InvalidTimeRangeException",
            "StartTime must not be after EndTime.");
    }
    return status;
}

static enum tg_status
take_category(struct lookup *l, const json_t *request)
{
    const json_t *value = json_object_get(request, "EventCategory");

    if (value == NULL || json_is_null(value)) {
        return TG_OK;
    }
    l->is_insight = json_is_string(value)
        && strcmp(json_string_value(value), "insight") == 0;
    return l->is_insight ? TG_OK : refuse(l, "InvalidEventCategoryException",
        "EventCategory must be insight, or left out.");
}

static enum tg_status
take_limit(struct lookup *l, const json_t *request)
{
    const json_t *value = json_object_get(request, "MaxResults");

    l->limit = RESULTS_MAX;
    if (value == NULL || json_is_null(value)) {
        return TG_OK;
    }
    l->limit = json_integer_value(value);
    if (!json_is_integer(value) || l->limit < 1 || l->limit > RESULTS_MAX) {
        return refuse(l, "InvalidMaxResultsException",
            "MaxResults must be a whole number from 1 to 50.");
    }
    return TG_OK;
}

/* A digest of the search, so that a token serves no other. */
static void
bind_token(struct lookup *l)
{
    struct tg_buf text;
    uint8_t       digest[TG_SHA256_SIZE];

    tg_buf_init(&text, 2 * VALUE_MAX + 256);
    (void) tg_buf_printf(&text, "%" PRId64 " %" PRId64 " %s %s", l->start_s,
        l->end_s, l->column == NULL ? "" : l->column,
        l->column == NULL ? "" : l->value);
    tg_sha256(digest, text.len == 0 ? "" : text.data, text.len);
    tg_hex(l->bound, digest, (BOUND_SIZE - 1) / 2);
    tg_buf_clear(&text);
}

/* base64 of "{time} {sequence number} {digest of the search}" */
static enum tg_status
take_token(struct lookup *l, const json_t *request)
{
    const json_t *value = json_object_get(request, "NextToken");
    const char   *token = json_string_value(value);
    char          text[TOKEN_SIZE], bound[BOUND_SIZE];
    size_t        len;
    int           end = 0;

    l->before_s = TIME_MAX;
    l->before_seq = INT64_MAX;
    if (value == NULL || json_is_null(value)) {
        return TG_OK;
    }
    if (token == NULL || strlen(token) >= TOKEN_SIZE
        || tg_unbase64(text, &len, token, strlen(token)) != TG_OK)
    {
        return refuse(l, "InvalidNextTokenException",
            "NextToken is not one that LookupEvents gave.");
    }
    text[len] = '\0';
    if (sscanf(text, "%12" SCNd64 " %18" SCNd64 " %16[0-9a-f]%n",
            &l->before_s, &l->before_seq, bound, &end) != 3
        || (size_t) end != len || strcmp(bound, l->bound) != 0)
    {
        return refuse(l, "InvalidNextTokenException", "NextToken belongs to"
            " a search with other parameters.");
    }
    return TG_OK;
}

static json_t *
make_token(const struct lookup *l, int64_t time_s, int64_t seq)
{
    char text[TOKEN_SIZE / 4 * 3], token[TOKEN_SIZE + 1];

    (void) snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 " %s", time_s,
        seq, l->bound);
    tg_base64(token, text, strlen(text));
    return json_string(token);
}

static enum tg_status
take_request(struct lookup *l, const json_t *request)
{
    enum tg_status status;

    if (!json_is_object(request)) {
        return refuse(l, "SerializationException",
            "The request's body must be a JSON object.");
    }
    status = take_attribute(l, request);
    if (status == TG_OK) {
        status = take_range(l, request);
    }
    if (status == TG_OK) {
        status = take_category(l, request);
    }
    if (status == TG_OK) {
        status = take_limit(l, request);
    }
    if (status == TG_OK) {
        bind_token(l);
        status = take_token(l, request);
    }
    return status;
}

static enum tg_status
open_query(struct lookup *l, struct tg_store *s, struct tg_stmt **q)
{
    const bool is_flag = l->column != NULL
        && strcmp(l->column, "read_only") == 0;
    char       sql[640];

    /* One more row than asked for tells whether there is another page. */
    (void) snprintf(sql, sizeof(sql),
        "SELECT " TG_AUDIT_COLUMNS " FROM audit_event"
        " WHERE event_time_s >= $1"
        " AND event_time_s <= $2 AND (event_time_s < $3 OR"
        " (event_time_s = $3 AND seq < $4))%s%s%s"
        " ORDER BY event_time_s DESC, seq DESC LIMIT $5",
        l->column == NULL ? "" : " AND ",
        l->column == NULL ? "" : l->column,
        l->column == NULL ? "" : " = $6");
    if (l->column == NULL) {
        return tg_store_query(s, q, l->err, sql, "iiiii", l->start_s,
            l->end_s, l->before_s, l->before_seq, l->limit + 1);
    }
    if (!is_flag) {
        return tg_store_query(s, q, l->err, sql, "iiiiis", l->start_s,
            l->end_s, l->before_s, l->before_seq, l->limit + 1, l->value);
    }
    /* A text that is neither true nor false finds nothing. */
    return tg_store_query(s, q, l->err, sql, "iiiiii", l->start_s, l->end_s,
        l->before_s, l->before_seq, l->limit + 1,
        (int64_t) (strcmp(l->value, "true") == 0 ? 1
            : strcmp(l->value, "false") == 0 ? 0 : -1));
}

/* Sets the member; a NULL text leaves it out. */
static int
set_text(json_t *object, const char *member, const char *text)
{
    return text == NULL ? 0
        : json_object_set_new(object, member, json_string(text));
}

static json_t *
resources_json(struct tg_stmt *q)
{
    json_t *list = json_array();
    json_t *item = json_object();

    if (tg_stmt_is_null(q, TG_AUDIT_RESOURCE_NAME)) {
        json_decref(item);
        return list;
    }
    if (set_text(item, "ResourceType",
            tg_stmt_text(q, TG_AUDIT_RESOURCE_TYPE)) != 0
        || set_text(item, "ResourceName",
            tg_stmt_text(q, TG_AUDIT_RESOURCE_NAME)) != 0
        || json_array_append(list, item) != 0)
    {
        json_decref(list);
        list = NULL;
    }
    json_decref(item);
    return list;
}

static json_t *
event_json(struct tg_stmt *q)
{
    json_t *event = json_object();

    if (event == NULL
        || set_text(event, "EventId", tg_stmt_text(q, TG_AUDIT_EVENT_ID)) != 0
        || set_text(event, "EventName",
            tg_stmt_text(q, TG_AUDIT_EVENT_NAME)) != 0
        || set_text(event, "ReadOnly",
            tg_stmt_int(q, TG_AUDIT_READ_ONLY) != 0 ? "true" : "false") != 0
        || set_text(event, "AccessKeyId",
            tg_stmt_text(q, TG_AUDIT_ACCESS_KEY_ID)) != 0
        || json_object_set_new(event, "EventTime",
            json_integer(tg_stmt_int(q, TG_AUDIT_EVENT_TIME))) != 0
        || set_text(event, "EventSource",
            tg_stmt_text(q, TG_AUDIT_EVENT_SOURCE)) != 0
        || set_text(event, "Username",
            tg_stmt_text(q, TG_AUDIT_USERNAME)) != 0
        || json_object_set_new(event, "Resources", resources_json(q)) != 0
        || set_text(event, "CloudTrailEvent",
            tg_stmt_text(q, TG_AUDIT_RECORD)) != 0)
    {
        json_decref(event);
        return NULL;
    }
    return event;
}

/*
 * The page's events into list; *next is the token of the next page, if there
 * is one.
 */
static enum tg_status
read_page(struct lookup *l, struct tg_store *s, json_t *list, json_t **next)
{
    struct tg_stmt *q = NULL;
    int64_t         time_s = 0, seq = 0;
    enum tg_status  status = open_query(l, s, &q);

    while (status == TG_OK && (status = tg_stmt_next(q, l->err)) == TG_OK) {
        if (json_array_size(list) == (size_t) l->limit) {
            *next = make_token(l, time_s, seq);
            break;
        }
        time_s = tg_stmt_int(q, TG_AUDIT_EVENT_TIME);
        seq = tg_stmt_int(q, TG_AUDIT_SEQ);
        if (json_array_append_new(list, event_json(q)) != 0) {
            status = tg_error_set(l->err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_audit_lookup(json_t **out, const char **code, struct tg_store *s,
    const json_t *request, struct tg_error *err)
{
    struct lookup  l = { .code = code, .err = err };
    json_t        *list, *next = NULL;
    enum tg_status status = take_request(&l, request);

    *out = NULL;
    if (status != TG_OK) {
        return status;
    }
    list = json_array();
    if (!l.is_insight) {
        status = read_page(&l, s, list, &next);
    }
    if (status == TG_OK) {
        *out = json_pack("{s:O, s:o*}", "Events", list, "NextToken", next);
        if (*out == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    } else {
        json_decref(next);
    }
    json_decref(list);
    return status;
}
