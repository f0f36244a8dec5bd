/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/metadata.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "aws/environment.h"
#include "util/buf.h"
#include "util/file.h"

#define URL_SIZE 2048
#define TOKEN_MAX ((size_t) 65536)
#define CONTAINER_TIMEOUT_MS 2000
#define CONTAINER_TRIES 3
#define CONTAINER_PAUSE_S 1
#define IMDS_TTL "21600"
#define IMDS_TIMEOUT_S 1
#define IMDS_TRIES 1

/* One GET or PUT. */
struct ask {
    const struct tg_aws_transport *transport;
    const char                    *method;
    const char                    *url;
    struct tg_header               headers[3];
    size_t                         header_count;
    unsigned                       timeout_ms;
    unsigned                       tries;
};

/* TG_IO: no answer, or a 5xx, after all tries; the reply has a status. */
static enum tg_status
fetch(struct tg_aws_reply *reply, const struct ask *ask,
    struct tg_error *err)
{
    unsigned              i;
    enum tg_status        status = TG_IO;
    struct timespec       pause = { CONTAINER_PAUSE_S, 0 };
    struct tg_aws_request request = { .method = ask->method,
        .url = ask->url, .headers = ask->headers,
        .header_count = ask->header_count, .timeout_ms = ask->timeout_ms };

    for (i = 0; i < ask->tries && status != TG_OK; i++) {
        if (i > 0) {
            nanosleep(&pause, NULL);
        }
        tg_aws_reply_clear(reply);
        if (ask->transport->send(ask->transport->data, &request, reply, err)
            != TG_AWS_ANSWERED)
        {
            continue;
        }
        status = reply->status < 500 ? TG_OK
            : tg_error_set(err, TG_IO, "%s: status %d", ask->url,
                  reply->status);
    }
    return status;
}

/*
 * ---- containers
 */

bool
tg_aws_container_applies(void)
{
    return tg_aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL
        || tg_aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL;
}

