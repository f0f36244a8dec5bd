/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/trail.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES 128

void
tg_trail_time(char out[TG_TRAIL_TIME_SIZE], int64_t time_s)
{
    time_t    t = (time_t) time_s;
    int       hour;
    struct tm tm;
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    gmtime_r(&t, &tm);
    hour = tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12;
    (void) snprintf(out, TG_TRAIL_TIME_SIZE, "%.3s %d, %d %d:%02d:%02d %s",
        months + 3 * tm.tm_mon, tm.tm_mday, (tm.tm_year + 1900) % 10000,
        hour, tm.tm_min % 60, tm.tm_sec % 61, tm.tm_hour < 12 ? "AM" : "PM");
}

/* Seconds of years with four digits; another number is kept as it came. */
static bool
is_time(const json_t *value)
{
    double time_s = json_is_number(value) ? json_number_value(value) : -1;

    return time_s >= 0 && time_s < 253402300800.0;
}

static json_t *
object_copy(const json_t *value)
{
    char        name[NAME_MAX_BYTES], time[TG_TRAIL_TIME_SIZE];
    json_t     *member, *copy, *out = json_object();
    const char *key;

    json_object_foreach ((json_t *) value, key, member) {
        if (strcmp(key, "Timestamp") == 0 && is_time(member)) {
            tg_trail_time(time, (int64_t) json_number_value(member));
            copy = json_string(time);
        } else {
            copy = tg_trail_json(member);
        }
        (void) snprintf(name, sizeof(name), "%s", key);
        name[0] = (char) tolower((unsigned char) name[0]);
        if (json_object_set_new(out, name, copy) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

json_t *
tg_trail_json(const json_t *value)
{
    size_t  i;
    json_t *out, *item;

    if (json_is_object(value)) {
        return object_copy(value);
    }
    if (!json_is_array(value)) {
        return json_deep_copy(value);
    }
    out = json_array();
    json_array_foreach ((json_t *) value, i, item) {
        if (json_array_append_new(out, tg_trail_json(item)) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* Who called: the seller's own key, or nobody where none was found. */
static struct tg_audit_identity
caller(const struct tg_settings *settings,
    const struct tg_marketplace_result *result)
{
    bool                     is_role = result->role_arn[0] != '\0';
    struct tg_audit_identity who = {
        .type = is_role ? "AssumedRole" : "IAMUser",
        .principal_id = result->access_key_id,
        .arn = is_role ? result->role_arn : NULL,
        .account_id = settings->account_id,
        .access_key_id = result->access_key_id,
        .user_name = "tallygate",
    };

    return who;
}

enum tg_status
tg_trail_render(struct tg_audit_entry **out,
    const struct tg_settings *settings, const char *operation,
    const struct tg_marketplace_result *result, const char *source_ip,
    int64_t now_s, struct tg_error *err)
{
    json_t                *request, *response = NULL;
    enum tg_status         status;
    struct tg_audit_record record = {
        .time_s = now_s,
        .event_source = TG_AUDIT_SOURCE_METERING,
        .event_name = operation,
        .region = settings->marketplace.region,
        .account_id = settings->account_id,
        .identity = caller(settings, result),
        .source_ip = source_ip,
        .request_id = result->request_id[0] != '\0' ? result->request_id
                                                    : NULL,
        .is_own = true,
    };

    *out = NULL;
    request = result->request != NULL
        ? tg_trail_json(result->request)
        : json_pack("{s:s}", "registrationToken", TG_AUDIT_HIDDEN);
    if (result->outcome == TG_MARKETPLACE_ANSWERED) {
        response = tg_trail_json(result->reply);
    } else {
        record.error_code = result->outcome == TG_MARKETPLACE_REFUSED
            ? result->type : "OutcomeUnknown";
        record.error_message = result->message;
    }
    record.request = request;
    record.response = response;
    if (request == NULL
        || (response == NULL && result->outcome == TG_MARKETPLACE_ANSWERED))
    {
        status = tg_error_set(err, TG_NOMEM, "out of memory");
    } else {
        status = tg_audit_render(out, &record, err);
    }
    json_decref(request);
    json_decref(response);
    return status;
}

enum tg_status
tg_trail_append(struct tg_store *s, const struct tg_settings *settings,
    const char *operation, const struct tg_marketplace_result *result,
    const char *source_ip, int64_t now_s, struct tg_error *err)
{
    enum tg_status         status;
    struct tg_audit_entry *entry;

    status = tg_trail_render(&entry, settings, operation, result, source_ip,
        now_s, err);
    if (status == TG_OK) {
        status = tg_audit_append_entry(s, entry, err);
    }
    tg_audit_entry_free(entry);
    return status;
}
