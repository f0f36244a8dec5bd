/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aws/environment.h"
#include "util/buf.h"
#include "util/file.h"

#define FILE_MAX ((size_t) 1024 * 1024)
#define PATH_SIZE 4096
#define LINES_MAX 100000

enum kind { KIND_PROFILE, KIND_SERVICES, KIND_OTHER };

/* A line "name = value", with what it belongs to; texts lie in the file. */
struct line {
    enum kind   kind;
    const char *section;
    const char *parent; /* of an indented line; NULL */
    const char *name;
    const char *value;
    int         file, number;
};

struct source {
    char          path[PATH_SIZE];
    bool          is_config;
    bool          is_both; /* sections of both files' kinds */
    struct tg_buf text;
};

struct tg_aws_profiles {
    struct source sources[2]; /* what stands in the first wins: P2 */
    int           source_count;
    struct line  *lines; /* a header is a line without a name */
    size_t        count, capacity;
    char          names[2 * PATH_SIZE];
};

/* Where the parser stands. */
struct cursor {
    struct tg_aws_profiles *p;
    int                     file, number;
    enum kind               kind;
    const char             *section; /* NULL: before the first */
    const char             *parent;
    struct tg_error        *err;
};

/*
 * ---- paths
 */

/* The path in variable, else name below the home directory. */
static bool
shared_path(char out[PATH_SIZE], const char *variable, const char *name)
{
    int         n;
    const char *path = tg_aws_env(variable);
    const char *home = tg_aws_env("HOME");

    if (path != NULL && strncmp(path, "~/", 2) == 0 && home != NULL) {
        n = snprintf(out, PATH_SIZE, "%s%s", home, path + 1);
    } else if (path != NULL) {
        n = snprintf(out, PATH_SIZE, "%s", path);
    } else if (home != NULL) {
        n = snprintf(out, PATH_SIZE, "%s/.aws/%s", home, name);
    } else {
        return false;
    }
    return n > 0 && n < PATH_SIZE;
}

static int
name_sources(struct source sources[2], const char *file)
{
    int n = 0;

    if (file != NULL) {
        (void) snprintf(sources[0].path, PATH_SIZE, "%s", file);
        sources[0].is_config = false;
        sources[0].is_both = true;
        return 1;
    }
    if (shared_path(sources[n].path, "AWS_SHARED_CREDENTIALS_FILE",
            "credentials"))
    {
        sources[n].is_config = false;
        sources[n++].is_both = false;
    }
    if (shared_path(sources[n].path, "AWS_CONFIG_FILE", "config")) {
        sources[n].is_config = true;
        sources[n++].is_both = false;
    }
    return n;
}

struct tg_aws_stamp
tg_aws_profiles_stamp(const char *file)
{
    int                 i, n;
    struct stat         st;
    struct source       sources[2];
    struct tg_aws_stamp stamp = { { 0 } };

    n = name_sources(sources, file);
    for (i = 0; i < n; i++) {
        if (stat(sources[i].path, &st) == 0) {
            stamp.parts[4 * i] = st.st_mtim.tv_sec;
            stamp.parts[4 * i + 1] = st.st_mtim.tv_nsec;
            stamp.parts[4 * i + 2] = (long long) st.st_ino;
            stamp.parts[4 * i + 3] = st.st_size;
        }
    }
    return stamp;
}

/*
 * ---- lines
 */

static enum tg_status
complain(const struct cursor *c, const char *what)
{
    return tg_error_set(c->err, TG_INVALID, "%s:%d: %s",
        c->p->sources[c->file].path, c->number, what);
}

/* Cuts blanks off both ends, in place. */
static char *
trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    return text;
}

static enum tg_status
add(struct cursor *c, const char *name, const char *value)
{
    struct line            *grown;
    struct tg_aws_profiles *p = c->p;

    if (p->count == p->capacity) {
        size_t capacity = p->capacity > 0 ? 2 * p->capacity : 64;

        if (capacity > 2 * LINES_MAX) {
            return complain(c, "the file has too many lines");
        }
        grown = reallocarray(p->lines, capacity, sizeof(*grown));
        if (grown == NULL) {
            return tg_error_set(c->err, TG_NOMEM, "out of memory");
        }
        p->lines = grown;
        p->capacity = capacity;
    }
    p->lines[p->count++] = (struct line) { c->kind, c->section,
        name != NULL ? c->parent : NULL, name, value, c->file, c->number };
    return TG_OK;
}

