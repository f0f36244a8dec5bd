/* SPDX-License-Identifier: Apache-2.0 */
#include "control/call.h"

const struct tg_operation *const tg_operation_tables[] = {
    tg_api_key_operations,
    tg_usage_plan_operations,
    tg_account_operations,
    NULL,
};
