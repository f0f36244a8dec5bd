/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sts.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aws/signed.h"
#include "util/buf.h"
#include "util/digest.h"
#include "util/percent.h"

#define TIMEOUT_MS 30000
#define TRIES 3
#define PAUSE_MS 200 /* before the second try, doubled before the third */
#define BODY_MAX ((size_t) 256 * 1024)
#define CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"

/*
 * ---- answers
 */

/* The text of the innermost element that is open. */
struct reading {
    struct tg_aws_credentials *out;
    struct tg_aws_sts_error   *error;
    struct tg_buf              text;
    enum tg_status             status;
    bool                       in_credentials, in_error, in_user;
    bool                       has_expiry;
    int                        depth;
};

static void
on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *r = data;

    (void) attributes;
    tg_buf_reset(&r->text);
    r->in_credentials = r->in_credentials
        || strcmp(name, "Credentials") == 0;
    r->in_error = r->in_error || strcmp(name, "Error") == 0;
    r->in_user = r->in_user || strcmp(name, "AssumedRoleUser") == 0;
    if (++r->depth > 32) {
        r->status = TG_LIMIT;
    }
}

static void
on_text(void *data, const XML_Char *text, int len)
{
    struct reading *r = data;

    if (tg_buf_add(&r->text, text, (size_t) len) != TG_OK) {
        r->status = r->text.status;
    }
}

static void
take_credential(struct reading *r, const char *name, const char *text)
{
    size_t i;
    static const char *const names[][2] = {
        { "AccessKeyId", "aws_access_key_id" },
        { "SecretAccessKey", "aws_secret_access_key" },
        { "SessionToken", "aws_session_token" },
    };

    for (i = 0; i < 3; i++) {
        if (strcmp(name, names[i][0]) == 0 && text[0] != '\0'
            && tg_aws_credentials_set(r->out, names[i][1], text,
                   strlen(text), NULL) != TG_OK)
        {
            r->status = TG_LIMIT;
        }
    }
    if (strcmp(name, "Expiration") == 0) {
        r->has_expiry = tg_aws_time_parse(&r->out->expires_s, text) == TG_OK;
    }
}

static void
on_end(void *data, const XML_Char *name)
{
    struct reading *r = data;
    const char     *text = r->text.len > 0 ? r->text.data : "";

    r->depth--;
    if (r->in_credentials) {
        take_credential(r, name, text);
        r->in_credentials = strcmp(name, "Credentials") != 0;
    } else if (r->in_error) {
        if (strcmp(name, "Code") == 0) {
            (void) snprintf(r->error->code, sizeof(r->error->code), "%s",
                text);
        } else if (strcmp(name, "Message") == 0) {
            (void) snprintf(r->error->message, sizeof(r->error->message),
                "%s", text);
        }
        r->in_error = strcmp(name, "Error") != 0;
    } else if (r->in_user) {
        if (strcmp(name, "Arn") == 0) {
            (void) snprintf(r->out->arn, sizeof(r->out->arn), "%s", text);
        }
        r->in_user = strcmp(name, "AssumedRoleUser") != 0;
    }
    tg_buf_reset(&r->text);
}

/* AWS's answers have no DOCTYPE; one could hide what grows without end. */
static void
on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int has_subset)
{
    (void) name;
    (void) system_id;
    (void) public_id;
    (void) has_subset;
    ((struct reading *) data)->status = TG_INVALID;
}

enum tg_status
tg_aws_sts_parse(struct tg_aws_credentials *out,
    struct tg_aws_sts_error *error, const char *text, size_t len,
    struct tg_error *err)
{
    bool           is_whole;
    XML_Parser     parser = XML_ParserCreate(NULL);
    struct reading r = { .out = out, .error = error };

    memset(error, 0, sizeof(*error));
    if (parser == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    tg_buf_init_secret(&r.text, TG_AWS_TOKEN_MAX);
    XML_SetUserData(parser, &r);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    is_whole = len < BODY_MAX
        && XML_Parse(parser, text, (int) len, 1) == XML_STATUS_OK;
    XML_ParserFree(parser);
    tg_buf_clear(&r.text);
    if (!is_whole || r.status != TG_OK) {
        return tg_error_set(err, TG_INVALID, "the answer is no XML document"
            " of STS");
    }
    if (error->code[0] != '\0') {
        return TG_DENIED;
    }
    if (!r.has_expiry || out->session_token == NULL) {
        return tg_error_set(err, TG_INVALID, "the answer holds no"
            " credentials");
    }
    return tg_aws_credentials_check(out, "the answer", err);
}

/*
 * ---- requests
 */

static void
add_parameter(struct tg_buf *body, const char *name, const char *value)
{
    if (value != NULL) {
        tg_buf_printf(body, "&%s=", name);
        tg_percent_encode(body, value);
    }
}

static enum tg_status
write_body(struct tg_buf *body, const char *action,
    const struct tg_aws_role *role, struct tg_error *err)
{
    tg_buf_printf(body, "Action=%s&Version=2011-06-15", action);
    add_parameter(body, "RoleArn", role->arn);
    add_parameter(body, "RoleSessionName", role->session_name);
    if (role->duration_s > 0) {
        tg_buf_printf(body, "&DurationSeconds=%lld",
            (long long) role->duration_s);
    }
    add_parameter(body, "ExternalId", role->external_id);
    add_parameter(body, "WebIdentityToken", role->web_identity_token);
    if (body->status == TG_NOMEM) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    return body->status == TG_OK ? TG_OK
        : tg_error_set(err, body->status, "the request to STS does not fit"
              " into %zu bytes", body->max);
}

/* The status of a refusal. */
static enum tg_status
judge(int http_status, const char *code)
{
    size_t i;
    static const struct {
        const char    *code;
        enum tg_status status;
    } codes[] = {
        { "Throttling", TG_BUSY },
        { "ThrottlingException", TG_BUSY },
        { "RequestLimitExceeded", TG_BUSY },
        { "IDPCommunicationError", TG_BUSY },
        { "RequestTimeout", TG_BUSY },
        { "RequestTimeoutException", TG_BUSY },
        { "ExpiredTokenException", TG_STALE },
        { "ExpiredToken", TG_STALE },
        { "InvalidIdentityToken", TG_STALE },
    };

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(code, codes[i].code) == 0) {
            return codes[i].status;
        }
    }
    return http_status >= 500 || http_status == 429 ? TG_BUSY : TG_DENIED;
}

