/*
 * account.c - the account, and the rows of the operations on tags
 *
 * cloudwatchRoleArn is kept and returned: tools set it before anything else.
 * The gateway's own log needs no role.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/customers.h"
#include "control/doc_patch.h"
#include "control/tags.h"

#define ROLE_MEMBER "cloudwatchRoleArn"
#define FEATURE "UsagePlans" /* for good: it cannot be removed */

static enum tg_status
read_role(struct tg_control_call *call, json_t *account)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "SELECT value FROM meta WHERE name = 'account.role'", "");
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        tg_json_set_text(account, ROLE_MEMBER, tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
get_account(struct tg_control_call *call)
{
    const struct tg_settings *settings = call->control->settings;

    call->result = json_pack("{s:{s:i, s:f}, s:[s], s:s}",
        "throttleSettings", "burstLimit", settings->gateway.account_burst,
        "rateLimit", (double) settings->gateway.account_rate, "features",
        FEATURE, "apiKeyVersion", "4");
    return call->result != NULL ? read_role(call, call->result)
        : tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

static enum tg_status
write_role(struct tg_control_call *call, const char *role)
{
    if (role == NULL) {
        return tg_store_exec(call->store, &call->err,
            "DELETE FROM meta WHERE name = 'account.role'", "");
    }
    if (strncmp(role, "arn:", 4) != 0) {
        return tg_call_bad_request(call, "Invalid ARN specified for "
            "/" ROLE_MEMBER);
    }
    return tg_store_exec(call->store, &call->err,
        "INSERT INTO meta (name, value) VALUES ('account.role', $1)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value", "s",
        role);
}

static enum tg_status
update_account(struct tg_control_call *call)
{
    static const struct tg_patch_path paths[] = {
        {NULL, ROLE_MEMBER, TG_PATCH_TEXT, TG_PATCH_ALL},
        {NULL, "features", TG_PATCH_ITEM, TG_PATCH_OP(TG_PATCH_ADD)},
    };
    enum tg_status status = get_account(call);

    if (status == TG_OK) {
        status = tg_doc_patch(call, call->result, paths,
            sizeof(paths) / sizeof(paths[0]));
    }
    if (status == TG_OK && json_array_size(json_object_get(call->result,
            "features")) != 1)
    {
        status = tg_call_bad_request(call, "Invalid feature specified. Must "
            "be one of: [" FEATURE "]");
    }
    return status == TG_OK
        ? write_role(call, json_string_value(json_object_get(call->result,
            ROLE_MEMBER)))
        : status;
}

const struct tg_operation tg_account_operations[] = {
    {"GET", "/account", "GetAccount", 200, true, TG_BODY_NONE, get_account},
    {"PATCH", "/account", "UpdateAccount", 200, false, TG_BODY_JSON,
        update_account},
    {"GET", "/tags/{resourceArn+}", "GetTags", 200, true, TG_BODY_NONE,
        tg_get_tags},
    {"PUT", "/tags/{resourceArn+}", "TagResource", 204, false, TG_BODY_JSON,
        tg_tag_resource},
    {"DELETE", "/tags/{resourceArn+}", "UntagResource", 204, false,
        TG_BODY_NONE, tg_untag_resource},
    {0},
};
