/*
 * api_key_import.c - API keys from a CSV file
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/
 * api-key-file-format.html
 *
 * A row is checked whole before anything of it is written; a bad one is left
 * out and named in the warnings, by its line and never by its key's value.
 * With failonwarnings a single warning refuses the whole file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/api_key_import.h"

#include <string.h>
#include <strings.h>

#include "control/binding.h"
#include "control/csv.h"
#include "control/customers.h"
#include "util/digest.h"

enum column {
    NAME,
    KEY,
    DESCRIPTION,
    ENABLED,
    PLANS,
    COLUMN_COUNT,
};

static const char *const column_names[COLUMN_COUNT] = {
    [NAME] = "Name",
    [KEY] = "Key",
    [DESCRIPTION] = "Description",
    [ENABLED] = "Enabled",
    [PLANS] = "UsagePlanIds",
};

struct import {
    struct tg_control_call *call;
    int                     places[COLUMN_COUNT]; /* -1: not in the file */
    json_t                 *ids;
    json_t                 *warnings;
    json_t                 *seen; /* digests of this file */
};

/* One row, read and checked. */
struct row {
    struct tg_api_key_new key;
    char                  digest[TG_SHA256_HEX];
    const char           *existing; /* the key that has this value, or NULL */
    char                 *plans[TG_KEY_PLANS_MAX];
    size_t                plan_count;
};

static enum tg_status
read_header(struct import *in, struct tg_csv *csv)
{
    int               c;
    size_t            i;
    enum tg_status    status;
    struct tg_csv_row row;

    status = tg_csv_next(csv, in->call->arena, &row, &in->call->err);
    if (status == TG_NOTFOUND) {
        return tg_call_bad_request(in->call, "The file of API keys is empty");
    }
    if (status != TG_OK) {
        return status;
    }
    for (c = 0; c < COLUMN_COUNT; c++) {
        in->places[c] = -1;
        for (i = 0; i < row.count; i++) {
            if (strcasecmp(row.fields[i], column_names[c]) == 0) {
                in->places[c] = (int) i;
            }
        }
    }
    if (in->places[NAME] < 0 || in->places[KEY] < 0) {
        return tg_call_bad_request(in->call, "The first line of the file of "
            "API keys should name the columns, Name and Key among them");
    }
    return TG_OK;
}

static const char *
field(const struct import *in, const struct tg_csv_row *row, enum column c)
{
    int place = in->places[c];

    return place < 0 || (size_t) place >= row->count ? ""
                                                     : row->fields[place];
}

