/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <pthread.h>
#include <sched.h>

#include "billing/lease.h"

#define STATE(name) "SELECT COUNT(*) FROM ledger_record WHERE state = '" name "'"

/* Agreements agr-10.. with a unit or more each, sealed. */
static void
seal_buyers(struct world *w, int count)
{
    int  i;
    char id[32], account[32], key[32];

    world_count(w, 0, 1);
    for (i = 1; i < count; i++) {
        (void) snprintf(id, sizeof(id), "agr-%d", i + 10);
        (void) snprintf(account, sizeof(account), "2222222222%02d", i);
        (void) snprintf(key, sizeof(key), "key-%d", i + 10);
        world_agreement(w, id, account, "license");
        world_owner(w, (uint32_t) i, 1, id, key);
        world_count(w, (uint32_t) i, (uint32_t) i + 1);
    }
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
}

static void
batches_are_settled(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 60);
    world_report(w);
    assert_int_equal(w->market.requests, 3);
    assert_int_equal(w->market.largest, 25);
    assert_int_equal(world_int(w, STATE("settled")), 60);
    assert_int_equal(market_units(&w->market, ""), 60 * 61 / 2);
    assert_string_equal(world_text(w, "SELECT metering_record_id FROM"
        " ledger_record"), "meter-id");
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event WHERE"
        " event_name = 'BatchMeterUsage'"), 3);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_history"),
        3 * 60);
}

static void
each_mode_has_its_members(void **state)
{
    struct world *w = *state;

    world_agreement(w, "agr-a", "222222222222", "account");
    world_agreement(w, "agr-c", "333333333333", "customer");
    world_owner(w, 1, 1, "agr-a", "key-a");
    world_owner(w, 2, 1, "agr-c", "key-c");
    world_count(w, 0, 1);
    world_count(w, 1, 2);
    world_count(w, 2, 3);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    world_report(w);
    assert_int_equal(w->market.requests, 3); /* never mixed */
    assert_int_equal(market_units(&w->market, "|arn:aws:license-manager::1:"
        "license:l-agr-1|111111111111||apigateway"), 1);
    assert_int_equal(market_units(&w->market,
        "prod||222222222222||apigateway"), 2);
    assert_int_equal(market_units(&w->market,
        "prod|||cust-agr-c|apigateway"), 3);
}

static void
whatever_happens_each_unit_is_billed_once(void **state)
{
    struct world *w = *state;
    enum trouble  t;

    for (t = TROUBLE_NOT_SENT; t < TROUBLE_CLOCK; t++) {
        world_count(w, 0, 7);
        world_pass(w, 3700);
        assert_int_equal(world_seal(w), TG_OK);
        w->market.trouble = t;
        w->market.times = 3;
        world_report(w);
        if (world_int(w, STATE("settled")) != t) {
            fail_msg("trouble %d: %s", t, world_text(w, "SELECT state ||"
                " reason FROM ledger_record WHERE state <> 'settled'"));
        }
        assert_int_equal(market_units(&w->market, ""), 7 * (int64_t) t);
    }
    assert_int_equal(w->market.conflicts, 0); /* R2: the identical record */
}

static void
a_crash_between_sending_and_settling_is_asked_again(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 3);
    w->market.trouble = TROUBLE_LOST_REPLY;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sent")), 3);
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 3);
    assert_int_equal(market_units(&w->market, ""), 6);
    assert_int_equal(w->market.conflicts, 0);
}

static void
a_bad_record_is_found_and_the_others_are_settled(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 30);
    strcpy(w->market.poison, "222222222217");
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 29);
    assert_int_equal(world_int(w, STATE("refused")), 1);
    assert_string_equal(world_text(w, "SELECT customer_aws_account_id ||"
        " ' ' || reason FROM ledger_record WHERE state = 'refused'"),
        "222222222217 InvalidLicenseException: no");
    assert_true(w->market.requests < 14); /* halves, not one by one */
    assert_int_equal(market_units(&w->market, ""), 30 * 31 / 2 - 18);
}

