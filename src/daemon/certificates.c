/*
 * certificates.c - see certificates.h
 *
 * A copy is called after its source's path and its own content, so that a
 * daemon that starts while a source is no good finds the copy that it had.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "daemon/certificates.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/pair.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/file.h"
#include "util/log.h"

#define PLACE "private/tls" /* in the state directory */
#define FROM_CONF "../" PLACE
#define TAG_LEN 16 /* hex digits of a digest that a copy's name has */
#define SUFFIX ".crt"
#define SLOTS (2 + TG_CERTIFICATES_MAX)
#define COPY_PATH_SIZE (PATH_MAX + NAME_MAX + 2)

enum { GATEWAY, PORTAL, MORE };

/* A pair of files that somebody else looks after. */
struct source {
    const char *certificate;
    const char *key;
};

/* Certificates by slot; one without a copy is not there. */
struct set {
    struct tg_arena       arena;
    struct tg_certificate items[SLOTS];
    size_t                count; /* slots: at least MORE */
};

struct tg_certificates {
    const struct tg_settings *settings;
    char                      folder[PATH_MAX]; /* of the copies */
    uint8_t                   seen[TG_SHA256_SIZE]; /* C3 */
    struct set               *now;
    struct set               *before; /* until keep or undo */
    struct tg_error           complaint;
};

/*
 * ---- sources
 */

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

/* NAME.crt for each of the folder's, sorted. */
static enum tg_status
list_folder(size_t *count, char *names[TG_CERTIFICATES_MAX],
    const char *folder, struct tg_arena *arena, struct tg_error *err)
{
    DIR           *dir = opendir(folder);
    struct dirent *entry;
    enum tg_status status = TG_OK;

    *count = 0;
    if (dir == NULL) {
        return tg_error_errno(err, TG_IO,
            "gateway.tls_folder: cannot open %s", folder);
    }
    while (status == TG_OK && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len <= strlen(SUFFIX)
            || strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
        {
            continue;
        }
        if (*count == TG_CERTIFICATES_MAX) {
            status = tg_error_set(err, TG_LIMIT, "gateway.tls_folder: %s"
                " holds more than %d certificates", folder,
                TG_CERTIFICATES_MAX);
            break;
        }
        names[*count] = tg_arena_printf(arena, "%s/%s", folder,
            entry->d_name);
        if (names[(*count)++] == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    (void) closedir(dir);
    qsort(names, *count, sizeof(names[0]), compare_names);
    return status;
}

/* What the settings name, by slot. */
static enum tg_status
find_sources(struct source out[SLOTS], size_t *count,
    const struct tg_settings *s, struct tg_arena *arena, struct tg_error *err)
{
    char          *names[TG_CERTIFICATES_MAX];
    size_t         more = 0;
    enum tg_status status = TG_OK;

    memset(out, 0, SLOTS * sizeof(*out));
    out[GATEWAY] = (struct source) { s->gateway.tls_certificate,
        s->gateway.tls_key };
    out[PORTAL] = (struct source) { s->portal.tls_certificate,
        s->portal.tls_key };
    if (s->gateway.tls_folder != NULL) {
        status = list_folder(&more, names, s->gateway.tls_folder, arena, err);
    }
    for (size_t i = 0; status == TG_OK && i < more; i++) {
        out[MORE + i].certificate = names[i];
        out[MORE + i].key = tg_arena_printf(arena, "%.*s.key",
            (int) (strlen(names[i]) - strlen(SUFFIX)), names[i]);
        if (out[MORE + i].key == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    *count = MORE + more;
    return status;
}

/* Appends what tells a file from the one that was there before. */
static void
add_looks(struct tg_buf *out, const char *path)
{
    struct stat st = { 0 };

    if (path == NULL || stat(path, &st) != 0) {
        (void) tg_buf_printf(out, "%s -\n", path == NULL ? "" : path);
        return;
    }
    (void) tg_buf_printf(out, "%s %ju %ju %jd %jd %jd.%09ld\n", path,
        (uintmax_t) st.st_dev, (uintmax_t) st.st_ino, (intmax_t) st.st_size,
        (intmax_t) st.st_ctim.tv_sec, (intmax_t) st.st_mtim.tv_sec,
        st.st_mtim.tv_nsec);
}

static void
look(uint8_t out[TG_SHA256_SIZE], const struct source sources[SLOTS],
    size_t count)
{
    struct tg_buf text;

    tg_buf_init(&text, SLOTS * 2 * (PATH_MAX + 128));
    for (size_t i = 0; i < count; i++) {
        add_looks(&text, sources[i].certificate);
        add_looks(&text, sources[i].key);
    }
    tg_sha256(out, text.len == 0 ? "" : text.data, text.len);
    tg_buf_clear(&text);
}

/*
 * ---- copies
 */

static void
make_tag(char out[TAG_LEN + 1], const void *data, size_t len)
{
    uint8_t digest[TG_SHA256_SIZE];

    tg_sha256(digest, data, len);
    tg_hex(out, digest, TAG_LEN / 2);
}

/* Writes the copy, if it is not there yet; its name. */
static enum tg_status
write_copy(char name[NAME_MAX + 1], const struct tg_certificates *c,
    const char *source, const struct tg_pair *pair, struct tg_error *err)
{
    char path[COPY_PATH_SIZE], from[TAG_LEN + 1], content[TAG_LEN + 1];

    make_tag(from, source, strlen(source));
    make_tag(content, pair->pem.data, pair->pem.len);
    (void) snprintf(name, NAME_MAX + 1, "%s-%s.pem", from, content);
    (void) snprintf(path, sizeof(path), "%s/%s", c->folder, name);
    return access(path, R_OK) == 0 ? TG_OK
        : tg_file_replace(path, pair->pem.data, pair->pem.len, 0600, err);
}

/* The name of a copy that an earlier daemon made of the source. */
static bool
find_copy(char name[NAME_MAX + 1], const struct tg_certificates *c,
    const char *source)
{
    char           from[TAG_LEN + 1];
    DIR           *dir = opendir(c->folder);
    struct dirent *entry;
    bool           is_found = false;

    make_tag(from, source, strlen(source));
    while (dir != NULL && !is_found && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);

        is_found = strncmp(entry->d_name, from, TAG_LEN) == 0
            && len == 2 * TAG_LEN + strlen("-.pem");
        if (is_found) {
            (void) snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
        }
    }
    if (dir != NULL) {
        (void) closedir(dir);
    }
    return is_found;
}

static bool
is_used(const struct set *set, const char *name)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        if (set->items[i].copy != NULL
            && strcmp(strrchr(set->items[i].copy, '/') + 1, name) == 0)
        {
            return true;
        }
    }
    return false;
}

static void
remove_unused(const struct tg_certificates *c)
{
    char           path[COPY_PATH_SIZE];
    DIR           *dir = opendir(c->folder);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && !is_used(c->now, entry->d_name)) {
            (void) snprintf(path, sizeof(path), "%s/%s", c->folder,
                entry->d_name);
            (void) unlink(path);
        }
    }
    if (dir != NULL) {
        (void) closedir(dir);
    }
}

