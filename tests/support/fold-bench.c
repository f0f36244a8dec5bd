/*
 * fold-bench.c - how fast the collector folds; what `script/bench fold' runs
 *
 *     fold-bench FOLDER METERS FOLDS
 *
 * In FOLDER it makes a state directory and a store with so many meters, each
 * of an agreement of its own.  A call is counted in every meter and folded,
 * for the first time in the meters' life; then, FOLDS times, in a new hour
 * and once more in that hour; in the end by a collector that has just been
 * opened.  Each fold is a line of JSON:
 *
 *     {"hour": "first", "new", "same" or "opened", "meters", "changed", "ms",
 *      "cpu_ms"}
 *
 * The last hour is sealed: {"sealed": records, "ms", "cpu_ms"}.
 *
 * A fold with nothing to do, and one with a hundredth changed, are measured
 * too: what a fold costs must not grow with the meters that exist.  The sweep
 * before a seal ("sweep") looks at all of them, and finds nothing new.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "billing/collector.h"
#include "billing/sealer.h"
#include "core/hours.h"
#include "plane/meters.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/digest.h"

#define NOW INT64_C(1795395700)
#define BOOT INT64_C(1000)

struct bench {
    char                 file_id[2 * TG_PLANE_ID_SIZE + 1];
    uint32_t             meter_count;
    int64_t              now_s;
    struct tg_store     *store;
    struct tg_board_map  board;
    struct tg_meters    *meters; /* as a worker has them */
    struct tg_guard      guard;
    struct tg_collector *collector;
    struct tg_error      err;
};

static void
must(struct bench *b, enum tg_status status)
{
    if (status != TG_OK) {
        (void) fprintf(stderr, "fold-bench: %s\n", b->err.message);
        exit(1);
    }
}

/* An agreement, a key and a plan that look as long as real ones. */
static void
add_owner(struct bench *b, uint32_t slot)
{
    char agreement[TG_UUID_SIZE], account[16], key[16];

    tg_uuid(agreement);
    tg_random_text(key, 10, "abcdefghijklmnopqrstuvwxyz0123456789");
    (void) snprintf(account, sizeof(account), "%012" PRIu32, slot);
    must(b, tg_store_exec(b->store, &b->err, "INSERT INTO agreement (id,"
        " product_code, identity_mode, customer_aws_account_id, license_arn,"
        " state, activated_s, created_s, updated_s) VALUES ($1, 'prod',"
        " 'license', $2, $1, 'active', 1, 1, 1)", "ss", agreement, account));
    must(b, tg_store_exec(b->store, &b->err, "INSERT INTO meter_owner"
        " (file_id, slot, owner, key_id, plan_id, product_code, dimension,"
        " agreement_id, state, opened_s) VALUES ($1, $2, 1, $3,"
        " 'h3k2l1m9qz', 'prod', 'apigateway', $4, 'open', 1)", "siss",
        b->file_id, (int64_t) slot, key, agreement));
    atomic_store(&tg_meters_cell(b->meters, slot)->owner, 1);
}

static void
make_meters(struct bench *b, const char *folder)
{
    bool              fresh;
    uint32_t          slot;
    struct tg_meters *made;

    must(b, tg_board_create(&b->board, folder, &fresh, &b->err));
    tg_hex(b->file_id, b->board.page->file_id, TG_PLANE_ID_SIZE);
    must(b, tg_meters_create(&made, folder, &b->board, &b->err));
    while (tg_meters_slots(made) < b->meter_count) {
        must(b, tg_meters_grow(made, &b->err));
    }
    tg_meters_close(made);
    must(b, tg_meters_open(&b->meters, folder, b->board.page, &b->err));
    must(b, tg_store_begin(b->store, TG_STORE_ORDERED, &b->err));
    for (slot = 0; slot < b->meter_count; slot++) {
        add_owner(b, slot);
    }
    must(b, tg_store_commit(b->store, &b->err));
}

