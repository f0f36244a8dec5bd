/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/chain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/endpoint.h"
#include "aws/environment.h"
#include "aws/metadata.h"
#include "aws/profiles.h"
#include "aws/program.h"
#include "aws/sts.h"
#include "util/buf.h"
#include "util/file.h"

#define ROLES_MAX 8 /* one from the other */
#define SESSION_NAME_SIZE 65
#define ARN_SIZE 2049
#define IDENTITY_TOKEN_MAX ((size_t) 20001)

/* One search. */
struct chain {
    const struct tg_aws_source *source;
    struct tg_aws_profiles     *profiles;
    const char                 *profile;     /* the one in use */
    bool                        is_explicit; /* the settings name it */
    const char                 *visited[ROLES_MAX]; /* whose role it is */
    int                         depth;
    int64_t                     now_s;
    int64_t                    *skew_s;
    struct tg_error            *err;
};

static enum tg_status from_profile(struct chain *c,
    struct tg_aws_credentials *out, const char *profile);
static enum tg_status from_source_profile(struct chain *c,
    struct tg_aws_credentials *out, const char *profile,
    const struct tg_aws_setting *named);

static bool
get(const struct chain *c, struct tg_aws_setting *s, const char *profile,
    const char *name)
{
    return tg_aws_profile_get(c->profiles, s, profile, name);
}

static enum tg_status
refuse(const struct chain *c, const struct tg_aws_setting *s,
    const char *name, const char *what)
{
    return tg_error_set(c->err, TG_INVALID, "%s:%d: %s: %s", s->file, s->line,
        name, what);
}

/*
 * ---- static keys
 */

static const char *const key_names[][2] = {
    { "AWS_ACCESS_KEY_ID", "aws_access_key_id" },
    { "AWS_SECRET_ACCESS_KEY", "aws_secret_access_key" },
    { "AWS_SESSION_TOKEN", "aws_session_token" },
};

static enum tg_status
from_environment(struct chain *c, struct tg_aws_credentials *out)
{
    size_t          i;
    const char     *value;
    enum tg_status  status = TG_OK;
    struct tg_error why = { TG_OK, "" };

    for (i = 0; i < 3 && status == TG_OK; i++) {
        value = tg_aws_env(key_names[i][0]);
        if (value == NULL && i == 2) {
            value = tg_aws_env("AWS_SECURITY_TOKEN"); /* its former name */
        }
        if (value != NULL) {
            status = tg_aws_credentials_set(out, key_names[i][1], value,
                strlen(value), &why);
        }
    }
    out->is_reread = true;
    if (status != TG_OK) {
        return tg_error_set(c->err, status == TG_NOMEM ? status : TG_INVALID,
            "the environment: %s", why.message);
    }
    return tg_aws_credentials_check(out, "the environment", c->err);
}

/*
 * Static keys of the profile: of the config file (is_config) or of the
 * other.  TG_NOTFOUND: it has none there.
 */
static enum tg_status
from_keys(struct chain *c, struct tg_aws_credentials *out,
    const char *profile, bool is_config)
{
    char                  where[TG_ERROR_MAX / 2];
    size_t                i;
    enum tg_status        status = TG_OK;
    struct tg_error       why = { TG_OK, "" };
    struct tg_aws_setting s, any = { NULL, NULL, 0, false };

    for (i = 0; i < 3 && status == TG_OK; i++) {
        if (!get(c, &s, profile, key_names[i][1])
            || s.is_config != is_config)
        {
            continue;
        }
        any = s;
        status = tg_aws_credentials_set(out, key_names[i][1], s.value,
            strlen(s.value), &why);
    }
    if (any.value == NULL) {
        return TG_NOTFOUND;
    }
    if (status != TG_OK) {
        return tg_error_set(c->err, status == TG_NOMEM ? status : TG_INVALID,
            "%s:%d: %s", any.file, any.line, why.message);
    }
    out->is_reread = true;
    (void) snprintf(where, sizeof(where), "%.160s:%d: profile %.64s",
        any.file, any.line, profile);
    status = tg_aws_credentials_check(out, where, c->err);
    return status == TG_NOTFOUND /* a token alone */
        ? refuse(c, &any, "aws_session_token", "there is no access key")
        : status;
}

