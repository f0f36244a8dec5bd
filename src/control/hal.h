/*
 * hal.h - an answer with links, for those who ask for one
 *
 * Amazon's service answers HAL to clients that do not ask for plain JSON; the
 * SDKs ask for plain JSON, and understand nothing else.  Here the plain form
 * is everybody's, and a client that names application/hal+json in Accept gets
 * the same answer with links.  This is done to a finished answer, so that no
 * operation knows of it.
 *
 * Promises
 *   L1  A link is a path of this API, each segment and each query value
 *       encoded, and what it names is there: a call of it as it stands,
 *       signed anew, is answered.  Nothing of a signature is in it.
 *   L2  Only what stands at the top of a thing is changed: what its owner
 *       wrote into it (tags, variables, schemas) is as it is in plain JSON.
 *   L3  The plain answer itself is not changed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_HAL_H
#define TG_CONTROL_HAL_H

#include <jansson.h>
#include <stdbool.h>

#include "control/call.h"

#define TG_HAL_TYPE "application/hal+json"

/* Whether Accept names HAL, and the operation is API Gateway v1's. */
bool tg_hal_is_wanted(const struct tg_control_call *call);

/*
 * call->result as HAL; the caller's.  A thing gets _links.self.  A page's
 * items go to _embedded.item, an only one without its array, and its position
 * into _links.next, the same call for the next page.  Dates become texts.
 * NULL when there is no memory.
 */
json_t *tg_hal_form(const struct tg_control_call *call);

#endif
