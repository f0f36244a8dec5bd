/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mock.h"

#include "control/responses.h"
#include "core/mock.h"
#include "util/buf.h"

#define REQUEST_TEMPLATE_MAX ((size_t) 300 << 10)

/*
 * The status that a template gives to every call, or 0: it depends on the
 * call.  Whatever a call may put in has a stand-in, because only statusCode
 * matters.  TG_INVALID: it is the same for every call, and no status.
 */
static enum tg_status
known_status(uint32_t *out, const struct tg_template_spec *t,
    struct tg_error *err)
{
    struct tg_buf  rendered;
    int            code = 0;
    bool           is_constant = true;
    enum tg_status status;

    tg_buf_init(&rendered, REQUEST_TEMPLATE_MAX);
    for (size_t i = 0; i < t->part_count; i++) {
        if (t->parts[i].kind == TG_PART_LITERAL) {
            tg_buf_add(&rendered, t->parts[i].text, t->parts[i].len);
        } else {
            tg_buf_putc(&rendered, '_');
            is_constant = false;
        }
    }
    status = rendered.status;
    if (status == TG_OK) {
        status = tg_mock_status(&code, rendered.len ? rendered.data : "",
            err);
    }
    tg_buf_clear(&rendered);
    *out = status == TG_OK ? (uint32_t) code : 0;
    return status == TG_INVALID && !is_constant ? TG_OK : status;
}

enum tg_status
tg_mock_compile(struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    struct tg_template_spec *list;
    enum tg_status status = tg_requests_compile(spec, &list, arena, scope,
        integration, err);

    spec->type = TG_INTEGRATION_MOCK;
    for (size_t i = 0; status == TG_OK && i < spec->template_count; i++) {
        status = known_status(&list[i].status, &list[i], err);
    }
    return status == TG_OK
        ? tg_responses_compile(spec, arena, scope, integration, err)
        : status;
}
