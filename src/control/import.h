/*
 * import.h - ImportRestApi, PutRestApi, ImportDocumentationParts
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_IMPORT_H
#define TG_CONTROL_IMPORT_H

#include "control/call.h"

/* The handlers: a whole API, or nothing, from the body's document. */
TG_MUST_CHECK enum tg_status tg_import_rest_api(struct tg_control_call *call);
TG_MUST_CHECK enum tg_status tg_put_rest_api(struct tg_control_call *call);
TG_MUST_CHECK enum tg_status tg_import_documentation_parts(
    struct tg_control_call *call);

#endif
