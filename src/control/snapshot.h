/*
 * snapshot.h - a deployment's snapshot, and stages compiled into routes
 *
 * Making a deployment freezes the API's resources and methods into one JSON
 * document.  Compiling puts it together with what a stage adds (variables,
 * usage plans) and decides everything that does not depend on a call.
 *
 * Promises
 *   S1  A method that cannot work as configured, or that this gateway does
 *       not serve, becomes TG_INTEGRATION_BROKEN: its calls get a 500, and
 *       every other method is as if it were not there.
 *   S2  Compiling waits for nothing: addresses are those already known.
 *   S3  A method whose callers somebody else would have to allow (IAM, an
 *       authorizer) lets nobody in: its calls are refused and not counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_SNAPSHOT_H
#define TG_CONTROL_SNAPSHOT_H

#include <jansson.h>

#include "control/mapping.h"
#include "control/prober.h"
#include "control/resolver.h"
#include "plane/buckets.h"
#include "plane/routes.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/arena.h"
#include "util/error.h"

/* The API as it stands now; the caller owns *out. */
TG_MUST_CHECK enum tg_status tg_snapshot_take(json_t **out,
    struct tg_store *store, const char *api_id, struct tg_error *err);

/* How many methods a snapshot holds. */
size_t tg_snapshot_method_count(const json_t *snapshot);

struct tg_snapshot_compiler {
    struct tg_routes_builder *builder;
    struct tg_store          *store;
    const struct tg_settings *settings;
    struct tg_resolver       *resolver;
    struct tg_prober         *prober; /* may be NULL */
    struct tg_buckets        *buckets; /* gives throttles their slots */
    uint64_t                  generation; /* of the file that is built */
    int64_t                   now_s; /* 0: not known */
    struct tg_arena          *arena; /* until the builder has built */
    /*
     * Called for what the stage asks for and the gateway does not do: a
     * broken method (S1) and the like; may be NULL.  verb and path are NULL
     * where a whole stage is meant.
     */
    void (*on_warning)(const char *event, const char *api_id,
        const char *stage, const char *verb, const char *path,
        const char *reason);
};

/* Adds every API that has a stage, with its plans, and all domains. */
TG_MUST_CHECK enum tg_status tg_snapshot_compile(
    struct tg_snapshot_compiler *c, struct tg_error *err);

/*
 * One integration, as stored, for a stage: the HTTP_PROXY or MOCK members of
 * *spec.  TG_DENIED or TG_INVALID with the reason when it is broken.
 */
TG_MUST_CHECK enum tg_status tg_snapshot_integration(
    struct tg_snapshot_compiler *c, struct tg_integration_spec *spec,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err);

#endif
