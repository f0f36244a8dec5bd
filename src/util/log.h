/*
 * log.h - one line of key=value on standard error
 *
 *   time=2026-11-23T01:02:03Z level=info event=hour_sealed records=7
 *
 * Event names are stable and documented, so that alerts can depend on them.
 * No secret is ever passed here.  A line is written with one write().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_LOG_H
#define TG_UTIL_LOG_H

#include "util/status.h"

enum tg_log_level {
    TG_LOG_ERROR,  /* someone must act */
    TG_LOG_WARN,   /* will be an error if it goes on */
    TG_LOG_NOTICE, /* life cycle */
    TG_LOG_INFO,   /* one a job */
    TG_LOG_DEBUG,
};

/* Lines above this level are dropped; TG_LOG_INFO at the start. */
void tg_log_set_level(enum tg_log_level level);

/*
 * Logs event with pairs of key, value (both const char *) up to a NULL key:
 *   tg_log(TG_LOG_INFO, "fold", "cells", "12", NULL);
 * A value is quoted where it needs to be; a NULL value is written as "-".
 */
void tg_log(enum tg_log_level level, const char *event, ...)
    __attribute__((sentinel));

/* The same with one pair msg=..., formatted. */
void tg_logf(enum tg_log_level level, const char *event, const char *fmt, ...)
    TG_PRINTF(3, 4);

#endif
