/*
 * routes.h - APIs, stages, resource trees, integrations and plans, as the
 * workers read them
 *
 * `routes.<generation>` is one position-independent block: a header, then
 * arrays of fixed-size records and a pool of text, all named by offsets from
 * the start.  The daemon builds a new file for every change; a worker reads it
 * whole into private memory, checks every offset, count and number once, and
 * from then on walks it without checks.
 *
 * Promises
 *   R1  A file that fails a check (size, version, digest, an offset outside,
 *       a number out of its range, a cycle) is refused with its name and the
 *       reason; the worker goes on with the last good one.
 *   R2  Everything that can be decided when the file is built is decided
 *       there: stage variables are put in, a MOCK's answer is chosen, names
 *       are resolved, rates are turned into intervals.
 *   R3  Matching is the trie walk of Amazon API Gateway: a static segment
 *       before {param} before {proxy+}, with backtracking; one trailing slash
 *       is ignored; segments are compared case-sensitively.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_ROUTES_H
#define TG_PLANE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bucket.h"
#include "core/quota.h"
#include "plane/values.h"
#include "util/buf.h"
#include "util/error.h"

#define TG_ROUTES_MAGIC "TGROUTES"
#define TG_ROUTES_VERSION 7
#define TG_ROUTES_SIZE_MAX ((size_t) 256 << 20)
#define TG_ROUTE_DEPTH_MAX 64     /* segments of a resource path */
#define TG_ROUTE_PARAMS_MAX 64    /* variables of a resource path */
#define TG_ROUTE_SEGMENTS_MAX 512 /* segments of a request path */
#define TG_ROUTE_ADDRESSES_MAX 64 /* of one backend */
#define TG_ROUTE_NONE UINT32_MAX  /* no record */
#define TG_ROUTE_SHARE_ALL 1000000 /* of a canary: every call */

enum tg_verb {
    TG_VERB_GET,
    TG_VERB_POST,
    TG_VERB_PUT,
    TG_VERB_DELETE,
    TG_VERB_PATCH,
    TG_VERB_HEAD,
    TG_VERB_OPTIONS,
    TG_VERB_ANY, /* any of the seven above */
    TG_VERB_COUNT
};

enum tg_integration_type {
    TG_INTEGRATION_HTTP_PROXY,
    TG_INTEGRATION_HTTP,
    TG_INTEGRATION_MOCK,
    TG_INTEGRATION_BROKEN, /* cannot work as configured: 500 */
};

struct tg_route_address {
    uint16_t family; /* AF_INET or AF_INET6 */
    uint16_t port;   /* host byte order */
    uint8_t  addr[16];
    uint32_t is_down; /* takes no connections, says the daemon's check */
};

/* Where calls go: protocol, name and TLS identity; never two for the same. */
struct tg_route_backend {
    struct tg_route_text name; /* host as in the URI: SNI, verification */
    struct tg_route_text host; /* Host header: name[:port] unless default */
    uint32_t             is_tls;
    uint32_t             skip_chain; /* tlsConfig.insecureSkipVerification */
    struct tg_route_list addresses;  /* tg_route_address; none: 500 */
};

struct tg_route_integration {
    uint32_t             type;       /* enum tg_integration_type */
    uint32_t             timeout_ms; /* to the response's header */
    /* HTTP_PROXY and HTTP */
    uint32_t             backend; /* index into the file's backends */
    uint32_t             verb;    /* enum tg_verb; ANY: the client's own */
    struct tg_route_list path;    /* parts of the path, before any query */
    struct tg_route_text query;   /* query already in the URI, without `?' */
    struct tg_route_list headers; /* tg_route_pair: overwrite */
    struct tg_route_list queries; /* tg_route_pair: appended */
    /* all three */
    uint32_t             reads_body; /* a value looks into the call's body */
    /* HTTP and MOCK */
    uint32_t             passthrough; /* enum tg_passthrough */
    struct tg_route_list templates;   /* tg_route_template, for the request */
    struct tg_route_list responses;   /* tg_route_response */
    struct tg_route_text choice; /* a byte a status: 1 + response, 0: none */
};

/* A stage's throttle of one method, shared by all callers. */
struct tg_route_throttle {
    struct tg_bucket_limit limit;
    uint32_t               bucket; /* shared slot in the buckets file */
    uint32_t               reserved;
};