/*
 * ---- roles
 */

static void
make_session_name(const struct chain *c, char out[SESSION_NAME_SIZE])
{
    (void) snprintf(out, SESSION_NAME_SIZE, "tallygate-%ld-%lld",
        (long) getpid(), (long long) c->now_s);
}

/* Fills sts, whose endpoint is the caller's to clear. */
static enum tg_status
find_sts(struct chain *c, struct tg_aws_sts *sts, struct tg_buf *endpoint)
{
    struct tg_aws_endpoint_query q = { .service = TG_AWS_STS,
        .region = c->source->region, .profiles = c->profiles,
        .profile = c->profile };

    sts->transport = c->source->transport;
    sts->now_s = c->now_s;
    sts->skew_s = c->skew_s;
    if (tg_aws_endpoint_find(endpoint, &sts->region, &q, c->err) != TG_OK) {
        return TG_INVALID;
    }
    sts->endpoint = endpoint->data;
    return TG_OK;
}

static enum tg_status
assume(struct chain *c, struct tg_aws_credentials *out,
    const struct tg_aws_role *role, const struct tg_aws_credentials *source)
{
    char               name[SESSION_NAME_SIZE];
    enum tg_status     status;
    struct tg_buf      endpoint;
    struct tg_aws_sts  sts;
    struct tg_aws_role named = *role;

    if (named.session_name == NULL) {
        make_session_name(c, name);
        named.session_name = name;
    }
    tg_buf_init(&endpoint, 2048);
    status = find_sts(c, &sts, &endpoint);
    if (status == TG_OK) {
        status = named.web_identity_token != NULL
            ? tg_aws_sts_assume_web_identity(out, &sts, &named, c->err)
            : tg_aws_sts_assume(out, &sts, &named, source, c->err);
    }
    tg_buf_clear(&endpoint);
    return status;
}

/* What a profile says about its role, but for where the keys come from. */
static enum tg_status
read_role(struct chain *c, struct tg_aws_role *role, const char *profile)
{
    char                 *end;
    struct tg_aws_setting s;

    if (get(c, &s, profile, "mfa_serial")) {
        return refuse(c, &s, "mfa_serial", "a daemon cannot be asked for the"
            " code of a device; use a role without one");
    }
    memset(role, 0, sizeof(*role));
    if (get(c, &s, profile, "role_arn")) {
        role->arn = s.value;
    }
    if (get(c, &s, profile, "role_session_name")) {
        role->session_name = s.value;
    }
    if (get(c, &s, profile, "external_id")) {
        role->external_id = s.value;
    }
    if (get(c, &s, profile, "duration_seconds")) {
        role->duration_s = strtoll(s.value, &end, 10);
        if (*end != '\0' || role->duration_s < 900
            || role->duration_s > 43200)
        {
            return refuse(c, &s, "duration_seconds", "expected a whole number"
                " from 900 to 43200");
        }
    }
    return TG_OK;
}

static enum tg_status
from_credential_source(struct chain *c, struct tg_aws_credentials *out,
    const struct tg_aws_setting *s)
{
    enum tg_status status;

    if (strcmp(s->value, "Environment") == 0) {
        status = from_environment(c, out);
    } else if (strcmp(s->value, "EcsContainer") == 0) {
        if (!tg_aws_container_applies()) {
            return refuse(c, s, "credential_source", "EcsContainer, but the"
                " environment names no container endpoint");
        }
        status = tg_aws_container_credentials(out, c->source->transport,
            c->now_s, c->err);
    } else if (strcmp(s->value, "Ec2InstanceMetadata") == 0) {
        status = tg_aws_instance_credentials(out, c->source->transport,
            c->profiles, c->profile, c->now_s, c->err);
    } else {
        return refuse(c, s, "credential_source", "expected Environment,"
            " EcsContainer or Ec2InstanceMetadata");
    }
    return status;
}

