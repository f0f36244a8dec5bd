/*
 * authorizer_doc.h - what an authorizer may hold
 *
 * Pure: turns the members that CreateAuthorizer or an imported document gives
 * into the JSON that the store keeps, with Amazon's defaults, or says why not.
 * The gateway asks no authorizer: it keeps them, and lets nobody into the
 * methods that name one (S3 of snapshot.h).
 * https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_AUTHORIZER_DOC_H
#define TG_CONTROL_AUTHORIZER_DOC_H

#include <jansson.h>
#include <stdbool.h>

#include "control/members.h"

#define TG_AUTHORIZER_KIND "authorizer" /* of its row */

/*
 * *out is the caller's, without an id.  operation is what Amazon's messages
 * call the input.  TG_DENIED with r, or TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_authorizer_doc(json_t **out,
    const json_t *in, const char *operation, struct tg_refusal *r);

/*
 * The authorizationType of methods that such an authorizer guards: "CUSTOM"
 * or "COGNITO_USER_POOLS".
 */
const char *tg_authorizer_guards(const json_t *authorizer);

#endif
