/*
 * template.h - body templates, as parts
 *
 * Amazon's templates are written in Velocity.  This gateway renders those
 * that only put values in: text, and references to what the call, its
 * context, the stage and the bodies hold.  Directives (#if, #set, #foreach),
 * comments, escapes and methods beyond those below would need the language
 * itself; a template with them is refused when a stage is compiled, and
 * never sent as it stands.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
 *
 *   $context.NAME                $stageVariables.NAME
 *   $input.body                  $input.json('$.path')
 *   $input.path('$.path')        $input.params('name')
 *   $util.escapeJavaScript(ONE OF THESE)
 *
 * Templates of gateway responses are not written in Velocity: Amazon puts in
 * $context, $stageVariables and $method.request values and leaves all else as
 * it stands.  What came with the call is escaped for the template's media
 * type, so that nobody writes the seller's JSON or HTML.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayresponse-definition.html
 *
 * Promises
 *   T1  Pure and linear, as mapping.h's M1.
 *   T2  What the gateway cannot render is TG_DENIED, with the place in the
 *       template that it cannot; the rest compiles.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_TEMPLATE_H
#define TG_CONTROL_TEMPLATE_H

#include "control/mapping.h"

enum tg_template_kind {
    TG_TEMPLATE_REQUEST,  /* $input is the call's */
    TG_TEMPLATE_RESPONSE, /* $input.body and paths are the backend's */
    TG_TEMPLATE_GATEWAY,
};

/*
 * The parts of text, a template for the media type.  TG_DENIED as T2 says.
 */
TG_MUST_CHECK enum tg_status tg_template_compile(struct tg_parts *out,
    struct tg_arena *arena, const struct tg_mapping_scope *scope,
    enum tg_template_kind kind, const char *type, const char *text,
    struct tg_error *err);

#endif
