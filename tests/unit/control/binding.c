/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "control/customers.h"
#include "core/identity.h"
#include "core/quota.h"

#define VALUE "abcdefghijklmnopqrstuvwxyz"
#define ARN "arn:aws:license-manager::294406891311:license:l-one"

/* Registers an agreement as the onboarding does. */
static void
register_agreement(struct place *p, const char *id, const char *account,
    const char *arn, const char *state)
{
    struct tg_arena  arena;
    struct tg_change change;
    struct tg_error  err = {0};

    tg_arena_init(&arena);
    assert_int_equal(tg_change_begin(&change, p->control, &arena, p->now_s,
        &err), TG_OK);
    assert_int_equal(tg_store_exec(change.store, &err,
        "INSERT INTO agreement (id, product_code, identity_mode,"
        " customer_aws_account_id, license_arn, license_id, state, created_s,"
        " updated_s) VALUES ($1, 'prod', 'license', $2, $3, $4, $5, 1, 1)"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state", "sssss",
        id, account, arn, tg_license_id(arn), state), TG_OK);
    if (tg_binding_refresh_agreement(&change, id, &err) != TG_OK
        || tg_change_commit(&change, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
    tg_arena_clear(&arena);
}

/* The present slot's agreement, or '' ; of the only key in the only plan. */
static void
assert_bound(struct place *p, const char *agreement, const char *reason)
{
    struct tg_key         e;
    struct tg_meter_cell *cell;
    struct tg_stmt       *q = NULL;

    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(e.plan_count, 1);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    assert_int_equal(atomic_load(&cell->owner), e.plans[0].owner);
    assert_int_equal(tg_store_query(p->control->store, &q, NULL,
        "SELECT coalesce(agreement_id, ''), coalesce(reason, ''), state"
        " FROM meter_owner WHERE file_id = $1 AND slot = $2 AND owner = $3",
        "sii", p->control->file_id, (int64_t) e.plans[0].cell,
        (int64_t) e.plans[0].owner), TG_OK);
    assert_int_equal(tg_stmt_next(q, NULL), TG_OK);
    assert_string_equal(tg_stmt_text(q, 0), agreement);
    if (strstr(tg_stmt_text(q, 1), reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", tg_stmt_text(q, 1), reason);
    }
    assert_string_equal(tg_stmt_text(q, 2), "open");
    tg_stmt_done(q);
}

static char key_id[32];
static char plan_id[32];

static void
scene(struct place *p, const char *customer)
{
    char target[64];

    (void) snprintf(key_id, sizeof(key_id), "%s",
        make_key(p, VALUE, customer));
    (void) snprintf(plan_id, sizeof(plan_id), "%s",
        make_plan(p, "\"quota\":{\"limit\":5,\"period\":\"DAY\"}"));
    (void) snprintf(target, sizeof(target), "/usageplans/%s", plan_id);
    assert_int_equal(patch(p, target, "add", "/productCode", "prod"), 200);
    assert_int_equal(attach(p, plan_id, key_id), 201);
}

static int64_t
retired(struct place *p)
{
    return number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state = 'retired'");
}

static void
a_key_finds_its_agreement_whenever_it_comes(void **state)
{
    char          target[64];
    struct place *p = *state;

    scene(p, "l-one");
    assert_bound(p, "", "no agreement is registered");
    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    assert_bound(p, "agr-1", "");
    assert_int_equal(retired(p), 1);
    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    assert_int_equal(retired(p), 1); /* nothing new: the slot stays */
    (void) snprintf(target, sizeof(target), "/apikeys/%s", key_id);
    assert_int_equal(patch(p, target, "replace", "/customerId",
        "111111111111"), 200);
    assert_int_equal(retired(p), 1);
    assert_bound(p, "agr-1", "");
    assert_int_equal(patch(p, target, "replace", "/customerId", "other"),
        200);
    assert_bound(p, "", "no agreement is registered");
    assert_int_equal(retired(p), 2);
    assert_int_equal(patch(p, target, "replace", "/enabled", "false"), 200);
    assert_int_equal(retired(p), 2);
}

static void
tags_name_one_of_several_agreements(void **state)
{
    char          target[128];
    struct place *p = *state;

    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    register_agreement(p, "agr-2", "111111111111", ARN "2", "active");
    scene(p, "111111111111");
    assert_bound(p, "", "several agreements are active");
    (void) snprintf(target, sizeof(target), "/tags/arn%%3Aaws%%3Aapigateway"
        "%%3Aus-east-1%%3A%%3A%%2Fapikeys%%2F%s", key_id);
    assert_int_equal(call(p, "PUT", target,
        "{\"tags\":{\"tallygate:licenseArn\":\"" ARN "2\"}}"), 204);
    assert_bound(p, "agr-2", "");
    register_agreement(p, "agr-2", "111111111111", ARN "2", "ended");
    assert_bound(p, "", "not active");
    strcat(target, "?tagKeys=tallygate:licenseArn");
    assert_int_equal(call(p, "DELETE", target, ""), 204);
    assert_bound(p, "agr-1", "");
}

/* A seller's own program: no visit to our portal has registered anything. */
static void
tags_that_name_an_agreement_in_full_register_it(void **state)
{
    char          target[128];
    struct place *p = *state;

    scene(p, "buyer-7");
    (void) snprintf(target, sizeof(target), "/tags/arn%%3Aaws%%3Aapigateway"
        "%%3Aus-east-1%%3A%%3A%%2Fapikeys%%2F%s", key_id);
    assert_int_equal(call(p, "PUT", target,
        "{\"tags\":{\"tallygate:licenseArn\":\"" ARN "\"}}"), 204);
    assert_bound(p, "", "no agreement is registered for the key's tags");
    assert_int_equal(call(p, "PUT", target,
        "{\"tags\":{\"tallygate:customerAWSAccountId\":\"12\"}}"), 204);
    assert_bound(p, "", "no agreement is registered for the key's tags");
    assert_int_equal(call(p, "PUT", target,
        "{\"tags\":{\"tallygate:customerAWSAccountId\":"
        "\"111111111111\"}}"), 204);
    assert_int_equal(number(p, "SELECT count(*) FROM agreement WHERE"
        " product_code = 'prod' AND identity_mode = 'license' AND"
        " license_id = 'l-one' AND state = 'active' AND"
        " customer_aws_account_id = '111111111111'"), 1);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner o JOIN"
        " agreement a ON a.id = o.agreement_id WHERE o.state = 'open'"), 1);
    assert_int_equal(call(p, "PUT", target,
        "{\"tags\":{\"tallygate:customerAWSAccountId\":"
        "\"222222222222\"}}"), 204);
    assert_bound(p, "", "no agreement is registered for the key's tags");
    assert_int_equal(number(p, "SELECT count(*) FROM agreement"), 1);
}

static void
the_product_of_the_plan_decides(void **state)
{
    char          target[64];
    struct place *p = *state;

    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    scene(p, "111111111111");
    assert_bound(p, "agr-1", "");
    (void) snprintf(target, sizeof(target), "/usageplans/%s", plan_id);
    assert_int_equal(patch(p, target, "replace", "/productCode",
        "pure-contract"), 200);
    assert_bound(p, "", "never metered");
    assert_int_equal(patch(p, target, "remove", "/productCode", ""), 200);
    assert_bound(p, "", "no product code");
}

/* G3 */
static void
quota_and_throttle_follow_the_key(void **state)
{
    uint64_t              word = tg_quota_word(tg_quota_period_at(
        TG_QUOTA_DAY, 0, NOW), 3);
    struct place         *p = *state;
    struct tg_key         e;
    _Atomic uint32_t     *lane;
    struct tg_meter_cell *cell;

    scene(p, "l-one");
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    lane = tg_meters_lane(p->control->meters, e.plans[0].cell, 7);
    atomic_store(&cell->used, word);
    atomic_store(&cell->tat, 12345);
    atomic_store(lane, 99);
    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_ptr_not_equal(cell, tg_meters_cell(p->control->meters,
        e.plans[0].cell));
    assert_int_equal(atomic_load(lane), 99); /* M1 */
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    assert_true(atomic_load(&cell->used) == word);
    assert_int_equal(atomic_load(&cell->tat), 12345);
    lane = tg_meters_lane(p->control->meters, e.plans[0].cell, 7);
    assert_int_equal(atomic_load(lane), 0);
}

static uint64_t
used_today(struct place *p)
{
    struct tg_key e;

    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    return tg_quota_used(atomic_load(&tg_meters_cell(p->control->meters,
        e.plans[0].cell)->used), tg_quota_period_at(TG_QUOTA_DAY, 0, NOW));
}

/* G3: before the former cell is closed, and after */
static void
a_key_that_comes_back_has_used_what_it_had(void **state)
{
    char          sql[512];
    char          target[128];
    struct place *p = *state;
    struct tg_key e;

    scene(p, "l-one");
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys/%s",
        plan_id, key_id);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    atomic_store(&tg_meters_cell(p->control->meters, e.plans[0].cell)->used,
        tg_quota_word(tg_quota_period_at(TG_QUOTA_DAY, 0, NOW), 3));
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_int_equal(attach(p, plan_id, key_id), 201);
    assert_int_equal(used_today(p), 3);

    (void) snprintf(sql, sizeof(sql), "INSERT INTO usage_detail (node,"
        " agreement_id, product_code, dimension, hour, used_hour, key_id,"
        " plan_id, quantity, reason) VALUES ('n', 'agr-1', 'prod',"
        " 'apigateway', %" PRId64 ", %" PRId64 ", '%s', '%s', 4, '')", NOW,
        NOW, key_id, plan_id);
    run_sql(p, sql);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    run_sql(p, "UPDATE meter_owner SET state = 'closed'");
    tg_binding_reuse(p->control, e.plans[0].cell, false);
    (void) make_key(p, VALUE "2", "l-one");
    assert_int_equal(attach(p, plan_id, text(p, "id")), 201);
    assert_int_equal(attach(p, plan_id, key_id), 201);
    assert_int_equal(used_today(p), 4);
}

