/*
 * guard.h - whether the clock and the store may be believed
 *
 * An hour sealed too early, or sealed twice from an old copy of the store, is
 * final at Amazon.  So folding always goes on, but sealing and sending wait
 * while something does not fit:
 *
 *   clock  The wall clock moved against the boot clock by more than a minute
 *          between two looks, or the machine was started anew, or a reply of
 *          AWS had another Date.  It is believed again when the Date of the
 *          Marketplace's endpoint agrees with it, when it goes back to where
 *          it was, or when a person says so.
 *   hour   The clock shows a time before the newest hour that was counted:
 *          it is or it was wrong, and hours may have been counted under the
 *          wrong name.  That ends when the hour comes, or by a person.
 *   store  An old store was put back beside newer meters.  Only a person can
 *          say that nothing was sealed in between.
 *
 * A jump that the Marketplace's Date confirms is no lie: virtual machines
 * that slept, a clock set right, and tests that travel in time go on within
 * a second.
 *
 * Invariants
 *   G1  While tg_guard_reason is true nothing is sealed or sent.
 *   G2  Time enters only as an argument.
 *
 * A guard is shared by both threads; its own mutex guards it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_GUARD_H
#define TG_BILLING_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_GUARD_STEP_S 60
#define TG_GUARD_REASON_SIZE 256

struct tg_guard {
    pthread_mutex_t lock; /* guards all that follows */
    bool            is_clock_trusted;
    bool            is_before_newest; /* the newest hour is yet to come */
    bool            has_offset;
    int64_t         offset_s;    /* wall minus boot clock, when last trusted */
    int64_t         newest_hour; /* that was counted */
    char            clock_reason[TG_GUARD_REASON_SIZE];
    char            store_reason[TG_GUARD_REASON_SIZE]; /* "": none */
    char            trouble[TG_GUARD_REASON_SIZE]; /* folding stopped */
};

/* Not trusted until something confirms the clock. */
void tg_guard_init(struct tg_guard *g);
void tg_guard_clear(struct tg_guard *g);

/* What was true before a restart of the daemon in the same boot. */
void tg_guard_resume(struct tg_guard *g, int64_t offset_s,
    int64_t newest_hour);

/*
 * Looks at both clocks; called at least once a second.  Returns whether the
 * clock is believed.
 */
bool tg_guard_look(struct tg_guard *g, int64_t now_s, int64_t boot_s);

/* An hour was counted that is newer than any before. */
void tg_guard_counted(struct tg_guard *g, int64_t hour);

/*
 * The Marketplace's Date, read at now_s.  Returns whether they agree; then
 * the clock is believed, else no more.  It says nothing about the hour.
 */
bool tg_guard_date(struct tg_guard *g, int64_t date_s, int64_t now_s,
    int64_t boot_s);

/* A person vouches for the clock. */
void tg_guard_confirm_clock(struct tg_guard *g, int64_t now_s,
    int64_t boot_s);

/* Why the store is not believed; "" when it is (again). */
void tg_guard_hold_store(struct tg_guard *g, const char *reason);

/* Folding has stopped: the meters are damaged. */
void tg_guard_stop(struct tg_guard *g, const char *trouble);

/*
 * Whether something forbids to seal and send; out then holds the gravest
 * reason, else "".
 */
bool tg_guard_reason(struct tg_guard *g, char out[TG_GUARD_REASON_SIZE]);

/* Whether the clock is what is doubted (a look at Date may help). */
bool tg_guard_wants_date(struct tg_guard *g);

/* The offset and newest hour to remember. */
void tg_guard_state(struct tg_guard *g, int64_t *offset_s,
    int64_t *newest_hour);

#endif
