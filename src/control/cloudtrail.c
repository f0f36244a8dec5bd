/*
 * cloudtrail.c - CloudTrail's face of the audit trail
 *
 * A call selects its row by X-Amz-Target; audit/lookup.h does the work.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/lookup.h"
#include "control/call.h"

static enum tg_status
lookup_events(struct tg_control_call *call)
{
    const char    *code = NULL;
    enum tg_status status = tg_audit_lookup(&call->result, &code,
        call->store, call->body, &call->err);

    if (status == TG_INVALID) {
        return tg_call_refuse(call, 400, code, "%s", call->err.message);
    }
    return status;
}

/* There is one trail, this one; nothing is delivered to a bucket. */
static enum tg_status
refuse_unsupported(struct tg_control_call *call)
{
    return tg_call_refuse(call, 400, "UnsupportedOperationException",
        "%s is not supported here: look events up with LookupEvents",
        call->operation->name);
}

const struct tg_operation tg_cloudtrail_operations[] = {
    { NULL, NULL, "LookupEvents", 200, true, TG_BODY_JSON, lookup_events },
    { NULL, NULL, "DescribeTrails", 200, true, TG_BODY_NONE,
        refuse_unsupported },
    { NULL, NULL, "ListPublicKeys", 200, true, TG_BODY_NONE,
        refuse_unsupported },
    { .name = NULL },
};