/*
 * ---- sets
 */

static struct set *
set_new(void)
{
    struct set *set = calloc(1, sizeof(*set));

    if (set != NULL) {
        tg_arena_init(&set->arena);
    }
    return set;
}

static void
set_free(struct set *set)
{
    if (set != NULL) {
        tg_arena_clear(&set->arena);
        free(set);
    }
}

static enum tg_status
fill(struct set *set, size_t slot, const char *source, const char *name,
    const char *names, int64_t expires_s, struct tg_error *err)
{
    struct tg_certificate *item = &set->items[slot];

    item->source = tg_arena_strdup(&set->arena, source);
    item->copy = tg_arena_printf(&set->arena, FROM_CONF "/%s", name);
    item->names = tg_arena_strdup(&set->arena, names);
    item->expires_s = expires_s;
    return item->source && item->copy && item->names ? TG_OK
        : tg_error_set(err, TG_NOMEM, "out of memory");
}

/* Dates (at now_s; 0: whatever they are), and names of one of the folder. */
static enum tg_status
check(const struct tg_pair *pair, size_t slot, const char *path,
    int64_t now_s, struct tg_error *err)
{
    char when[TG_ISO8601_SIZE];

    if (slot >= MORE && pair->names.len == 0) {
        return tg_error_set(err, TG_INVALID,
            "%s: has no DNS name in its subjectAltName", path);
    }
    if (now_s != 0 && pair->expires_s <= now_s) {
        tg_iso8601(when, pair->expires_s);
        return tg_error_set(err, TG_STALE, "%s: expired at %s", path, when);
    }
    if (now_s != 0 && pair->starts_s > now_s) {
        tg_iso8601(when, pair->starts_s);
        return tg_error_set(err, TG_STALE, "%s: not valid before %s", path,
            when);
    }
    return TG_OK;
}