/* Of this machine, or of one of the services that hand out credentials. */
static bool
is_near(const char *host)
{
    size_t          i;
    char            bare[64];
    struct in_addr  v4;
    struct in6_addr v6;
    static const char *const near[] = { "localhost", "169.254.170.2",
        "169.254.170.23", "fd00:ec2::23" };

    (void) snprintf(bare, sizeof(bare), "%.63s", host[0] == '[' ? host + 1
                                                                : host);
    bare[strcspn(bare, "]")] = '\0';
    for (i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
        if (strcasecmp(bare, near[i]) == 0) {
            return true;
        }
    }
    if (inet_pton(AF_INET, bare, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static enum tg_status
container_url(char out[URL_SIZE], struct tg_error *err)
{
    int            n;
    char           scheme[16], host[256];
    const char    *relative
        = tg_aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char    *full = tg_aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    enum tg_status status = TG_OK;

    if (relative != NULL) {
        n = snprintf(out, URL_SIZE, "http://169.254.170.2%s", relative);
        if (relative[0] != '/') {
            status = TG_INVALID;
        }
    } else {
        n = snprintf(out, URL_SIZE, "%s", full);
    }
    if (status != TG_OK || n >= URL_SIZE
        || tg_aws_url_origin(scheme, sizeof(scheme), host, sizeof(host), out)
            != TG_OK)
    {
        return tg_error_set(err, TG_INVALID, "the environment: %s: expected"
            " %s", relative != NULL
            ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
            : "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            relative != NULL ? "a path" : "an http or https URL");
    }
    if (relative == NULL && strcmp(scheme, "https") != 0 && !is_near(host)) {
        return tg_error_set(err, TG_INVALID, "the environment:"
            " AWS_CONTAINER_CREDENTIALS_FULL_URI: %s is neither https nor"
            " this machine's own, so nothing is asked there", host);
    }
    return TG_OK;
}

/* What Authorization is to say; an empty buffer: nothing. */
static enum tg_status
container_token(struct tg_buf *out, struct tg_error *err)
{
    const char    *name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    const char    *file = tg_aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char    *value = tg_aws_env(name);
    enum tg_status status = TG_OK;

    if (file != NULL) {
        name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
        status = tg_file_read(out, file, err);
        if (status != TG_OK) {
            return status == TG_NOMEM ? status : TG_INVALID;
        }
        if (out->len > 0 && out->data[out->len - 1] == '\n') {
            out->data[--out->len] = '\0';
        }
        if (out->len == 0) {
            return tg_error_set(err, TG_INVALID, "%s: the file is empty",
                file);
        }
    } else if (value != NULL && tg_buf_puts(out, value) != TG_OK) {
        return tg_error_set(err, out->status, "the environment: %s: does not"
            " fit into memory", name);
    }
    if (status == TG_OK && out->len > 0
        && (strpbrk(out->data, "\r\n") != NULL
            || strlen(out->data) != out->len))
    {
        return tg_error_set(err, TG_INVALID, "the environment: %s: the token"
            " holds a line break", name);
    }
    return status;
}

static enum tg_status
read_container(struct tg_aws_credentials *out,
    const struct tg_aws_reply *reply, const char *url, int64_t now_s,
    struct tg_error *err)
{
    char           where[URL_SIZE + 32];
    enum tg_status status;

    (void) snprintf(where, sizeof(where), "container endpoint %s", url);
    if (reply->status != 200) {
        return tg_error_set(err, TG_DENIED, "%s: status %d", where,
            reply->status);
    }
    status = tg_aws_credentials_parse(out, reply->body.data,
        reply->body.len, "Token", where, err);
    if (status == TG_OK && out->expires_s != 0 && out->expires_s <= now_s) {
        tg_aws_credentials_wipe(out);
        status = tg_error_set(err, TG_IO, "%s: gave credentials that have"
            " expired", where);
    }
    return status;
}

enum tg_status
tg_aws_container_credentials(struct tg_aws_credentials *out,
    const struct tg_aws_transport *t, int64_t now_s, struct tg_error *err)
{
    char                url[URL_SIZE];
    enum tg_status      status;
    struct ask          ask = { t, "GET", url,
        { { "Accept", "application/json" } }, 1, CONTAINER_TIMEOUT_MS,
        CONTAINER_TRIES };
    struct tg_buf       token;
    struct tg_aws_reply reply;

    tg_aws_credentials_init(out);
    tg_aws_reply_init(&reply);
    tg_buf_init_secret(&token, TOKEN_MAX);
    status = container_url(url, err);
    if (status == TG_OK) {
        status = container_token(&token, err);
    }
    if (status == TG_OK && token.len > 0) {
        ask.headers[ask.header_count++] = (struct tg_header) {
            "Authorization", token.data };
    }
    if (status == TG_OK) {
        status = fetch(&reply, &ask, err);
    }
    if (status == TG_OK) {
        status = read_container(out, &reply, url, now_s, err);
    }
    tg_buf_clear(&token);
    tg_aws_reply_clear(&reply);
    return status;
}

/*
 * ---- instances
 */

/* How an instance is asked. */
struct imds {
    const struct tg_aws_transport *transport;
    char                           base[URL_SIZE / 2];
    unsigned                       timeout_ms, tries;
    struct tg_buf                  token;
};

/* A variable, else a setting of the profile. */
static const char *
option(const struct tg_aws_profiles *profiles, const char *profile,
    const char *variable, const char *name)
{
    struct tg_aws_setting s;

    if (tg_aws_env(variable) != NULL) {
        return tg_aws_env(variable);
    }
    return profiles != NULL && profile != NULL
        && tg_aws_profile_get(profiles, &s, profile, name) ? s.value : NULL;
}

static unsigned
number(const char *text, unsigned fallback)
{
    char *end;
    long  value = text != NULL ? strtol(text, &end, 10) : 0;

    return text != NULL && *end == '\0' && value > 0 && value <= 60
        ? (unsigned) value : fallback;
}

static void
configure(struct imds *m, const struct tg_aws_profiles *profiles,
    const char *profile)
{
    const char *url = option(profiles, profile,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    const char *mode = option(profiles, profile,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "ec2_metadata_service_endpoint_mode");
    size_t      len;

    if (url == NULL) {
        url = mode != NULL && strcasecmp(mode, "IPv6") == 0
            ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    }
    (void) snprintf(m->base, sizeof(m->base), "%s", url);
    len = strlen(m->base);
    while (len > 0 && m->base[len - 1] == '/') {
        m->base[--len] = '\0';
    }
    m->timeout_ms = 1000 * number(option(profiles, profile,
        "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout"),
        IMDS_TIMEOUT_S);
    m->tries = number(option(profiles, profile,
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "metadata_service_num_attempts"), IMDS_TRIES);
}

static enum tg_status
get_token(struct imds *m, struct tg_error *err)
{
    char                url[URL_SIZE];
    enum tg_status      status;
    struct ask          ask = { m->transport, "PUT", url,
        { { "x-aws-ec2-metadata-token-ttl-seconds", IMDS_TTL },
          { "Content-Length", "0" } }, 2, m->timeout_ms, m->tries };
    struct tg_error     why = { TG_OK, "" };
    struct tg_aws_reply reply;

    (void) snprintf(url, sizeof(url), "%s/latest/api/token", m->base);
    tg_aws_reply_init(&reply);
    status = fetch(&reply, &ask, &why);
    if (status != TG_OK) {
        status = tg_error_set(err, TG_NOTFOUND, "no instance endpoint"
            " answers (%s); in a container, raise the instance's metadata hop"
            " limit to 2", why.message);
    } else if (reply.status != 200 || reply.body.len == 0
        || strpbrk(reply.body.data, "\r\n") != NULL)
    {
        status = tg_error_set(err, TG_NOTFOUND, "%s: status %d: the instance"
            " endpoint gives no IMDSv2 token", url, reply.status);
    } else if (tg_buf_add(&m->token, reply.body.data, reply.body.len)
        != TG_OK)
    {
        status = tg_error_set(err, m->token.status, "the token of the"
            " instance endpoint does not fit into memory");
    }
    tg_aws_reply_clear(&reply);
    return status;
}

static enum tg_status
get(struct imds *m, struct tg_aws_reply *reply, const char *path,
    struct tg_error *err)
{
    char       url[URL_SIZE];
    struct ask ask = { m->transport, "GET", url,
        { { "x-aws-ec2-metadata-token", m->token.data } }, 1, m->timeout_ms,
        m->tries };

    (void) snprintf(url, sizeof(url),
        "%s/latest/meta-data/iam/security-credentials/%s", m->base, path);
    return fetch(reply, &ask, err);
}

static enum tg_status
get_role(struct imds *m, char role[256], struct tg_error *err)
{
    enum tg_status      status;
    struct tg_aws_reply reply;

    tg_aws_reply_init(&reply);
    status = get(m, &reply, "", err);
    role[0] = '\0';
    if (status == TG_OK && reply.status == 200 && reply.body.len > 0) {
        (void) snprintf(role, 256, "%s", reply.body.data);
        role[strcspn(role, "\r\n")] = '\0';
    }
    if (status == TG_OK && (role[0] == '\0'
        || role[strspn(role, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
            "uvwxyz0123456789+=,.@_-")] != '\0'))
    {
        status = tg_error_set(err, TG_NOTFOUND, "the instance has no role"
            " (status %d of %s)", reply.status, m->base);
    }
    tg_aws_reply_clear(&reply);
    return status;
}

static enum tg_status
get_credentials(struct imds *m, struct tg_aws_credentials *out,
    const char *role, int64_t now_s, struct tg_error *err)
{
    char                where[512];
    enum tg_status      status;
    struct tg_aws_reply reply;

    (void) snprintf(where, sizeof(where), "instance role %s", role);
    tg_aws_reply_init(&reply);
    status = get(m, &reply, role, err);
    if (status == TG_OK && reply.status != 200) {
        status = tg_error_set(err, TG_NOTFOUND, "%s: status %d", where,
            reply.status);
    } else if (status == TG_OK) {
        status = tg_aws_credentials_parse(out, reply.body.data,
            reply.body.len, "Token", where, err);
        if (status == TG_DENIED) {
            status = TG_NOTFOUND; /* a document about an error */
        }
    }
    if (status == TG_OK
        && (out->session_token == NULL || out->expires_s == 0))
    {
        status = tg_error_set(err, TG_INVALID, "%s: the document lacks Token"
            " or Expiration", where);
    }
    if (status == TG_OK && out->expires_s <= now_s) {
        status = tg_error_set(err, TG_IO, "%s: gave credentials that have"
            " expired", where);
    }
    if (status != TG_OK) {
        tg_aws_credentials_wipe(out);
    }
    tg_aws_reply_clear(&reply);
    return status;
}

enum tg_status
tg_aws_instance_credentials(struct tg_aws_credentials *out,
    const struct tg_aws_transport *t, const struct tg_aws_profiles *profiles,
    const char *profile, int64_t now_s, struct tg_error *err)
{
    char           role[256];
    enum tg_status status;
    struct imds    m = { .transport = t };

    tg_aws_credentials_init(out);
    if (tg_aws_env_is_true("AWS_EC2_METADATA_DISABLED")) {
        return tg_error_set(err, TG_NOTFOUND, "the instance endpoint is"
            " switched off by AWS_EC2_METADATA_DISABLED");
    }
    tg_buf_init_secret(&m.token, TOKEN_MAX);
    configure(&m, profiles, profile);
    status = get_token(&m, err);
    if (status == TG_OK) {
        status = get_role(&m, role, err);
    }
    if (status == TG_OK) {
        status = get_credentials(&m, out, role, now_s, err);
    }
    tg_buf_clear(&m.token);
    return status;
}
