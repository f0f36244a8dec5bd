/*
 * alarms.h - what a person has to know about: silence is an alarm
 *
 * Each alarm has a stable name, says in a sentence what is the matter, and
 * what to do next.  `tallygate status' lists those that ring; metrics have
 * each of them as 0 or 1, so that an alert can rely on the names.
 *
 * Invariants
 *   A1  The names never change.  docs/operations.md has a line for each;
 *       tools/check-alarms compares.
 *   A2  An alarm ends by itself when its cause is gone; only lost usage waits
 *       for a person (`confirm lost').
 *   A3  What it costs to look does not grow with the settled ledger.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_ALARMS_H
#define TG_BILLING_ALARMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct tg_billing;

/* enumerator, name, what to do next */
#define TG_ALARM_LIST(X)                                                      \
    X(TG_ALARM_FOLDING_STOPPED, "folding_stopped",                            \
        "keep a copy of the state directory, then restart the daemon; the"    \
        " meters' files are damaged")                                         \
    X(TG_ALARM_FOLD_LATE, "fold_late",                                        \
        "see why the store or the machine is slow; calls are counted on for"  \
        " 30 hours")                                                          \
    X(TG_ALARM_STORE_FAILS, "store_fails",                                    \
        "free space on the store's disk and see that it can be written;"      \
        " folding and sealing are tried again each second")                   \
    X(TG_ALARM_SEALING_HELD, "sealing_held",                                  \
        "mend the clock, or say `tallygate confirm clock' or `tallygate"      \
        " confirm store' when all is right")                                  \
    X(TG_ALARM_SENDING_STOPPED, "sending_stopped",                            \
        "mend what the message names (credentials, rights, region, product,"  \
        " network); records go out by themselves then")                       \
    X(TG_ALARM_RECORDS_EXPIRE, "records_expire",                              \
        "records reach their deadline soon: see the other alarms for what"    \
        " keeps them, and `tallygate ledger --state sent'")                   \
    X(TG_ALARM_UNITS_REFUSED, "units_refused",                                \
        "`tallygate ledger --state refused' lists the records, `tallygate"    \
        " ledger explain ID' says what to do")                                \
    X(TG_ALARM_UNITS_EXPIRED, "units_expired",                                \
        "`tallygate ledger --state expired' lists the records, `tallygate"    \
        " ledger explain ID' says what to do")                                \
    X(TG_ALARM_USAGE_HELD, "usage_held",                                      \
        "register the agreements of these keys (`tallygate ledger --state"    \
        " held') before Amazon takes no record of their hours any more")      \
    X(TG_ALARM_USAGE_LOST, "usage_lost",                                      \
        "`tallygate ledger --state lost' lists it: bill it in an open hour"   \
        " with `tallygate ledger adjust --carry-forward', or write it off"    \
        " with `tallygate confirm lost'")                                     \
    X(TG_ALARM_BUYERS_SILENT, "buyers_silent",                                \
        "ask whether they still call: see the gateway's errors, their keys"   \
        " and limits")

enum tg_alarm {
#define X(name, text, next) name,
    TG_ALARM_LIST(X)
#undef X
};
#define TG_ALARM_COUNT ((int) TG_ALARM_BUYERS_SILENT + 1)

const char *tg_alarm_name(enum tg_alarm alarm);

/* What the alarms are made of; all of it cheap. */
struct tg_alarm_state {
    bool    rings[TG_ALARM_COUNT];
    char    messages[TG_ALARM_COUNT][TG_ERROR_MAX];

    int64_t unsettled_records, unsettled_units;
    int64_t nearest_deadline; /* 0: nothing is unsettled */
    int64_t held_units, held_until; /* 0: nothing is held */
    int64_t lost_units;
    int64_t silent_buyers;
    int64_t fold_lag_s;
    int64_t sealed_through;
    char    reporter[256]; /* who sends; "": nobody */
    int64_t reporter_since_s, reporter_until_s;
};

/* Under operator_lock. */
TG_MUST_CHECK enum tg_status tg_alarms_look(struct tg_billing *b,
    struct tg_alarm_state *state, int64_t now_s, struct tg_error *err);

/*
 * The same for `status', under operator_lock: appends {name, message, next}
 * for each that rings, and sets the figures.
 */
TG_MUST_CHECK enum tg_status tg_alarms_list(struct tg_billing *b,
    json_t *list, json_t *figures, int64_t now_s, struct tg_error *err);

#endif