/* The keys with which the profile's role is assumed. */
static enum tg_status
find_role_source(struct chain *c, struct tg_aws_credentials *out,
    const char *profile, const struct tg_aws_setting *role)
{
    bool                  has_profile, has_source;
    struct tg_aws_setting named, other;

    has_profile = get(c, &named, profile, "source_profile");
    has_source = get(c, &other, profile, "credential_source");
    if (has_profile && has_source) {
        return refuse(c, &other, "credential_source", "stands beside"
            " source_profile; only one may");
    }
    if (has_source) {
        return from_credential_source(c, out, &other);
    }
    if (!has_profile) {
        return refuse(c, role, "role_arn", "needs source_profile or"
            " credential_source beside it");
    }
    return from_source_profile(c, out, named.value, &named);
}

static enum tg_status
from_role(struct chain *c, struct tg_aws_credentials *out,
    const char *profile, const struct tg_aws_setting *arn)
{
    enum tg_status            status;
    struct tg_aws_role        role;
    struct tg_aws_credentials source;

    if (c->depth == ROLES_MAX) {
        return refuse(c, arn, "role_arn", "too many roles in a row");
    }
    c->visited[c->depth++] = profile;
    tg_aws_credentials_init(&source);
    status = read_role(c, &role, profile);
    if (status == TG_OK) {
        status = find_role_source(c, &source, profile, arn);
    }
    if (status == TG_OK) {
        status = assume(c, out, &role, &source);
    }
    tg_aws_credentials_wipe(&source);
    return status;
}

/*
 * source_profile: its keys win over its role.  One that was on the way
 * already would go round for ever, but for a profile that names itself and
 * has keys.
 */
static enum tg_status
from_source_profile(struct chain *c, struct tg_aws_credentials *out,
    const char *profile, const struct tg_aws_setting *named)
{
    int            i;
    enum tg_status status;

    if (!tg_aws_profile_exists(c->profiles, profile)) {
        return tg_error_set(c->err, TG_INVALID, "%s:%d: source_profile: there"
            " is no profile %s", named->file, named->line, profile);
    }
    status = from_keys(c, out, profile, false);
    if (status == TG_NOTFOUND) {
        status = from_keys(c, out, profile, true);
    }
    if (status != TG_NOTFOUND) {
        return status;
    }
    for (i = 0; i < c->depth; i++) {
        if (strcmp(c->visited[i], profile) == 0) {
            return refuse(c, named, "source_profile", "the profiles go round"
                " in a circle");
        }
    }
    status = from_profile(c, out, profile);
    return status != TG_NOTFOUND ? status
        : refuse(c, named, "source_profile", "that profile has no"
              " credentials");
}

/*
 * ---- web identity
 */

static enum tg_status
read_identity_token(struct tg_buf *token, const char *file,
    const char *where, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_error why = { TG_OK, "" };

    tg_buf_reset(token);
    status = tg_file_read(token, file, &why);
    while (status == TG_OK && token->len > 0
        && isspace((unsigned char) token->data[token->len - 1]))
    {
        token->data[--token->len] = '\0';
    }
    if (status != TG_OK || token->len < 4) {
        return tg_error_set(err, status == TG_NOMEM ? status : TG_INVALID,
            "%s: %s%s", where, status != TG_OK ? why.message : file,
            status != TG_OK ? "" : ": holds no token");
    }
    return TG_OK;
}

/* The token rotates in its file: one that STS finds stale is read anew. */
static enum tg_status
from_web_identity(struct chain *c, struct tg_aws_credentials *out,
    const struct tg_aws_role *role, const char *file, const char *where)
{
    enum tg_status     status;
    struct tg_buf      token;
    struct tg_aws_role with_token = *role;

    tg_buf_init_secret(&token, IDENTITY_TOKEN_MAX);
    status = TG_STALE;
    for (int i = 0; i < 2 && status == TG_STALE; i++) {
        status = read_identity_token(&token, file, where, c->err);
        if (status == TG_OK) {
            with_token.web_identity_token = token.data;
            status = assume(c, out, &with_token, NULL);
        }
    }
    tg_buf_clear(&token);
    return status == TG_STALE ? TG_DENIED : status;
}