/* The collector's part: the only retired slot is closed and free again. */
static void
close_retired(struct place *p, const struct tg_key_plan *plan)
{
    struct tg_error err = {0};

    assert_int_equal(tg_store_begin(p->control->store, TG_STORE_ORDERED,
        &err), TG_OK);
    assert_int_equal(tg_binding_close(p->control->store,
        p->control->file_id, plan->cell, plan->owner,
        tg_meters_cell(p->control->meters, plan->cell), &err), TG_OK);
    assert_int_equal(tg_store_commit(p->control->store, &err), TG_OK);
    tg_binding_reuse(p->control, plan->cell, false);
}

/* G3: not even the bucket is full again, and a grant holds. */
static void
a_key_that_comes_back_goes_on_where_its_closed_cell_stopped(void **state)
{
    char                  target[128];
    char                  usage[160];
    uint32_t              day = tg_quota_period_at(TG_QUOTA_DAY, 0, NOW);
    struct place         *p = *state;
    struct tg_key         e;
    struct tg_meter_cell *cell;

    scene(p, "l-one");
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys/%s",
        plan_id, key_id);
    (void) snprintf(usage, sizeof(usage), "%s/usage", target);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    atomic_store(&cell->used, tg_quota_word(day, 3));
    atomic_store(&cell->tat, UINT64_C(1) << 62);
    assert_int_equal(patch(p, usage, "replace", "/remaining", "9"), 200);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    close_retired(p, &e.plans[0]);
    (void) make_key(p, VALUE "2", "l-one"); /* another one gets the slot */
    assert_int_equal(attach(p, plan_id, text(p, "id")), 201);
    assert_int_equal(tg_quota_used(atomic_load(&cell->used), day), 0);
    assert_int_equal(atomic_load(&cell->tat), 0);
    assert_int_equal(attach(p, plan_id, key_id), 201);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    assert_true(atomic_load(&cell->used) == tg_quota_word(day, 3));
    assert_true(atomic_load(&cell->tat) == UINT64_C(1) << 62);
    assert_true(atomic_load(&cell->grant) == tg_quota_word(day, 12));
    place_restart(p); /* and a start changes nothing of it */
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    assert_true(atomic_load(&cell->used) == tg_quota_word(day, 3));
    assert_true(atomic_load(&cell->tat) == UINT64_C(1) << 62);
}