static void
open_collector(struct bench *b, const char *folder)
{
    struct tg_collector_config config = { .board = &b->board,
        .store = b->store, .state_dir = folder, .guard = &b->guard,
        .account_id = "123456789012", .region = "us-east-1" };

    must(b, tg_collector_open(&b->collector, &config, b->now_s, BOOT,
        &b->err));
}

static void
open_all(struct bench *b, const char *folder)
{
    char path[PATH_MAX];

    b->now_s = NOW;
    (void) snprintf(path, sizeof(path), "%s/t.db", folder);
    must(b, tg_store_open(&b->store, path, &b->err));
    must(b, tg_store_migrate(b->store, b->now_s, &b->err));
    make_meters(b, folder);
    tg_guard_init(&b->guard);
    open_collector(b, folder);
}

static double
milliseconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

/* Folds, after a call in every step-th meter (0: in none). */
static void
measure(struct bench *b, const char *hour, uint32_t step)
{
    bool     is_sweep = strcmp(hour, "sweep") == 0;
    double   wall, cpu;
    uint32_t slot, changed = 0;

    for (slot = 0; step > 0 && slot < b->meter_count; slot += step) {
        tg_meters_count(b->meters, slot, tg_hour_of(b->now_s), 1);
        changed++;
    }
    wall = milliseconds(CLOCK_MONOTONIC);
    cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    must(b, tg_collector_fold(b->collector, is_sweep, b->now_s, &b->err));
    (void) printf("{\"hour\": \"%s\", \"meters\": %" PRIu32 ", \"changed\":"
        " %" PRIu32 ", \"ms\": %.3f, \"cpu_ms\": %.3f}\n", hour,
        b->meter_count, changed, milliseconds(CLOCK_MONOTONIC) - wall,
        milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

/* Makes a record of each agreement's hour. */
static void
measure_seal(struct bench *b, const char *folder)
{
    double              wall, cpu;
    char                path[PATH_MAX];
    int64_t             sealed = 0;
    struct tg_settings *settings;
    static const char   text[] = "state_dir: .\naccount_id: \"123456789012\""
        "\n";

    (void) snprintf(path, sizeof(path), "%s/tallygate.yaml", folder);
    must(b, tg_settings_parse(&settings, path, text, sizeof(text) - 1,
        &b->err));
    must(b, tg_sealer_through(b->store, &sealed, settings,
        b->now_s, &b->err));
    b->now_s += TG_HOUR_S;
    wall = milliseconds(CLOCK_MONOTONIC);
    cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    must(b, tg_sealer_regular(b->store, &sealed, settings, b->now_s,
        &b->err));
    (void) printf("{\"sealed\": %" PRId64 ", \"ms\": %.3f, \"cpu_ms\":"
        " %.3f}\n", sealed, milliseconds(CLOCK_MONOTONIC) - wall,
        milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    tg_settings_free(settings);
}

int
main(int argc, char **argv)
{
    long         i, folds;
    struct bench b = { 0 };

    if (argc != 4) {
        (void) fprintf(stderr, "usage: fold-bench FOLDER METERS FOLDS\n");
        return 2;
    }
    b.meter_count = (uint32_t) strtoul(argv[2], NULL, 10);
    folds = strtol(argv[3], NULL, 10);
    open_all(&b, argv[1]);
    must(&b, tg_collector_fold(b.collector, true, b.now_s, &b.err));
    measure(&b, "first", 1);
    for (i = 0; i < folds; i++) {
        b.now_s += TG_HOUR_S;
        measure(&b, "new", 1);
        measure(&b, "same", 1);
        measure(&b, "same", 100);
        measure(&b, "same", 0);
        measure(&b, "sweep", 0);
    }
    tg_collector_close(b.collector);
    open_collector(&b, argv[1]);
    must(&b, tg_collector_fold(b.collector, true, b.now_s, &b.err));
    measure(&b, "opened", 1);
    measure_seal(&b, argv[1]);
    tg_collector_close(b.collector);
    tg_meters_close(b.meters);
    tg_board_close(&b.board);
    tg_store_close(b.store);
    tg_guard_clear(&b.guard);
    return 0;
}
