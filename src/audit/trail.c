/*
 * trail.c - a record as CloudTrail would write it, and its place in the chain
 *
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/
 * cloudtrail-event-reference-record-contents.html has the members and their
 * limits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/trail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/chain.h"
#include "aws/json.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/clock.h"

#define EVENT_VERSION "1.11"
#define TEXT_MAX_BYTES 1024            /* userAgent, errorCode, -Message */
#define ELEMENTS_MAX_BYTES (100 * 1024) /* larger ones are left out */
#define EXTRA_MAX_BYTES (28 * 1024)
#define SELF "tallygate"

struct tg_audit_identity
tg_audit_user(char arn_out[TG_AUDIT_ARN_SIZE], const char *account_id,
    const char *user_name, const char *access_key_id)
{
    (void) snprintf(arn_out, TG_AUDIT_ARN_SIZE, "arn:aws:iam::%s:user/%s",
        account_id, user_name);
    return (struct tg_audit_identity) {
        .type = "IAMUser",
        .principal_id = access_key_id,
        .arn = arn_out,
        .account_id = account_id,
        .access_key_id = access_key_id,
        .user_name = user_name,
    };
}

struct tg_audit_identity
tg_audit_self(const char *account_id, const char *invoked_by)
{
    return (struct tg_audit_identity) {
        .type = "AWSService",
        .account_id = account_id,
        .user_name = SELF,
        .invoked_by = invoked_by,
    };
}

void
tg_audit_chain(char out[TG_SHA256_HEX], const char *previous,
    const char *record)
{
    const size_t   previous_len = strlen(previous);
    const size_t   record_len = strlen(record);
    struct tg_buf  both;
    uint8_t        digest[TG_SHA256_SIZE];

    tg_buf_init(&both, previous_len + record_len);
    (void) tg_buf_add(&both, previous, previous_len);
    if (tg_buf_add(&both, record, record_len) != TG_OK) {
        out[0] = '\0'; /* equal to no hash */
    } else {
        tg_sha256(digest, both.data, both.len);
        tg_hex(out, digest, sizeof(digest));
    }
    tg_buf_clear(&both);
}

const char *
tg_audit_member(const json_t *record, const char *within, const char *member)
{
    const json_t *part = within == NULL ? record
        : json_object_get(record, within);

    if (json_is_array(part)) {
        part = json_array_get(part, 0);
    }
    return json_string_value(json_object_get(part, member));
}

/*
 * A text of at most max bytes, cut between characters.  A client may send
 * bytes that are no UTF-8; these become question marks.
 */
