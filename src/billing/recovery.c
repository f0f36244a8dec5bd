/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/trail.h"
#include "billing/fold_row.h"
#include "billing/memo.h"
#include "util/clock.h"
#include "util/log.h"

/* The last fold, and what of it is still so. */
struct last_fold {
    bool               is_known;
    bool               is_same_file;
    bool               is_same_boot;
    struct tg_fold_row row;
};

static enum tg_status
read_node(struct tg_recovery *r, struct tg_error *err)
{
    enum tg_status   status;
    struct tg_store *s = r->config->store;

    status = tg_memo_get(s, r->node, sizeof(r->node), TG_MEMO_NODE, err);
    if (status != TG_NOTFOUND) {
        return status;
    }
    tg_uuid(r->node);
    return tg_memo_set(s, TG_MEMO_NODE, r->node, err);
}

static enum tg_status
read_last(struct tg_recovery *r, struct last_fold *last, const char *boot_id,
    struct tg_error *err)
{
    char           boot[TG_FILE_ID_HEX];
    enum tg_status status;

    memset(last, 0, sizeof(*last));
    status = tg_fold_row_read(r->config->store, &last->row, r->node, err);
    if (status != TG_OK) {
        return status == TG_NOTFOUND ? TG_OK : status;
    }
    last->is_known = true;
    last->is_same_file = strcmp(last->row.file_id, r->file_id) == 0;
    status = tg_memo_get(r->config->store, boot, sizeof(boot), TG_MEMO_BOOT,
        err);
    last->is_same_boot = status == TG_OK && strcmp(boot, boot_id) == 0;
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
audit(struct tg_recovery *r, const char *event, json_t *extra,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status         status;
    struct tg_audit_record record = {
        .time_s = now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = event,
        .region = r->config->region,
        .account_id = r->config->account_id,
        .identity = tg_audit_self(r->config->account_id, "collector"),
        .extra = extra,
        .resource_type = "Tallygate::Meters",
        .resource_name = r->file_id,
    };

    status = extra != NULL
        ? tg_audit_append(r->config->store, &record, err)
        : tg_error_set(err, TG_NOMEM, "out of memory");
    json_decref(extra);
    return status;
}

/*
 * ---- another set of files: F3
 */

static enum tg_status
note_other_file(struct tg_recovery *r, const struct last_fold *last,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status     status;
    struct tg_fold_row row = last->row;

    (void) snprintf(row.file_id, sizeof(row.file_id), "%s", r->file_id);
    tg_log(TG_LOG_ERROR, "meters_replaced", "before", last->row.file_id,
        "now", r->file_id, "msg", "the set of mapped files was made anew;"
        " what had not been folded from the former one is lost", NULL);
    status = tg_fold_row_write(r->config->store, &row, r->node, err);
    if (status == TG_OK) { /* it is said once */
        status = audit(r, "ReplaceMeters", json_pack("{s:s, s:s}",
                "formerFileId", last->row.file_id, "fileId", r->file_id),
            now_s, err);
    }
    return status;
}

/*
 * ---- another boot: F4
 */

/* Sets a lane to its mark, if that is ahead; or only says whether it is. */
static bool
lift_lane(struct tg_recovery *r, uint32_t slot, unsigned lane, bool is_wide,
    bool is_lifting)
{
    uint64_t mark = tg_marks_get(r->marks, slot, lane, is_wide);

    if (tg_mark_growth(mark, tg_meters_value(r->meters, slot, lane, is_wide),
            is_wide) >= 0)
    {
        return false;
    }
    if (is_lifting && is_wide) {
        atomic_store(tg_meters_wide_lane(r->meters, slot, lane), mark);
    } else if (is_lifting) {
        atomic_store(tg_meters_lane(r->meters, slot, lane), (uint32_t) mark);
    }
    return true;
}

/* Lanes that are behind their marks; lifts them as well, or only counts. */
static uint64_t
lift_lanes(struct tg_recovery *r, bool is_lifting)
{
    bool     is_wide;
    uint32_t slot, differing;
    unsigned lane;
    uint64_t behind = 0;

    for (slot = 0; slot < tg_meters_slots(r->meters); slot++) {
        if (tg_meters_first(r->meters, slot) != slot) {
            continue; /* seen with the slot before */
        }
        is_wide = tg_meters_is_wide(r->meters, slot);
        differing = tg_marks_differing(r->marks, slot)
            | (is_wide ? tg_marks_differing(r->marks, slot + 1) : 0);
        for (lane = 0; lane < TG_LANES; lane++) {
            if ((differing >> lane & 1) != 0
                && lift_lane(r, slot, lane, is_wide, is_lifting))
            {
                behind++;
            }
        }
    }
    return behind;
}

/*
 * A commit that failed may have reached the disk: then the store knows this
 * boot already, and what is lifted is on record.
 */
static enum tg_status
note_lanes(struct tg_recovery *r, const struct last_fold *last,
    int64_t now_s, struct tg_error *err)
{
    char     count[24];
    uint64_t behind = lift_lanes(r, false);

    if (behind == 0 || last->is_same_boot) {
        return TG_OK;
    }
    (void) snprintf(count, sizeof(count), "%" PRIu64, behind);
    tg_log(TG_LOG_WARN, "meters_repaired", "lanes", count, "msg",
        "a power cut left meters older than the ledger; they were lifted to"
        " what had been counted", NULL);
    return audit(r, "RepairMeters", json_pack("{s:I}", "lanes",
            (json_int_t) behind), now_s, err);
}

/*
 * ---- an older store
 */

static enum tg_status
hold_old_store(struct tg_recovery *r, const struct last_fold *last,
    uint64_t on_board, int64_t now_s, struct tg_error *err)
{
    char               reason[TG_GUARD_REASON_SIZE];
    enum tg_status     status;
    struct tg_fold_row row = last->row;

    (void) snprintf(reason, sizeof(reason), "the store is older than the"
        " meters (fold %" PRId64 " of %" PRIu64 "): an old copy was put back."
        " Nothing is sealed until `tallygate confirm store'",
        last->row.sequence, on_board);
    tg_logf(TG_LOG_ERROR, "store_older_than_meters", "%s", reason);
    status = tg_memo_set(r->config->store, TG_MEMO_HOLD, reason, err);
    if (status == TG_OK) { /* it is said once; the memo holds */
        (void) snprintf(row.file_id, sizeof(row.file_id), "%s", r->file_id);
        row.sequence = (int64_t) on_board;
        status = tg_fold_row_write(r->config->store, &row, r->node, err);
    }
    if (status == TG_OK) {
        status = audit(r, "HoldSealing", json_pack("{s:s}", "reason",
                reason), now_s, err);
    }
    return status;
}

/* What a kept hold says goes to the guard. */
static enum tg_status
read_hold(struct tg_recovery *r, struct tg_error *err)
{
    char           reason[TG_GUARD_REASON_SIZE];
    enum tg_status status;

    status = tg_memo_get(r->config->store, reason, sizeof(reason),
        TG_MEMO_HOLD, err);
    if (status == TG_OK) {
        tg_guard_hold_store(r->config->guard, reason);
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * ---- all of it
 */

/* What the guard knew before a restart. */
static void
tell_guard(const struct tg_recovery *r, const struct last_fold *last)
{
    if (last->is_same_boot && last->row.offset_s != 0) { /* 0: not known */
        tg_guard_resume(r->config->guard, last->row.offset_s,
            last->row.newest_hour);
    } else if (last->is_known) {
        tg_guard_counted(r->config->guard, last->row.newest_hour);
    }
}

/* The boot that runs now. */
struct boot {
    uint8_t id[TG_PLANE_ID_SIZE];
    char    hex[TG_FILE_ID_HEX];
    bool    is_new; /* to the board */
};

static enum tg_status
read_boot(struct boot *boot, const struct tg_board *board,
    struct tg_error *err)
{
    enum tg_status status = tg_boot_id(boot->id, err);

    tg_hex(boot->hex, boot->id, sizeof(boot->id));
    boot->is_new = memcmp(boot->id, board->boot_id, sizeof(boot->id)) != 0;
    return status;
}

/* Compares files, boots and sequences. */
static enum tg_status
compare(struct tg_recovery *r, const struct boot *boot, int64_t now_s,
    struct tg_error *err)
{
    uint64_t         on_board;
    enum tg_status   status;
    struct last_fold last;

    on_board = atomic_load(&r->config->board->page->fold_sequence);
    status = read_last(r, &last, boot->hex, err);
    if (status == TG_OK && last.is_known && !last.is_same_file) {
        status = note_other_file(r, &last, now_s, err);
    }
    if (status == TG_OK && boot->is_new) {
        status = note_lanes(r, &last, now_s, err);
    } else if (status == TG_OK && (!last.is_known || last.is_same_file)
        && (uint64_t) last.row.sequence < on_board)
    {
        status = hold_old_store(r, &last, on_board, now_s, err);
    }
    if (status == TG_OK) {
        status = tg_memo_set(r->config->store, TG_MEMO_BOOT, boot->hex, err);
    }
    if (status == TG_OK) {
        tell_guard(r, &last);
    }
    r->sequence = last.row.sequence;
    r->through_s = last.is_same_file ? last.row.through_s : 0;
    if (!boot->is_new && (uint64_t) r->sequence < on_board) {
        r->sequence = (int64_t) on_board;
    }
    return status;
}

enum tg_status
tg_recovery_run(struct tg_recovery *r, int64_t now_s, struct tg_error *err)
{
    struct boot      boot;
    enum tg_status   status;
    struct tg_store *s = r->config->store;
    struct tg_board *board = r->config->board->page;

    status = read_boot(&boot, board, err);
    if (status == TG_OK) {
        status = tg_store_begin(s, TG_STORE_DURABLE, err);
    }
    if (status == TG_OK) {
        status = read_node(r, err);
    }
    if (status == TG_OK) {
        status = compare(r, &boot, now_s, err);
    }
    if (status == TG_OK) {
        status = read_hold(r, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    if (status == TG_OK && boot.is_new) {
        /* only what is on record; dying here does all of it again */
        (void) lift_lanes(r, true);
        memcpy(board->boot_id, boot.id, sizeof(boot.id));
    }
    return status;
}
