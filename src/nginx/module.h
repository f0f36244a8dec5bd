/*
 * module.h - what the files of the module share
 *
 * A call is one request to a gateway server.  It hangs on the request's pool
 * by a cleanup handler, because nginx forgets a module's context at every
 * internal redirect, and it passes these stations in this order:
 *
 *   routed    API, stage, method and integration are known
 *   admitted  key, throttle, quota and size have let it through
 *   begun     its integration has started: from here on it is billable
 *   counted   it is finished and stands in its meter
 *
 * Invariants
 *   N1  A call is admitted at most once and counted at most once; it is
 *       counted only if it has begun.
 *   N2  A call that was admitted and ends without having begun gives back
 *       what it had taken from throttle and quota.
 *   N3  From admission to count a metered call pins the epoch in which its
 *       key was looked up, so that its cell is not given to another owner.
 *   N4  A call keeps the routes and the set of planes it began with, even if
 *       the worker moves on to newer ones.
 *   N5  Nothing here waits: no lock, no file, no socket of our own while a
 *       call is served.  (Files that have changed are read by the first call
 *       that notices, or by the tick.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NGX_HTTP_TALLYGATE_MODULE_H
#define NGX_HTTP_TALLYGATE_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <stdatomic.h>

#include "core/bucket.h"
#include "core/quota.h"
#include "nginx/backend.h"
#include "nginx/errors.h"
#include "nginx/plane.h"
#include "plane/domains.h"
#include "plane/keys.h"
#include "plane/routes.h"

typedef struct {
    ngx_str_t   state_dir;
    ngx_int_t   conf_generation;
    ngx_msec_t  leave_timeout;
    ngx_str_t   journal_file;
    ngx_uint_t  journal_entries;
} ngx_http_tallygate_main_conf_t;

typedef struct {
    ngx_flag_t  enable;
    ngx_flag_t  strict_headers;
    ngx_flag_t  strip_api_key;
    off_t       answer_max; /* bytes of a backend's body; 0: no limit */

    /* of the upstream block */
    ngx_uint_t  connections;  /* idle ones that a worker keeps */
    ngx_uint_t  max_fails;    /* in a row, of an address; 0: not counted */
    ngx_uint_t  fail_timeout; /* seconds without calls after them */
} ngx_http_tallygate_srv_conf_t;

/* What a throttle took, for giving it back. */
typedef struct {
    _Atomic uint64_t  *tat;
    uint64_t           taken;
    uint64_t           before;
} ngx_http_tallygate_token_t;

#define NGX_HTTP_TALLYGATE_UUID_LEN  36
#define NGX_HTTP_TALLYGATE_AWS_ID_LEN  16

/* What a call needs whose bodies or headers are mapped; most do not. */
typedef struct {
    const struct tg_route_template  *request;  /* NULL: the body passes */
    const struct tg_route_response  *response;
    ngx_str_t                        body;     /* the client's, once read */
    ngx_str_t                        reply;    /* the backend's, so far */
    size_t                           reply_room;
    size_t                           searched; /* bytes of JSON looked at */
    ngx_str_t                        trace_id;
} ngx_http_tallygate_mapped_t;

struct ngx_http_tallygate_call_s {
    ngx_http_request_t                 *request;
    ngx_http_tallygate_set_t           *set;    /* planes; NULL: not open */
    ngx_http_tallygate_routes_t        *routes;
    ngx_uint_t                          pin;    /* slot of the epoch, N3 */

    /* route.c */
    const struct tg_route_domain       *domain; /* custom; or NULL */
    const struct tg_route_api          *api;
    const struct tg_route_stage        *stage;
    const struct tg_route_node         *node;
    const struct tg_route_method       *method;
    const struct tg_route_integration  *integration;
    struct tg_route_capture            *captures;
    ngx_uint_t                          capture_count;
    ngx_str_t                           path; /* raw, of the resource */
    ngx_table_elt_t                    *api_key;
    size_t                              header_size; /* of all headers */
    enum tg_verb                        verb;
    const ngx_http_tallygate_error_t   *error;
    const ngx_http_tallygate_error_t   *fault;   /* behind nginx's own 500 */
    ngx_str_t                           message; /* of error, if not its own */
    ngx_http_tallygate_mapped_t        *mapped;  /* NULL: nothing is */

