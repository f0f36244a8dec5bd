/*
 * settings.c - defaults, the file, the environment, and what follows
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/reader.h"
#include "settings/table.h"
#include "util/arena.h"
#include "util/file.h"

#define FILE_MAX_BYTES (1024 * 1024)
#define INSTALLED_MODULE                                                      \
    "/usr/lib/nginx/modules/ngx_http_tallygate_module.so"

static int
line_of(const struct tg_settings *s, const char *name)
{
    return s->memory->lines[setting_find(name)];
}

/* "file:line: name: text" for a setting that does not fit the others. */
static enum tg_status
refuse(const struct tg_settings *s, const char *name, struct tg_error *err,
    const char *text)
{
    char place[16] = "";
    int  line = line_of(s, name);

    if (line > 0) {
        (void) snprintf(place, sizeof(place), "%d:", line);
    }
    return tg_error_set(err, TG_INVALID, "%s:%s %s: %s", s->file, place,
        name, text);
}

static enum tg_status
no_memory(struct tg_error *err)
{
    return tg_error_set(err, TG_NOMEM, "out of memory");
}

/* The folder of the file, absolute. */
static enum tg_status
find_dir(const char **out, struct tg_arena *arena, const char *path,
    struct tg_error *err)
{
    char        cwd[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int         len = slash == NULL ? 0 : (int) (slash - path);

    if (path[0] == '/') {
        *out = len == 0 ? "/" : tg_arena_dup(arena, path, (size_t) len);
    } else if (getcwd(cwd, sizeof(cwd)) == NULL) {
        return tg_error_errno(err, TG_IO, "cannot tell the current folder");
    } else {
        *out = len == 0 || (len == 1 && path[0] == '.')
            ? tg_arena_strdup(arena, cwd)
            : tg_arena_printf(arena, "%s/%.*s", cwd, len, path);
    }
    return *out == NULL ? no_memory(err) : TG_OK;
}

static enum tg_status
set_defaults(struct tg_settings *s, struct tg_error *err)
{
    for (size_t i = 0; i < setting_row_count; i++) {
        const struct setting_row *row = &setting_rows[i];
        struct setting_text       text = { .data = row->fallback };

        if (row->fallback == NULL) {
            continue;
        }
        text.len = strlen(row->fallback);
        if (setting_store(row, s, &text, s->memory->dir, &s->memory->arena)
            != TG_OK)
        {
            return no_memory(err); /* a fallback fits its own row */
        }
    }
    return TG_OK;
}

static enum tg_status
read_environment(struct tg_settings *s, struct tg_error *err)
{
    static const struct {
        const char *variable;
        const char *setting;
    } overrides[] = {
#define X(variable, setting) { variable, setting },
        TG_ENVIRONMENT_TABLE(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
        const char         *value = getenv(overrides[i].variable);
        size_t              row = setting_find(overrides[i].setting);
        struct setting_text text = { .data = value };
        enum tg_status      status;

        if (value == NULL || *value == '\0') {
            continue;
        }
        text.len = strlen(value);
        status = setting_store(&setting_rows[row], s, &text, s->memory->dir,
            &s->memory->arena);
        if (status == TG_INVALID) {
            return setting_refuse(err, "environment", 0,
                overrides[i].variable, &setting_rows[row], &text);
        }
        if (status != TG_OK) {
            return no_memory(err);
        }
    }
    return TG_OK;
}

/*
 * The module that was built with this program lies beside it, in
 * src/nginx; an installed program has no such folder.
 */
static const char *
find_module(struct tg_arena *arena)
{
    char    self[PATH_MAX];
    char   *slash;
    char   *built;
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len > 0) {
        self[len] = '\0';
        slash = strrchr(self, '/');
        *slash = '\0';
        built = tg_arena_printf(arena,
            "%s/src/nginx/ngx_http_tallygate_module.so", self);
        if (built == NULL || access(built, F_OK) == 0) {
            return built;
        }
    }
    return INSTALLED_MODULE;
}

/* The portal's host with the gateway's port. */
static const char *
gateway_url(struct tg_arena *arena, const struct tg_settings *s)
{
    const char *host = strstr(s->portal.url, "://") + 3; /* it is a URL */
    size_t      len = strcspn(host, ":/");

    if (host[0] == '[' && strchr(host, ']') != NULL) {
        len = (size_t) (strchr(host, ']') + 1 - host);
    }
    return tg_arena_printf(arena, "%s://%.*s:%d",
        s->gateway.tls_certificate == NULL ? "http" : "https", (int) len,
        host, s->gateway.port);
}

/* What has no fixed default and was not given. */
static enum tg_status
derive(struct tg_settings *s, struct tg_error *err)
{
    struct tg_arena *arena = &s->memory->arena;

    if (s->master_key_file == NULL) {
        s->master_key_file = tg_arena_printf(arena, "%s/private/master.key",
            s->state_dir);
    }
    if (s->store.path == NULL) {
        s->store.path = tg_arena_printf(arena, "%s/private/tallygate.db",
            s->state_dir);
    }
    if (s->portal.url == NULL) {
        s->portal.url = tg_arena_printf(arena, "%s://localhost:%d",
            s->portal.tls_certificate == NULL ? "http" : "https",
            s->portal.port);
    }
    if (s->gateway.url == NULL && s->portal.url != NULL) {
        s->gateway.url = gateway_url(arena, s);
    }
    if (s->nginx.module == NULL) {
        s->nginx.module = find_module(arena);
    }
    if (s->master_key_file == NULL || s->store.path == NULL
        || s->portal.url == NULL || s->gateway.url == NULL
        || s->nginx.module == NULL)
    {
        return no_memory(err);
    }
    return TG_OK;
}

static bool
is_every_address(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* Two listeners of one program on one port would fail at the start. */
static enum tg_status
check_ports(const struct tg_settings *s, struct tg_error *err)
{
    const struct {
        const char *name;
        const char *address;
        int         port;
    } listeners[] = {
        { "gateway.port", s->gateway.address, s->gateway.port },
        { "portal.port", s->portal.address, s->portal.port },
        { "admin.port", s->admin.address, s->admin.port },
        { "sandbox.port", s->sandbox.address, s->sandbox.port },
    };
    const size_t count = sizeof(listeners) / sizeof(listeners[0]);
    char         text[80];

    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (listeners[i].port != listeners[j].port
                || (strcmp(listeners[i].address, listeners[j].address) != 0
                    && !is_every_address(listeners[i].address)
                    && !is_every_address(listeners[j].address)))
            {
                continue;
            }
            (void) snprintf(text, sizeof(text), "%d is %s already",
                listeners[j].port, listeners[j].name);
            return refuse(s, listeners[i].name, err, text);
        }
    }
    return TG_OK;
}