static json_t *
clean_text(const char *text, size_t max)
{
    size_t  len = strlen(text);
    char   *copy;
    json_t *out;

    if (len > max) {
        len = max;
        while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    out = json_stringn(text, len);
    if (out != NULL) {
        return out;
    }
    copy = strndup(text, len);
    for (size_t i = 0; copy != NULL && i < len; i++) {
        if ((unsigned char) copy[i] >= 0x80) {
            copy[i] = '?';
        }
    }
    out = copy == NULL ? NULL : json_stringn(copy, len);
    free(copy);
    return out;
}

/* Sets the member; a NULL text leaves it out.  0, or -1 for no memory. */
static int
set_text(json_t *object, const char *member, const char *text)
{
    if (text == NULL) {
        return 0;
    }
    return json_object_set_new(object, member,
        clean_text(text, TEXT_MAX_BYTES));
}

/* The compact JSON's size in bytes. */
static size_t
dumped_size(const json_t *value)
{
    return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* The value, masked; a new reference.  NULL: out of memory. */
static json_t *
masked_value(const json_t *value, bool is_own)
{
    json_t *own = (json_t *) (uintptr_t) value;

    if (!is_own) {
        return tg_audit_mask(value);
    }
    return tg_audit_mask_own(own) == TG_OK ? json_incref(own) : NULL;
}

/* Sets a masked value, leaves out one that is larger than max (0: any is). */
static int
set_elements(json_t *object, const char *member, const json_t *value,
    bool is_own, size_t max)
{
    json_t *masked;

    if (value == NULL) {
        return json_object_set_new(object, member, json_null());
    }
    masked = masked_value(value, is_own);
    if (masked == NULL) {
        return -1;
    }
    if (max != 0 && dumped_size(masked) > max) {
        json_decref(masked);
        return 0;
    }
    return json_object_set_new(object, member, masked);
}

static json_t *
identity_json(const struct tg_audit_identity *id)
{
    json_t *out = json_object();

    if (out == NULL
        || set_text(out, "type", id->type) != 0
        || set_text(out, "principalId", id->principal_id) != 0
        || set_text(out, "arn", id->arn) != 0
        || set_text(out, "accountId", id->account_id) != 0
        || set_text(out, "accessKeyId", id->access_key_id) != 0
        || set_text(out, "userName", id->user_name) != 0
        || set_text(out, "invokedBy", id->invoked_by) != 0)
    {
        json_decref(out);
        return NULL;
    }
    return out;
}

static int
set_call(json_t *out, const struct tg_audit_record *record,
    const char *request_id, bool is_small)
{
    char   when[TG_ISO8601_SIZE];
    size_t max = is_small ? 0 : ELEMENTS_MAX_BYTES;

    tg_iso8601(when, record->time_s);
    return set_text(out, "eventVersion", EVENT_VERSION) != 0
        || json_object_set_new(out, "userIdentity",
            identity_json(&record->identity)) != 0
        || set_text(out, "eventTime", when) != 0
        || set_text(out, "eventSource", record->event_source) != 0
        || set_text(out, "eventName", record->event_name) != 0
        || set_text(out, "awsRegion", record->region) != 0
        || set_text(out, "sourceIPAddress",
            record->source_ip == NULL ? SELF : record->source_ip) != 0
        || set_text(out, "userAgent", record->user_agent == NULL
            ? SELF "/" TG_VERSION : record->user_agent) != 0
        || set_text(out, "errorCode", record->error_code) != 0
        || set_text(out, "errorMessage", record->error_message) != 0
        || set_elements(out, "requestParameters", record->request,
            record->is_own, max) != 0
        || set_elements(out, "responseElements", record->response,
            record->is_own, max) != 0
        || (record->extra != NULL && set_elements(out, "additionalEventData",
            record->extra, record->is_own,
            is_small ? 0 : EXTRA_MAX_BYTES) != 0)
        || set_text(out, "requestID", request_id) != 0;
}

/*
 * resources; resourceName is ours beside CloudTrail's members, so that the
 * chain also covers what LookupEvents finds a record by.
 */
static int
set_resources(json_t *out, const struct tg_audit_record *record)
{
    json_t     *item = json_object();
    json_t     *list = json_array();
    const char *name = record->resource_name;

    if (name == NULL) {
        json_decref(item);
        json_decref(list);
        return 0;
    }
    if (record->resource_type != NULL
        && strcmp(record->resource_type, "AWS::ApiGateway::ApiKey") == 0)
    {
        name = tg_audit_mask_key_name(name);
    }
    if (set_text(item, "accountId", record->account_id) != 0
        || set_text(item, "type", record->resource_type) != 0
        || set_text(item, "resourceName", name) != 0
        || json_array_append(list, item) != 0)
    {
        json_decref(list);
        list = NULL; /* refused below */
    }
    json_decref(item);
    return json_object_set_new(out, "resources", list);
}

/*
 * The record's members in CloudTrail's order; NULL when out of memory.
 * is_small: no part of it is measured.
 */
static json_t *
record_json(const struct tg_audit_record *record, const char *event_id,
    bool is_small)
{
    const bool  is_own = strcmp(record->event_source,
        TG_AUDIT_SOURCE_TALLYGATE) == 0;
    json_t     *out = json_object();
    char        made_up[TG_UUID_SIZE];
    const char *request_id = record->request_id;

    if (request_id == NULL) {
        tg_uuid(made_up);
        request_id = made_up;
    }
    if (out == NULL || set_call(out, record, request_id, is_small) != 0
        || set_text(out, "eventID", event_id) != 0
        || json_object_set_new(out, "readOnly",
            json_boolean(record->is_read_only)) != 0
        || set_resources(out, record) != 0
        || set_text(out, "eventType",
            is_own ? "AwsServiceEvent" : "AwsApiCall") != 0
        || json_object_set_new(out, "managementEvent", json_true()) != 0
        || set_text(out, "recipientAccountId", record->account_id) != 0
        || set_text(out, "eventCategory", "Management") != 0)
    {
        json_decref(out);
        return NULL;
    }
    return out;
}

/* The newest record's place; the chain's start when there is none yet. */
static enum tg_status
read_head(struct tg_store *s, int64_t *seq, char hash[TG_SHA256_HEX],
    struct tg_error *err)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status;

    *seq = 0;
    (void) snprintf(hash, TG_SHA256_HEX, "%s", TG_AUDIT_CHAIN_START);
    status = tg_store_query(s, &q, err,
        "SELECT seq, hash FROM audit_head WHERE one = 1", "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *seq = tg_stmt_int(q, 0);
        (void) snprintf(hash, TG_SHA256_HEX, "%s", tg_stmt_text(q, 1));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * ---- entries
 */

const struct tg_audit_copy tg_audit_copies[TG_AUDIT_COPIES] = {
    { TG_AUDIT_EVENT_ID, "event_id", NULL, "eventID" },
    { TG_AUDIT_EVENT_SOURCE, "event_source", NULL, "eventSource" },
    { TG_AUDIT_EVENT_NAME, "event_name", NULL, "eventName" },
    { TG_AUDIT_USERNAME, "username", "userIdentity", "userName" },
    { TG_AUDIT_ACCESS_KEY_ID, "access_key_id", "userIdentity", "accessKeyId" },
    { TG_AUDIT_RESOURCE_TYPE, "resource_type", "resources", "type" },
    { TG_AUDIT_RESOURCE_NAME, "resource_name", "resources", "resourceName" },
};

struct tg_audit_entry {
    struct tg_arena arena;
    int64_t         time_s;
    bool            is_read_only;
    const char     *texts[TG_AUDIT_RECORD]; /* by column; NULL: none */
    char           *record;
};

void
tg_audit_entry_free(struct tg_audit_entry *entry)
{
    if (entry != NULL) {
        tg_arena_clear(&entry->arena);
        free(entry->record);
        free(entry);
    }
}

/* The columns repeat what the record says, not what it was made from. */
static bool
copy_texts(struct tg_audit_entry *e, const json_t *json)
{
    const char                 *text;
    const struct tg_audit_copy *c;

    for (c = tg_audit_copies; c < tg_audit_copies + TG_AUDIT_COPIES; c++) {
        text = tg_audit_member(json, c->within, c->member);
        e->texts[c->column] = tg_arena_strdup(&e->arena, text);
        if (text != NULL && e->texts[c->column] == NULL) {
            return false;
        }
    }
    return true;
}

/*
 * What is small as a whole has no part that is too large; most records are,
 * and are written once instead of being measured first.
 */
static bool
render(struct tg_audit_entry *e, const struct tg_audit_record *record,
    bool is_small)
{
    char    event_id[TG_UUID_SIZE];
    bool    is_good;
    json_t *json;

    tg_uuid(event_id);
    json = record_json(record, event_id, is_small);
    e->record = tg_aws_json_text(json);
    is_good = e->record != NULL && copy_texts(e, json);
    json_decref(json);
    if (is_good && is_small && strlen(e->record) > EXTRA_MAX_BYTES) {
        free(e->record);
        return render(e, record, false);
    }
    return is_good;
}

enum tg_status
tg_audit_render(struct tg_audit_entry **out,
    const struct tg_audit_record *record, struct tg_error *err)
{
    struct tg_audit_entry *e = calloc(1, sizeof(*e));

    *out = NULL;
    if (e != NULL) {
        tg_arena_init(&e->arena);
        e->time_s = record->time_s;
        e->is_read_only = record->is_read_only;
    }
    if (e == NULL || !render(e, record, true)) {
        tg_audit_entry_free(e);
        return tg_error_set(err, TG_NOMEM,
            "out of memory for the audit record of %s", record->event_name);
    }
    *out = e;
    return TG_OK;
}

enum tg_status
tg_audit_append_entry(struct tg_store *s, const struct tg_audit_entry *e,
    struct tg_error *err)
{
    char           previous[TG_SHA256_HEX], hash[TG_SHA256_HEX];
    int64_t        seq;
    enum tg_status status;

    assert(tg_store_in_transaction(s)); /* A2 */
    status = read_head(s, &seq, previous, err);
    if (status != TG_OK) {
        return status;
    }
    tg_audit_chain(hash, previous, e->record);
    if (hash[0] == '\0') {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = tg_store_exec(s, err,
        "INSERT INTO audit_event (seq, event_id, event_time_s, event_source,"
        " event_name, username, access_key_id, read_only, resource_type,"
        " resource_name, record, hash) VALUES ($1, $2, $3, $4, $5, $6, $7,"
        " $8, $9, $10, $11, $12)", "isissssissss", seq + 1,
        e->texts[TG_AUDIT_EVENT_ID], e->time_s,
        e->texts[TG_AUDIT_EVENT_SOURCE], e->texts[TG_AUDIT_EVENT_NAME],
        e->texts[TG_AUDIT_USERNAME], e->texts[TG_AUDIT_ACCESS_KEY_ID],
        (int64_t) e->is_read_only, e->texts[TG_AUDIT_RESOURCE_TYPE],
        e->texts[TG_AUDIT_RESOURCE_NAME], e->record, hash);
    if (status != TG_OK) {
        return status;
    }
    return tg_store_exec(s, err,
        "INSERT INTO audit_head (one, seq, hash) VALUES (1, $1, $2)"
        " ON CONFLICT (one) DO UPDATE SET seq = excluded.seq,"
        " hash = excluded.hash", "is", seq + 1, hash);
}

enum tg_status
tg_audit_append(struct tg_store *s, const struct tg_audit_record *record,
    struct tg_error *err)
{
    enum tg_status         status;
    struct tg_audit_entry *entry;

    assert(tg_store_in_transaction(s)); /* A2 */
    status = tg_audit_render(&entry, record, err);
    if (status == TG_OK) {
        status = tg_audit_append_entry(s, entry, err);
    }
    tg_audit_entry_free(entry);
    return status;
}
