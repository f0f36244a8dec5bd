/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/template.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static json_t                 *variables;
static struct tg_mapping_scope scope;
static struct tg_arena         arena;

static int
set_up(void **state)
{
    (void) state;
    variables = json_pack("{ssss}", "backend", "127.0.0.1:9001", "tenant",
        "acme");
    scope = (struct tg_mapping_scope) { variables, "d3pl0y", false, false };
    tg_arena_init(&arena);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_arena_clear(&arena);
    json_decref(variables);
    return 0;
}

static const char *
kind_name(enum tg_part_kind kind)
{
    switch (kind) {
    case TG_PART_STAGE:
        return "stage";
    case TG_PART_BODY:
        return "body";
    case TG_PART_BODY_JSON:
        return "json";
    case TG_PART_BODY_TEXT:
        return "path";
    case TG_PART_REPLY:
        return "reply";
    case TG_PART_REPLY_JSON:
        return "reply json";
    case TG_PART_REPLY_TEXT:
        return "reply path";
    case TG_PART_PARAM:
        return "param";
    case TG_PART_HEADER:
        return "header";
    case TG_PART_QUERY:
        return "query";
    case TG_PART_USER_AGENT:
        return "agent";
    case TG_PART_ERROR_MESSAGE:
        return "message";
    case TG_PART_ERROR_MESSAGE_STRING:
        return "messageString";
    default:
        return "?";
    }
}

/* Parts as one text: <kind text>, with a mark for how it is escaped. */
static const char *
shown(const struct tg_parts *parts)
{
    static const char marks[] = " jhs";
    char             *text = tg_arena_strdup(&arena, "");

    for (size_t i = 0; i < parts->count; i++) {
        const struct tg_part_spec *p = &parts->items[i];

        if (p->kind == TG_PART_LITERAL && p->escape == TG_ESCAPE_NONE) {
            text = tg_arena_printf(&arena, "%s%s", text, p->text);
        } else {
            text = tg_arena_printf(&arena, "%s<%s%s%s%.*s>", text,
                kind_name(p->kind), p->len ? " " : "",
                p->len ? p->text : "", p->escape != TG_ESCAPE_NONE,
                &marks[p->escape]);
        }
    }
    return text;
}

struct row {
    const char *text, *shown; /* NULL: refused */
};

static void
check_rows(enum tg_template_kind kind, const char *type,
    const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tg_parts parts;
        struct tg_error err = { 0 };
        enum tg_status  status = tg_template_compile(&parts, &arena, &scope,
            kind, type, rows[i].text, &err);

        if (status != (rows[i].shown ? TG_OK : TG_DENIED)) {
            fail_msg("%s: %d, %s", rows[i].text, status, err.message);
        }
        if (rows[i].shown) {
            assert_string_equal(shown(&parts), rows[i].shown);
        } else {
            assert_true(err.message[0] != '\0'); /* T2 */
        }
    }
}

static void
what_a_request_template_says_becomes_parts(void **state)
{
    static const struct row rows[] = {
        { "{\"a\": 1}", "{\"a\": 1}" },
        { "", "" },
        { "in $context.stage!", "in <stage>!" },
        { "in ${context.stage}s", "in <stage>s" },
        { "$context.stage.", "<stage>." },
        { "$context.nothing|", "|" },
        { "$!context.stage", "<stage>" },
        { "$stageVariables.tenant-$stageVariables.x|", "|" },
        { "${stageVariables.tenant}-", "acme-" },
        { "costs $5 or $money", "costs $5 or $money" },
        { "colour #fff, #ending", "colour #fff, #ending" },
        { "$", "$" },
        { "${context.stage", "${context.stage" },
        { "$input.body", "<body>" },
        { "{\"x\": $input.json('$')}", "{\"x\": <json>}" },
        { "$input.json('$.a[0].b'),$input.json( \"$['a b']\" )",
            "<json .a[0].b>,<json ['a b']>" },
        { "\"$input.path('$.name')\"", "\"<path .name>\"" },
        { "$input.params('id')/$input.params(\"q\")",
            "<param id>/<param q>" },
        { "\"$util.escapeJavaScript($input.json('$'))\"", "\"<jsons>\"" },
        { "$util.escapeJavaScript( $input.params('a') )", "<param as>" },
        { "$util.escapeJavaScript($stageVariables.tenant)",
            "<? acmes>" },
        { "$input.json('$..a')", NULL },
        { "$input.json('a')", NULL },
        { "$input.json('$.a').b", NULL },
        { "$input.json()", NULL },
        { "$input.params().header", NULL },
        { "$input.params('')", NULL },
        { "$input.size()", NULL },
        { "$input", NULL },
        { "$util", NULL },
        { "$context", NULL },
        { "$util.urlEncode('a')", NULL },
        { "$util.escapeJavaScript('a')", NULL },
        { "$util.escapeJavaScript($util.escapeJavaScript($input.body))",
            NULL },
        { "$util.escapeJavaScript($input.body", NULL },
        { "$context.stage.length()", NULL },
        { "$context.stage[0]", NULL },
        { "$context.identity.apiKey", NULL },
        { "#if($context.stage)x#end", NULL },
        { "#set($a = 1)", NULL },
        { "#foreach($x in $y)", NULL },
        { "## comment", NULL },
        { "\\$context.stage", NULL },
    };

    (void) state;
    check_rows(TG_TEMPLATE_REQUEST, "application/json", rows, COUNT(rows));
}

static void
in_a_response_template_the_body_is_the_backends(void **state)
{
    static const struct row rows[] = {
        { "$input.body", "<reply>" },
        { "$input.json('$.a')", "<reply json .a>" },
        { "$input.path('$')", "<reply path>" },
        { "$input.params('q')", "<param q>" },
    };

    (void) state;
    check_rows(TG_TEMPLATE_RESPONSE, "application/json", rows, COUNT(rows));
}

static void
gateway_responses_only_put_values_in(void **state)
{
    static const struct row json[] = {
        { "{\"m\": $context.error.messageString}", "{\"m\": <messageString>}" },
        { "\"$context.error.message\"", "\"<messagej>\"" },
        { "\"$method.request.header.X-A\"", "\"<header X-Aj>\"" },
        { "$method.request.querystring.q|", "<query qj>|" },
        { "$method.request.body.a|", "|" },
        { "$context.identity.userAgent", "<agentj>" },
        { "$stageVariables.tenant", "acme" },
        { "#if($x) $input.body $util.urlEncode('a') \\$context.stage(",
            "#if($x) $input.body $util.urlEncode('a') \\<stagej>(" },
    };
    static const struct row html[] = {
        { "<b>$context.identity.userAgent</b>", "<b><agenth></b>" },
    };

    (void) state;
    check_rows(TG_TEMPLATE_GATEWAY, "application/json", json, COUNT(json));
    check_rows(TG_TEMPLATE_GATEWAY, "text/html; charset=utf-8", html,
        COUNT(html));
    check_rows(TG_TEMPLATE_GATEWAY, "application/xml", html, COUNT(html));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_request_template_says_becomes_parts),
        cmocka_unit_test(in_a_response_template_the_body_is_the_backends),
        cmocka_unit_test(gateway_responses_only_put_values_in),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