/* TG_STALE: it is good but for its dates. */
static enum tg_status
read_source(struct tg_certificates *c, struct set *set, size_t slot,
    const struct source *source, int64_t now_s, struct tg_error *err)
{
    char           name[NAME_MAX + 1];
    struct tg_pair pair;
    enum tg_status status;

    status = tg_pair_read(&pair, source->certificate, source->key, err);
    if (status == TG_OK) {
        status = check(&pair, slot, source->certificate, now_s, err);
    }
    if (status == TG_OK) {
        status = write_copy(name, c, source->certificate, &pair, err);
    }
    if (status == TG_OK) {
        status = fill(set, slot, source->certificate, name,
            pair.names.len == 0 ? "" : pair.names.data, pair.expires_s, err);
    }
    tg_pair_clear(&pair);
    return status;
}

/* What this daemon has of the source, else what an earlier one left (C2). */
static bool
carry_over(struct tg_certificates *c, struct set *set, size_t slot,
    const char *source)
{
    char           name[NAME_MAX + 1], path[COPY_PATH_SIZE];
    struct tg_pair pair;
    bool           is_good;

    for (size_t i = 0; c->now != NULL && i < c->now->count; i++) {
        const struct tg_certificate *item = &c->now->items[i];

        if (item->copy != NULL && strcmp(item->source, source) == 0
            && (i < MORE) == (slot < MORE))
        {
            return fill(set, slot, source, strrchr(item->copy, '/') + 1,
                item->names, item->expires_s, NULL) == TG_OK;
        }
    }
    if (!find_copy(name, c, source)) {
        return false;
    }
    (void) snprintf(path, sizeof(path), "%s/%s", c->folder, name);
    is_good = tg_pair_read(&pair, path, path, NULL) == TG_OK
        && fill(set, slot, source, name,
               pair.names.len == 0 ? "" : pair.names.data, pair.expires_s,
               NULL) == TG_OK;
    tg_pair_clear(&pair);
    return is_good;
}

/*
 * C2.  A certificate whose dates are wrong is better than none, where there
 * must be one.
 */
static enum tg_status
read_slot(struct tg_certificates *c, struct set *set, size_t slot,
    const struct source *source, int64_t now_s, struct tg_error *err)
{
    const char    *then = "it is left out";
    enum tg_status status;

    if (source->certificate == NULL) {
        return TG_OK;
    }
    status = read_source(c, set, slot, source, now_s, err);
    if (status == TG_OK) {
        return TG_OK;
    }
    if (carry_over(c, set, slot, source->certificate)) {
        then = "the one before stays in use";
    } else if (slot < MORE) {
        if (status != TG_STALE
            || read_source(c, set, slot, source, 0, NULL) != TG_OK)
        {
            return status;
        }
        then = "it is used, there is no other";
    }
    tg_log(TG_LOG_ERROR, "certificate_refused", "file", source->certificate,
        "msg", err->message, "then", then, NULL);
    return TG_OK;
}

static enum tg_status
read_all(struct set **out, struct tg_certificates *c,
    const struct source sources[SLOTS], size_t count, int64_t now_s,
    struct tg_error *err)
{
    struct set    *set = set_new();
    enum tg_status status = TG_OK;
    size_t         at = MORE;

    *out = NULL;
    if (set == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < count && status == TG_OK; i++) {
        status = read_slot(c, set, i < MORE ? i : at, &sources[i], now_s,
            err);
        at += i >= MORE && set->items[at].copy != NULL;
    }
    set->count = at;
    if (status != TG_OK) {
        set_free(set);
        return status;
    }
    *out = set;
    return TG_OK;
}

static bool
is_same(const struct set *a, const struct set *b)
{
    for (size_t i = 0; a->count == b->count && i < a->count; i++) {
        const char *x = a->items[i].copy, *y = b->items[i].copy;

        if ((x == NULL) != (y == NULL)
            || (x != NULL && strcmp(x, y) != 0))
        {
            return false;
        }
    }
    return a->count == b->count;
}

