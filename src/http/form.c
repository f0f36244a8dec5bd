/* SPDX-License-Identifier: Apache-2.0 */
#include "http/form.h"

#include <string.h>
#include <strings.h>

#include "util/percent.h"

enum tg_status
tg_http_decode(const char **out, struct tg_arena *arena, const char *text,
    size_t len, bool plus)
{
    char  *copy = tg_arena_alloc(arena, len + 1);
    size_t n = 0;

    if (copy == NULL) {
        return TG_NOMEM;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            int byte = tg_percent_byte(text + i, len - i);

            if (byte < 0) {
                return TG_INVALID;
            }
            c = (char) byte;
            i += TG_PERCENT_SIZE - 1;
        }
        if (c == '\0') {
            return TG_INVALID;
        }
        copy[n++] = c;
    }
    copy[n] = '\0';
    *out = copy;
    return TG_OK;
}

static size_t
count_pairs(const char *text, size_t len)
{
    size_t n = 1;

    for (size_t i = 0; i < len; i++) {
        n += text[i] == '&';
    }
    return n;
}

enum tg_status
tg_http_params_parse(struct tg_http_params *out, struct tg_arena *arena,
    const char *text, size_t len, bool plus)
{
    const char           *end = text + len;
    enum tg_status        status = TG_OK;
    struct tg_http_param *items;

    out->items = NULL;
    out->count = 0;
    items = tg_arena_alloc(arena, count_pairs(text, len) * sizeof(*items));
    if (items == NULL) {
        return TG_NOMEM;
    }
    out->items = items;
    for (const char *p = text; p < end && status == TG_OK;) {
        const char *amp = memchr(p, '&', (size_t) (end - p));
        const char *stop = amp != NULL ? amp : end;
        const char *equals = memchr(p, '=', (size_t) (stop - p));
        const char *name_end = equals != NULL ? equals : stop;
        const char *value = equals != NULL ? equals + 1 : stop;

        if (stop > p) {
            struct tg_http_param *item = &items[out->count++];

            status = tg_http_decode(&item->name, arena, p,
                (size_t) (name_end - p), plus);
            if (status == TG_OK) {
                status = tg_http_decode(&item->value, arena, value,
                    (size_t) (stop - value), plus);
            }
        }
        p = stop + 1;
    }
    if (status != TG_OK) {
        out->count = 0;
    }
    return status;
}

enum tg_status
tg_http_form_parse(struct tg_http_params *out,
    const struct tg_http_request *req)
{
    out->items = NULL;
    out->count = 0;
    if (!tg_http_content_is(req, TG_HTTP_FORM)) {
        return TG_INVALID;
    }
    return tg_http_params_parse(out, req->arena, req->body, req->body_len,
        true);
}

const char *
tg_http_cookie_get(const struct tg_http_request *req, const char *name)
{
    size_t name_len = strlen(name);

    for (size_t i = 0; i < req->header_count; i++) {
        const char *p = req->headers[i].value;

        if (strcasecmp(req->headers[i].name, "cookie") != 0) {
            continue;
        }
        while (*p != '\0') {
            size_t len;

            p += strspn(p, "; \t");
            len = strcspn(p, "; \t");
            if (len > name_len && p[name_len] == '='
                && strncmp(p, name, name_len) == 0)
            {
                p += name_len + 1;
                return tg_arena_dup(req->arena, p, len - name_len - 1);
            }
            p += len;
        }
    }
    return NULL;
}

/* RFC 6265, section 4.1.1, without the quotes. */
static bool
is_cookie_text(const char *text, const char *also_not)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || strchr("\",;\\", *text) != NULL
            || strchr(also_not, *text) != NULL)
        {
            return false;
        }
    }
    return true;
}

enum tg_status
tg_http_cookie_set(struct tg_http_response *res, const char *name,
    const char *value, unsigned max_age_s, bool secure)
{
    char *line;

    if (*name == '\0' || !is_cookie_text(name, "=()<>@:/[]?{}")
        || !is_cookie_text(value, ""))
    {
        return TG_INVALID;
    }
    line = tg_arena_printf(res->arena,
        "%s=%s; Path=/; Max-Age=%u; HttpOnly; SameSite=Lax%s", name, value,
        max_age_s, secure ? "; Secure" : "");
    if (line == NULL) {
        return TG_NOMEM;
    }
    return tg_http_header_add(res, "Set-Cookie", line);
}