static enum tg_status
find_existing(struct import *in, struct row *row)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(in->call->store, &q, &in->call->err,
        "SELECT id FROM api_key WHERE digest = $1", "s", row->digest);
    if (status == TG_OK
        && (status = tg_stmt_next(q, &in->call->err)) == TG_OK)
    {
        row->existing = tg_arena_strdup(in->call->arena, tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * ---- checks: TG_INVALID with the reason in the call's err is a warning
 */

static enum tg_status
complain(struct import *in, const char *why)
{
    return tg_error_set(&in->call->err, TG_INVALID, "%s", why);
}

static enum tg_status
read_enabled(struct import *in, const char *text, bool *enabled)
{
    *enabled = true;
    if (text[0] == '\0' || strcasecmp(text, "true") == 0) {
        return TG_OK;
    }
    if (strcasecmp(text, "false") != 0) {
        return complain(in, "Enabled is neither true nor false");
    }
    *enabled = false;
    return TG_OK;
}

/* Whether the key may be put into the plan beside those of the row before. */
static enum tg_status
check_plan(struct import *in, struct row *row, const char *plan)
{
    size_t         i;
    bool           overlaps = false;
    enum tg_status status;

    status = tg_usage_plan_key_check(in->call->change, plan,
        row->existing != NULL ? row->existing : "", &in->call->err);
    for (i = 0; status == TG_OK && i < row->plan_count && !overlaps; i++) {
        status = tg_usage_plans_overlap(in->call->change, plan,
            row->plans[i], &overlaps, &in->call->err);
    }
    if (status == TG_OK && overlaps) {
        return complain(in, "two of its plans have a stage in common");
    }
    return status;
}

static enum tg_status
read_plans(struct import *in, const char *text, struct row *row)
{
    char          *list = tg_arena_strdup(in->call->arena, text);
    char          *name;
    char          *rest = NULL;
    enum tg_status status = TG_OK;

    if (list == NULL) {
        return tg_error_set(&in->call->err, TG_NOMEM, "out of memory");
    }
    for (name = strtok_r(list, " ,;\t", &rest);
         name != NULL && status == TG_OK;
         name = strtok_r(NULL, " ,;\t", &rest))
    {
        if (row->existing != NULL
            && tg_usage_plan_key_exists(in->call->change, name,
                row->existing))
        {
            continue;
        }
        if (row->plan_count == TG_KEY_PLANS_MAX) {
            return complain(in, "more plans than a key can be in");
        }
        status = check_plan(in, row, name);
        row->plans[row->plan_count++] = name;
    }
    return status == TG_NOTFOUND || status == TG_CONFLICT
            || status == TG_LIMIT
        ? TG_INVALID : status;
}

static enum tg_status
read_row(struct import *in, const struct tg_csv_row *csv, struct row *row)
{
    uint8_t        hash[TG_SHA256_SIZE];
    enum tg_status status;

    memset(row, 0, sizeof(*row));
    row->key.name = field(in, csv, NAME);
    row->key.value = field(in, csv, KEY);
    row->key.description = field(in, csv, DESCRIPTION);
    if (row->key.name[0] == '\0') {
        return complain(in, "it has no name");
    }
    status = tg_api_key_check_value(row->key.value, &in->call->err);
    if (status == TG_OK) {
        status = tg_api_key_check(row->key.name, row->key.description, NULL,
            &in->call->err);
    }
    if (status == TG_OK) {
        status = read_enabled(in, field(in, csv, ENABLED),
            &row->key.enabled);
    }
    if (status != TG_OK) {
        return status;
    }
    tg_sha256(hash, row->key.value, strlen(row->key.value));
    tg_hex(row->digest, hash, sizeof(hash));
    if (json_object_get(in->seen, row->digest) != NULL) {
        return complain(in, "the same key stands in a line before");
    }
    status = find_existing(in, row);
    if (status == TG_OK) {
        status = read_plans(in, field(in, csv, PLANS), row);
    }
    return status;
}

/*
 * ---- writing
 */

static enum tg_status
overwrite(struct import *in, const struct row *row)
{
    enum tg_status status;

    status = tg_store_exec(in->call->store, &in->call->err,
        "UPDATE api_key SET name = $2, description = $3, updated_s = $4"
        " WHERE id = $1", "sssi", row->existing, row->key.name,
        row->key.description[0] != '\0' ? row->key.description : NULL,
        in->call->now_s);
    if (status == TG_OK) {
        status = tg_api_key_set_enabled(in->call->change, row->existing,
            row->key.enabled, &in->call->err);
    }
    return status;
}

static enum tg_status
write_row(struct import *in, const struct row *row)
{
    size_t         i;
    const char    *id = row->existing;
    enum tg_status status;

    status = id != NULL
        ? overwrite(in, row)
        : tg_api_key_create(in->call->change, &row->key, &id,
              &in->call->err);
    for (i = 0; status == TG_OK && i < row->plan_count; i++) {
        status = tg_usage_plan_key_attach(in->call->change, row->plans[i],
            id, &in->call->err);
    }
    if (status == TG_OK) {
        (void) json_array_append_new(in->ids, json_string(id));
        (void) json_object_set_new(in->seen, row->digest, json_true());
    }
    return status;
}

static enum tg_status
import_rows(struct import *in, struct tg_csv *csv)
{
    enum tg_status          status;
    struct row              row;
    struct tg_control_call *call = in->call;
    struct tg_csv_row       fields;

    while ((status = tg_csv_next(csv, call->arena, &fields, &call->err))
        == TG_OK)
    {
        status = read_row(in, &fields, &row);
        if (status == TG_OK) {
            status = write_row(in, &row);
        } else if (status == TG_INVALID) {
            (void) json_array_append_new(in->warnings,
                json_sprintf("Line %u was left out: %s", csv->line,
                    call->err.message));
            status = TG_OK;
        }
        if (status != TG_OK) {
            return status;
        }
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_import_api_keys(struct tg_control_call *call)
{
    const char    *format = tg_call_query(call, "format");
    enum tg_status status;
    struct import  in = {.call = call, .ids = json_array(),
        .warnings = json_array(), .seen = json_object()};
    struct tg_csv  csv;

    call->result = json_pack("{s:o, s:o}", "ids", in.ids, "warnings",
        in.warnings);
    if (format == NULL || strcasecmp(format, "csv") != 0) {
        status = tg_call_bad_request(call, "Invalid format of API keys: "
            "expected csv");
        goto done;
    }
    tg_csv_begin(&csv, call->req->body, call->req->body_len);
    status = read_header(&in, &csv);
    if (status == TG_OK) {
        status = import_rows(&in, &csv);
    }
    if (status == TG_OK && json_array_size(in.warnings) > 0
        && tg_patch_bool(tg_call_query(call, "failonwarnings")))
    {
        status = tg_call_bad_request(call, "Nothing was imported, as there "
            "are %zu warnings, the first: %s",
            json_array_size(in.warnings),
            json_string_value(json_array_get(in.warnings, 0)));
    }
done:
    json_decref(in.seen);
    return status;
}
