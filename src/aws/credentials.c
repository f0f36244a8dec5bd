/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/digest.h"
#include "util/file.h"

#define FILE_MAX ((size_t) 1024 * 1024)
#define PATH_SIZE 4096

/* An environment variable; NULL when it is not set or empty. */
static const char *
env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

void
tg_aws_credentials_wipe(struct tg_aws_credentials *credentials)
{
    tg_wipe(credentials, sizeof(*credentials));
}

static enum tg_status
copy(char *out, size_t size, const char *value, size_t len, const char *name,
    struct tg_error *err)
{
    if (len >= size) {
        return tg_error_set(err, TG_INVALID, "%s is longer than %zu bytes",
            name, size - 1);
    }
    memcpy(out, value, len);
    out[len] = '\0';
    return TG_OK;
}

static enum tg_status
take(struct tg_aws_credentials *out, const char *name, const char *value,
    size_t len, struct tg_error *err)
{
    if (strcmp(name, "aws_access_key_id") == 0) {
        return copy(out->access_key_id, sizeof(out->access_key_id), value,
            len, name, err);
    }
    if (strcmp(name, "aws_secret_access_key") == 0) {
        return copy(out->secret_access_key, sizeof(out->secret_access_key),
            value, len, name, err);
    }
    if (strcmp(name, "aws_session_token") == 0) {
        return copy(out->session_token, sizeof(out->session_token), value,
            len, name, err);
    }
    return TG_OK;
}

/* D1: half a pair of keys is an error.  where names the source. */
static enum tg_status
check_pair(const struct tg_aws_credentials *c, const char *where,
    struct tg_error *err)
{
    bool has_id = c->access_key_id[0] != '\0';
    bool has_secret = c->secret_access_key[0] != '\0';

    if (has_id && has_secret) {
        return TG_OK;
    }
    if (!has_id && !has_secret) {
        return tg_error_set(err, TG_NOTFOUND, "%s holds no access key",
            where);
    }
    return tg_error_set(err, TG_INVALID, "%s has %s without %s", where,
        has_id ? "aws_access_key_id" : "aws_secret_access_key",
        has_id ? "aws_secret_access_key" : "aws_access_key_id");
}

/*
 * ---- the shared files
 */

static size_t
trimmed(const char **text, size_t len)
{
    while (len > 0 && strchr(" \t\r", **text) != NULL) {
        (*text)++;
        len--;
    }
    while (len > 0 && strchr(" \t\r", (*text)[len - 1]) != NULL) {
        len--;
    }
    return len;
}

/* Whether "[name]", "[profile name]" or the quoted forms name the profile. */
static bool
is_section(const char *line, size_t len, const char *profile)
{
    static const char prefix[] = "profile ";

    if (len < 2 || line[len - 1] != ']') {
        return false;
    }
    line++;
    len = trimmed(&line, len - 2);
    if (len > sizeof(prefix) - 1
        && strncmp(line, prefix, sizeof(prefix) - 1) == 0)
    {
        line += sizeof(prefix) - 1;
        len = trimmed(&line, len - (sizeof(prefix) - 1));
    }
    if (len >= 2 && strchr("\"'", line[0]) != NULL
        && line[len - 1] == line[0])
    {
        line++;
        len -= 2;
    }
    return len == strlen(profile) && strncmp(line, profile, len) == 0;
}

static enum tg_status
take_line(struct tg_aws_credentials *out, const char *line, size_t len,
    struct tg_error *err)
{
    char        name[64];
    size_t      name_len;
    const char *value = memchr(line, '=', len);

    if (value == NULL) {
        return TG_OK;
    }
    name_len = trimmed(&line, (size_t) (value - line));
    if (name_len >= sizeof(name)) {
        return TG_OK; /* none of ours */
    }
    len -= (size_t) (value - line) + 1;
    memcpy(name, line, name_len);
    name[name_len] = '\0';
    value++;
    len = trimmed(&value, len);
    return take(out, name, value, len, err);
}

/* Reads the profile's keys out of the text of a file. */
static enum tg_status
parse(struct tg_aws_credentials *out, bool *has_profile, const char *text,
    const char *profile, struct tg_error *err)
{
    bool           is_inside = false;
    size_t         len;
    const char    *line, *end;
    enum tg_status status = TG_OK;

    for (; *text != '\0' && status == TG_OK; text = end) {
        end = strchr(text, '\n');
        end = end != NULL ? end + 1 : text + strlen(text);
        line = text;
        len = (size_t) (end - text);
        if (len > 0 && line[len - 1] == '\n') {
            len--;
        }
        /* lines of a nested setting are indented, and none of ours */
        if (len == 0 || strchr("#; \t", line[0]) != NULL) {
            continue;
        }
        len = trimmed(&line, len);
        if (len > 0 && line[0] == '[') {
            is_inside = is_section(line, len, profile);
            *has_profile = *has_profile || is_inside;
        } else if (is_inside) {
            status = take_line(out, line, len, err);
        }
    }
    return status;
}

