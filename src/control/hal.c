/* SPDX-License-Identifier: Apache-2.0 */
#include "control/hal.h"

#include <string.h>
#include <strings.h>

#include "util/clock.h"
#include "util/percent.h"

/* More than a request line, each byte of it encoded. */
#define HREF_MAX (256 * 1024)
#define DATE "Date" /* how the names of dates end */
#define SIGNATURE "X-Amz-" /* how parameters of a signature begin */

bool
tg_hal_is_wanted(const struct tg_control_call *call)
{
    const char *pattern = call->operation->pattern;

    return pattern != NULL
        && strncmp(pattern, TG_V2 "/", sizeof(TG_V2)) != 0
        && tg_http_accepts(call->req, TG_HAL_TYPE);
}

/*
 * ---- links
 */

/* The member of a thing that is the last segment of its path. */
static const char *
naming_member(const char *collection)
{
    static const struct {
        const char *collection;
        const char *member;
    } named[] = {
        { "basepathmappings", "basePath" },
        { "domainnames", "domainName" },
        { "gatewayresponses", "responseType" },
        { "models", "name" },
        { "stages", "stageName" },
        { "versions", "version" },
    };

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (strcmp(named[i].collection, collection) == 0) {
            return named[i].member;
        }
    }
    return "id";
}

/* The first depth segments of the request's path. */
static void
add_path(struct tg_buf *out, const struct tg_http_request *req, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        (void) tg_buf_putc(out, '/');
        (void) tg_percent_encode(out, req->segments[i]);
    }
}

/* {"href": ...} of what is written; gives the buffer back. */
static json_t *
link_to(struct tg_buf *href)
{
    json_t *link = href->status == TG_OK
        ? json_pack("{s:s}", "href", href->data) : NULL;

    tg_buf_clear(href);
    return link;
}

/*
 * To a thing of the collection that the first depth segments name.  What has
 * no name there (a method, the account, a list) is what the path says.
 */
static json_t *
self_link(const struct tg_control_call *call, const json_t *thing,
    size_t depth)
{
    struct tg_buf                 href;
    const char                   *name = NULL;
    const struct tg_http_request *req = call->req;

    if (depth > 0) {
        name = json_string_value(json_object_get(thing,
            naming_member(req->segments[depth - 1])));
    }
    tg_buf_init(&href, HREF_MAX);
    add_path(&href, req, name != NULL ? depth : req->segment_count);
    if (name != NULL) {
        (void) tg_buf_putc(&href, '/');
        (void) tg_percent_encode(&href, name);
    }
    return link_to(&href);
}

static void
add_parameter(struct tg_buf *out, char separator, const char *name,
    const char *value)
{
    (void) tg_buf_putc(out, separator);
    (void) tg_percent_encode(out, name);
    (void) tg_buf_putc(out, '=');
    (void) tg_percent_encode(out, value);
}

/* The call at hand, from position on; a signature in its query is its own. */
static json_t *
next_link(const struct tg_control_call *call, const char *name,
    const char *position)
{
    char                         separator = '?';
    struct tg_buf                href;
    const struct tg_http_params *params = &call->req->params;

    tg_buf_init(&href, HREF_MAX);
    add_path(&href, call->req, call->req->segment_count);
    for (size_t i = 0; i < params->count; i++) {
        const struct tg_http_param *param = &params->items[i];

        if (strcmp(param->name, name) != 0
            && strncasecmp(param->name, SIGNATURE, sizeof(SIGNATURE) - 1)
                != 0)
        {
            add_parameter(&href, separator, param->name, param->value);
            separator = '&';
        }
    }
    add_parameter(&href, separator, name, position);
    return link_to(&href);
}

/*
 * ---- forms
 */

static bool
is_date(const char *name, const json_t *value)
{
    size_t len = strlen(name);

    return json_is_integer(value) && len >= sizeof(DATE) - 1
        && strcmp(name + len - (sizeof(DATE) - 1), DATE) == 0;
}

/* A copy of thing with its link and with dates as texts. */
static json_t *
thing_form(const struct tg_control_call *call, json_t *thing, size_t depth)
{
    char        date[TG_ISO8601_SIZE];
    const char *name;
    json_t     *value;
    json_t     *form = json_pack("{s:{s:o}}", "_links", "self",
            self_link(call, thing, depth));
    int         failed = json_object_update(form, thing);

    json_object_foreach(thing, name, value) {
        if (is_date(name, value)) {
            tg_iso8601(date, json_integer_value(value));
            failed |= json_object_set_new(form, name, json_string(date));
        }
    }
    if (failed != 0) {
        json_decref(form);
        return NULL;
    }
    return form;
}

/* The items of a page; an only one stands without its array. */
static json_t *
items_form(const struct tg_control_call *call, const json_t *items)
{
    size_t  depth = call->req->segment_count;
    json_t *forms;

    if (json_array_size(items) == 1) {
        return thing_form(call, json_array_get(items, 0), depth);
    }
    forms = json_array();
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (json_array_append_new(forms,
                thing_form(call, json_array_get(items, i), depth)) != 0)
        {
            json_decref(forms);
            return NULL;
        }
    }
    return forms;
}

json_t *
tg_hal_form(const struct tg_control_call *call)
{
    const char                 *pattern = call->operation->pattern;
    const struct tg_page_names *names = tg_call_page_names(call);
    const json_t *items = json_object_get(call->result, names->items);
    const json_t *position = json_object_get(call->result, names->position);
    /* A path that ends with a name is one longer than its collection's;
     * CreateResource's ends with that of the parent. */
    bool          is_named = pattern[strlen(pattern) - 1] == '}';
    json_t       *form = thing_form(call, call->result,
              call->req->segment_count - is_named);
    int           failed = form == NULL;

    if (json_is_array(items)) {
        failed |= json_object_del(form, names->items);
        failed |= json_object_set_new(form, "_embedded", json_pack("{s:o}",
            names->items, items_form(call, items)));
    }
    if (json_is_string(position)) {
        failed |= json_object_del(form, names->position);
        failed |= json_object_set_new(json_object_get(form, "_links"), "next",
            next_link(call, names->position, json_string_value(position)));
    }
    if (failed != 0) {
        json_decref(form);
        return NULL;
    }
    return form;
}
