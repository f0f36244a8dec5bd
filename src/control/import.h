/*
 * import.h - ImportRestApi, PutRestApi, and what they share with
 * documentation_import.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_IMPORT_H
#define TG_CONTROL_IMPORT_H

#include "control/call.h"

/* The handlers: a whole API, or nothing, from the body's document. */
TG_MUST_CHECK enum tg_status tg_import_rest_api(struct tg_control_call *call);
TG_MUST_CHECK enum tg_status tg_put_rest_api(struct tg_control_call *call);

/*
 * The query's mode, merge (when nothing is said) or overwrite; input is what
 * Amazon's messages call the call's input.
 */
TG_MUST_CHECK enum tg_status tg_import_mode(struct tg_control_call *call,
    const char *input, bool *is_merge);

/* With failonwarnings the first of warnings, if any, is the refusal. */
TG_MUST_CHECK enum tg_status tg_import_check_warnings(
    struct tg_control_call *call, const json_t *warnings);

#endif
