/*
 * http_request.c - request targets, forms and cookies, taken apart
 *
 * The first line is a request target, the second a Cookie header, the rest a
 * form.  What was decoded and is encoded again decodes to the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/form.h"
#include "http/html.h"
#include "http/json.h"
#include "http/request.h"
#include "util/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tg_http_route routes[] = {
    { "GET", "/a?b=c", NULL, "A", NULL, NULL },
    { "GET", "/a/{b}/{c}", NULL, "B", NULL, NULL },
    { "GET", "/{rest+}", NULL, "C", NULL, NULL },
};

static void
there_and_back(struct tg_arena *arena, const char *text)
{
    const char   *back;
    struct tg_buf encoded;

    tg_buf_init(&encoded, (size_t) 4 << 20);
    if (tg_percent_encode(&encoded, text) == TG_OK) {
        assert(tg_http_decode(&back, arena, encoded.data, encoded.len, true)
            == TG_OK);
        assert(strcmp(back, text) == 0);
    }
    tg_buf_reset(&encoded);
    tg_html_text(&encoded, text);
    assert(strpbrk(encoded.data, "<>\"'") == NULL);
    tg_buf_clear(&encoded);
}

static void
take_apart(struct tg_http_request *req)
{
    json_t *json;

    if (tg_http_request_split(req) == TG_OK) {
        for (size_t i = 0; i < req->segment_count; i++) {
            there_and_back(req->arena, req->segments[i]);
        }
        for (size_t i = 0; i < req->params.count; i++) {
            there_and_back(req->arena, req->params.items[i].value);
        }
        if (tg_http_route_find(req, routes, 3) == TG_OK) {
            assert(req->path_params.count <= req->segment_count);
        }
    }
    if (tg_http_json_parse(&json, req, NULL) == TG_OK) {
        json_decref(json);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  *text, *rest;
    struct tg_arena        arena;
    struct tg_header       headers[] = { { "cookie", "" },
              { "content-type", TG_HTTP_FORM } };
    struct tg_http_params  form;
    struct tg_http_request req = { .method = "GET", .arena = &arena,
        .headers = headers, .header_count = 2 };

    tg_arena_init(&arena);
    text = tg_arena_dup(&arena, data, size);
    rest = text;
    if (text != NULL) {
        req.target = strsep(&rest, "\n");
        headers[0].value = rest != NULL ? strsep(&rest, "\n") : "";
        req.body = rest != NULL ? rest : "";
        req.body_len = strlen(req.body);
        take_apart(&req);
        (void) tg_http_cookie_get(&req, "a");
        if (tg_http_form_parse(&form, &req) == TG_OK) {
            for (size_t i = 0; i < form.count; i++) {
                there_and_back(&arena, form.items[i].name);
            }
        }
    }
    tg_arena_clear(&arena);
    return 0;
}