static void
a_refused_record_is_never_sent_again(void **state)
{
    struct world *w = *state;
    int           requests;

    seal_buyers(w, 2);
    strcpy(w->market.unsubscribed, "222222222201");
    world_report(w);
    assert_string_equal(world_text(w, "SELECT substr(reason, 1, 21) FROM"
        " ledger_record WHERE state = 'refused'"), "CustomerNotSubscribed");
    requests = w->market.requests;
    world_pass(w, 5000);
    assert_int_equal(world_step(w), TG_NOTFOUND);
    assert_int_equal(w->market.requests, requests);
}

static void
another_quantity_of_the_hour_is_a_visible_conflict(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.count = 1;
    strcpy(w->market.records[0].who, "|arn:aws:license-manager::1:license:"
        "l-agr-1|111111111111||apigateway");
    w->market.records[0].hour = HOUR;
    w->market.records[0].quantity = 99;
    world_report(w);
    assert_string_equal(world_text(w, "SELECT substr(reason, 1, 15) FROM"
        " ledger_record WHERE state = 'refused'"), "DuplicateRecord");
    assert_int_equal(w->market.conflicts, 1);
}

static void
what_is_our_fault_refuses_nothing(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 2);
    w->market.trouble = TROUBLE_DENIED;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sealed")), 2); /* R6, L3 */
    assert_non_null(strstr(tg_reporter_trouble(w->reporter),
        "AccessDeniedException"));
    assert_int_equal(world_step(w), TG_BUSY);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 2);
    assert_string_equal(tg_reporter_trouble(w->reporter), "");
}

static void
what_surely_never_arrived_is_carried(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    w->market.trouble = TROUBLE_NOT_SENT;
    w->market.times = -1;
    assert_int_equal(world_step(w), TG_OK);
    world_pass(w, 24 * 3600);
    (void) world_step(w);
    assert_int_equal(world_int(w, STATE("carried")), 1); /* R5 */
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"),
        5);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"
        " WHERE hour > 1795395600 AND used_hour = 1795395600"), 5);
    w->market.times = 0;
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(market_units(&w->market, ""), 5);
}

static void
what_may_have_arrived_expires(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    w->market.trouble = TROUBLE_LOST_REPLY;
    w->market.times = -1;
    assert_int_equal(world_step(w), TG_OK);
    w->market.trouble = TROUBLE_THROTTLE; /* says nothing of the first */
    world_pass(w, 10);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sent")), 1);
    world_pass(w, 24 * 3600);
    (void) world_step(w);
    assert_int_equal(world_int(w, STATE("expired")), 1);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"
        " WHERE hour = 1795395600"), 5); /* L4: billed at most once */
}

static void
nothing_is_sent_while_the_clock_is_doubted(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->now_s += 7200; /* the boot clock does not move */
    assert_int_equal(world_step(w), TG_BUSY);
    assert_int_equal(w->market.requests, 0);
    w->now_s -= 7200;
    w->market.trouble = TROUBLE_CLOCK;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("settled")), 1);
    assert_int_equal(world_step(w), TG_BUSY); /* its Date was another */
}

static void
a_long_retry_after_is_obeyed(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.trouble = TROUBLE_THROTTLE;
    w->market.times = 1;
    w->market.retry_after_s = 1800;
    assert_int_equal(world_step(w), TG_OK);
    world_pass(w, 1799);
    assert_int_equal(world_step(w), TG_BUSY);
    assert_int_equal(w->market.requests, 1);
    world_pass(w, 1);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("settled")), 1);
}

/* The batch is another at the second time; the record is the same. */
static void
a_doubtful_record_goes_out_beside_new_ones(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.trouble = TROUBLE_LOST_REPLY;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    world_agreement(w, "agr-2", "222222222222", "license");
    world_owner(w, 1, 1, "agr-2", "key-2");
    world_count(w, 1, 5);
    assert_int_equal(world_seal_early(w, "agr-2"), TG_OK);
    strcpy(w->market.poison, "222222222222"); /* the whole batch is refused */
    world_pass(w, 10);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(w->market.largest, 2);
    assert_int_equal(world_int(w, STATE("sent")), 1); /* L3 */
    assert_int_equal(world_int(w, STATE("sealed")), 1);
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 1);
    assert_int_equal(world_int(w, STATE("refused")), 1);
    assert_int_equal(w->market.conflicts, 0);
    assert_int_equal(market_units(&w->market, ""), 1);
}

