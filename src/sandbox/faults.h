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

#include "http/http.h"
#include "sandbox/answer.h"

enum tg_fault_kind {
    TG_FAULT_NONE,
    TG_FAULT_THROTTLE,    /* ThrottlingException; nothing is done */
    TG_FAULT_INTERNAL,    /* InternalServiceErrorException; nothing is done */
    TG_FAULT_DELAY,       /* done at once, answered late */
    TG_FAULT_LOSE_REPLY,  /* done, then the connection is closed */
    TG_FAULT_UNPROCESSED, /* records come back; nothing is done for them */
    TG_FAULT_REFUSE,      /* an exception, or a status for every record */
    TG_FAULT_TWICE,       /* done, and each result is said twice */
    TG_FAULT_REORDER,     /* done, the results the other way round */
    TG_FAULT_OMIT,        /* done, but nothing is said of the last record */
    TG_FAULT_GARBAGE,     /* done, answered with what is no JSON */
    TG_FAULT_CUT,         /* done, the connection breaks amid the answer */
    TG_FAULT_HUGE,        /* done, with an answer of several megabytes */
    TG_FAULT_CLOCK,       /* done, with a Date that is another */
};

#define TG_FAULT_STATUS_MAX 64

struct tg_fault {
    enum tg_fault_kind kind;
    char               operation[TG_FAULT_STATUS_MAX];
    char               status[TG_FAULT_STATUS_MAX]; /* of TG_FAULT_REFUSE */
    int                http_status; /* 0: that of the exception's type */
    unsigned           delay_ms;
    unsigned           retry_after_s; /* with a refusal; 0: does not say */
    unsigned           records; /* that are left unprocessed; 0: all */
    int                ahead_s; /* of TG_FAULT_CLOCK; may be negative */
    unsigned           times;   /* left */
};

#define TG_FAULTS_MAX 256

struct tg_faults {
    struct tg_fault items[TG_FAULTS_MAX];
    size_t          count;
};

/*
 * Reads {"operation","kind","status"?,"httpStatus"?,"delay_ms"?,
 * "retry_after_s"?,"records"?,"ahead_s"?,"times"?} and adds it.  The answer's body is the fault as understood.
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

/* What of the request is carried out; a new reference. */
json_t *tg_fault_narrow(const struct tg_fault *fault, json_t *request);

/*
 * Spoils what was done and what is said of it, in the body of the answer; the
 * whole request is given once more.
 */
void tg_fault_after(struct tg_answer *a, const struct tg_fault *fault,
    const json_t *request);

/* Spoils how the answer travels, when it is written. */
void tg_fault_travel(struct tg_http_response *res,
    const struct tg_fault *fault, int64_t now_s);

#endif