/* TG_NOTFOUND: no such file, no such profile, or no keys in it. */
static enum tg_status
load_file(struct tg_aws_credentials *out, const char *path,
    const char *profile, struct tg_error *err)
{
    bool            has_profile = false;
    char            where[TG_ERROR_MAX / 2];
    struct tg_buf   text;
    enum tg_status  status;
    struct tg_error why;

    tg_buf_init(&text, FILE_MAX);
    status = tg_file_read(&text, path, err);
    if (status == TG_OK) {
        status = parse(out, &has_profile, text.data, profile, &why);
        if (status != TG_OK) {
            tg_error_set(err, status, "%s: profile %s: %s", path, profile,
                why.message);
        }
    }
    if (status == TG_OK && !has_profile) {
        status = tg_error_set(err, TG_NOTFOUND, "%s: there is no profile %s",
            path, profile);
    }
    if (status == TG_OK) {
        (void) snprintf(where, sizeof(where), "%s: profile %s", path,
            profile);
        status = check_pair(out, where, err);
    }
    if (text.cap > 0) {
        tg_wipe(text.data, text.cap);
    }
    tg_buf_clear(&text);
    return status;
}

/* The path in variable, else name below the home directory. */
static bool
shared_path(char out[PATH_SIZE], const char *variable, const char *name)
{
    int         n;
    const char *path = env(variable);
    const char *home = env("HOME");

    if (path != NULL) {
        n = snprintf(out, PATH_SIZE, "%s", path);
    } else if (home != NULL) {
        n = snprintf(out, PATH_SIZE, "%s/.aws/%s", home, name);
    } else {
        return false;
    }
    return n > 0 && n < PATH_SIZE;
}

static enum tg_status
load_environment(struct tg_aws_credentials *out, struct tg_error *err)
{
    size_t         i;
    const char    *value;
    enum tg_status status = TG_OK;
    static const char *const names[][2] = {
        { "AWS_ACCESS_KEY_ID", "aws_access_key_id" },
        { "AWS_SECRET_ACCESS_KEY", "aws_secret_access_key" },
        { "AWS_SESSION_TOKEN", "aws_session_token" },
    };

    for (i = 0; i < 3 && status == TG_OK; i++) {
        value = env(names[i][0]);
        if (value != NULL) {
            status = take(out, names[i][1], value, strlen(value), err);
        }
    }
    return status == TG_OK ? check_pair(out, "the environment", err)
                           : status;
}

/* What AWS SDKs would find; profile NULL: what they would choose. */
static enum tg_status
load_shared(struct tg_aws_credentials *out, const char *profile,
    struct tg_error *err)
{
    char           path[PATH_SIZE];
    enum tg_status status = TG_NOTFOUND;

    if (profile == NULL && env("AWS_ACCESS_KEY_ID") != NULL) {
        return load_environment(out, err);
    }
    if (profile == NULL) {
        profile = env("AWS_PROFILE") != NULL ? env("AWS_PROFILE") : "default";
    }
    tg_error_set(err, TG_NOTFOUND, "there is no home directory");
    if (shared_path(path, "AWS_SHARED_CREDENTIALS_FILE", "credentials")) {
        status = load_file(out, path, profile, err);
    }
    if (status == TG_NOTFOUND
        && shared_path(path, "AWS_CONFIG_FILE", "config"))
    {
        status = load_file(out, path, profile, err);
    }
    if (status == TG_NOTFOUND) {
        tg_error_set(err, TG_NOTFOUND, "no AWS credentials found: neither in"
            " the environment nor under profile %s of the shared files; name"
            " a file with marketplace.credentials_file", profile);
    }
    return status;
}

enum tg_status
tg_aws_credentials_load(struct tg_aws_credentials *out,
    const struct tg_aws_credentials_source *source, struct tg_error *err)
{
    enum tg_status status;

    memset(out, 0, sizeof(*out));
    if (source->file != NULL) {
        status = load_file(out, source->file,
            source->profile != NULL ? source->profile : "default", err);
    } else {
        status = load_shared(out, source->profile, err);
    }
    if (status != TG_OK) {
        tg_aws_credentials_wipe(out);
    }
    return status;
}