/*
 * Who guards a method: this gateway asks neither, so nobody is let in, and
 * the call is refused before its key and its limits are looked at.
 */
enum tg_guard {
    TG_GUARD_NONE,
    TG_GUARD_IAM,        /* authorizationType AWS_IAM */
    TG_GUARD_AUTHORIZER, /* CUSTOM, COGNITO_USER_POOLS, or a key from one */
    TG_GUARD_COUNT
};

struct tg_route_method {
    uint32_t verb;        /* enum tg_verb */
    uint32_t is_key_required;
    uint32_t integration; /* index into the file's integrations */
    uint32_t throttle;    /* index into the file's throttles, or NONE */
    uint64_t identity;    /* of API, stage, path and verb: the same in every
                           * deployment; 0: has none (no plan limits it) */
    uint32_t guard;       /* enum tg_guard */
    uint32_t reserved;
    struct tg_route_list required; /* parts that must be there */
};

/* A node of a stage's tree; the root stands for "/". */
struct tg_route_node {
    struct tg_route_text segment;  /* or the variable's name */
    struct tg_route_list children; /* uint32_t node indexes, by segment */
    uint32_t             param;    /* node of the {param} child, or NONE */
    uint32_t             greedy;   /* node of the {proxy+} child, or NONE */
    struct tg_route_list methods;  /* tg_route_method; ANY last */
    struct tg_route_text resource_path; /* "/pets/{petId}" */
    struct tg_route_text resource_id;
};

/* A plan's throttle of one method, for each of the plan's keys. */
struct tg_route_method_throttle {
    uint64_t               method; /* its identity */
    struct tg_bucket_limit limit;
};

/* A usage plan as one stage sees it. */
struct tg_route_plan {
    struct tg_route_text   id;
    uint32_t               number;       /* struct tg_key_plan.plan */
    uint32_t               quota_period; /* enum tg_quota_period */
    struct tg_bucket_limit throttle;
    uint32_t               has_throttle;
    uint32_t               quota_offset_days;
    uint64_t               quota_limit;
    uint64_t               first_limit;  /* the limit in first_period */
    uint32_t               first_period; /* 0: no period is special */
    uint32_t               has_method_throttle; /* any of the two below */
    uint32_t               has_every_method;
    struct tg_route_list   methods; /* tg_route_method_throttle, by method */
    struct tg_bucket_limit every_method; /* those that are not in methods */
};

struct tg_route_stage {
    struct tg_route_text name;
    struct tg_route_text deployment_id;
    uint32_t             root;  /* node */
    uint32_t             arn_size; /* of its methods' ARNs, up to the verb */
    struct tg_route_list plans; /* uint32_t indexes, by plan number */
    struct tg_route_list gateway; /* tg_route_gateway a type, or none */
    uint32_t             canary; /* index into the file's canaries, or NONE */
    uint32_t             canary_share; /* of calls; TG_ROUTE_SHARE_ALL: all */
};

struct tg_route_api {
    struct tg_route_text id;
    uint32_t             is_execute_api_disabled;
    struct tg_route_list stages; /* tg_route_stage, by name */
};

struct tg_routes_header {
    char                 magic[8];
    uint32_t             version;
    uint32_t             header_size;
    uint64_t             size; /* of the whole file */
    uint64_t             generation;
    uint8_t              file_id[16];
    uint8_t              digest[32]; /* SHA-256 of all behind it */
    struct tg_route_text account_id;
    struct tg_route_list apis; /* by id */
    struct tg_route_list domains; /* tg_route_domain, by name: domains.h */
    struct tg_route_list nodes;
    struct tg_route_list integrations;
    struct tg_route_list backends;
    struct tg_route_list plans;
    struct tg_route_list throttles;
    /* tg_route_stage: what a share of a stage's calls find in its place. */
    struct tg_route_list canaries;
    struct tg_bucket_limit account_throttle; /* interval 0: none */
};

/* What the digest covers starts here; all before it is compared. */
#define TG_ROUTES_DIGESTED offsetof(struct tg_routes_header, account_id)

/* ---- the worker's side ---- */

/* A checked file in private memory. */
struct tg_routes {
    const struct tg_routes_header *header;
    const uint8_t                 *base;
    size_t                         size;
};