static void
an_echo_with_an_absurd_time_is_nobodys(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.trouble = TROUBLE_ABSURD_TIME;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sent")), 1); /* R3 */
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 1);
}

/* The reply to the batch before comes again: results name records. */
static void
an_answer_to_another_batch_settles_nothing(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 60);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("settled")), 25);
    w->market.trouble = TROUBLE_FORMER;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("settled")), 25);
    assert_int_equal(world_int(w, STATE("sent")), 25); /* R2 */
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_history WHERE"
        " reason = 'the answer did not mention this record'"), 25);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 60);
    assert_int_equal(market_units(&w->market, ""), 60 * 61 / 2);
    assert_int_equal(w->market.conflicts, 0);
}

/*
 * ---- what Amazon does not know
 */

#define WAITING "SELECT COUNT(*) FROM ledger_record WHERE state = 'sealed'"
#define HOLDS "SELECT COUNT(*) FROM ledger_hold"

/* Two buyers by account, a unit each, sealed. */
static void
seal_accounts(struct world *w)
{
    world_agreement(w, "agr-a", "222222222222", "account");
    world_agreement(w, "agr-b", "333333333333", "account");
    world_owner(w, 1, 1, "agr-a", "key-a");
    world_owner(w, 2, 1, "agr-b", "key-b");
    world_count(w, 1, 1);
    world_count(w, 2, 1);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
}

static void
a_product_that_is_not_known_waits_and_goes_on(void **state)
{
    int           i;
    struct world *w = *state;

    seal_accounts(w);
    strcpy(w->market.unknown_product, "prod");
    for (i = 0; i < 4000; i++) { /* an hour and more */
        (void) world_step(w);
        world_pass(w, 1);
    }
    assert_int_equal(world_int(w, WAITING), 2); /* R: nothing is refused */
    assert_int_equal(world_int(w, HOLDS), 1);
    assert_in_range(w->market.requests, 3, 12); /* now and then */
    assert_int_equal(w->market.largest, 2);
    assert_non_null(strstr(tg_reporter_trouble(w->reporter),
        "records of product prod wait since 2026-11-23T01:01:40Z:"
        " InvalidProductCodeException"));
    assert_int_equal(tg_reporter_stats(w->reporter).holds, 1);
    w->market.unknown_product[0] = '\0';
    world_pass(w, 900);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 2);
    assert_int_equal(world_int(w, HOLDS), 0);
    assert_string_equal(tg_reporter_trouble(w->reporter), "");
}

static void
a_person_need_not_wait_for_the_next_try(void **state)
{
    struct world *w = *state;

    seal_accounts(w);
    strcpy(w->market.unknown_product, "prod");
    assert_int_equal(world_step(w), TG_OK);
    w->market.unknown_product[0] = '\0';
    assert_int_equal(world_step(w), TG_NOTFOUND);
    assert_int_equal(tg_reporter_retry(w->reporter, &w->err), TG_OK);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("settled")), 2);
    w->market.trouble = TROUBLE_DENIED; /* credentials are mended */
    w->market.times = 1;
    world_count(w, 1, 1);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_step(w), TG_BUSY);
    assert_int_equal(tg_reporter_retry(w->reporter, &w->err), TG_OK);
    assert_int_equal(world_step(w), TG_OK);
}

static void
one_bad_licence_holds_up_nobody_else(void **state)
{
    int           i, requests;
    struct world *w = *state;

    seal_buyers(w, 30);
    strcpy(w->market.unknown_product, "222222222217");
    for (i = 0; i < 40; i++) {
        (void) world_step(w);
    }
    assert_int_equal(world_int(w, STATE("settled")), 29);
    assert_int_equal(world_int(w, WAITING " AND is_alone = 1"), 1);
    assert_int_equal(world_int(w, HOLDS), 0);
    requests = w->market.requests;
    for (i = 0; i < 3600; i++) {
        (void) world_step(w);
        world_pass(w, 1);
    }
    assert_in_range(w->market.requests - requests, 5, 60);
    w->market.unknown_product[0] = '\0';
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 30);
}

