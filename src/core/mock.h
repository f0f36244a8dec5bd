/*
 * mock.h - the status that a MOCK's request template gives
 *
 * A MOCK has no backend: its request template, rendered, says in the member
 * statusCode what one would have answered.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_MOCK_H
#define TG_CORE_MOCK_H

#include "util/error.h"

/*
 * The integer member statusCode of a rendered request template.  Lenient as
 * Amazon is: keys and texts may be bare or in single quotes.  TG_INVALID when
 * it is no object or has no such integer.
 */
TG_MUST_CHECK enum tg_status tg_mock_status(int *out, const char *text,
    struct tg_error *err);

#endif
