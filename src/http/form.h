/*
 * form.h - query strings, HTML forms and cookies
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_HTTP_FORM_H
#define TG_HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http.h"

#define TG_HTTP_FORM "application/x-www-form-urlencoded"

/*
 * Decodes len bytes of percent-encoding into a new text of the arena; plus
 * says whether '+' is a space (forms).  TG_INVALID for a broken escape or a
 * NUL, TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_http_decode(const char **out,
    struct tg_arena *arena, const char *text, size_t len, bool plus);

/* name=value pairs joined by '&'; a pair without '=' has the value "". */
TG_MUST_CHECK enum tg_status tg_http_params_parse(struct tg_http_params *out,
    struct tg_arena *arena, const char *text, size_t len, bool plus);

/* The body as a form.  TG_INVALID when it is none or not of that type. */
TG_MUST_CHECK enum tg_status tg_http_form_parse(struct tg_http_params *out,
    const struct tg_http_request *req);

/* The value of a cookie of the request, or NULL. */
const char *tg_http_cookie_get(const struct tg_http_request *req,
    const char *name);

/*
 * Adds a Set-Cookie: HttpOnly, SameSite=Lax, Path=/, Secure where asked.
 * max_age_s 0 deletes the cookie.  TG_INVALID when name or value hold what a
 * cookie may not.
 */
enum tg_status tg_http_cookie_set(struct tg_http_response *res,
    const char *name, const char *value, unsigned max_age_s, bool secure);

#endif
