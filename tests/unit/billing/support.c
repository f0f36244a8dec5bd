/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "billing/memo.h"
#include "billing/sealer.h"
#include "core/hours.h"
#include "util/digest.h"
#include "util/file.h"

static const char settings_text[] =
    "state_dir: .\n"
    "billing: {grace_s: 60}\n"
    "marketplace: {account_rate: 0}\n"
    "products:\n"
    "  - {code: prod, name: Weather}\n"
    "  - {code: pure, model: contract}\n";

/*
 * ---- the Marketplace
 */

static const char *
text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text != NULL ? text : "";
}

static void
name_of(char out[256], const json_t *request, const json_t *usage)
{
    (void) snprintf(out, 256, "%s|%s|%s|%s|%s", text_of(request,
        "ProductCode"), text_of(usage, "LicenseArn"), text_of(usage,
        "CustomerAWSAccountId"), text_of(usage, "CustomerIdentifier"),
        text_of(usage, "Dimension"));
}

/* Amazon's rule; returns the Status. */
static const char *
record_usage(struct market *m, const json_t *request, const json_t *usage)
{
    size_t  i;
    char    who[256];
    int64_t time = json_integer_value(json_object_get(usage, "Timestamp"));
    int64_t quantity = json_integer_value(json_object_get(usage,
        "Quantity"));

    name_of(who, request, usage);
    if (m->unsubscribed[0] != '\0' && strstr(who, m->unsubscribed)) {
        return "CustomerNotSubscribed";
    }
    for (i = 0; i < m->count; i++) {
        if (strcmp(m->records[i].who, who) == 0
            && m->records[i].hour == tg_hour_of(time)) {
            m->conflicts += m->records[i].quantity != quantity;
            return m->records[i].quantity == quantity ? "Success"
                                                      : "DuplicateRecord";
        }
    }
    assert_true(m->count < RECORDED_MAX);
    strcpy(m->records[m->count].who, who);
    m->records[m->count].hour = tg_hour_of(time);
    m->records[m->count].timestamp = time;
    m->records[m->count++].quantity = quantity;
    return "Success";
}

static void
fail_with(struct tg_aws_reply *reply, int status, const char *type)
{
    reply->status = status;
    assert_int_equal(tg_buf_printf(&reply->body, "{\"__type\":\"%s\","
        "\"message\":\"no\"}", type), TG_OK);
}

/* Whether Amazon would refuse the whole request for one record. */
static const char *
find_poison(const struct market *m, const json_t *records)
{
    size_t  i;
    json_t *usage;
    int64_t time;

    json_array_foreach ((json_t *) records, i, usage) {
        time = json_integer_value(json_object_get(usage, "Timestamp"));
        if (time > m->now_s || m->now_s >= tg_hour_deadline(time)) {
            return "TimestampOutOfBoundsException";
        }
        if (m->poison[0] != '\0' && strcmp(m->poison, text_of(usage,
                "CustomerAWSAccountId")) == 0) {
            return "InvalidLicenseException";
        }
    }
    return NULL;
}

/* What is not listed as we think it is. */
static const char *
find_unknown(const struct market *m, const json_t *request)
{
    size_t  i;
    json_t *usage;

    json_array_foreach (json_object_get(request, "UsageRecords"), i, usage) {
        if (m->unknown_dimension[0] != '\0' && strcmp(m->unknown_dimension,
                text_of(usage, "Dimension")) == 0) {
            return "InvalidUsageDimensionException";
        }
        if (m->unknown_product[0] != '\0'
            && (strcmp(m->unknown_product, text_of(request, "ProductCode"))
                    == 0
                || strcmp(m->unknown_product, text_of(usage,
                       "CustomerAWSAccountId")) == 0)) {
            return "InvalidProductCodeException";
        }
    }
    return NULL;
}