static enum tg_status
from_profiles_web_identity(struct chain *c, struct tg_aws_credentials *out,
    const char *profile, const struct tg_aws_setting *file)
{
    char               where[TG_ERROR_MAX / 2];
    enum tg_status     status;
    struct tg_aws_role role;

    status = read_role(c, &role, profile);
    if (status != TG_OK) {
        return status;
    }
    if (role.arn == NULL) {
        return refuse(c, file, "web_identity_token_file", "needs role_arn"
            " beside it");
    }
    (void) snprintf(where, sizeof(where), "%.160s:%d:"
        " web_identity_token_file", file->file, file->line);
    return from_web_identity(c, out, &role, file->value, where);
}

static enum tg_status
from_environments_web_identity(struct chain *c,
    struct tg_aws_credentials *out)
{
    const char        *file = tg_aws_env("AWS_WEB_IDENTITY_TOKEN_FILE");
    struct tg_aws_role role = { .arn = tg_aws_env("AWS_ROLE_ARN"),
        .session_name = tg_aws_env("AWS_ROLE_SESSION_NAME") };

    if (role.arn == NULL) {
        return tg_error_set(c->err, TG_INVALID, "the environment:"
            " AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ROLE_ARN beside it");
    }
    return from_web_identity(c, out, &role, file, "the environment:"
        " AWS_WEB_IDENTITY_TOKEN_FILE");
}

/*
 * ---- a profile
 */

/* What only a person at a browser can answer. */
static enum tg_status
check_supported(struct chain *c, const char *profile)
{
    size_t                i;
    const char           *name;
    struct tg_aws_setting s;
    static const char *const prefixes[] = { "sso_", "login_session" };

    for (i = 0; i < 2; i++) {
        if (tg_aws_profile_find(c->profiles, &s, &name, profile,
                prefixes[i]))
        {
            return refuse(c, &s, name, "signing in at a browser is nothing"
                " for a daemon; name a role, or keys");
        }
    }
    return TG_OK;
}

/* TG_NOTFOUND: the profile says nothing about credentials. */
static enum tg_status
from_profile(struct chain *c, struct tg_aws_credentials *out,
    const char *profile)
{
    enum tg_status        status;
    struct tg_aws_setting s;

    if (get(c, &s, profile, "web_identity_token_file")) {
        return from_profiles_web_identity(c, out, profile, &s);
    }
    if (get(c, &s, profile, "role_arn")) {
        return from_role(c, out, profile, &s);
    }
    status = check_supported(c, profile);
    if (status != TG_OK) {
        return status;
    }
    status = from_keys(c, out, profile, false);
    if (status == TG_NOTFOUND && get(c, &s, profile, "credential_process")) {
        return tg_aws_program_credentials(out, &s, c->err);
    }
    return status == TG_NOTFOUND ? from_keys(c, out, profile, true) : status;
}

/*
 * ---- the chain
 */

static enum tg_status
no_credentials(const struct chain *c, const char *why)
{
    return tg_error_set(c->err, TG_NOTFOUND, "no AWS credentials found:"
        " neither in the environment nor under profile %s of %.200s, and no"
        " container endpoint is named; %.180s", c->profile,
        tg_aws_profiles_names(c->profiles), why);
}