/*
 * ---- the interface
 */

/* A set of what is there now; NULL if no file seems to have changed. */
static enum tg_status
read_changed(struct set **out, struct tg_certificates *c, int64_t now_s,
    bool by_force, struct tg_error *err)
{
    struct tg_arena arena;
    struct source   sources[SLOTS];
    size_t          count;
    uint8_t         seen[TG_SHA256_SIZE];
    enum tg_status  status;

    *out = NULL;
    tg_arena_init(&arena);
    status = find_sources(sources, &count, c->settings, &arena, err);
    if (status == TG_OK) {
        look(seen, sources, count);
        if (by_force || memcmp(seen, c->seen, sizeof(seen)) != 0) {
            memcpy(c->seen, seen, sizeof(seen));
            status = read_all(out, c, sources, count, now_s, err);
        }
    }
    tg_arena_clear(&arena);
    return status;
}

enum tg_status
tg_certificates_open(struct tg_certificates **out,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    struct tg_certificates *c;
    enum tg_status          status;

    *out = NULL;
    if (settings->gateway.tls_certificate == NULL
        && settings->portal.tls_certificate == NULL)
    {
        return TG_OK;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    c->settings = settings;
    (void) snprintf(c->folder, sizeof(c->folder), "%s/" PLACE,
        settings->state_dir);
    status = tg_dir_make(c->folder, 0700, err);
    if (status == TG_OK) {
        status = read_changed(&c->now, c, now_s, true, err);
    }
    if (status != TG_OK) {
        tg_certificates_close(c);
        return status;
    }
    *out = c;
    return TG_OK;
}

void
tg_certificates_close(struct tg_certificates *c)
{
    if (c != NULL) {
        set_free(c->before);
        set_free(c->now);
        free(c);
    }
}

/* Once a complaint, not once a look. */
static void
complain(struct tg_certificates *c, const struct tg_error *err)
{
    if (strcmp(c->complaint.message, err->message) != 0) {
        c->complaint = *err;
        tg_log(TG_LOG_ERROR, "certificates_not_read", "msg", err->message,
            NULL);
    }
}

bool
tg_certificates_refresh(struct tg_certificates *c, int64_t now_s,
    bool by_force)
{
    struct tg_error err = { 0 };
    struct set     *set;

    if (c == NULL) {
        return false;
    }
    if (read_changed(&set, c, now_s, by_force, &err) != TG_OK) {
        complain(c, &err);
        return false;
    }
    c->complaint.message[0] = '\0';
    if (set == NULL || is_same(c->now, set)) {
        set_free(set);
        return false;
    }
    set_free(c->before);
    c->before = c->now;
    c->now = set;
    return true;
}

void
tg_certificates_keep(struct tg_certificates *c)
{
    if (c != NULL) {
        set_free(c->before);
        c->before = NULL;
        remove_unused(c);
    }
}

void
tg_certificates_undo(struct tg_certificates *c)
{
    if (c->before != NULL) {
        set_free(c->now);
        c->now = c->before;
        c->before = NULL;
        remove_unused(c);
    }
}

static const struct tg_certificate *
slot(const struct tg_certificates *c, size_t number)
{
    return c == NULL || c->now->items[number].copy == NULL
        ? NULL : &c->now->items[number];
}

const struct tg_certificate *
tg_certificates_gateway(const struct tg_certificates *c)
{
    return slot(c, GATEWAY);
}

const struct tg_certificate *
tg_certificates_portal(const struct tg_certificates *c)
{
    return slot(c, PORTAL);
}

const struct tg_certificate *
tg_certificates_more(const struct tg_certificates *c, size_t *count)
{
    *count = c == NULL ? 0 : c->now->count - MORE;
    return c == NULL ? NULL : &c->now->items[MORE];
}

int64_t
tg_certificates_first_expiry(const struct tg_certificates *c)
{
    int64_t first = 0;

    for (size_t i = 0; c != NULL && i < c->now->count; i++) {
        const struct tg_certificate *item = &c->now->items[i];

        if (item->copy != NULL && (first == 0 || item->expires_s < first)) {
            first = item->expires_s;
        }
    }
    return first;
}
