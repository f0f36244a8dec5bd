/*
 * faults.h - what goes wrong on purpose
 *
 * A fault waits for calls of its operation and spoils as many of them as it
 * was told to; the oldest one that fits is taken.  Faults live in memory
 * only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_FAULTS_H
#define TG_SANDBOX_FAULTS_H

#include "sandbox/answer.h"

enum tg_fault_kind {
    TG_FAULT_NONE,
    TG_FAULT_THROTTLE,    /* ThrottlingException; nothing is done */
    TG_FAULT_INTERNAL,    /* InternalServiceErrorException; nothing is done */
    TG_FAULT_DELAY,       /* done at once, answered late */
    TG_FAULT_LOSE_REPLY,  /* done, then the connection is closed */
    TG_FAULT_UNPROCESSED, /* every record comes back; nothing is done */
    TG_FAULT_REFUSE,      /* an exception, or a status for every record */
};

#define TG_FAULT_STATUS_MAX 64

struct tg_fault {
    enum tg_fault_kind kind;
    char               operation[TG_FAULT_STATUS_MAX];
    char               status[TG_FAULT_STATUS_MAX]; /* of TG_FAULT_REFUSE */
    int                http_status; /* 0: that of the exception's type */
    unsigned           delay_ms;
    unsigned           times; /* left */
};

#define TG_FAULTS_MAX 256

struct tg_faults {
    struct tg_fault items[TG_FAULTS_MAX];
    size_t          count;
};

/*
 * Reads {"operation","kind","status"?,"httpStatus"?,"delay_ms"?,"times"?}
 * and adds it.  The answer's body is the fault as understood.
 */
void tg_fault_add(struct tg_answer *a, struct tg_faults *faults,
    const json_t *request);

/* Takes the fault for a call of operation; kind TG_FAULT_NONE without one. */
struct tg_fault tg_fault_take(struct tg_faults *faults,
    const char *operation);

/* The kind's name: "lose-reply"; NULL for TG_FAULT_NONE. */
const char *tg_fault_name(enum tg_fault_kind kind);

/*
 * Spoils a before the operation ran (throttle, internal, refuse with an
 * exception); false when the operation is to run.
 */
bool tg_fault_before(struct tg_answer *a, const struct tg_fault *fault);

/* Spoils what BatchMeterUsage would do (unprocessed, refuse by record). */
void tg_fault_after(struct tg_answer *a, const struct tg_fault *fault);

#endif