static void
a_dimension_that_is_not_known_waits_alone(void **state)
{
    int           i;
    struct world *w = *state;

    world_agreement(w, "agr-a", "222222222222", "license");
    world_owner(w, 1, 1, "agr-a", "key-a");
    world_sql(w, "UPDATE meter_owner SET dimension = 'calls' WHERE slot ="
        " 1");
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_count(w, 0, 1);
    world_count(w, 1, 1);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    strcpy(w->market.unknown_dimension, "calls");
    for (i = 0; i < 20; i++) {
        (void) world_step(w);
    }
    assert_int_equal(world_int(w, STATE("settled") " AND dimension ="
        " 'apigateway'"), 1);
    assert_int_equal(world_int(w, WAITING " AND dimension = 'calls'"), 1);
    assert_string_equal(world_text(w, "SELECT product_code || '/' ||"
        " dimension FROM ledger_hold"), "prod/calls");
    w->market.unknown_dimension[0] = '\0';
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 2);
}

static void
who_is_not_subscribed_is_remembered_until_a_record_is_taken(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 2);
    strcpy(w->market.unsubscribed, "222222222201");
    world_report(w);
    assert_int_equal(world_int(w, "SELECT unsubscribed_s FROM agreement"
        " WHERE id = 'agr-11'"), NOW);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM agreement WHERE"
        " unsubscribed_s IS NOT NULL"), 1);
    assert_string_equal(world_text(w, "SELECT reason FROM ledger_record WHERE"
        " state = 'refused'"), "CustomerNotSubscribed: the Marketplace knows"
        " no active agreement for this buyer; 2 units are not billed");
    assert_int_equal(tg_reporter_stats(w->reporter).unsubscribed, 1);
    w->market.unsubscribed[0] = '\0';
    world_pass(w, 3600);
    world_count(w, 1, 3);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM agreement WHERE"
        " unsubscribed_s IS NOT NULL"), 0);
}

static void
a_conflict_shows_both_figures(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.count = 1;
    strcpy(w->market.records[0].who, "|arn:aws:license-manager::1:license:"
        "l-agr-1|111111111111||apigateway");
    w->market.records[0].hour = HOUR;
    w->market.records[0].quantity = 99;
    w->market.recorded_elsewhere = 99; /* the answer tells */
    world_report(w);
    assert_int_equal(world_int(w, "SELECT amazon_quantity FROM ledger_record"
        " WHERE state = 'refused'"), 99);
    assert_string_equal(world_text(w, "SELECT answer || ': ' || reason FROM"
        " ledger_record"), "DuplicateRecord: DuplicateRecord: 1 units were"
        " reported here, and the Marketplace has 99 for this hour, which stay"
        " billed");
    assert_int_equal(tg_reporter_stats(w->reporter).duplicate, 1);
}

/*
 * ---- several in flight, several reporters
 */

/* A Marketplace that answers when as many requests are there as wanted. */
static struct {
    pthread_mutex_t  lock;
    pthread_cond_t   changed;
    struct world    *world;
    int              wanted, present, most;
} crowd = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0,
    0 };

static enum tg_aws_delivery
crowd_send(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    enum tg_aws_delivery delivery;

    pthread_mutex_lock(&crowd.lock);
    crowd.present++;
    crowd.most = crowd.present > crowd.most ? crowd.present : crowd.most;
    pthread_cond_broadcast(&crowd.changed);
    while (crowd.most < crowd.wanted) {
        pthread_cond_wait(&crowd.changed, &crowd.lock);
    }
    delivery = crowd.world->transport.send(data, request, reply, err);
    crowd.present--;
    pthread_mutex_unlock(&crowd.lock);
    return delivery;
}

static int64_t slept_s; /* by the other process, between two looks */

static int64_t
crowd_now_s(void)
{
    return crowd.world->now_s;
}

static int64_t
crowd_boot_s(void)
{
    return crowd.world->boot_s + slept_s;
}

