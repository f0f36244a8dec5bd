/*
 * month.c - a month of hourly reports, with what happens in a month
 *
 * Many buyers are counted hour after hour, through the end of a month.  The
 * daemon is away now and then, the Marketplace for a day and more, some
 * buyers change their identity mode.  The Marketplace here keeps Amazon's
 * rules; in the end it bills each buyer what was counted, to the unit.
 *
 * The whole of it (TALLYGATE_TEST_LONG) is 1,000 buyers and 30 days.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include <jansson.h>

#include "core/hours.h"

#define BUYERS_MAX 1000
#define DAYS_MAX 31
#define HOURS_MAX (DAYS_MAX * 24 + 8)
#define UNUSED (-1)

/* What Amazon has, by buyer and hour; UNUSED: nothing. */
static struct {
    int64_t  start; /* the first hour */
    int64_t  now_s;
    bool     is_away;
    uint64_t requests;
    uint64_t refused;  /* whole requests, for a time that is out of bounds */
    uint64_t conflicts;
    uint64_t doubled;  /* hours billed in two modes */
    int64_t  by_license[BUYERS_MAX][HOURS_MAX];
    int64_t  by_account[BUYERS_MAX][HOURS_MAX];
} amazon;

struct month {
    int     buyers;
    int     days;
    int64_t counted[BUYERS_MAX];
};

/*
 * ---- Amazon
 */

/* A zero said and not said are the same; two quantities are not. */
static const char *
record_usage(const json_t *usage)
{
    int64_t     quantity = json_integer_value(json_object_get(usage,
        "Quantity"));
    int64_t     hour = (json_integer_value(json_object_get(usage,
        "Timestamp")) - amazon.start) / TG_HOUR_S;
    int         buyer = atoi(json_string_value(json_object_get(usage,
        "CustomerAWSAccountId")));
    bool        is_license = json_object_get(usage, "LicenseArn") != NULL;
    int64_t    *mine, *other;

    assert_in_range(buyer, 0, BUYERS_MAX - 1);
    assert_in_range(hour, 0, HOURS_MAX - 1);
    mine = is_license ? &amazon.by_license[buyer][hour]
                      : &amazon.by_account[buyer][hour];
    other = is_license ? &amazon.by_account[buyer][hour]
                       : &amazon.by_license[buyer][hour];
    amazon.doubled += *other != UNUSED;
    if (*mine == UNUSED) {
        *mine = quantity;
    }
    amazon.conflicts += *mine != quantity;
    return *mine == quantity ? "Success" : "DuplicateRecord";
}

static bool
is_out_of_bounds(const json_t *records)
{
    size_t  i;
    json_t *usage;

    json_array_foreach ((json_t *) records, i, usage) {
        int64_t time = json_integer_value(json_object_get(usage,
            "Timestamp"));

        if (time > amazon.now_s || amazon.now_s >= tg_hour_deadline(time)) {
            return true;
        }
    }
    return false;
}

static enum tg_aws_delivery
send(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    size_t  i;
    char   *text;
    json_t *usage;
    json_t *body = json_loadb(request->body, request->body_len, 0, NULL);
    json_t *records = json_object_get(body, "UsageRecords");
    json_t *answer = json_object(), *results = json_array();

    (void) data;
    assert_non_null(body);
    assert_in_range(json_array_size(records), 1, 25);
    reply->date_s = amazon.now_s;
    reply->status = 200;
    amazon.requests++;
    if (amazon.is_away) {
        json_decref(body);
        json_decref(answer);
        json_decref(results);
        (void) tg_error_set(err, TG_IO, "nobody listens");
        return TG_AWS_NOT_SENT;
    }
    if (is_out_of_bounds(records)) {
        amazon.refused++;
        reply->status = 400;
        json_object_set_new(answer, "__type", json_string(
            "TimestampOutOfBoundsException"));
    } else {
        json_array_foreach (records, i, usage) {
            json_array_append_new(results, json_pack("{s:O, s:s, s:s}",
                "UsageRecord", usage, "MeteringRecordId", "id", "Status",
                record_usage(usage)));
        }
        json_object_set(answer, "Results", results);
    }
    text = json_dumps(answer, JSON_COMPACT);
    assert_int_equal(tg_buf_puts(&reply->body, text), TG_OK);
    free(text);
    json_decref(results);
    json_decref(answer);
    json_decref(body);
    return TG_AWS_ANSWERED;
}

static int64_t
billed(int buyer)
{
    int     hour;
    int64_t units = 0;

    for (hour = 0; hour < HOURS_MAX; hour++) {
        units += amazon.by_license[buyer][hour] != UNUSED
            ? amazon.by_license[buyer][hour] : 0;
        units += amazon.by_account[buyer][hour] != UNUSED
            ? amazon.by_account[buyer][hour] : 0;
    }
    return units;
}

/*
 * ---- a month
 */

static void
pass(struct world *w, int64_t seconds)
{
    world_pass(w, seconds);
    amazon.now_s = w->now_s;
}