/* The closed slot is the first that is free. */
static void
a_key_that_comes_back_into_its_own_slot_goes_on(void **state)
{
    char                  target[128];
    uint32_t              day = tg_quota_period_at(TG_QUOTA_DAY, 0, NOW);
    struct place         *p = *state;
    struct tg_key         before, e;
    struct tg_meter_cell *cell;

    scene(p, "l-one");
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys/%s",
        plan_id, key_id);
    assert_int_equal(entry(p, VALUE, &before), TG_OK);
    cell = tg_meters_cell(p->control->meters, before.plans[0].cell);
    atomic_store(&cell->used, tg_quota_word(day, 3));
    atomic_store(&cell->tat, 12345);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    close_retired(p, &before.plans[0]);
    assert_int_equal(attach(p, plan_id, key_id), 201);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(e.plans[0].cell, before.plans[0].cell);
    assert_int_equal(e.plans[0].owner, before.plans[0].owner + 1);
    assert_true(atomic_load(&cell->used) == tg_quota_word(day, 3));
    assert_int_equal(atomic_load(&cell->tat), 12345);
}

/* A cell that has moved leaves nothing: its words go on in the next one. */
static void
a_cell_that_has_moved_leaves_no_final_words(void **state)
{
    struct place *p = *state;
    struct tg_key e;

    scene(p, "l-one");
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    close_retired(p, &e.plans[0]);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state = 'closed' AND final_used IS NULL"), 1);
}