/* Another reporter on the world's store. */
static struct tg_reporter *
open_another(struct world *w, struct tg_store **store, unsigned threads,
    struct tg_marketplace *marketplace)
{
    struct tg_reporter       *r;
    struct tg_reporter_config config = { .settings = w->settings,
        .marketplace = marketplace, .guard = &w->guard,
        .identity = "another", .holder = "another process",
        .threads = threads, .now_s = crowd_now_s, .boot_s = crowd_boot_s };

    crowd.world = w;
    slept_s = 0;
    assert_int_equal(tg_store_open(store, w->db, &w->err), TG_OK);
    config.store = *store;
    assert_int_equal(tg_reporter_new(&r, &config, &w->err), TG_OK);
    return r;
}

static void
several_requests_are_in_flight_at_once(void **state)
{
    struct world           *w = *state;
    struct tg_store        *store;
    struct tg_reporter     *r;
    struct tg_aws_transport crowded = { crowd_send, &w->market };
    struct tg_marketplace   m = w->marketplace;

    seal_buyers(w, 99);
    crowd.wanted = 4;
    crowd.most = 0;
    m.transport = &crowded;
    r = open_another(w, &store, 4, &m);
    while (world_int(w, STATE("settled")) < 99) {
        enum tg_status status = tg_reporter_step(r, w->now_s, w->boot_s,
            &w->err);

        assert_true(status == TG_OK || status == TG_BUSY);
        sched_yield();
    }
    assert_int_equal(crowd.most, 4);
    assert_int_equal(w->market.requests, 4); /* R: no record goes out twice */
    assert_int_equal(market_units(&w->market, ""), 99 * 100 / 2);
    assert_int_equal(tg_reporter_stats(r).settled, 99);
    tg_reporter_free(r);
    tg_store_close(store);
}

static void
of_two_reporters_one_sends(void **state)
{
    int                 i;
    struct world       *w = *state;
    struct tg_store    *store;
    struct tg_reporter *r;

    assert_int_equal(world_step(w), TG_NOTFOUND); /* takes the lease */
    r = open_another(w, &store, 0, &w->marketplace);
    seal_buyers(w, 3);
    assert_int_equal(tg_reporter_step(r, w->now_s, w->boot_s, &w->err),
        TG_BUSY);
    assert_non_null(strstr(w->err.message, "a test works as reporter"));
    assert_non_null(strstr(tg_reporter_trouble(r), "a test works"));
    assert_int_equal(w->market.requests, 0);
    for (i = 0; i < 126; i++) { /* the first one falls silent */
        world_pass(w, 1);
        if (tg_reporter_step(r, w->now_s, w->boot_s, &w->err) == TG_OK) {
            break;
        }
    }
    assert_in_range(i, TG_LEASE_TERM_S - 1, 125);
    assert_int_equal(world_int(w, STATE("settled")), 3);
    assert_true(tg_reporter_stats(r).is_holder);
    world_pass(w, 3600);
    world_count(w, 0, 1);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_step(w), TG_BUSY); /* R6: it was replaced */
    assert_int_equal(tg_reporter_stats(w->reporter).is_holder, 0);
    tg_reporter_free(r); /* gives it up: nobody waits */
    tg_store_close(store);
    world_pass(w, 1);
    assert_int_equal(world_step(w), TG_OK);
    assert_true(world_int(w, STATE("settled")) > 3);
}

static void
who_slept_past_its_term_sends_nothing(void **state)
{
    struct world       *w = *state;
    struct tg_store    *store;
    struct tg_reporter *r = open_another(w, &store, 0, &w->marketplace);

    seal_buyers(w, 3);
    slept_s = 95; /* between the commit and the request */
    assert_int_equal(tg_reporter_step(r, w->now_s, w->boot_s, &w->err),
        TG_OK);
    assert_int_equal(w->market.requests, 0);
    assert_int_equal(world_int(w, STATE("sealed")), 3); /* L3 */
    tg_reporter_free(r);
    tg_store_close(store);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 3);
}