static char *
unquoted(char *text)
{
    size_t len = strlen(text);

    if (len >= 2 && (text[0] == '"' || text[0] == '\'')
        && text[len - 1] == text[0])
    {
        text[len - 1] = '\0';
        return text + 1;
    }
    return text;
}

/* "[default]", "[profile NAME]", "[services NAME]" or "[NAME]". */
static enum tg_status
read_header(struct cursor *c, char *text)
{
    char                *name, *end = strchr(text, ']');
    const struct source *source = &c->p->sources[c->file];

    if (end == NULL || trim(end + 1)[0] != '\0') {
        return complain(c, "expected [section]");
    }
    *end = '\0';
    name = trim(text + 1);
    c->kind = KIND_PROFILE;
    if (strncmp(name, "profile", 7) == 0
        && (name[7] == ' ' || name[7] == '\t'))
    {
        name = trim(name + 7);
    } else if (strncmp(name, "services", 8) == 0
        && (name[8] == ' ' || name[8] == '\t'))
    {
        name = trim(name + 8);
        c->kind = KIND_SERVICES;
    } else if ((source->is_config && strcmp(name, "default") != 0)
        || strncmp(name, "sso-session", 11) == 0)
    {
        c->kind = KIND_OTHER; /* a config file names profiles as such */
    }
    c->section = unquoted(name);
    c->parent = NULL;
    if (c->section[0] == '\0') {
        return complain(c, "expected a name in [section]");
    }
    return add(c, NULL, NULL);
}

/* "name = value"; an indented one belongs to the one above. */
static enum tg_status
read_setting(struct cursor *c, char *text, bool is_indented)
{
    char       *equals = strchr(text, '=');
    const char *name, *value;

    if (is_indented && c->parent == NULL) {
        return TG_OK; /* goes on with a value above: none of ours is so long */
    }
    if (equals == NULL || equals == text) {
        return is_indented ? TG_OK
                           : complain(c, "expected [section] or name = value");
    }
    if (c->section == NULL) {
        return complain(c, "a setting before the first [section]");
    }
    *equals = '\0';
    name = trim(text);
    value = trim(equals + 1);
    if (!is_indented) {
        c->parent = NULL;
    }
    if (add(c, name, value) != TG_OK) {
        return c->err != NULL ? c->err->status : TG_NOMEM;
    }
    if (!is_indented && value[0] == '\0') {
        c->parent = name;
    }
    return TG_OK;
}

static enum tg_status
read_line(struct cursor *c, char *text)
{
    bool  is_indented = text[0] == ' ' || text[0] == '\t';
    char *trimmed = trim(text);

    if (trimmed[0] == '\0' || trimmed[0] == '#' || trimmed[0] == ';') {
        return TG_OK;
    }
    if (trimmed[0] == '[' && !is_indented) {
        return read_header(c, trimmed);
    }
    return read_setting(c, trimmed, is_indented);
}

static enum tg_status
read_source(struct tg_aws_profiles *p, int file, struct tg_error *err)
{
    char          *line, *rest;
    enum tg_status status;
    struct source *source = &p->sources[file];
    struct cursor  c = { .p = p, .file = file, .kind = KIND_OTHER,
        .err = err };

    tg_buf_init_secret(&source->text, FILE_MAX); /* P3 */
    status = tg_file_read(&source->text, source->path, err);
    if (status != TG_OK) {
        return status == TG_NOTFOUND && !source->is_both ? TG_OK : status;
    }
    if (memchr(source->text.data, '\0', source->text.len) != NULL) {
        c.number = 1;
        return complain(&c, "the file holds a NUL byte");
    }
    rest = source->text.data;
    while (status == TG_OK && (line = strsep(&rest, "\n")) != NULL) {
        c.number++;
        status = read_line(&c, line);
    }
    return status;
}