/* Two changes of one key at once: no call ever saw the cell between. */
static void
words_pass_through_a_cell_that_nobody_saw(void **state)
{
    char                  target[64];
    uint32_t              day = tg_quota_period_at(TG_QUOTA_DAY, 0, NOW);
    struct place         *p = *state;
    struct tg_arena       arena;
    struct tg_change      change;
    struct tg_error       err = {0};
    struct tg_key         before, e;
    struct tg_meter_cell *cell;

    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    register_agreement(p, "agr-2", "222222222222", ARN "2", "active");
    scene(p, "nobody");
    assert_int_equal(entry(p, VALUE, &before), TG_OK);
    cell = tg_meters_cell(p->control->meters, before.plans[0].cell);
    atomic_store(&cell->used, tg_quota_word(day, 3));
    atomic_store(&cell->tat, 12345);
    tg_arena_init(&arena);
    assert_int_equal(tg_change_begin(&change, p->control, &arena, p->now_s,
        &err), TG_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tg_store_exec(change.store, &err,
            "UPDATE api_key SET customer_id = $2 WHERE id = $1", "ss",
            key_id, i == 0 ? "111111111111" : "222222222222"), TG_OK);
        assert_int_equal(tg_binding_refresh_key(&change, key_id, &err),
            TG_OK);
    }
    assert_int_equal(tg_change_commit(&change, &err), TG_OK);
    tg_arena_clear(&arena);
    assert_int_equal(retired(p), 2);
    assert_bound(p, "agr-2", "");
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    assert_true(atomic_load(&cell->used) == tg_quota_word(day, 3));
    assert_int_equal(atomic_load(&cell->tat), 12345);
    /* closed in the wrong order, and what was closed first says nothing */
    (void) snprintf(target, sizeof(target), "/apikeys/%s", key_id);
    close_retired(p, &before.plans[0]);
    assert_int_equal(patch(p, target, "replace", "/customerId", "nobody"),
        200);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    assert_true(atomic_load(&cell->used) == tg_quota_word(day, 3));
}

/* G2 */
static void
a_slot_is_reused_after_it_was_closed_under_a_new_owner(void **state)
{
    uint64_t        epoch;
    struct place   *p = *state;
    struct tg_error err = {0};
    struct tg_key   before;
    struct tg_key   e;

    scene(p, "l-one");
    epoch = atomic_load(&p->board.page->epoch);
    assert_int_equal(entry(p, VALUE, &before), TG_OK);
    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    assert_int_equal(atomic_load(&p->board.page->epoch), epoch + 1);
    assert_int_equal(number(p, "SELECT retired_epoch FROM meter_owner"
        " WHERE state = 'retired'"), epoch + 1);
    assert_int_equal(tg_store_begin(p->control->store, TG_STORE_ORDERED,
        &err), TG_OK);
    assert_int_equal(tg_binding_close(p->control->store,
        p->control->file_id, before.plans[0].cell, before.plans[0].owner,
        NULL, &err), TG_OK);
    assert_int_equal(tg_binding_close(p->control->store,
        p->control->file_id, before.plans[0].cell, before.plans[0].owner,
        NULL, &err), TG_STALE);
    assert_int_equal(tg_store_commit(p->control->store, &err), TG_OK);
    tg_binding_reuse(p->control, before.plans[0].cell, false);
    register_agreement(p, "agr-1", "111111111111", ARN, "ended");
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(e.plans[0].cell, before.plans[0].cell);
    assert_int_equal(e.plans[0].owner, before.plans[0].owner + 1);
    assert_bound(p, "", "not active");
}