    /* key.c */
    uint8_t                             digest[TG_SHA256_SIZE];
    uint32_t                            expected; /* entry of the key */

    /* admit.c */
    const struct tg_route_plan         *plan;
    struct tg_meter_cell               *cell;
    uint32_t                            slot;
    uint32_t                            owner;
    uint32_t                            quota_period;
    uint32_t                            quota_slot; /* a unit was taken from */
    struct tg_keyed_token               keyed_token;
    ngx_http_tallygate_token_t          tokens[3];
    ngx_uint_t                          token_count;
    char                                key_id[TG_KEY_ID_SIZE + 1];

    /* upstream.c, peer.c */
    const ngx_http_tallygate_srv_conf_t *upstream;
    ngx_http_tallygate_backend_t       *backend;
    ngx_http_tallygate_address_t       *address; /* of this attempt */
    uint64_t                            address_bit;
    uint64_t                            tried;   /* addresses that failed */
    ngx_uint_t                          turn;
    uint64_t                            written_before; /* to the TLS peer */
    ngx_queue_t                         deadline;
    ngx_msec_t                          deadline_at;
    off_t                               answered; /* of the body, so far */
    off_t                               sent_before; /* it, of a body */

    ngx_int_t                         (*process_header)(ngx_http_request_t *);
    ngx_int_t                         (*reinit_request)(ngx_http_request_t *);
    ngx_str_t                           method_name; /* the client's own */
    u_char                              request_id[
                                            NGX_HTTP_TALLYGATE_UUID_LEN];

    unsigned                            has_request_id:1;
    unsigned                            has_digest:1;
    unsigned                            is_ping:1;
    unsigned                            is_too_large:1;
    unsigned                            is_unsupported:1; /* media type */
    unsigned                            wants_body:1; /* before it begins */
    unsigned                            is_collecting:1; /* the reply */
    unsigned                            is_decided:1;  /* PREACCESS is over */
    unsigned                            is_pinned:1;
    unsigned                            is_admitted:1;
    unsigned                            is_begun:1;
    unsigned                            is_counted:1;
    unsigned                            has_quota_unit:1;
    unsigned                            is_waiting:1;  /* has a deadline */
    unsigned                            is_over:1;     /* it has passed */
    unsigned                            wants_fresh:1; /* no idle connection */
    unsigned                            is_answer:1;   /* not a backend's */
    unsigned                            is_last_seen:1;
    unsigned                            is_method_swapped:1;
    unsigned                            is_head_sent:1; /* to the backend */
    unsigned                            is_upgrade_sent:1;
};

extern ngx_module_t  ngx_http_tallygate_module;

/* ---- context.c: the call of a request ---- */

/* Makes the call; NULL without memory. */
ngx_http_tallygate_call_t *ngx_http_tallygate_call_new(ngx_http_request_t *r);

/* The call of r, also after an internal redirect; NULL if it has none. */
ngx_http_tallygate_call_t *ngx_http_tallygate_call(ngx_http_request_t *r);

/* Whether the call's headers have lost the case of their names. */
static ngx_inline ngx_uint_t
ngx_http_tallygate_is_lower_case(const ngx_http_tallygate_call_t *call)
{
    return call->request->http_version == NGX_HTTP_VERSION_20
           || (call->domain != NULL && call->domain->is_multi_level);
}

/* The call's request id, made when it is first asked for. */
u_char *ngx_http_tallygate_request_id(ngx_http_tallygate_call_t *call);

/* NGX_HTTP_TALLYGATE_AWS_ID_LEN characters for x-amz-apigw-id. */
void ngx_http_tallygate_gateway_id(u_char *out);