enum tg_status
tg_aws_profiles_read(struct tg_aws_profiles **out, const char *file,
    struct tg_error *err)
{
    int                     i;
    enum tg_status          status = TG_OK;
    struct tg_error         own = { TG_OK, "" };
    struct tg_aws_profiles *p = calloc(1, sizeof(*p));

    *out = NULL;
    if (p == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    p->source_count = name_sources(p->sources, file);
    for (i = 0; i < p->source_count && status == TG_OK; i++) {
        status = read_source(p, i, &own);
    }
    if (status != TG_OK) {
        tg_aws_profiles_free(p);
        return tg_error_set(err, status, "%s", own.message);
    }
    (void) snprintf(p->names, sizeof(p->names), "%.4000s%s%.4000s",
        p->source_count > 0 ? p->sources[0].path
                            : "(there is no home directory)",
        p->source_count > 1 ? " and " : "",
        p->source_count > 1 ? p->sources[1].path : "");
    *out = p;
    return TG_OK;
}

void
tg_aws_profiles_free(struct tg_aws_profiles *p)
{
    int i;

    if (p == NULL) {
        return;
    }
    for (i = 0; i < p->source_count; i++) {
        tg_buf_clear(&p->sources[i].text);
    }
    free(p->lines);
    free(p);
}

/*
 * ---- asking
 */

const char *
tg_aws_profiles_names(const struct tg_aws_profiles *p)
{
    return p->names;
}

bool
tg_aws_profile_exists(const struct tg_aws_profiles *p, const char *profile)
{
    size_t i;

    for (i = 0; i < p->count; i++) {
        if (p->lines[i].kind == KIND_PROFILE && p->lines[i].name == NULL
            && strcmp(p->lines[i].section, profile) == 0)
        {
            return true;
        }
    }
    return false;
}

static void
lend(const struct tg_aws_profiles *p, struct tg_aws_setting *out,
    const struct line *line)
{
    const struct source *source = &p->sources[line->file];

    *out = (struct tg_aws_setting) { line->value, source->path,
        line->number, source->is_config };
}

/* The last such line of the first file that has one (P2). */
static bool
find(const struct tg_aws_profiles *p, struct tg_aws_setting *out,
    enum kind kind, const char *section, const char *parent,
    const char *name)
{
    size_t             i;
    const struct line *l, *found = NULL;

    for (i = 0; i < p->count; i++) {
        l = &p->lines[i];
        if (l->kind == kind && l->name != NULL
            && strcmp(l->section, section) == 0 && strcmp(l->name, name) == 0
            && (parent == NULL ? l->parent == NULL
                    : l->parent != NULL && strcmp(l->parent, parent) == 0)
            && (found == NULL || found->file == l->file))
        {
            found = l;
        }
    }
    if (found == NULL || found->value[0] == '\0') {
        return false;
    }
    lend(p, out, found);
    return true;
}

bool
tg_aws_profile_get(const struct tg_aws_profiles *p,
    struct tg_aws_setting *out, const char *profile, const char *name)
{
    return find(p, out, KIND_PROFILE, profile, NULL, name);
}

bool
tg_aws_services_get(const struct tg_aws_profiles *p,
    struct tg_aws_setting *out, bool *exists, const char *services,
    const char *service, const char *name)
{
    size_t i;

    *exists = false;
    for (i = 0; i < p->count; i++) {
        *exists = *exists || (p->lines[i].kind == KIND_SERVICES
            && strcmp(p->lines[i].section, services) == 0);
    }
    return find(p, out, KIND_SERVICES, services, service, name);
}

bool
tg_aws_profile_find(const struct tg_aws_profiles *p,
    struct tg_aws_setting *out, const char **name, const char *profile,
    const char *prefix)
{
    size_t             i;
    const struct line *l;

    for (i = 0; i < p->count; i++) {
        l = &p->lines[i];
        if (l->kind == KIND_PROFILE && l->name != NULL && l->parent == NULL
            && strcmp(l->section, profile) == 0
            && strncmp(l->name, prefix, strlen(prefix)) == 0)
        {
            lend(p, out, l);
            *name = l->name;
            return true;
        }
    }
    return false;
}
