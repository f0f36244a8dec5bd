/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/clock.h"
#include "util/digest.h"

void
tg_aws_credentials_init(struct tg_aws_credentials *c)
{
    memset(c, 0, sizeof(*c));
}

void
tg_aws_credentials_wipe(struct tg_aws_credentials *c)
{
    if (c->session_token != NULL) {
        tg_wipe(c->session_token, strlen(c->session_token));
        free(c->session_token);
    }
    tg_wipe(c, sizeof(*c));
}

enum tg_status
tg_aws_credentials_copy(struct tg_aws_credentials *out,
    const struct tg_aws_credentials *from, struct tg_error *err)
{
    *out = *from;
    if (from->session_token != NULL) {
        out->session_token = strdup(from->session_token);
        if (out->session_token == NULL) {
            tg_aws_credentials_wipe(out);
            return tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    return TG_OK;
}

static enum tg_status
copy(char *out, size_t size, const char *value, size_t len, const char *name,
    struct tg_error *err)
{
    if (len >= size) {
        return tg_error_set(err, TG_LIMIT, "%s is longer than %zu bytes",
            name, size - 1);
    }
    memcpy(out, value, len);
    out[len] = '\0';
    return TG_OK;
}

static enum tg_status
set_token(struct tg_aws_credentials *c, const char *name, const char *value,
    size_t len, struct tg_error *err)
{
    if (len >= TG_AWS_TOKEN_MAX) {
        return tg_error_set(err, TG_LIMIT, "%s is longer than %d bytes",
            name, TG_AWS_TOKEN_MAX - 1);
    }
    if (c->session_token != NULL) {
        tg_wipe(c->session_token, strlen(c->session_token));
        free(c->session_token);
    }
    c->session_token = strndup(value, len);
    return c->session_token != NULL ? TG_OK
        : tg_error_set(err, TG_NOMEM, "out of memory");
}

enum tg_status
tg_aws_credentials_set(struct tg_aws_credentials *c, const char *name,
    const char *value, size_t len, struct tg_error *err)
{
    if (strcmp(name, "aws_access_key_id") == 0) {
        return copy(c->access_key_id, sizeof(c->access_key_id), value, len,
            name, err);
    }
    if (strcmp(name, "aws_secret_access_key") == 0) {
        return copy(c->secret_access_key, sizeof(c->secret_access_key),
            value, len, name, err);
    }
    return set_token(c, name, value, len, err);
}

enum tg_status
tg_aws_credentials_check(const struct tg_aws_credentials *c,
    const char *where, struct tg_error *err)
{
    bool has_id = c->access_key_id[0] != '\0';
    bool has_secret = c->secret_access_key[0] != '\0';

    if (has_id && has_secret) {
        return TG_OK;
    }
    if (!has_id && !has_secret) {
        return tg_error_set(err, TG_NOTFOUND, "%s: there is no access key",
            where);
    }
    return tg_error_set(err, TG_INVALID, "%s: there is %s without %s", where,
        has_id ? "aws_access_key_id" : "aws_secret_access_key",
        has_id ? "aws_secret_access_key" : "aws_access_key_id");
}

/*
 * ---- times
 */

/* "+01:00", "-0530", "Z" in seconds; false for anything else. */
static bool
read_offset(const char *text, int64_t *offset_s)
{
    int  hours, minutes, n = 0;
    char sign;

    *offset_s = 0;
    if (strcasecmp(text, "Z") == 0) {
        return true;
    }
    if ((sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &n) < 3
            && sscanf(text, "%c%2d%2d%n", &sign, &hours, &minutes, &n) < 3)
        || text[n] != '\0' || (sign != '+' && sign != '-') || hours < 0
        || hours > 23 || minutes < 0 || minutes > 59)
    {
        return false;
    }
    *offset_s = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

enum tg_status
tg_aws_time_parse(int64_t *out, const char *text)
{
    char    plain[TG_ISO8601_SIZE];
    int64_t offset_s;
    size_t  len = sizeof(plain) - 2; /* without the Z */

    if (strlen(text) < len + 1) {
        return TG_INVALID;
    }
    memcpy(plain, text, len);
    plain[10] = 'T'; /* RFC 3339 lets it be small, or a blank */
    strcpy(plain + len, "Z");
    text += len;
    if (*text == '.') {
        text++;
        text += strspn(text, "0123456789");
    }
    if (!read_offset(text, &offset_s)
        || tg_time_parse(out, plain) != TG_OK)
    {
        return TG_INVALID;
    }
    *out -= offset_s;
    return TG_OK;
}

/*
 * ---- documents
 */

/* TG_NOTFOUND: there is no such member, or it is null. */
static enum tg_status
member(struct tg_aws_credentials *out, const json_t *doc, const char *member,
    const char *name, const char *where, struct tg_error *err)
{
    enum tg_status  status;
    const json_t   *value = json_object_get(doc, member);
    struct tg_error why = { TG_OK, "" };

    if (value == NULL || json_is_null(value)) {
        return TG_NOTFOUND;
    }
    if (!json_is_string(value) || json_string_length(value) == 0
        || strlen(json_string_value(value)) != json_string_length(value))
    {
        return tg_error_set(err, TG_INVALID, "%s: %s: expected a text",
            where, member);
    }
    status = tg_aws_credentials_set(out, name, json_string_value(value),
        json_string_length(value), &why);
    return status == TG_OK ? TG_OK
        : tg_error_set(err, TG_INVALID, "%s: %s: %s", where, member,
              why.message);
}

static enum tg_status
read_members(struct tg_aws_credentials *out, const json_t *doc,
    const char *token, const char *where, struct tg_error *err)
{
    enum tg_status status, part;
    const json_t  *time = json_object_get(doc, "Expiration");

    status = member(out, doc, "AccessKeyId", "aws_access_key_id", where, err);
    if (status == TG_OK) {
        status = member(out, doc, "SecretAccessKey", "aws_secret_access_key",
            where, err);
    }
    if (status == TG_NOTFOUND) {
        return tg_error_set(err, TG_INVALID, "%s: the document lacks"
            " AccessKeyId or SecretAccessKey", where);
    }
    part = member(out, doc, token, "aws_session_token", where, err);
    if (status == TG_OK && part != TG_NOTFOUND) {
        status = part;
    }
    if (status == TG_OK && time != NULL && !json_is_null(time)
        && (!json_is_string(time)
            || tg_aws_time_parse(&out->expires_s, json_string_value(time))
                   != TG_OK))
    {
        status = tg_error_set(err, TG_INVALID, "%s: Expiration: expected a"
            " time like 2026-11-23T03:00:00Z", where);
    }
    return status;
}

/* {"Code":"AssumeRoleUnauthorizedAccess","Message":"..."} */
static bool
is_error(const json_t *doc, const char **code, const char **message)
{
    *code = json_string_value(json_object_get(doc, "Code"));
    *message = json_string_value(json_object_get(doc, "Message"));
    if (*message == NULL) {
        *message = json_string_value(json_object_get(doc, "message"));
    }
    if (*code == NULL) {
        *code = json_string_value(json_object_get(doc, "code"));
    }
    return *code != NULL && strcasecmp(*code, "Success") != 0;
}

enum tg_status
tg_aws_credentials_parse(struct tg_aws_credentials *out, const char *text,
    size_t len, const char *token, const char *where, struct tg_error *err)
{
    const char    *code, *message;
    enum tg_status status;
    json_error_t   at;
    json_t        *doc = json_loadb(text, len, 0, &at);

    if (!json_is_object(doc)) {
        /* jansson's words may quote the text, and so a secret: left out */
        status = tg_error_set(err, TG_INVALID, "%s: the answer is no JSON"
            " object (line %d, column %d)", where, doc == NULL ? at.line : 1,
            doc == NULL ? at.column : 1);
    } else if (is_error(doc, &code, &message)) {
        status = tg_error_set(err, TG_DENIED, "%s: %.64s%s%.200s", where,
            code, message != NULL ? ": " : "",
            message != NULL ? message : "");
    } else {
        status = read_members(out, doc, token, where, err);
    }
    json_decref(doc);
    if (status != TG_OK) {
        tg_aws_credentials_wipe(out);
    }
    return status;
}
