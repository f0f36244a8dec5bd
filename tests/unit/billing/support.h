/*
 * support.h - a store, meters and a Marketplace for tests of billing
 *
 * The store is a real file, the meters are real files; the Marketplace is a
 * transport that keeps records as Amazon does: the first one of an hour wins,
 * the same one again is Success, another quantity is DuplicateRecord.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_TEST_BILLING_SUPPORT_H
#define TG_TEST_BILLING_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aws/marketplace.h"
#include "billing/collector.h"
#include "billing/guard.h"
#include "billing/reporter.h"
#include "plane/board.h"
#include "plane/meters.h"
#include "settings/settings.h"
#include "store/store.h"

#include "fault.h"
#include "usage.h"

#define HOUR INT64_C(1795395600) /* 2026-11-23T01:00:00Z */
#define NOW (HOUR + 100)
#define BOOT INT64_C(1000) /* the boot clock at NOW */
#define RECORDED_MAX 512

/* How the Marketplace treats the next requests. */
enum trouble {
    TROUBLE_NONE,
    TROUBLE_NOT_SENT,    /* nobody listens */
    TROUBLE_LOST,        /* not recorded, and no answer */
    TROUBLE_LOST_REPLY,  /* recorded, and no answer */
    TROUBLE_THROTTLE,
    TROUBLE_INTERNAL,
    TROUBLE_UNPROCESSED, /* the last record of the batch */
    TROUBLE_SILENT,      /* says nothing of the last record */
    TROUBLE_NO_JSON,
    TROUBLE_REVERSED,    /* the results in another order, each twice */
    TROUBLE_DENIED,      /* AccessDeniedException */
    TROUBLE_ABSURD_TIME, /* echoes a time that no number holds */
    TROUBLE_FORMER,      /* recorded; the reply is that of the request before */
    TROUBLE_CLOCK,       /* its Date is a day ahead */
};

/* What the Marketplace would bill. */
struct recorded {
    char    who[256]; /* product, licence, account or customer */
    int64_t hour;
    int64_t timestamp;
    int64_t quantity;
};

struct market {
    enum trouble    trouble;
    enum trouble    faulty; /* what FAULT_NET is */
    int             times;  /* of trouble; -1: for ever */
    int64_t         retry_after_s; /* in every reply; 0: none */
    char            poison[64];   /* a batch with this account is refused */
    char            unsubscribed[64];
    char            unknown_product[64];   /* or the account of one */
    char            unknown_dimension[64];
    int64_t         recorded_elsewhere; /* DuplicateRecord echoes it; 0: no */
    int64_t         now_s;
    int             requests;
    size_t          largest; /* records in a request */
    struct recorded records[RECORDED_MAX];
    size_t          count;
    int             conflicts; /* DuplicateRecord answers */
    char            former[16384]; /* the last reply with 200; "": none */
};

struct world {
    char                    dir[64];
    char                    db[96];
    struct tg_settings     *settings;
    struct tg_store        *store; /* the collector's */
    struct tg_store        *other; /* the reporter's */
    struct tg_board_map     board;
    struct tg_meters       *meters; /* as a worker has them */
    struct tg_guard         guard;
    struct tg_collector    *collector;
    struct tg_reporter     *reporter;
    struct market           market;
    struct tg_aws_transport transport;
    struct tg_marketplace   marketplace;
    char                    file_id[2 * TG_PLANE_ID_SIZE + 1];
    int64_t                 now_s, boot_s;
    unsigned                cells_max; /* of a fold's transaction; 0: many */
    bool                    is_open;
    struct tg_error         err;
};

/* cmocka's: a world with an agreement "agr-1" in slot 0. */
int world_set_up(void **state);
int world_tear_down(void **state);

/*
 * The daemon goes and comes back: collector, reporter, guard, stores.  What
 * could not be opened is closed again: is_open.
 */
void world_restart(struct world *w);
enum tg_status world_try_restart(struct world *w);
enum tg_status world_open(struct world *w);
void world_close(struct world *w);

/* To be followed by a restart: the machine was off in between. */
void world_boot_anew(struct world *w);

/* A copy of the store is kept; and put back, to be followed by a restart. */
void world_keep_store(struct world *w);
void world_put_store_back(struct world *w);

/* Board and meters are removed and made anew; to be followed by a restart. */
void world_make_files_anew(struct world *w);

/* Time passes, on both clocks. */
void world_pass(struct world *w, int64_t seconds);

/* An active agreement in mode license, by account; its slot counts. */
void world_agreement(struct world *w, const char *id, const char *account,
    const char *mode);
void world_owner(struct world *w, uint32_t slot, uint32_t owner,
    const char *agreement, const char *key);

/* A call finishes now. */
void world_count(struct world *w, uint32_t slot, uint32_t units);

/* The lane of HOUR in slot 0. */
_Atomic uint32_t *world_lane(const struct world *w);

enum tg_status world_fold(struct world *w);
enum tg_status world_seal(struct world *w); /* a full fold, then regular */
enum tg_status world_seal_early(struct world *w, const char *agreement);

/* Reports until nothing is due, passing time for back-offs. */
void world_report(struct world *w);
enum tg_status world_step(struct world *w);

/* One number out of the store. */
int64_t world_int(struct world *w, const char *sql);
/* A text; "" for NULL; static. */
const char *world_text(struct world *w, const char *sql);
void world_sql(struct world *w, const char *sql);

/* Units that the Marketplace has for an account, "": for all. */
int64_t market_units(const struct market *m, const char *who);

#endif