/* Any number, each as likely as another; not secret. */
uint32_t ngx_http_tallygate_random(void);

/* len lower-case hexadecimal digits. */
void ngx_http_tallygate_random_hex(u_char *out, size_t len);

/* ---- phases ---- */

ngx_int_t ngx_http_tallygate_route_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tallygate_admit_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tallygate_body_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tallygate_answer_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tallygate_log_handler(ngx_http_request_t *r);

/* ---- limits.c ---- */

/* Throttles and quota; NULL, or the gateway response of the refusal. */
const ngx_http_tallygate_error_t *ngx_http_tallygate_limit(
    ngx_http_tallygate_call_t *call);

/* Gives back what an admitted call had taken (N2). */
void ngx_http_tallygate_give_back(ngx_http_tallygate_call_t *call);

/* ---- key.c: in this order, with some work between them ---- */

/* Takes the digest of the key, if there is one. */
void ngx_http_tallygate_key_digest(ngx_http_tallygate_call_t *call);
void ngx_http_tallygate_key_prefetch_entry(ngx_http_tallygate_call_t *call);
void ngx_http_tallygate_key_prefetch_cell(ngx_http_tallygate_call_t *call);

/* ---- route.c ---- */

/* The location from which a call goes to its backend. */
ngx_str_t *ngx_http_tallygate_location(ngx_http_tallygate_call_t *call);

/* ---- finish.c ---- */

/* The call's integration starts now. */
void ngx_http_tallygate_begin(ngx_http_tallygate_call_t *call);

/* The call is finished: counts it, once, if it has begun and is metered. */
void ngx_http_tallygate_finish(ngx_http_tallygate_call_t *call);

/* ---- request.c, value.c: what goes to the backend ---- */

/* The request's header for the backend, in a buffer of its own. */
ngx_buf_t *ngx_http_tallygate_request_header(ngx_http_tallygate_call_t *call);

/* The verb with which a call goes to its backend. */
enum tg_verb ngx_http_tallygate_backend_verb(
    const ngx_http_tallygate_call_t *call);
ngx_str_t ngx_http_tallygate_verb_name(enum tg_verb verb);

/*
 * Puts a value together from its parts.  NGX_DECLINED: all of it comes from a
 * source that the call does not have, and the target is left out.
 */
ngx_int_t ngx_http_tallygate_value(ngx_http_tallygate_call_t *call,
    struct tg_route_list parts, ngx_str_t *value);

/* The same for a header: no byte of it can end the line. */
ngx_int_t ngx_http_tallygate_header_value(ngx_http_tallygate_call_t *call,
    struct tg_route_list parts, ngx_str_t *value);

/*
 * required.c: whether the call has all that its method asks for.
 * NGX_DECLINED: not, and call->message names what is missing.
 */
ngx_int_t ngx_http_tallygate_check_required(ngx_http_tallygate_call_t *call);

/* ---- body.c, piece.c: bodies that are looked into ---- */

/*
 * Notes what the integration needs of the call before it can start: its
 * template, and whether its body must be read.
 */
ngx_int_t ngx_http_tallygate_look_at_body(ngx_http_tallygate_call_t *call);

/* The value at a JSON path of a body, as TG_PART_BODY_TEXT or _JSON say. */
ngx_int_t ngx_http_tallygate_piece(ngx_http_tallygate_call_t *call,
    const struct tg_route_part *part, ngx_str_t *value);

/* Makes a value harmless where it stands (enum tg_escape). */
ngx_int_t ngx_http_tallygate_escape(ngx_pool_t *pool, ngx_uint_t how,
    ngx_str_t *value);

/* Bytes that a template may make, as many as a body may have. */
#define NGX_HTTP_TALLYGATE_TEXT_MAX  10485760

/* ---- answer.c ---- */