/* Reads and checks generation's file; R1. */
TG_MUST_CHECK enum tg_status tg_routes_load(struct tg_routes *out,
    const char *state_dir, const uint8_t file_id[16], uint64_t generation,
    struct tg_error *err);
void tg_routes_unload(struct tg_routes *r);

/* The checks alone, on bytes in memory (8-byte aligned); for tests. */
TG_MUST_CHECK enum tg_status tg_routes_check(const void *bytes, size_t size,
    const uint8_t file_id[16], uint64_t generation, struct tg_error *err);

static inline const char *
tg_route_str(const struct tg_routes *r, struct tg_route_text text)
{
    return (const char *) r->base + text.off;
}

static inline const void *
tg_route_items(const struct tg_routes *r, struct tg_route_list list)
{
    return r->base + list.off;
}

/* Ids of APIs are host names' labels: their case is that of ASCII. */
static inline int
tg_ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* By id, ASCII case ignored; NULL: no such API. */
const struct tg_route_api *tg_routes_api(const struct tg_routes *r,
    const char *id, size_t len);

/* By name, exactly; NULL: no such stage. */
const struct tg_route_stage *tg_routes_stage(const struct tg_routes *r,
    const struct tg_route_api *api, const char *name, size_t len);

/*
 * The stage's canary, for a call that drew this number (any of 32 bits, each
 * as likely as another); NULL: the call is the stage's own.
 */
static inline const struct tg_route_stage *
tg_routes_canary(const struct tg_routes *r, const struct tg_route_stage *s,
    uint32_t drawn)
{
    const struct tg_route_stage *all = tg_route_items(r, r->header->canaries);

    return (uint64_t) drawn * TG_ROUTE_SHARE_ALL >> 32 < s->canary_share
        ? &all[s->canary] : NULL;
}

/* What a path variable stood for, inside the request path (still encoded). */
struct tg_route_capture {
    const struct tg_route_node *node; /* its segment is the name */
    const char                 *value;
    size_t                      len;
};

struct tg_route_match {
    const struct tg_route_node   *node;
    const struct tg_route_method *method;
    uint32_t                      capture_count;
    struct tg_route_capture       captures[TG_ROUTE_PARAMS_MAX];
};

/*
 * Finds the resource and method for path (undecoded, without the stage and
 * the query; "" is "/") and verb.  Segments are compared after one
 * percent-decoding.  A resource without any method is none; one that lacks
 * this verb is found, and refuses.  {proxy+} takes one or more segments, but
 * not an empty rest, and {param} no empty segment.  TG_OK; TG_NOTFOUND: no
 * such resource or verb (then out->node tells which); TG_LIMIT: too many
 * segments, or too much work.  Captures point into path, without the
 * trailing slash.
 */
TG_MUST_CHECK enum tg_status tg_routes_match(const struct tg_routes *r,
    const struct tg_route_stage *stage, enum tg_verb verb, const char *path,
    size_t len, struct tg_route_match *out);

/* The plan with this number, if the stage is in it; else NULL. */
const struct tg_route_plan *tg_routes_stage_plan(const struct tg_routes *r,
    const struct tg_route_stage *stage, uint32_t number);

/*
 * The plan's limit for each key's calls of the method, which then have a
 * bucket of their own; NULL: the plan's own bucket holds.
 */
const struct tg_bucket_limit *tg_routes_method_throttle(
    const struct tg_routes *r, const struct tg_route_plan *plan,
    const struct tg_route_method *method);

/* "GET" to TG_VERB_GET ("ANY" too); TG_VERB_COUNT for any other word. */
enum tg_verb tg_verb_parse(const char *name, size_t len);
const char *tg_verb_name(enum tg_verb verb);

/* ---- the daemon's side ---- */

/*
 * The builder takes APIs, stages, resources and methods in any order and
 * writes one file.  Texts are copied.  Every function that returns an index
 * returns TG_ROUTE_NONE when memory ran out or a limit was passed; then
 * tg_routes_build fails and says why.
 */
struct tg_routes_builder;

struct tg_backend_spec {
    const char                    *name;
    const char                    *host;
    bool                           is_tls;
    bool                           skip_chain;
    const struct tg_route_address *addresses;
    size_t                         address_count;
};

