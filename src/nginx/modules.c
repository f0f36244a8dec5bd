/*
 * modules.c - what nginx looks up in a dynamic module
 *
 * The order says that our filters stand directly before the copy filter in
 * nginx's list, so that they are called directly after it: behind the filters
 * that change a response, before the ones that write it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ngx_config.h>
#include <ngx_core.h>

extern ngx_module_t ngx_http_tallygate_module;

ngx_module_t *ngx_modules[] = {
    &ngx_http_tallygate_module,
    NULL
};

char *ngx_module_names[] = {
    "ngx_http_tallygate_module",
    NULL
};

char *ngx_module_order[] = {
    "ngx_http_tallygate_module",
    "ngx_http_copy_filter_module",
    NULL
};