/* Reports until nothing is due now. */
static void
report(struct world *w)
{
    int waits = 0;

    while (waits < 90) {
        if (world_step(w) != TG_OK) {
            pass(w, 1); /* back-offs */
            waits++;
        }
    }
}

/*
 * For six hours now and then; and when the month ends, until 06:00 UTC, the
 * last moment for its hours, is past.
 */
static bool
is_daemon_away(int hour)
{
    return hour % 53 > 46 || (hour >= 186 && hour < 200);
}

/* So many calls of a buyer in the hour: none in some. */
static uint32_t
calls_of(int buyer, int hour)
{
    uint32_t mixed = (uint32_t) (buyer * 2654435761U + hour * 40503U);

    return (mixed >> 7) % 4 == 0 ? 0 : (mixed >> 11) % 90;
}

/* An hour of calls, in two parts, folded and not. */
static void
run_hour(struct world *w, struct month *m, int hour, bool is_away)
{
    int      i, part;
    uint32_t units;

    for (part = 0; part < 2; part++) {
        for (i = 0; i < m->buyers; i++) {
            units = calls_of(i, 2 * hour + part);
            if (units > 0) {
                world_count(w, (uint32_t) i + 1, units);
                m->counted[i] += units;
            }
        }
        if (!is_away) {
            assert_int_equal(world_fold(w), TG_OK);
        }
        pass(w, 1700);
    }
    pass(w, TG_HOUR_S - (w->now_s - amazon.start) % TG_HOUR_S + 70);
    if (!is_away) {
        assert_int_equal(world_seal(w), TG_OK);
        report(w);
    }
}

/* Every third buyer has another mode from this hour on. */
static void
switch_modes(struct world *w)
{
    world_sql(w, "UPDATE agreement SET identity_mode = CASE identity_mode"
        " WHEN 'license' THEN 'account' ELSE 'license' END WHERE"
        " id <> 'agr-1' AND CAST(customer_aws_account_id AS INTEGER) % 3"
        " = 0");
}

static void
set_up_month(struct world *w, struct month *m)
{
    int  i, hour;
    char id[32], account[32];

    w->transport.send = send;
    amazon.start = HOUR;
    amazon.now_s = w->now_s;
    for (i = 0; i < m->buyers; i++) {
        for (hour = 0; hour < HOURS_MAX; hour++) {
            amazon.by_license[i][hour] = UNUSED;
            amazon.by_account[i][hour] = UNUSED;
        }
        (void) snprintf(id, sizeof(id), "buyer-%d", i);
        (void) snprintf(account, sizeof(account), "%012d", i);
        world_agreement(w, id, account, i % 2 == 0 ? "license" : "account");
        (void) snprintf(account, sizeof(account), "key-%d", i);
        world_owner(w, (uint32_t) i + 1, 1, id, account);
    }
    world_sql(w, "UPDATE agreement SET state = 'ended', ended_s = 1 WHERE"
        " id = 'agr-1'");
}

static void
check_month(struct world *w, const struct month *m)
{
    int i;

    for (i = 0; i < m->buyers; i++) {
        if (billed(i) != m->counted[i]) {
            fail_msg("buyer %d: %lld billed, %lld counted", i,
                (long long) billed(i), (long long) m->counted[i]);
        }
    }
    assert_int_equal(amazon.conflicts, 0);
    assert_int_equal(amazon.doubled, 0);
    assert_int_equal(amazon.refused, 0);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_record WHERE"
        " state IN ('sealed', 'sent', 'refused') OR (state = 'expired' AND"
        " quantity > 0)"), 0);
}

static void
a_month_is_billed_to_the_unit(void **state)
{
    int           hour, hours;
    bool          is_long = getenv("TALLYGATE_TEST_LONG") != NULL;
    struct world *w = *state;
    struct month *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    m->buyers = is_long ? BUYERS_MAX : 30;
    m->days = is_long ? 30 : 9;
    hours = m->days * 24;
    set_up_month(w, m);
    for (hour = 0; hour < hours; hour++) {
        /* a day and more without the Marketplace: some hours grow too old */
        amazon.is_away = hour >= 50 && hour < 77;
        if (hour == 100 || hour == 130) {
            switch_modes(w);
        }
        if (hour % 67 == 66) {
            world_restart(w);
        }
        run_hour(w, m, hour, is_daemon_away(hour));
    }
    for (hour = 0; hour < 4; hour++) {
        pass(w, TG_HOUR_S);
        assert_int_equal(world_seal(w), TG_OK);
        report(w);
    }
    check_month(w, m);
    assert_true(world_int(w, "SELECT COUNT(*) FROM ledger_record WHERE"
        " state = 'carried' AND hour < 1796083200") > 0); /* December */
    assert_true(world_int(w, "SELECT COUNT(*) FROM ledger_record WHERE"
        " state = 'carried' AND hour > 1796050000 AND hour < 1796083200")
        > 0);
    (void) printf("%d buyers, %d hours: %lld records in %llu requests\n",
        m->buyers, hours, (long long) world_int(w, "SELECT COUNT(*) FROM"
        " ledger_record"), (unsigned long long) amazon.requests);
    free(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_month_is_billed_to_the_unit,
            world_set_up, world_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