static json_t *
answer_batch(struct market *m, const json_t *request, enum trouble trouble)
{
    size_t  i;
    json_t *usage, *results = json_array(), *left = json_array();
    json_t *records = json_object_get(request, "UsageRecords");

    json_array_foreach (records, i, usage) {
        json_t *result;
        bool    is_last = i + 1 == json_array_size(records);

        if (is_last && trouble == TROUBLE_UNPROCESSED) {
            json_array_append(left, usage);
            continue;
        }
        if (is_last && trouble == TROUBLE_SILENT) {
            continue;
        }
        usage = json_copy(usage);
        json_object_set_new(usage, "Timestamp", json_real((double)
            json_integer_value(json_object_get(usage, "Timestamp"))));
        if (trouble == TROUBLE_ABSURD_TIME) {
            json_object_set_new(usage, "Timestamp", json_real(1e300));
        }
        if (m->recorded_elsewhere != 0) {
            json_object_set_new(usage, "Quantity", json_integer((json_int_t)
                m->recorded_elsewhere));
        }
        result = json_pack("{s:o, s:s, s:s}", "UsageRecord", usage,
            "MeteringRecordId", "meter-id", "Status",
            record_usage(m, request, json_array_get(records, i)));
        if (trouble == TROUBLE_REVERSED) {
            json_array_insert(results, 0, result);
            json_array_insert(results, 0, result);
            json_decref(result);
        } else {
            json_array_append_new(results, result);
        }
    }
    return json_pack("{s:o, s:o}", "Results", results,
        "UnprocessedRecords", left);
}

static enum tg_aws_delivery
answer(struct market *m, const json_t *request, enum trouble trouble,
    struct tg_aws_reply *reply)
{
    char       *text;
    json_t     *body;
    json_t     *records = json_object_get(request, "UsageRecords");
    const char *poison = find_poison(m, records);

    if (poison == NULL) {
        poison = find_unknown(m, request);
    }

    if (json_array_size(records) > m->largest) {
        m->largest = json_array_size(records);
    }
    assert_in_range(json_array_size(records), 1, 25);
    reply->date_s = m->now_s;
    reply->retry_after_s = m->retry_after_s;
    switch (trouble) {
    case TROUBLE_NOT_SENT:
        return TG_AWS_NOT_SENT;
    case TROUBLE_LOST:
        return TG_AWS_LOST;
    case TROUBLE_THROTTLE:
        fail_with(reply, 400, "ThrottlingException");
        return TG_AWS_ANSWERED;
    case TROUBLE_INTERNAL:
        fail_with(reply, 500, "InternalServiceErrorException");
        return TG_AWS_ANSWERED;
    case TROUBLE_DENIED:
        fail_with(reply, 403, "AccessDeniedException");
        return TG_AWS_ANSWERED;
    case TROUBLE_CLOCK:
        reply->date_s = m->now_s + 86400;
        break;
    default:
        break;
    }
    if (poison != NULL) {
        fail_with(reply, 400, poison);
        return TG_AWS_ANSWERED;
    }
    body = answer_batch(m, request, trouble);
    text = trouble == TROUBLE_NO_JSON ? strdup("<html>")
                                      : json_dumps(body, 0);
    json_decref(body);
    reply->status = 200;
    assert_int_equal(tg_buf_puts(&reply->body, trouble == TROUBLE_FORMER
        ? m->former : text), TG_OK);
    assert_true(strlen(text) < sizeof(m->former));
    strcpy(m->former, text);
    free(text);
    return trouble == TROUBLE_LOST_REPLY ? TG_AWS_LOST : TG_AWS_ANSWERED;
}

static enum tg_aws_delivery
market_send(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    struct market       *m = data;
    enum trouble         trouble = TROUBLE_NONE;
    enum tg_aws_delivery delivery;
    json_t              *body;

    if (fault_is_due(FAULT_NET)) {
        trouble = m->faulty;
    } else if (m->times != 0) {
        trouble = m->trouble;
        m->times -= m->times > 0;
    }
    m->requests++;
    fault_pause();
    body = json_loadb(request->body, request->body_len, 0, NULL);
    if (body == NULL) {
        fail_msg("%s: no JSON: %.*s", fault_name(), (int) request->body_len,
            (const char *) request->body);
    }
    delivery = answer(m, body, trouble, reply);
    json_decref(body);
    fault_resume();
    if (delivery != TG_AWS_ANSWERED) {
        (void) tg_error_set(err, TG_IO, "connection trouble");
    }
    return delivery;
}

