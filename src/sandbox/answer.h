/*
 * answer.h - what an operation of the Marketplace comes to
 *
 * An operation fills an answer and changes nothing.  What it wants changed
 * stands in the answer as an event; the caller writes the event down first
 * and applies it then, so that a kill between the two loses nothing that was
 * acknowledged.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_ANSWER_H
#define TG_SANDBOX_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

#include "util/status.h"

struct tg_answer {
    int         status;       /* HTTP */
    const char *type;         /* the exception's name; NULL: it went well */
    char        message[512]; /* the exception's */
    json_t     *body;         /* owned; NULL for an exception */
    json_t     *event;        /* owned; NULL when nothing changes */
};

void tg_answer_clear(struct tg_answer *a);

/*
 * Makes a an exception of that type; false always, so that a check can end
 * with `return tg_answer_refuse(...)`.  Status is that of the type.
 */
bool tg_answer_refuse(struct tg_answer *a, const char *type, const char *fmt,
    ...) TG_PRINTF(3, 4);

/* Makes a well, with body (taken) and event (taken, may be NULL). */
void tg_answer_set(struct tg_answer *a, json_t *body, json_t *event);

/* The HTTP status of an exception's type, 0 for one that is not known. */
int tg_exception_status(const char *type);

#endif
