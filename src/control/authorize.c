/* SPDX-License-Identifier: Apache-2.0 */
#include "control/authorize.h"

#include <stdio.h>
#include <string.h>

#include "control/attempts.h"

#define PATH_SHOWN 256 /* of it in a message */

/* What the role onboarding may call. */
static const char *const onboarding[] = {
    "CreateApiKey", "GetApiKey", "GetApiKeys", "UpdateApiKey",
    "DeleteApiKey", "CreateUsagePlanKey", "GetUsagePlanKey",
    "GetUsagePlanKeys", "DeleteUsagePlanKey", "GetUsagePlan",
    "GetUsagePlans", "GetUsage",
};

/*
 * ---- the signature
 */

/* The seller's own key first, then those that were made. */
static bool
lookup(void *data, const char *access_key_id, const char *session_token,
    char *secret)
{
    const struct tg_control        *control = data;
    const struct tg_sigv4_verifier *own = &control->config.verifier;

    return own->lookup(own->data, access_key_id, session_token, secret)
        || tg_access_keys_lookup(control->access_keys, access_key_id,
            session_token, secret);
}

static enum tg_status
refuse_signature(struct tg_control_call *call, enum tg_sigv4_result result,
    const struct tg_sigv4_signer *signer, bool *is_audited)
{
    *is_audited = result != TG_SIGV4_MISSING;
    if (*is_audited && !tg_attempts_admit(&call->control->attempts,
            call->req->source_ip, call->now_s))
    {
        *is_audited = false;
        return tg_call_refuse(call, 429, "TooManyRequestsException",
            "Too many requests with a wrong signature");
    }
    return tg_call_refuse(call, 403, tg_sigv4_error_type(result), "%s",
        signer->message);
}

enum tg_status
tg_authorize_signature(struct tg_control_call *call,
    struct tg_sigv4_signer *signer, const char *service, bool *is_audited)
{
    enum tg_sigv4_result           result;
    struct tg_control             *control = call->control;
    const struct tg_sigv4_verifier verifier = {
        .service = service, .lookup = lookup, .data = control,
        .options = control->config.verifier.options,
    };

    result = tg_http_verify(signer, call->req, &verifier);
    if (result != TG_SIGV4_ACCEPTED) {
        return refuse_signature(call, result, signer, is_audited);
    }
    if (!tg_access_keys_caller(control->access_keys, &call->caller,
            signer->access_key_id, call->now_s))
    {
        call->caller = (struct tg_caller) {"admin", TG_ROLE_ADMIN, false};
    }
    *is_audited = true;
    return call->caller.has_expired
        ? tg_call_refuse(call, 403, "ExpiredTokenException",
            "The security token included in the request is expired")
        : TG_OK;
}

/*
 * ---- the role
 */

/* In the words of Amazon's refusals. */
static enum tg_status
deny(struct tg_control_call *call, const char *what)
{
    const struct tg_settings *settings = call->control->settings;
    const bool is_cloudtrail = call->operation->pattern == NULL;

    return tg_call_refuse(call, 403, "AccessDeniedException",
        "User: arn:aws:iam::%s:user/%s is not authorized to perform: %s:%s "
        "on resource: arn:aws:%s:%s::%.*s%s", settings->account_id,
        call->caller.user_name, is_cloudtrail ? "cloudtrail" : "apigateway",
        is_cloudtrail ? call->operation->name : call->req->method,
        is_cloudtrail ? "cloudtrail" : "apigateway", settings->region,
        PATH_SHOWN, call->req->path, what);
}

bool
tg_authorize_values(const struct tg_control_call *call)
{
    return call->caller.role != TG_ROLE_READ_ONLY;
}

static bool
is_onboarding(const struct tg_operation *operation)
{
    size_t i;

    for (i = 0; i < sizeof(onboarding) / sizeof(onboarding[0]); i++) {
        if (strcmp(operation->name, onboarding[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool
asks_for_values(const struct tg_control_call *call)
{
    return tg_patch_bool(tg_call_query(call, "includeValue"))
        || tg_patch_bool(tg_call_query(call, "includeValues"));
}

enum tg_status
tg_authorize_operation(struct tg_control_call *call)
{
    switch (call->caller.role) {
    case TG_ROLE_ADMIN:
        return TG_OK;
    case TG_ROLE_ONBOARDING:
        return is_onboarding(call->operation) ? TG_OK : deny(call, "");
    case TG_ROLE_READ_ONLY:
        if (asks_for_values(call)) {
            return deny(call, " with the values of API keys");
        }
        return call->operation->is_read_only ? TG_OK : deny(call, "");
    }
    return deny(call, "");
}