int64_t
market_units(const struct market *m, const char *who)
{
    size_t  i;
    int64_t units = 0;

    for (i = 0; i < m->count; i++) {
        if (strstr(m->records[i].who, who) != NULL) {
            units += m->records[i].quantity;
        }
    }
    return units;
}

/*
 * ---- the world
 */

/* The clocks of the one world that a test has. */
static struct world *present;

static int64_t
world_now_s(void)
{
    return present->now_s;
}

static int64_t
world_boot_s(void)
{
    return present->boot_s;
}

enum tg_status
world_open(struct world *w)
{
    enum tg_status              status;
    struct tg_collector_config  c = { .board = &w->board,
        .state_dir = w->dir, .guard = &w->guard,
        .account_id = "123456789012", .region = "us-east-1",
        .cells_max = w->cells_max };
    struct tg_reporter_config   r = { .settings = w->settings,
        .marketplace = &w->marketplace, .guard = &w->guard,
        .identity = "world", .holder = "a test", .now_s = world_now_s,
        .boot_s = world_boot_s };

    tg_guard_init(&w->guard);
    status = tg_store_open(&w->store, w->db, &w->err);
    if (status == TG_OK) {
        status = tg_store_open(&w->other, w->db, &w->err);
    }
    if (status == TG_OK) {
        status = tg_store_migrate(w->store, w->now_s, &w->err);
    }
    if (status == TG_OK) {
        c.store = w->store;
        status = tg_collector_open(&w->collector, &c, w->now_s, w->boot_s,
            &w->err);
    }
    if (status == TG_OK) {
        r.store = w->other;
        status = tg_reporter_new(&w->reporter, &r, &w->err);
    }
    if (status != TG_OK) {
        world_close(w);
    }
    w->is_open = status == TG_OK;
    return status;
}

void
world_close(struct world *w)
{
    tg_collector_close(w->collector);
    tg_reporter_free(w->reporter);
    tg_store_close(w->store);
    tg_store_close(w->other);
    tg_guard_clear(&w->guard);
    w->collector = NULL;
    w->reporter = NULL;
    w->store = w->other = NULL;
    w->is_open = false;
}

enum tg_status
world_try_restart(struct world *w)
{
    if (w->is_open) {
        world_close(w);
    }
    return world_open(w);
}

void
world_restart(struct world *w)
{
    if (world_try_restart(w) != TG_OK) {
        fail_msg("restart: %s", w->err.message);
    }
}

static void
make_files(struct world *w)
{
    bool              fresh;
    struct tg_meters *made;

    assert_int_equal(tg_board_create(&w->board, w->dir, &fresh, &w->err),
        TG_OK);
    tg_hex(w->file_id, w->board.page->file_id, TG_PLANE_ID_SIZE);
    assert_int_equal(tg_meters_create(&made, w->dir, &w->board, &w->err),
        TG_OK);
    tg_meters_close(made);
    assert_int_equal(tg_meters_open(&w->meters, w->dir, w->board.page,
        &w->err), TG_OK);
}

void
world_make_files_anew(struct world *w)
{
    char path[128];

    world_close(w);
    tg_meters_close(w->meters);
    tg_board_close(&w->board);
    (void) snprintf(path, sizeof(path), "%s/board", w->dir);
    assert_int_equal(unlink(path), 0);
    (void) snprintf(path, sizeof(path), "%s/meters.0", w->dir);
    assert_int_equal(unlink(path), 0);
    make_files(w);
}

static void
copy_file(const char *from, const char *to)
{
    struct tg_buf data;

    tg_buf_init(&data, 1 << 26);
    assert_int_equal(tg_file_read(&data, from, NULL), TG_OK);
    assert_int_equal(tg_file_replace(to, data.data, data.len, 0600, NULL),
        TG_OK);
    tg_buf_clear(&data);
}

