/*
 * account.c - GetAccount, and the rows of the operations on tags
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/customers.h"
#include "control/tags.h"

static enum tg_status
get_account(struct tg_control_call *call)
{
    const struct tg_settings *settings = call->control->settings;

    call->result = json_pack("{s:{s:i, s:f}, s:[s], s:s}",
        "throttleSettings", "burstLimit", settings->gateway.account_burst,
        "rateLimit", (double) settings->gateway.account_rate, "features",
        "UsagePlans", "apiKeyVersion", "4");
    return TG_OK;
}

const struct tg_operation tg_account_operations[] = {
    {"GET", "/account", "GetAccount", 200, true, TG_BODY_NONE, get_account},
    {"GET", "/tags/{resourceArn+}", "GetTags", 200, true, TG_BODY_NONE,
        tg_get_tags},
    {"PUT", "/tags/{resourceArn+}", "TagResource", 204, false, TG_BODY_JSON,
        tg_tag_resource},
    {"DELETE", "/tags/{resourceArn+}", "UntagResource", 204, false,
        TG_BODY_NONE, tg_untag_resource},
    {0},
};
