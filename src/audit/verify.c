/*
 * verify.c - whether the trail is as it was written
 *
 * A record's hash depends on its bytes and on every record before it, so one
 * walk over the trail finds a record that was changed, taken out, put in or
 * moved.  What was cut off at the end shows against audit_head.  The columns
 * that LookupEvents searches are copies of what the record says and are
 * compared with it, so that no record can be hidden from a search.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/trail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/chain.h"
#include "util/clock.h"

static const char select_all[] =
    "SELECT " TG_AUDIT_COLUMNS " FROM audit_event ORDER BY seq";

/* Two texts, either of which may be missing. */
static bool
is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The name of the first column that is not what the record says, or NULL. */
static const char *
find_difference(struct tg_stmt *q)
{
    json_t     *record = json_loads(tg_stmt_text(q, TG_AUDIT_RECORD), 0,
        NULL);
    const char *found = record == NULL ? "record" : NULL;
    char        when[TG_ISO8601_SIZE];

    for (size_t i = 0; found == NULL && i < TG_AUDIT_COPIES; i++) {
        const struct tg_audit_copy *c = &tg_audit_copies[i];

        if (!is_same(tg_stmt_text(q, c->column),
                tg_audit_member(record, c->within, c->member)))
        {
            found = c->name;
        }
    }
    tg_iso8601(when, tg_stmt_int(q, TG_AUDIT_EVENT_TIME));
    if (found == NULL
        && !is_same(when, tg_audit_member(record, NULL, "eventTime")))
    {
        found = "event_time_s";
    }
    if (found == NULL && (tg_stmt_int(q, TG_AUDIT_READ_ONLY) != 0)
        != json_is_true(json_object_get(record, "readOnly")))
    {
        found = "read_only";
    }
    json_decref(record);
    return found;
}

static enum tg_status
accuse(struct tg_audit_verdict *verdict, int64_t seq, struct tg_error *err,
    const char *fmt, ...) TG_PRINTF(4, 5);

static enum tg_status
accuse(struct tg_audit_verdict *verdict, int64_t seq, struct tg_error *err,
    const char *fmt, ...)
{
    char    text[256];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    verdict->first_bad = seq;
    return tg_error_set(err, TG_CORRUPT, "audit record %" PRId64 " %s", seq,
        text);
}

/* One record: its number, its hash, its columns. */
static enum tg_status
check_record(struct tg_audit_verdict *verdict, struct tg_stmt *q,
    struct tg_error *err)
{
    const int64_t seq = tg_stmt_int(q, TG_AUDIT_SEQ);
    const char   *event_id = tg_stmt_text(q, TG_AUDIT_EVENT_ID);
    const char   *difference;
    char          hash[TG_SHA256_HEX];

    if (seq != verdict->head + 1) {
        return accuse(verdict, verdict->head + 1, err,
            "is missing: the next one there is number %" PRId64, seq);
    }
    tg_audit_chain(hash, verdict->hash, tg_stmt_text(q, TG_AUDIT_RECORD));
    if (hash[0] == '\0') {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    if (strcmp(hash, tg_stmt_text(q, TG_AUDIT_HASH)) != 0) {
        return accuse(verdict, seq, err, "(eventID %s) was changed, or is not"
            " the one that was written there: its hash is %s, not %s",
            event_id, hash, tg_stmt_text(q, TG_AUDIT_HASH));
    }
    difference = find_difference(q);
    if (difference != NULL) {
        return accuse(verdict, seq, err,
            "(eventID %s) was changed: its column %s is not what the record"
            " says", event_id, difference);
    }
    verdict->records++;
    verdict->head = seq;
    (void) snprintf(verdict->hash, sizeof(verdict->hash), "%s", hash);
    return TG_OK;
}

/* What the walk ended with, against what audit_head remembers. */
static enum tg_status
check_head(struct tg_audit_verdict *verdict, struct tg_store *s,
    struct tg_error *err)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status = tg_store_query(s, &q, err,
        "SELECT seq, hash FROM audit_head WHERE one = 1", "");

    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_NOTFOUND) {
        status = verdict->head == 0 ? TG_OK : accuse(verdict, verdict->head,
            err, "is the newest, but audit_head, which names the newest, is"
            " missing");
    } else if (status == TG_OK && tg_stmt_int(q, 0) > verdict->head) {
        status = accuse(verdict, verdict->head + 1, err,
            "is missing at the end: the newest was number %" PRId64,
            tg_stmt_int(q, 0));
    } else if (status == TG_OK && (tg_stmt_int(q, 0) != verdict->head
            || strcmp(tg_stmt_text(q, 1), verdict->hash) != 0))
    {
        status = accuse(verdict, verdict->head, err,
            "is not the newest that audit_head names (number %" PRId64 ")",
            tg_stmt_int(q, 0));
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_audit_verify(struct tg_store *s, struct tg_audit_verdict *verdict,
    struct tg_error *err)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status;

    *verdict = (struct tg_audit_verdict) { 0 };
    (void) snprintf(verdict->hash, sizeof(verdict->hash), "%s",
        TG_AUDIT_CHAIN_START);
    status = tg_store_query(s, &q, err, select_all, "");
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = check_record(verdict, q, err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? check_head(verdict, s, err) : status;
}
