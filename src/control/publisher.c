/* SPDX-License-Identifier: Apache-2.0 */
#include "control/publisher.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/prober.h"
#include "control/resolver.h"
#include "control/snapshot.h"
#include "control/uri.h"
#include "plane/routes.h"
#include "util/log.h"

#define SETTLE_MS 5000 /* at start, for the backends' names */

struct tg_publisher {
    struct tg_control  *control;
    struct tg_resolver *resolver;
    struct tg_prober   *prober; /* NULL: addresses are not checked */
    struct tg_buf       bytes;      /* prepared, not yet published */
    uint64_t            generation; /* of bytes; 0: nothing is prepared */
    bool                is_quiet;   /* nothing new is to be said */
};

static void
log_warning(const char *event, const char *api_id, const char *stage,
    const char *verb, const char *path, const char *reason)
{
    if (path) {
        tg_log(TG_LOG_WARN, event, "restApiId", api_id, "stage", stage,
            "method", verb, "path", path, "msg", reason, NULL);
    } else {
        tg_log(TG_LOG_WARN, event, "restApiId", api_id, "stage", stage, "msg",
            reason, NULL);
    }
}

/* ---- struct tg_routes_publisher ---- */

static void
discard(void *data)
{
    struct tg_publisher *p = data;

    tg_buf_clear(&p->bytes);
    p->generation = 0;
}

static enum tg_status
build(struct tg_publisher *p, struct tg_store *store, struct tg_arena *arena,
    uint64_t generation, int64_t now_s, struct tg_error *err)
{
    struct tg_snapshot_compiler c = {
        .builder = tg_routes_builder_new(),
        .store = store,
        .settings = p->control->settings,
        .resolver = p->resolver,
        .prober = p->prober,
        .buckets = p->control->buckets,
        .generation = generation,
        .now_s = now_s,
        .arena = arena,
        .on_warning = p->is_quiet ? NULL : log_warning,
    };
    enum tg_status status;

    if (!c.builder) {
        return tg_error_set(err, TG_NOMEM, "no memory for the routes");
    }
    status = tg_snapshot_compile(&c, err);
    if (status == TG_OK) {
        status = tg_routes_build(c.builder,
            p->control->board->page->file_id, generation, &p->bytes, err);
    }
    tg_routes_builder_free(c.builder);
    return status;
}

static enum tg_status
prepare(void *data, struct tg_store *store, int64_t now_s,
    struct tg_error *err)
{
    struct tg_publisher *p = data;
    struct tg_arena      arena;
    uint64_t             generation
        = p->control->board->page->routes_generation + 1;
    enum tg_status       status;

    discard(p);
    tg_arena_init(&arena);
    status = build(p, store, &arena, generation, now_s, err);
    tg_arena_clear(&arena);
    if (status == TG_OK) {
        p->generation = generation;
    } else {
        discard(p);
    }
    return status;
}

/*
 * After a failure this is called again, later; a change that was aborted in
 * between has then thrown away what was prepared.
 */
static enum tg_status
publish(void *data, struct tg_error *err)
{
    struct tg_publisher *p = data;
    enum tg_status       status = TG_OK;

    if (!p->generation) {
        status = prepare(p, p->control->store, 0, err);
    }
    if (status == TG_OK) {
        status = tg_routes_publish(p->control->board,
            p->control->settings->state_dir, &p->bytes, p->generation, err);
    }
    if (status == TG_OK) {
        discard(p);
    }
    return status;
}

/* ---- addresses ---- */

/* On the resolver's or prober's thread; false: to be called again. */
static bool
on_addresses(void *data)
{
    struct tg_publisher *p = data;
    struct tg_error      err = { 0 };
    enum tg_status       status;

    pthread_mutex_lock(&p->control->lock);
    discard(p);
    p->is_quiet = true;
    status = publish(p, &err);
    p->is_quiet = false;
    pthread_mutex_unlock(&p->control->lock);
    if (status == TG_OK) {
        tg_log(TG_LOG_INFO, "backend_addresses_changed", NULL);
    } else {
        tg_log(TG_LOG_ERROR, "routes_not_published", "msg", err.message,
            NULL);
    }
    return status == TG_OK;
}

void
tg_publisher_hint(struct tg_control *control, const char *uri)
{
    struct tg_publisher *p = control->routes.data;
    struct tg_arena      arena;
    struct tg_uri        parsed;

    if (control->routes.prepare != prepare) {
        return;
    }
    tg_arena_init(&arena);
    if (tg_uri_parse(&parsed, &arena, uri, NULL) == TG_OK) {
        tg_resolver_hint(p->resolver, parsed.host);
    }
    tg_arena_clear(&arena);
}

/* ---- life ---- */

/*
 * Before the first generation of this daemon, a build that is thrown away
 * tells the resolver which names are needed: routes without addresses would
 * replace a good generation that the workers may still serve from.
 */
static enum tg_status
learn_names(struct tg_publisher *p, struct tg_error *err)
{
    enum tg_status status;

    pthread_mutex_lock(&p->control->lock);
    p->is_quiet = true;
    status = prepare(p, p->control->store, 0, err);
    discard(p);
    p->is_quiet = false;
    pthread_mutex_unlock(&p->control->lock);
    if (status == TG_OK) {
        tg_resolver_settle(p->resolver, SETTLE_MS);
    }
    return status;
}

static enum tg_status
open_prober(struct tg_publisher *p, struct tg_error *err)
{
    const struct tg_settings *s = p->control->settings;

    if (s->backends.check_interval_s == 0) {
        return TG_OK;
    }
    return tg_prober_open(&p->prober, &(struct tg_prober_config) {
        .interval_s = s->backends.check_interval_s,
        .timeout_ms = s->backends.check_timeout_ms,
        .on_change = on_addresses,
        .data = p,
    }, err);
}

enum tg_status
tg_publisher_open(struct tg_publisher **out, struct tg_control *control,
    int64_t now_s, struct tg_error *err)
{
    struct tg_publisher *p = calloc(1, sizeof *p);
    enum tg_status       status;

    *out = NULL;
    if (!p) {
        return tg_error_set(err, TG_NOMEM, "no memory for the publisher");
    }
    p->control = control;
    tg_buf_init(&p->bytes, TG_ROUTES_SIZE_MAX);
    status = tg_resolver_open(&p->resolver,
        control->settings->backends.resolve_interval_s, on_addresses, p, err);
    if (status == TG_OK) {
        status = open_prober(p, err);
    }
    if (status == TG_OK) {
        status = learn_names(p, err);
    }
    if (status == TG_OK) {
        control->routes = (struct tg_routes_publisher) { prepare, publish,
            discard, p };
        status = tg_control_publish_routes(control, now_s, err);
    }
    if (status != TG_OK) {
        tg_publisher_close(p);
        return status;
    }
    *out = p;
    return TG_OK;
}

void
tg_publisher_close(struct tg_publisher *p)
{
    if (!p) {
        return;
    }
    tg_prober_close(p->prober);
    tg_resolver_close(p->resolver);
    p->control->routes = (struct tg_routes_publisher) { 0 };
    tg_buf_clear(&p->bytes);
    free(p);
}

void
tg_publisher_metrics(struct tg_publisher *p, struct tg_buf *out)
{
    tg_prober_metrics(p->prober, out);
}
