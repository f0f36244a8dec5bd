/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/guard.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/hours.h"
#include "util/log.h"
#include "util/status.h"

#define REASON_BEHIND                                                         \
    "the clock shows a time before the newest hour that was counted; sealing" \
    " and sending wait until that hour comes or `tallygate confirm clock'"

static int64_t
distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* Under the lock.  Logs when the clock was believed until now. */
static void TG_PRINTF(2, 3)
doubt(struct tg_guard *g, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(g->clock_reason, sizeof(g->clock_reason), fmt, args);
    va_end(args);
    if (g->is_clock_trusted) {
        tg_logf(TG_LOG_WARN, "clock_doubted", "%s", g->clock_reason);
    }
    g->is_clock_trusted = false;
}

/* Under the lock. */
static void
trust(struct tg_guard *g, int64_t now_s, int64_t boot_s, const char *why)
{
    g->offset_s = now_s - boot_s;
    g->has_offset = true;
    if (!g->is_clock_trusted) {
        tg_logf(TG_LOG_NOTICE, "clock_trusted", "%s", why);
    }
    g->is_clock_trusted = true;
    g->clock_reason[0] = '\0';
}

void
tg_guard_init(struct tg_guard *g)
{
    memset(g, 0, sizeof(*g));
    pthread_mutex_init(&g->lock, NULL);
    doubt(g, "the clock has not been compared with the Marketplace's yet");
}

void
tg_guard_clear(struct tg_guard *g)
{
    pthread_mutex_destroy(&g->lock);
}

void
tg_guard_resume(struct tg_guard *g, int64_t offset_s, int64_t newest_hour)
{
    pthread_mutex_lock(&g->lock);
    g->offset_s = offset_s;
    g->has_offset = true;
    g->newest_hour = newest_hour;
    g->is_clock_trusted = true;
    g->clock_reason[0] = '\0';
    pthread_mutex_unlock(&g->lock);
}

bool
tg_guard_look(struct tg_guard *g, int64_t now_s, int64_t boot_s)
{
    bool is_trusted;
    bool is_steady;

    pthread_mutex_lock(&g->lock);
    is_steady = g->has_offset
        && distance(now_s - boot_s, g->offset_s) <= TG_GUARD_STEP_S;
    if (g->has_offset && !is_steady) {
        doubt(g, "the clock moved by %" PRId64 " s against the machine's own;"
            " sealing and sending wait until the Marketplace's clock agrees"
            " or `tallygate confirm clock'",
            now_s - boot_s - g->offset_s);
    } else if (g->is_clock_trusted) {
        g->offset_s = now_s - boot_s; /* slewing is no step */
    } else if (is_steady) {
        trust(g, now_s, boot_s, "the clock is back where it was");
    }
    if (now_s < g->newest_hour && !g->is_before_newest) {
        tg_log(TG_LOG_WARN, "clock_behind", "msg", REASON_BEHIND, NULL);
    }
    g->is_before_newest = now_s < g->newest_hour;
    is_trusted = g->is_clock_trusted && !g->is_before_newest;
    pthread_mutex_unlock(&g->lock);
    return is_trusted;
}

void
tg_guard_counted(struct tg_guard *g, int64_t hour)
{
    pthread_mutex_lock(&g->lock);
    if (hour > g->newest_hour) {
        g->newest_hour = hour;
    }
    pthread_mutex_unlock(&g->lock);
}

bool
tg_guard_date(struct tg_guard *g, int64_t date_s, int64_t now_s,
    int64_t boot_s)
{
    bool agrees = distance(date_s, now_s) <= TG_GUARD_STEP_S;

    pthread_mutex_lock(&g->lock);
    if (agrees) {
        trust(g, now_s, boot_s, "the Marketplace's clock agrees");
    } else {
        g->has_offset = false; /* what it was before is no better */
        doubt(g, "the Marketplace's clock differs by %" PRId64 " s; sealing"
            " and sending wait until they agree or `tallygate confirm"
            " clock'", date_s - now_s);
    }
    pthread_mutex_unlock(&g->lock);
    return agrees;
}

void
tg_guard_confirm_clock(struct tg_guard *g, int64_t now_s, int64_t boot_s)
{
    pthread_mutex_lock(&g->lock);
    trust(g, now_s, boot_s, "a person vouched for the clock");
    if (g->newest_hour > tg_hour_of(now_s)) {
        g->newest_hour = tg_hour_of(now_s);
    }
    g->is_before_newest = false;
    pthread_mutex_unlock(&g->lock);
}

void
tg_guard_hold_store(struct tg_guard *g, const char *reason)
{
    pthread_mutex_lock(&g->lock);
    (void) snprintf(g->store_reason, sizeof(g->store_reason), "%s", reason);
    pthread_mutex_unlock(&g->lock);
}

void
tg_guard_stop(struct tg_guard *g, const char *trouble)
{
    pthread_mutex_lock(&g->lock);
    (void) snprintf(g->trouble, sizeof(g->trouble), "%s", trouble);
    pthread_mutex_unlock(&g->lock);
}

bool
tg_guard_reason(struct tg_guard *g, char out[TG_GUARD_REASON_SIZE])
{
    const char *reason = "";

    pthread_mutex_lock(&g->lock);
    if (g->trouble[0] != '\0') {
        reason = g->trouble;
    } else if (g->store_reason[0] != '\0') {
        reason = g->store_reason;
    } else if (!g->is_clock_trusted) {
        reason = g->clock_reason;
    } else if (g->is_before_newest) {
        reason = REASON_BEHIND;
    }
    memcpy(out, reason, strlen(reason) + 1);
    pthread_mutex_unlock(&g->lock);
    return out[0] != '\0';
}

bool
tg_guard_wants_date(struct tg_guard *g)
{
    bool wants;

    pthread_mutex_lock(&g->lock);
    wants = !g->is_clock_trusted;
    pthread_mutex_unlock(&g->lock);
    return wants;
}

void
tg_guard_state(struct tg_guard *g, int64_t *offset_s, int64_t *newest_hour)
{
    pthread_mutex_lock(&g->lock);
    *offset_s = g->offset_s;
    *newest_hour = g->newest_hour;
    pthread_mutex_unlock(&g->lock);
}