struct tg_integration_spec {
    enum tg_integration_type   type;
    uint32_t                   timeout_ms;
    uint32_t                   backend; /* from tg_routes_add_backend */
    enum tg_verb               verb;
    const struct tg_part_spec *path;
    size_t                     path_count;
    const char                *query; /* may be NULL */
    const struct tg_pair_spec *headers;
    size_t                     header_count;
    const struct tg_pair_spec *queries;
    size_t                     query_count;
    bool                       reads_body;
    enum tg_passthrough        passthrough;
    const struct tg_template_spec *templates;
    size_t                     template_count;
    const struct tg_response_spec *responses;
    size_t                     response_count;
    const uint8_t             *choice; /* TG_ROUTE_STATUSES of them, or NULL */
};

struct tg_method_spec {
    enum tg_verb               verb;
    bool                       is_key_required;
    enum tg_guard              guard;
    uint32_t                   integration; /* tg_routes_add_integration */
    const struct tg_part_spec *required;    /* path, query, header */
    size_t                     required_count;
    uint64_t                   identity; /* by which plans limit it */
    bool                       has_throttle; /* for all callers together */
    struct tg_bucket_limit     throttle;
    uint32_t                   bucket; /* shared slot of the throttle */
};

struct tg_plan_spec {
    const char            *id;
    uint32_t               number;
    bool                   has_throttle;
    struct tg_bucket_limit throttle;
    enum tg_quota_period   quota_period; /* NONE: no quota */
    uint32_t               quota_offset_days;
    uint64_t               quota_limit;
    uint32_t               first_period; /* 0: none */
    uint64_t               first_limit;
    bool                   has_every_method;
    struct tg_bucket_limit every_method;
    const struct tg_route_method_throttle *methods; /* in any order */
    size_t                 method_count;
};

struct tg_routes_builder *tg_routes_builder_new(void);
void tg_routes_builder_free(struct tg_routes_builder *b);

void tg_routes_set_account(struct tg_routes_builder *b,
    const char *account_id, struct tg_bucket_limit throttle);
/* The region that ARNs of methods name. */
void tg_routes_set_region(struct tg_routes_builder *b, const char *region);
uint32_t tg_routes_add_api(struct tg_routes_builder *b, const char *id,
    bool is_execute_api_disabled);
uint32_t tg_routes_add_stage(struct tg_routes_builder *b, uint32_t api,
    const char *name, const char *deployment_id);
/*
 * A second deployment of the stage, for share of its calls (1 to
 * TG_ROUTE_SHARE_ALL).  Resources, plans and gateway responses are added to
 * it as to a stage; a stage has one canary at most.
 */
uint32_t tg_routes_add_canary(struct tg_routes_builder *b, uint32_t stage,
    const char *deployment_id, uint32_t share);
uint32_t tg_routes_add_plan(struct tg_routes_builder *b,
    const struct tg_plan_spec *plan);
void tg_routes_add_stage_plan(struct tg_routes_builder *b, uint32_t stage,
    uint32_t plan);
/* The same backend twice gives the same index. */
uint32_t tg_routes_add_backend(struct tg_routes_builder *b,
    const struct tg_backend_spec *backend);
uint32_t tg_routes_add_integration(struct tg_routes_builder *b,
    const struct tg_integration_spec *integration);
/* path as "/pets/{petId}" or "/static/{file+}"; resource_id for $context. */
uint32_t tg_routes_add_resource(struct tg_routes_builder *b, uint32_t stage,
    const char *path, const char *resource_id);
uint32_t tg_routes_add_method(struct tg_routes_builder *b, uint32_t resource,
    const struct tg_method_spec *method);
/* One of each type, in order; a stage without them has Amazon's. */
void tg_routes_set_gateway(struct tg_routes_builder *b, uint32_t stage,
    const struct tg_gateway_spec specs[TG_GATEWAY_TYPE_COUNT]);

/* The file's bytes into out, already checked by tg_routes_check. */
TG_MUST_CHECK enum tg_status tg_routes_build(struct tg_routes_builder *b,
    const uint8_t file_id[16], uint64_t generation, struct tg_buf *out,
    struct tg_error *err);

/*
 * Writes the bytes as routes.<generation> (synced, then renamed), moves the
 * board on and removes files that no living row uses any more.
 */
struct tg_board_map;
TG_MUST_CHECK enum tg_status tg_routes_publish(struct tg_board_map *board,
    const char *state_dir, const struct tg_buf *bytes, uint64_t generation,
    struct tg_error *err);

#endif
