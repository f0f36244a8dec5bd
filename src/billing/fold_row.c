/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/fold_row.h"

#include <stdio.h>

enum tg_status
tg_fold_row_read(struct tg_store *s, struct tg_fold_row *row,
    const char *node, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT file_id, sequence,"
        " folded_through, newest_hour, boot_offset_s FROM fold WHERE"
        " node = $1", "s", node);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        (void) snprintf(row->file_id, sizeof(row->file_id), "%s",
            tg_stmt_text(q, 0));
        row->sequence = tg_stmt_int(q, 1);
        row->through_s = tg_stmt_int(q, 2);
        row->newest_hour = tg_stmt_int(q, 3);
        row->offset_s = tg_stmt_int(q, 4);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_fold_row_write(struct tg_store *s, const struct tg_fold_row *row,
    const char *node, struct tg_error *err)
{
    return tg_store_exec(s, err, "INSERT INTO fold (node, file_id, sequence,"
        " folded_through, newest_hour, boot_offset_s)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (node) DO UPDATE SET"
        " file_id = excluded.file_id, sequence = excluded.sequence,"
        " folded_through = excluded.folded_through,"
        " newest_hour = excluded.newest_hour,"
        " boot_offset_s = excluded.boot_offset_s", "ssiiii", node,
        row->file_id, row->sequence, row->through_s, row->newest_hour,
        row->offset_s);
}