/* One request. */
static enum tg_status
ask(struct tg_aws_credentials *out, const struct tg_aws_sts *sts,
    const struct tg_buf *body, const struct tg_aws_credentials *source,
    const char *role, struct tg_error *err)
{
    int64_t                 skew_s = *sts->skew_s;
    enum tg_status          status = TG_IO;
    struct tg_error         why = { TG_OK, "" };
    struct tg_aws_reply     reply;
    struct tg_aws_sts_error error = { "", "" };
    struct tg_aws_call      call = { .endpoint = sts->endpoint,
        .region = sts->region, .service = "sts",
        .content_type = CONTENT_TYPE, .body = body->data,
        .body_len = body->len, .timeout_ms = TIMEOUT_MS };

    tg_aws_reply_init(&reply);
    tg_aws_credentials_init(out);
    if (tg_aws_call_send(sts->transport, &call, source,
            sts->now_s, &reply, sts->skew_s, &why)
        != TG_AWS_ANSWERED)
    {
        (void) tg_error_set(err, TG_IO, "role %s: STS: %s", role,
            why.message);
    } else {
        status = tg_aws_sts_parse(out, &error, reply.body.data,
            reply.body.len, &why);
        if (reply.status != 200 && status != TG_DENIED) {
            (void) snprintf(error.code, sizeof(error.code), "%d",
                reply.status);
            status = TG_DENIED;
        }
        if (status == TG_DENIED) {
            status = tg_aws_is_skewed(error.code, *sts->skew_s - skew_s)
                ? TG_BUSY : judge(reply.status, error.code);
            (void) tg_error_set(err, status,
                "role %s: STS refuses: %s%s%s", role, error.code,
                error.message[0] != '\0' ? ": " : "", error.message);
        } else if (status != TG_OK) {
            (void) tg_error_set(err, status, "role %s: STS: %s", role,
                why.message);
        }
    }
    tg_aws_reply_clear(&reply);
    if (status != TG_OK) {
        tg_aws_credentials_wipe(out);
    }
    return status;
}

static void
pause_before(int attempt)
{
    uint32_t        chance;
    int64_t         ms = (int64_t) PAUSE_MS << (attempt - 1);
    struct timespec t = { 0, 0 };

    tg_random(&chance, sizeof(chance));
    t.tv_nsec = ms * 1000000 / 2 + (int64_t) (chance % 1000) * ms * 500;
    nanosleep(&t, NULL);
}

static enum tg_status
assume(struct tg_aws_credentials *out, const struct tg_aws_sts *sts,
    const char *action, const struct tg_aws_role *role,
    const struct tg_aws_credentials *source, struct tg_error *err)
{
    int            attempt;
    enum tg_status status;
    struct tg_buf  body;

    tg_buf_init_secret(&body, BODY_MAX); /* it may hold a token */
    status = write_body(&body, action, role, err);
    if (status == TG_OK) {
        status = ask(out, sts, &body, source, role->arn, err);
    }
    for (attempt = 1; attempt < TRIES
         && (status == TG_BUSY || status == TG_IO); attempt++)
    {
        pause_before(attempt);
        status = ask(out, sts, &body, source, role->arn, err);
    }
    tg_buf_clear(&body);
    return status;
}

enum tg_status
tg_aws_sts_assume(struct tg_aws_credentials *out,
    const struct tg_aws_sts *sts, const struct tg_aws_role *role,
    const struct tg_aws_credentials *source, struct tg_error *err)
{
    return assume(out, sts, "AssumeRole", role, source, err);
}

enum tg_status
tg_aws_sts_assume_web_identity(struct tg_aws_credentials *out,
    const struct tg_aws_sts *sts, const struct tg_aws_role *role,
    struct tg_error *err)
{
    return assume(out, sts, "AssumeRoleWithWebIdentity", role, NULL, err);
}