/* Closed, the store is one file: its log is empty. */
void
world_keep_store(struct world *w)
{
    char kept[128];

    (void) snprintf(kept, sizeof(kept), "%s.kept", w->db);
    world_close(w);
    copy_file(w->db, kept);
    world_restart(w);
}

void
world_put_store_back(struct world *w)
{
    char kept[128];

    (void) snprintf(kept, sizeof(kept), "%s.kept", w->db);
    world_close(w);
    copy_file(kept, w->db);
}

void
world_boot_anew(struct world *w)
{
    w->board.page->boot_id[0] ^= 1;
    world_sql(w, "UPDATE meta SET value = 'former' WHERE name = '"
        TG_MEMO_BOOT "'");
}

int
world_set_up(void **state)
{
    char             path[96];
    int64_t          through;
    struct world    *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    present = w;
    /* in memory where there is room: the fault loops sync thousands of times */
    strcpy(w->dir, access("/dev/shm", W_OK) == 0
        ? "/dev/shm/tg-billing-XXXXXX" : "/tmp/tg-billing-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void) snprintf(w->db, sizeof(w->db), "%s/t.db", w->dir);
    (void) snprintf(path, sizeof(path), "%s/tallygate.yaml", w->dir);
    w->now_s = NOW;
    w->boot_s = BOOT;
    if (tg_settings_parse(&w->settings, path, settings_text,
            sizeof(settings_text) - 1, &w->err) != TG_OK) {
        fail_msg("%s", w->err.message);
    }
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    w->transport.send = market_send;
    w->transport.data = &w->market;
    w->marketplace.transport = &w->transport;
    w->marketplace.metering_endpoint = "https://metering.example";
    w->marketplace.region = "us-east-1";
    assert_int_equal(tg_aws_keyring_open(&w->marketplace.keyring,
        &(struct tg_aws_source) { .region = "us-east-1",
            .transport = &w->transport }, &w->err), TG_OK);
    w->market.now_s = w->now_s;
    make_files(w);
    assert_int_equal(world_open(w), TG_OK);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    assert_int_equal(tg_sealer_through(w->store, &through, w->settings,
        w->now_s, &w->err), TG_OK);
    world_agreement(w, "agr-1", "111111111111", "license");
    world_owner(w, 0, 1, "agr-1", "key-1");
    *state = w;
    return 0;
}

int
world_tear_down(void **state)
{
    char           path[400];
    struct world  *w = *state;
    DIR           *dir;
    struct dirent *entry;

    if (w->is_open) {
        world_close(w);
    }
    tg_aws_keyring_close(w->marketplace.keyring);
    tg_meters_close(w->meters);
    tg_board_close(&w->board);
    tg_settings_free(w->settings);
    dir = opendir(w->dir);
    while ((entry = readdir(dir)) != NULL) {
        (void) snprintf(path, sizeof(path), "%s/%s", w->dir, entry->d_name);
        (void) unlink(path);
    }
    closedir(dir);
    (void) rmdir(w->dir);
    free(w);
    return 0;
}

void
world_pass(struct world *w, int64_t seconds)
{
    w->now_s += seconds;
    w->boot_s += seconds;
    w->market.now_s = w->now_s;
    (void) tg_guard_look(&w->guard, w->now_s, w->boot_s);
}

void
world_sql(struct world *w, const char *sql)
{
    assert_int_equal(tg_store_begin(w->store, TG_STORE_DURABLE, &w->err),
        TG_OK);
    if (tg_store_exec(w->store, &w->err, USAGE_WRITABLE, "") != TG_OK
        || tg_store_exec(w->store, &w->err, sql, "") != TG_OK)
    {
        fail_msg("%s: %s", sql, w->err.message);
    }
    assert_int_equal(tg_store_commit(w->store, &w->err), TG_OK);
}

void
world_agreement(struct world *w, const char *id, const char *account,
    const char *mode)
{
    char sql[1024];

    (void) snprintf(sql, sizeof(sql), "INSERT INTO agreement (id,"
        " product_code, identity_mode, customer_aws_account_id, license_arn,"
        " customer_identifier, state, activated_s, created_s, updated_s)"
        " VALUES ('%s', 'prod', '%s', '%s', 'arn:aws:license-manager::1:"
        "license:l-%s', 'cust-%s', 'active', %lld, 1, 1)", id, mode, account,
        id, id, (long long) (w->now_s - 50));
    world_sql(w, sql);
}

void
world_owner(struct world *w, uint32_t slot, uint32_t owner,
    const char *agreement, const char *key)
{
    char sql[1024];

    (void) snprintf(sql, sizeof(sql), "INSERT INTO meter_owner (file_id,"
        " slot, owner, key_id, plan_id, product_code, dimension,"
        " agreement_id, reason, state, opened_s) VALUES ('%s', %u, %u, '%s',"
        " 'plan', 'prod', 'apigateway', %s%s%s, %s, 'open', 1)", w->file_id,
        slot, owner, key, agreement != NULL ? "'" : "",
        agreement != NULL ? agreement : "NULL", agreement != NULL ? "'" : "",
        agreement != NULL ? "NULL" : "'nobody is known'");
    world_sql(w, sql);
    atomic_store(&tg_meters_cell(w->meters, slot)->owner, owner);
}

void
world_count(struct world *w, uint32_t slot, uint32_t units)
{
    tg_meters_count(w->meters, slot, tg_hour_of(w->now_s), units);
}

_Atomic uint32_t *
world_lane(const struct world *w)
{
    return tg_meters_lane(w->meters, 0, tg_hour_lane(HOUR));
}

enum tg_status
world_fold(struct world *w)
{
    return w->is_open ? tg_collector_fold(w->collector, false, w->now_s,
        &w->err) : TG_IO;
}

enum tg_status
world_seal(struct world *w)
{
    int64_t        sealed;
    enum tg_status status;

    status = w->is_open ? tg_collector_fold(w->collector, true, w->now_s,
        &w->err) : TG_IO;
    return status == TG_OK ? tg_sealer_regular(w->store, &sealed,
        w->settings, w->now_s, &w->err) : status;
}

enum tg_status
world_seal_early(struct world *w, const char *agreement)
{
    int64_t        sealed;
    enum tg_status status;

    status = w->is_open ? tg_collector_fold(w->collector, true, w->now_s,
        &w->err) : TG_IO;
    return status == TG_OK ? tg_sealer_early(w->store, &sealed, w->settings,
        agreement, w->now_s, &w->err) : status;
}

enum tg_status
world_step(struct world *w)
{
    return w->is_open ? tg_reporter_step(w->reporter, w->now_s, w->boot_s,
        &w->err) : TG_IO;
}

void
world_report(struct world *w)
{
    int            idle = 0;
    enum tg_status status;

    while (idle < 400) {
        status = world_step(w);
        if (status == TG_NOTFOUND && world_int(w, "SELECT COUNT(*) FROM"
                " ledger_record WHERE state IN ('sealed', 'sent')") == 0) {
            return;
        }
        if (status != TG_OK) {
            world_pass(w, 1);
            idle++;
        }
    }
}

int64_t
world_int(struct world *w, const char *sql)
{
    int64_t         value = 0;
    struct tg_stmt *q = NULL;

    assert_int_equal(tg_store_query(w->store, &q, &w->err, sql, ""), TG_OK);
    if (tg_stmt_next(q, &w->err) == TG_OK) {
        value = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return value;
}

const char *
world_text(struct world *w, const char *sql)
{
    static char     text[1024];
    struct tg_stmt *q = NULL;

    text[0] = '\0';
    assert_int_equal(tg_store_query(w->store, &q, &w->err, sql, ""), TG_OK);
    if (tg_stmt_next(q, &w->err) == TG_OK && tg_stmt_text(q, 0) != NULL) {
        (void) snprintf(text, sizeof(text), "%s", tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return text;
}