/* Settings that say nothing without another one. */
static enum tg_status
check_pairs(const struct tg_settings *s, struct tg_error *err)
{
    const struct {
        const char *name;
        const char *value;
        const char *needed;
        const char *needed_value;
    } pairs[] = {
        { "portal.tls_certificate", s->portal.tls_certificate,
            "portal.tls_key", s->portal.tls_key },
        { "portal.tls_key", s->portal.tls_key, "portal.tls_certificate",
            s->portal.tls_certificate },
        { "gateway.tls_certificate", s->gateway.tls_certificate,
            "gateway.tls_key", s->gateway.tls_key },
        { "gateway.tls_key", s->gateway.tls_key, "gateway.tls_certificate",
            s->gateway.tls_certificate },
        { "gateway.tls_folder", s->gateway.tls_folder,
            "gateway.tls_certificate", s->gateway.tls_certificate },
        { "group", s->group, "user", s->user },
    };
    char text[80];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].value != NULL && pairs[i].needed_value == NULL) {
            (void) snprintf(text, sizeof(text), "%s must be given too",
                pairs[i].needed);
            return refuse(s, pairs[i].name, err, text);
        }
    }
    return TG_OK;
}

static enum tg_status
check_together(const struct tg_settings *s, struct tg_error *err)
{
    enum tg_status status = check_pairs(s, err);

    return status == TG_OK ? check_ports(s, err) : status;
}

static struct tg_settings *
settings_new(void)
{
    struct tg_settings *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->memory = calloc(1, sizeof(*s->memory));
    if (s->memory == NULL) {
        free(s);
        return NULL;
    }
    tg_arena_init(&s->memory->arena);
    /* One more than there are: line_of an unknown name is 0. */
    s->memory->lines = tg_arena_alloc(&s->memory->arena,
        (setting_row_count + 1) * sizeof(*s->memory->lines));
    if (s->memory->lines == NULL) {
        tg_settings_free(s);
        return NULL;
    }
    return s;
}

enum tg_status
tg_settings_parse(struct tg_settings **out, const char *path,
    const char *text, size_t len, struct tg_error *err)
{
    struct tg_settings *s;
    enum tg_status      status;

    *out = NULL;
    s = settings_new();
    if (s == NULL) {
        return no_memory(err);
    }
    s->file = tg_arena_strdup(&s->memory->arena, path);
    status = s->file == NULL ? no_memory(err)
        : find_dir(&s->memory->dir, &s->memory->arena, path, err);
    if (status == TG_OK) {
        status = set_defaults(s, err);
    }
    if (status == TG_OK) {
        status = settings_read(s, text, len, err);
    }
    if (status == TG_OK) {
        status = read_environment(s, err);
    }
    if (status == TG_OK) {
        status = derive(s, err);
    }
    if (status == TG_OK) {
        status = check_together(s, err);
    }
    if (status != TG_OK) {
        tg_settings_free(s);
        return status;
    }
    *out = s;
    return TG_OK;
}

enum tg_status
tg_settings_load(struct tg_settings **out, const char *path,
    struct tg_error *err)
{
    struct tg_buf  text;
    enum tg_status status;

    *out = NULL;
    tg_buf_init(&text, FILE_MAX_BYTES);
    status = tg_file_read(&text, path, err);
    if (status == TG_OK) {
        status = tg_settings_parse(out, path,
            text.data == NULL ? "" : text.data, text.len, err);
    }
    tg_buf_clear(&text);
    return status;
}

void
tg_settings_free(struct tg_settings *s)
{
    if (s != NULL) {
        tg_arena_clear(&s->memory->arena);
        free(s->memory);
        free(s);
    }
}

const struct tg_product *
tg_settings_product(const struct tg_settings *s, const char *code)
{
    for (size_t i = 0; i < s->product_count; i++) {
        if (strcmp(s->products[i].code, code) == 0) {
            return &s->products[i];
        }
    }
    return NULL;
}

const char *
tg_settings_dimension(const struct tg_settings *s, const char *code)
{
    const struct tg_product *p = code == NULL ? NULL
        : tg_settings_product(s, code);

    return p == NULL ? TG_DIMENSION_DEFAULT : p->dimensions[0];
}

enum tg_status
tg_settings_get(struct tg_buf *out, const struct tg_settings *s,
    const char *name)
{
    char   text[PATH_MAX];
    size_t row = setting_find(name);

    if (row == setting_row_count) {
        return TG_NOTFOUND;
    }
    if (!setting_show(text, sizeof(text), &setting_rows[row], s)) {
        return TG_OK;
    }
    return tg_buf_puts(out, text);
}