/* The answer of a MOCK, whose body (if it matters) was read. */
ngx_int_t ngx_http_tallygate_answer_mock(ngx_http_request_t *r,
    ngx_http_tallygate_call_t *call);

/* ---- refusal.c ---- */

/* Writes call->error into the log, if it is of a request that is malformed. */
void ngx_http_tallygate_note_refusal(const ngx_http_tallygate_call_t *call);

/* ---- reply.c: integration responses ---- */

/* The response for a backend's or a MOCK's status; NULL: there is none. */
const struct tg_route_response *ngx_http_tallygate_response_for(
    ngx_http_tallygate_call_t *call, ngx_uint_t status);

/* Headers of an answer, from their mappings. */
ngx_int_t ngx_http_tallygate_add_headers(ngx_http_tallygate_call_t *call,
    struct tg_route_list pairs);

/* Sets status and headers; *body is what its template gives, if it has one. */
ngx_int_t ngx_http_tallygate_respond(ngx_http_tallygate_call_t *call,
    const struct tg_route_response *response, ngx_str_t *body);

/*
 * Makes of an HTTP backend's header what the client is to see.  NGX_AGAIN:
 * its body must be read first; a status: the call ends with it.
 */
ngx_int_t ngx_http_tallygate_reply_header(ngx_http_tallygate_call_t *call);

/*
 * Takes in what came of the backend's body.  NGX_OK: it is whole, the
 * client's header is set, and *body is what to send; NGX_AGAIN: not yet.
 */
ngx_int_t ngx_http_tallygate_reply_collect(ngx_http_tallygate_call_t *call,
    ngx_chain_t *in, ngx_str_t *body);

/* ---- gateway.c ---- */

ngx_str_t ngx_http_tallygate_gateway_name(enum tg_gateway_type type);

/* The seller's own response for call->error; NGX_DECLINED: there is none. */
ngx_int_t ngx_http_tallygate_customise(ngx_http_tallygate_call_t *call,
    ngx_str_t *body);

/* ---- template.c ---- */

/*
 * The template for the call's media type.  NGX_DECLINED: there is none, and
 * the body passes as it came; NGX_HTTP_UNSUPPORTED_MEDIA_TYPE: nor may it.
 */
ngx_int_t ngx_http_tallygate_request_template(ngx_http_tallygate_call_t *call,
    const struct tg_route_template **found);

/* Of a response's templates the one that the client takes; NULL: none. */
const struct tg_route_template *ngx_http_tallygate_reply_template(
    ngx_http_tallygate_call_t *call, struct tg_route_list list);

/* ---- upstream.c, peer.c, deadline.c ---- */

char *ngx_http_tallygate_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

ngx_int_t ngx_http_tallygate_peer_get(ngx_peer_connection_t *pc, void *data);
void ngx_http_tallygate_peer_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);

/* After msec without an answer's header the backend's turn is over. */
ngx_int_t ngx_http_tallygate_deadline_add(ngx_http_tallygate_call_t *call,
    ngx_msec_t msec);
void ngx_http_tallygate_deadline_remove(ngx_http_tallygate_call_t *call);

/* ---- response.c ---- */

ngx_int_t ngx_http_tallygate_filter_init(ngx_conf_t *cf);

/* A header of the response; the key is a constant. */
ngx_int_t ngx_http_tallygate_header_add(ngx_http_request_t *r,
    const char *key, size_t key_len, u_char *value, size_t value_len);

/* ---- leave.c ---- */

/* Before a client's first connection: see to the end of this worker. */
ngx_int_t ngx_http_tallygate_leave_init(ngx_cycle_t *cycle,
    ngx_msec_t timeout);

/* The process ends: closes idle connections that it had kept. */
void ngx_http_tallygate_leave_exit(void);

/* Whether this worker leaves, and still has connections of clients. */
ngx_uint_t ngx_http_tallygate_is_leaving(void);

/* ---- variables.c ---- */

ngx_int_t ngx_http_tallygate_add_variables(ngx_conf_t *cf);

#endif