/* Whichever statement of attaching a key fails, no slot is used up. */
static void
an_abort_gives_slots_back(void **state)
{
    uint64_t      n;
    int           status = 0;
    char          second[32];
    struct place *p = *state;
    struct tg_key first;
    struct tg_key e;

    scene(p, "l-one");
    assert_int_equal(entry(p, VALUE, &first), TG_OK);
    (void) make_key(p, VALUE "2", "l-one");
    (void) snprintf(second, sizeof(second), "%s", text(p, "id"));
    for (n = 1; status != 201 && status != 409; n++) {
        fault_arm(FAULT_SQL, n, true);
        fault_begin();
        status = attach(p, plan_id, second);
        (void) fault_end(); /* 409: it was stored, but not published: C3 */
    }
    assert_true(n > 10);
    tg_control_tick(p->control);
    assert_int_equal(entry(p, VALUE "2", &e), TG_OK);
    assert_int_equal(e.plans[0].cell, first.plans[0].cell + 1);
}

/* Whichever statement fails: the key's entry and its slots fit the store. */
static void
faults_leave_bindings_whole(void **state)
{
    int64_t       n;
    struct place *p = *state;

    scene(p, "l-one");
    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    for (n = 1; ; n++) {
        char target[64];

        (void) snprintf(target, sizeof(target), "/apikeys/%s", key_id);
        fault_arm(FAULT_SQL, n, false);
        fault_begin();
        (void) patch(p, target, "replace", "/customerId",
            n % 2 == 0 ? "l-one" : "other");
        if (!fault_end()) {
            break;
        }
        tg_control_tick(p->control);
        assert_bound(p, number(p, "SELECT count(*) FROM api_key"
            " WHERE customer_id = 'l-one'") == 1 ? "agr-1" : "", "");
        assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
            " WHERE state = 'open'"), 1);
    }
    assert_true(n > 12);
}

/* A death between commit and publication: the next start does the rest. */
static void
a_start_publishes_what_was_only_stored(void **state)
{
    uint8_t         digest[TG_SHA256_SIZE];
    uint64_t        word = tg_quota_word(tg_quota_period_at(
        TG_QUOTA_DAY, 0, NOW), 3);
    struct place   *p = *state;
    struct tg_error err;
    struct tg_key   e;
    struct tg_key   old;

    scene(p, "l-one");
    assert_int_equal(entry(p, VALUE, &old), TG_OK);
    atomic_store(&tg_meters_cell(p->control->meters,
        old.plans[0].cell)->used, word);
    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    /* as if neither cell nor entry had been written */
    atomic_store(&tg_meters_cell(p->control->meters,
        e.plans[0].cell)->owner, 0);
    atomic_store(&tg_meters_cell(p->control->meters,
        e.plans[0].cell)->used, 0);
    tg_sha256(digest, VALUE, strlen(VALUE));
    assert_int_equal(tg_keys_put(p->control->keys, digest, &old, &err),
        TG_OK);
    place_restart(p);
    assert_bound(p, "agr-1", "");
    assert_true(atomic_load(&tg_meters_cell(p->control->meters,
        e.plans[0].cell)->used) == word);
}

/* After a power cut the files may be older than the ledger. */
static void
a_quota_is_not_behind_the_ledger_after_a_boot(void **state)
{
    char                  sql[512];
    uint32_t              day = tg_quota_period_at(TG_QUOTA_DAY, 0, NOW);
    struct place         *p = *state;
    struct tg_key         e;
    struct tg_meter_cell *cell;

    scene(p, "l-one");
    (void) snprintf(sql, sizeof(sql), "INSERT INTO usage_detail (node,"
        " agreement_id, product_code, dimension, hour, used_hour, key_id,"
        " plan_id, quantity, reason) VALUES ('n', 'agr-1', 'prod',"
        " 'apigateway', %" PRId64 ", %" PRId64 ", '%s', '%s', 4, '')", NOW,
        NOW, key_id, plan_id);
    run_sql(p, sql);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    atomic_store(&cell->used, tg_quota_word(day, 2));
    place_restart(p); /* in the same boot the word is right */
    assert_int_equal(used_today(p), 2);
    p->board.page->boot_id[0] ^= 1;
    place_restart(p);
    assert_int_equal(used_today(p), 4);
    cell = tg_meters_cell(p->control->meters, e.plans[0].cell);
    atomic_store(&cell->used, tg_quota_word(day, 5));
    place_restart(p);
    assert_int_equal(used_today(p), 5); /* never down */
    atomic_store(&tg_meters_cell(p->control->meters, e.plans[0].cell)->used,
        tg_quota_word(day - 1, 9));
    place_restart(p);
    assert_int_equal(used_today(p), 4);
}