static enum tg_status
search(struct chain *c, struct tg_aws_credentials *out)
{
    bool            exists;
    enum tg_status  status = TG_NOTFOUND;
    struct tg_error why = { TG_OK, "" };

    if (!c->is_explicit && tg_aws_env("AWS_ACCESS_KEY_ID") != NULL) {
        return from_environment(c, out);
    }
    exists = tg_aws_profile_exists(c->profiles, c->profile);
    if (!exists && (c->is_explicit || tg_aws_env("AWS_PROFILE") != NULL)) {
        return tg_error_set(c->err, TG_NOTFOUND, "there is no profile %s in"
            " %s; see marketplace.credentials_file and marketplace.profile",
            c->profile, tg_aws_profiles_names(c->profiles));
    }
    if (exists) {
        status = from_profile(c, out, c->profile);
    }
    if (status != TG_NOTFOUND) {
        return status;
    }
    if (c->is_explicit) {
        return tg_error_set(c->err, TG_NOTFOUND, "profile %s of %s names no"
            " credentials", c->profile, tg_aws_profiles_names(c->profiles));
    }
    if (tg_aws_env("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL) {
        return from_environments_web_identity(c, out);
    }
    if (tg_aws_container_applies()) {
        return tg_aws_container_credentials(out, c->source->transport,
            c->now_s, c->err);
    }
    status = tg_aws_instance_credentials(out, c->source->transport,
        c->profiles, c->profile, c->now_s, &why);
    if (status == TG_NOTFOUND) {
        return no_credentials(c, why.message);
    }
    return status == TG_OK ? TG_OK
        : tg_error_set(c->err, status, "%s", why.message);
}

/* The role that our own settings name. */
static enum tg_status
assume_named(struct chain *c, struct tg_aws_credentials *out)
{
    char                      arn[ARN_SIZE];
    const char               *name = c->source->role;
    enum tg_status            status;
    struct tg_aws_role        role = { .arn = arn,
        .external_id = c->source->external_id };
    struct tg_aws_credentials source = *out; /* takes it over */

    tg_aws_credentials_init(out);
    if (strspn(name, "0123456789") == 12 && name[12] == '\0') {
        (void) snprintf(arn, sizeof(arn), "arn:%s:iam::%s:role/%s",
            tg_aws_partition(c->source->region), name,
            TG_AWS_METERING_ROLE);
    } else {
        (void) snprintf(arn, sizeof(arn), "%s", name);
    }
    status = assume(c, out, &role, &source);
    tg_aws_credentials_wipe(&source);
    return status;
}

const char *
tg_aws_chain_profile(const struct tg_aws_source *source)
{
    const char *named = tg_aws_env("AWS_PROFILE");

    if (source->profile != NULL) {
        return source->profile;
    }
    return source->file == NULL && named != NULL ? named : "default";
}

enum tg_status
tg_aws_chain_find(struct tg_aws_credentials *out,
    const struct tg_aws_source *source, int64_t now_s, int64_t *skew_s,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_error own = { TG_OK, "" };
    struct chain    c = { .source = source, .now_s = now_s,
        .skew_s = skew_s, .err = &own };

    tg_aws_credentials_init(out);
    c.is_explicit = source->file != NULL || source->profile != NULL;
    c.profile = tg_aws_chain_profile(source);
    status = tg_aws_profiles_read(&c.profiles, source->file, &own);
    if (status == TG_OK) {
        status = search(&c, out);
    }
    if (status == TG_OK && source->role != NULL) {
        status = assume_named(&c, out);
    }
    if (status != TG_OK) {
        tg_aws_credentials_wipe(out);
        (void) tg_error_set(err, status, "%s", own.message);
    }
    tg_aws_profiles_free(c.profiles);
    return status;
}

enum tg_status
tg_aws_chain_read_file(struct tg_aws_credentials *out, const char *file,
    const char *profile, struct tg_error *err)
{
    int64_t              skew_s = 0;
    struct tg_aws_source source = { .file = file, .profile = profile };
    struct chain         c = { .source = &source, .profile = profile,
        .is_explicit = true, .skew_s = &skew_s, .err = err };
    enum tg_status       status;

    tg_aws_credentials_init(out);
    status = tg_aws_profiles_read(&c.profiles, file, err);
    if (status == TG_OK) {
        status = from_keys(&c, out, profile, false);
        if (status == TG_NOTFOUND) {
            (void) tg_error_set(err, TG_NOTFOUND, "%s: there is no access key"
                " under profile %s", file, profile);
        }
    }
    if (status != TG_OK) {
        tg_aws_credentials_wipe(out);
    }
    tg_aws_profiles_free(c.profiles);
    return status;
}