static void
the_nearest_deadline_goes_first(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 30);
    world_agreement(w, "agr-z", "999999999999", "license");
    world_owner(w, 60, 1, "agr-z", "key-z");
    world_count(w, 60, 1000);
    world_sql(w, "UPDATE agreement SET state = 'ended', ended_s = 1795395690,"
        " product_code = 'zz-last' WHERE id = 'agr-z'"); /* has an hour */
    assert_int_equal(world_seal_early(w, "agr-z"), TG_OK);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(market_units(&w->market, "999999999999"), 1000);
}

/* What was put off by minutes is not put off for hours by the clock. */
static void
a_clock_set_back_lengthens_no_pause(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    world_pass(w, 6 * TG_HOUR_S);
    assert_int_equal(world_seal(w), TG_OK);
    w->market.trouble = TROUBLE_THROTTLE;
    w->market.times = 1;
    (void) world_step(w);
    assert_int_equal(w->market.requests, 1);
    w->now_s -= 3 * TG_HOUR_S;
    w->market.now_s = w->now_s;
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    (void) world_step(w);
    assert_int_equal(w->market.requests, 2);
    assert_int_equal(market_units(&w->market, ""), 5);
}

/* The clock is set back, rightly, and Amazon's agrees. */
static void
nothing_goes_out_with_a_time_that_is_still_to_come(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    world_pass(w, 2 * TG_HOUR_S + 100);
    assert_int_equal(world_seal(w), TG_OK);
    w->now_s = HOUR - 100;
    w->market.now_s = w->now_s;
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    assert_int_not_equal(world_step(w), TG_OK);
    assert_int_equal(w->market.requests, 0);
    world_pass(w, 200); /* the hour has begun, by this clock */
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_report(w);
    assert_int_equal(market_units(&w->market, ""), 5);
}

static void
statistics_count_what_is_committed(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 2);
    world_sql(w, "CREATE TRIGGER no BEFORE UPDATE ON ledger_record WHEN"
        " NEW.state = 'settled' BEGIN SELECT RAISE(ABORT, 'no'); END");
    assert_int_not_equal(world_step(w), TG_OK);
    assert_int_equal(tg_reporter_stats(w->reporter).settled, 0); /* R7 */
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event WHERE"
        " event_name = 'BatchMeterUsage'"), 1); /* the call was made */
    world_sql(w, "DROP TRIGGER no");
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 2);
    assert_int_equal(tg_reporter_stats(w->reporter).settled, 2);
    assert_int_equal(w->market.conflicts, 0);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(batches_are_settled),
        TEST(each_mode_has_its_members),
        TEST(whatever_happens_each_unit_is_billed_once),
        TEST(a_crash_between_sending_and_settling_is_asked_again),
        TEST(a_bad_record_is_found_and_the_others_are_settled),
        TEST(a_refused_record_is_never_sent_again),
        TEST(another_quantity_of_the_hour_is_a_visible_conflict),
        TEST(what_is_our_fault_refuses_nothing),
        TEST(what_surely_never_arrived_is_carried),
        TEST(what_may_have_arrived_expires),
        TEST(nothing_is_sent_while_the_clock_is_doubted),
        TEST(a_long_retry_after_is_obeyed),
        TEST(a_doubtful_record_goes_out_beside_new_ones),
        TEST(an_echo_with_an_absurd_time_is_nobodys),
        TEST(an_answer_to_another_batch_settles_nothing),
        TEST(a_product_that_is_not_known_waits_and_goes_on),
        TEST(a_person_need_not_wait_for_the_next_try),
        TEST(one_bad_licence_holds_up_nobody_else),
        TEST(a_dimension_that_is_not_known_waits_alone),
        TEST(who_is_not_subscribed_is_remembered_until_a_record_is_taken),
        TEST(a_conflict_shows_both_figures),
        TEST(several_requests_are_in_flight_at_once),
        TEST(of_two_reporters_one_sends),
        TEST(who_slept_past_its_term_sends_nothing),
        TEST(the_nearest_deadline_goes_first),
        TEST(a_clock_set_back_lengthens_no_pause),
        TEST(nothing_goes_out_with_a_time_that_is_still_to_come),
        TEST(statistics_count_what_is_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