static void
planes_made_anew_get_new_slots_for_all(void **state)
{
    bool            fresh;
    char            command[160];
    char            sql[512];
    struct place   *p = *state;
    struct tg_error err = {0};
    struct tg_key   e;

    register_agreement(p, "agr-1", "111111111111", ARN, "active");
    scene(p, "l-one");
    (void) snprintf(sql, sizeof(sql), "INSERT INTO usage_detail (node,"
        " agreement_id, product_code, dimension, hour, used_hour, key_id,"
        " plan_id, quantity, reason) VALUES ('n', 'agr-1', 'prod',"
        " 'apigateway', %" PRId64 ", %" PRId64 ", '%s', '%s', 4, '')", NOW,
        NOW, key_id, plan_id);
    run_sql(p, sql);
    tg_control_close(p->control);
    tg_board_close(&p->board);
    (void) snprintf(command, sizeof(command), "cd %s && rm -f board keys.*"
        " meters.*", p->dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(tg_board_create(&p->board, p->dir, &fresh, &err),
        TG_OK);
    assert_true(fresh);
    assert_int_equal(place_open(p, &err), TG_OK);
    assert_bound(p, "agr-1", "");
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(tg_quota_used(atomic_load(&tg_meters_cell(
        p->control->meters, e.plans[0].cell)->used), tg_quota_period_at(
        TG_QUOTA_DAY, 0, NOW)), 4);
    assert_int_equal(number(p, "SELECT count(*) FROM audit_event"
        " WHERE event_name = 'ReplaceMeterFiles'"), 1);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state <> 'closed'"), 1);
}

static void
onboarding_finds_what_it_made(void **state)
{
    char            *value;
    const char      *id;
    const char      *found;
    struct place    *p = *state;
    struct tg_arena  arena;
    struct tg_change change;
    struct tg_error  err = {0};
    const struct tg_api_key_new key = {.name = "buyer", .enabled = true,
        .customer_id = "111111111111"};

    scene(p, "else");
    tg_arena_init(&arena);
    assert_int_equal(tg_change_begin(&change, p->control, &arena, NOW, &err),
        TG_OK);
    assert_int_equal(tg_usage_plan_find_product(&change, "prod", &found,
        &err), TG_OK);
    assert_string_equal(found, plan_id);
    assert_int_equal(tg_usage_plan_find_product(&change, "none", &found,
        &err), TG_NOTFOUND);
    assert_int_equal(tg_api_key_find_customer(&change, key.customer_id,
        plan_id, &found, &err), TG_NOTFOUND);
    assert_int_equal(tg_api_key_create(&change, &key, &id, &err), TG_OK);
    assert_int_equal(tg_usage_plan_key_attach(&change, plan_id, id, &err),
        TG_OK);
    assert_true(tg_usage_plan_key_exists(&change, plan_id, id));
    assert_int_equal(tg_usage_plan_key_attach(&change, plan_id, id, &err),
        TG_CONFLICT);
    assert_int_equal(tg_api_key_find_customer(&change, key.customer_id,
        plan_id, &found, &err), TG_OK);
    assert_string_equal(found, id);
    assert_int_equal(tg_api_key_value(&change, id, &value, &err), TG_OK);
    assert_int_equal(strlen(value), 40);
    assert_int_equal(tg_change_commit(&change, &err), TG_OK);
    tg_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_key_finds_its_agreement_whenever_it_comes),
        PLACE_TEST(tags_name_one_of_several_agreements),
        PLACE_TEST(tags_that_name_an_agreement_in_full_register_it),
        PLACE_TEST(the_product_of_the_plan_decides),
        PLACE_TEST(quota_and_throttle_follow_the_key),
        PLACE_TEST(a_key_that_comes_back_has_used_what_it_had),
        PLACE_TEST(
            a_key_that_comes_back_goes_on_where_its_closed_cell_stopped),
        PLACE_TEST(a_key_that_comes_back_into_its_own_slot_goes_on),
        PLACE_TEST(a_cell_that_has_moved_leaves_no_final_words),
        PLACE_TEST(words_pass_through_a_cell_that_nobody_saw),
        PLACE_TEST(a_slot_is_reused_after_it_was_closed_under_a_new_owner),
        PLACE_TEST(an_abort_gives_slots_back),
        PLACE_TEST(faults_leave_bindings_whole),
        PLACE_TEST(a_start_publishes_what_was_only_stored),
        PLACE_TEST(a_quota_is_not_behind_the_ledger_after_a_boot),
        PLACE_TEST(planes_made_anew_get_new_slots_for_all),
        PLACE_TEST(onboarding_finds_what_it_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
