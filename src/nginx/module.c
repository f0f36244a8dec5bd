/*
 * module.c - directives, phases, and the life of a worker
 *
 * A call passes the phases in this order: server-rewrite (route.c), preaccess
 * (admit.c), content (nginx's proxy, or answer.c), log (finish.c); between
 * the last two its response passes the filters of response.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"
#include "nginx/journal.h"

static char *set_answer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_body(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_state_dir(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

#define MAIN(field)                                                           \
    NGX_HTTP_MAIN_CONF_OFFSET, offsetof(ngx_http_tallygate_main_conf_t, field)
#define SRV(field)                                                            \
    NGX_HTTP_SRV_CONF_OFFSET, offsetof(ngx_http_tallygate_srv_conf_t, field)

static ngx_command_t  commands[] = {

    { ngx_string("tallygate_state_dir"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      set_state_dir,
      MAIN(state_dir),
      NULL },

    { ngx_string("tallygate_conf_generation"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      MAIN(conf_generation),
      NULL },

    { ngx_string("tallygate_leave_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      MAIN(leave_timeout),
      NULL },

    { ngx_string("tallygate"),
      NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      SRV(enable),
      NULL },

    { ngx_string("tallygate_strict_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      SRV(strict_headers),
      NULL },

    { ngx_string("tallygate_strip_api_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      SRV(strip_api_key),
      NULL },

    { ngx_string("tallygate_answer_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      SRV(answer_max),
      NULL },

    { ngx_string("tallygate_answer"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      set_answer,
      0,
      0,
      NULL },

    { ngx_string("tallygate_body"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      set_body,
      0,
      0,
      NULL },

    { ngx_string("tallygate_upstream"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE123,
      ngx_http_tallygate_upstream,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

#if (NGX_HTTP_TALLYGATE_JOURNAL)

    { ngx_string("tallygate_journal"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_tallygate_journal,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

#endif

      ngx_null_command
};

static char *
set_answer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tallygate_answer_handler;

    return NGX_CONF_OK;
}

static char *
set_body(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tallygate_body_handler;

    return NGX_CONF_OK;
}

static char *
set_state_dir(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                            *rv;
    ngx_http_tallygate_main_conf_t  *main = conf;

    rv = ngx_conf_set_str_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (main->state_dir.len == 0) {
        return "must not be empty";
    }

    /* The value of a directive ends with a NUL, as C wants it. */
    return ngx_conf_full_name(cf->cycle, &main->state_dir, 0) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}

static void *
create_main_conf(ngx_conf_t *cf)
{
    ngx_http_tallygate_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(*conf));
    if (conf == NULL) {
        return NULL;
    }

    conf->conf_generation = NGX_CONF_UNSET;
    conf->leave_timeout = NGX_CONF_UNSET_MSEC;

    return conf;
}

static char *
init_main_conf(ngx_conf_t *cf, void *data)
{
    ngx_http_tallygate_main_conf_t  *conf = data;

    ngx_conf_init_value(conf->conf_generation, 0);
    ngx_conf_init_msec_value(conf->leave_timeout, 60000);

    return NGX_CONF_OK;
}

static void *
create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_tallygate_srv_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(*conf));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;
    conf->strict_headers = NGX_CONF_UNSET;
    conf->strip_api_key = NGX_CONF_UNSET;
    conf->answer_max = NGX_CONF_UNSET;
    conf->connections = 256; /* nginx merges nothing into an upstream */
    conf->max_fails = 3;
    conf->fail_timeout = 10;

    return conf;
}

static char *
merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tallygate_srv_conf_t  *prev = parent;
    ngx_http_tallygate_srv_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_value(conf->strict_headers, prev->strict_headers, 0);
    ngx_conf_merge_value(conf->strip_api_key, prev->strip_api_key, 0);
    ngx_conf_merge_off_value(conf->answer_max, prev->answer_max, 0);

    return NGX_CONF_OK;
}

static ngx_int_t
add_handler(ngx_http_core_main_conf_t *cmcf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt  *h;

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}

/* A gateway without a state directory would refuse every call. */
static ngx_int_t
check_servers(ngx_conf_t *cf, ngx_http_core_main_conf_t *cmcf)
{
    ngx_uint_t                       i;
    ngx_http_core_srv_conf_t       **servers = cmcf->servers.elts;
    ngx_http_tallygate_srv_conf_t   *conf;
    ngx_http_tallygate_main_conf_t  *main;

    main = ngx_http_conf_get_module_main_conf(cf, ngx_http_tallygate_module);

    for (i = 0; i < cmcf->servers.nelts; i++) {
        conf = servers[i]->ctx->srv_conf[ngx_http_tallygate_module.ctx_index];

        if (conf->enable && main->state_dir.len == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"tallygate\" needs \"tallygate_state_dir\" "
                          "in %s:%ui",
                          servers[i]->file_name, servers[i]->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

static ngx_int_t
postconfiguration(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (check_servers(cf, cmcf) != NGX_OK
        || add_handler(cmcf, NGX_HTTP_SERVER_REWRITE_PHASE,
                       ngx_http_tallygate_route_handler) != NGX_OK
        || add_handler(cmcf, NGX_HTTP_PREACCESS_PHASE,
                       ngx_http_tallygate_admit_handler) != NGX_OK
        || add_handler(cmcf, NGX_HTTP_LOG_PHASE,
                       ngx_http_tallygate_log_handler) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tallygate_filter_init(cf);
}

/*
 * A call takes and gives back some 20 kilobytes.  By the luck of the heap's
 * layout they lie at its end, and glibc gives them back to the kernel after
 * each call and asks for them again at the next, which costs a tenth of it.
 */
#define HEAP_KEPT  (64 * 1024 * 1024)

static void
keep_heap(void)
{
#if (defined(__GLIBC__))
    (void) mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
#endif
}

static ngx_int_t
init_process(ngx_cycle_t *cycle)
{
    ngx_http_tallygate_main_conf_t  *conf;

    /* nginx's cache helpers come here too; they serve no call. */
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    conf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_tallygate_module);
    if (conf == NULL || conf->state_dir.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_tallygate_journal_open(cycle, &conf->journal_file,
                                        conf->journal_entries)
        != NGX_OK
        || ngx_http_tallygate_leave_init(cycle, conf->leave_timeout)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    keep_heap();

    return ngx_http_tallygate_plane_start(cycle,
        (char *) conf->state_dir.data, (uint64_t) conf->conf_generation);
}

static void
exit_process(ngx_cycle_t *cycle)
{
    ngx_http_tallygate_leave_exit();
    ngx_http_tallygate_plane_stop();
}

static ngx_http_module_t  module_ctx = {
    ngx_http_tallygate_add_variables,  /* preconfiguration */
    postconfiguration,                 /* postconfiguration */

    create_main_conf,                  /* create main configuration */
    init_main_conf,                    /* init main configuration */

    create_srv_conf,                   /* create server configuration */
    merge_srv_conf,                    /* merge server configuration */

    NULL,                              /* create location configuration */
    NULL                               /* merge location configuration */
};

ngx_module_t  ngx_http_tallygate_module = {
    NGX_MODULE_V1,
    &module_ctx,                       /* module context */
    commands,                          /* module directives */
    NGX_HTTP_MODULE,                   /* module type */
    NULL,                              /* init master */
    NULL,                              /* init module */
    init_process,                      /* init process */
    NULL,                              /* init thread */
    NULL,                              /* exit thread */
    exit_process,                      /* exit process */
    NULL,                              /* exit master */
    NGX_MODULE_V1_PADDING
};
