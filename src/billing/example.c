/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/example.h"

#include <jansson.h>
#include <string.h>

/* The best path of a deployment so far; a higher rank is better. */
struct choice {
    const char *api_id;
    const char *stage;
    const char *path;
    int         rank; /* 0: nothing yet; 1: the stage; 2: GET; 3: with key */
};

static int
rank_of(const char *path, const json_t *get)
{
    if (path == NULL || get == NULL || strchr(path, '{') != NULL) {
        return 0;
    }
    return json_is_true(json_object_get(get, "apiKeyRequired")) ? 3 : 2;
}

/* Looks through one deployment; texts are copied into the arena. */
static void
look(struct choice *best, const char *api_id, const char *stage,
    const json_t *snapshot, struct tg_arena *arena)
{
    int         rank;
    size_t      i;
    json_t     *resource;
    const char *path;

    if (best->rank == 0) {
        *best = (struct choice) { tg_arena_strdup(arena, api_id),
            tg_arena_strdup(arena, stage), "", 1 };
    }
    json_array_foreach (json_object_get(snapshot, "resources"), i,
        resource)
    {
        path = json_string_value(json_object_get(resource, "path"));
        rank = rank_of(path, json_object_get(json_object_get(resource,
            "methods"), "GET"));
        if (rank > best->rank) {
            *best = (struct choice) { tg_arena_strdup(arena, api_id),
                tg_arena_strdup(arena, stage), tg_arena_strdup(arena, path),
                rank };
        }
    }
}

enum tg_status
tg_example_url(const char **out, struct tg_store *store,
    const struct tg_settings *settings, const char *plan_id,
    struct tg_arena *arena, struct tg_error *err)
{
    json_t         *snapshot;
    enum tg_status  status;
    struct choice   best = { NULL, NULL, NULL, 0 };
    struct tg_stmt *q = NULL;

    *out = NULL;
    status = tg_store_query(store, &q, err, "SELECT s.api_id, s.name,"
        " d.snapshot FROM usage_plan_stage p"
        " JOIN stage s ON s.api_id = p.api_id AND s.name = p.stage"
        " JOIN deployment d ON d.api_id = s.api_id AND"
        " d.id = s.deployment_id WHERE p.plan_id = $1"
        " ORDER BY s.created_s, s.api_id, s.name", "s", plan_id);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        snapshot = json_loads(tg_stmt_text(q, 2), 0, NULL);
        look(&best, tg_stmt_text(q, 0), tg_stmt_text(q, 1), snapshot, arena);
        json_decref(snapshot);
    }
    tg_stmt_done(q);
    if (status != TG_NOTFOUND) {
        return status;
    }
    if (best.rank == 0) {
        return TG_NOTFOUND;
    }
    *out = tg_arena_printf(arena, "%s/restapis/%s/%s/_user_request_%s",
        settings->gateway.url, best.api_id, best.stage, best.path);
    return *out != NULL ? TG_OK
                        : tg_error_set(err, TG_NOMEM, "out of memory");
}
