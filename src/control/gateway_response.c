/* SPDX-License-Identifier: Apache-2.0 */
#include "control/gateway_response.h"

#include <stdio.h>
#include <string.h>

#include "control/mapping.h"
#include "control/method_doc.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html */
static const struct {
    const char *type;
    const char *status; /* NULL: what the failure itself has */
} types[] = {
    { "ACCESS_DENIED", "403" },
    { "API_CONFIGURATION_ERROR", "500" },
    { "AUTHORIZER_CONFIGURATION_ERROR", "500" },
    { "AUTHORIZER_FAILURE", "500" },
    { "BAD_REQUEST_BODY", "400" },
    { "BAD_REQUEST_PARAMETERS", "400" },
    { "DEFAULT_4XX", NULL },
    { "DEFAULT_5XX", NULL },
    { "EXPIRED_TOKEN", "403" },
    { "INTEGRATION_FAILURE", "504" },
    { "INTEGRATION_TIMEOUT", "504" },
    { "INVALID_API_KEY", "403" },
    { "INVALID_SIGNATURE", "403" },
    { "MISSING_AUTHENTICATION_TOKEN", "403" },
    { "QUOTA_EXCEEDED", "429" },
    { "REQUEST_TOO_LARGE", "413" },
    { "RESOURCE_NOT_FOUND", "404" },
    { "THROTTLED", "429" },
    { "UNAUTHORIZED", "401" },
    { "UNSUPPORTED_MEDIA_TYPE", "415" },
    { "WAF_FILTERED", "403" },
};

const char *
tg_gateway_response_type(size_t index)
{
    return index < COUNT(types) ? types[index].type : NULL;
}

json_t *
tg_gateway_response_default(const char *type)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcmp(types[i].type, type) == 0) {
            return json_pack("{ss ss* s{} s{ss} sb}", "responseType", type,
                "statusCode", types[i].status, "responseParameters",
                "responseTemplates", "application/json",
                "{\"message\":$context.error.messageString}",
                "defaultResponse", 1);
        }
    }
    return NULL;
}

/*
 * Keys gatewayresponse.header.NAME; values 'text', or a place in the request
 * or the context.
 */
static enum tg_status
check_parameters(const json_t *doc, struct tg_refusal *r)
{
    static const char prefix[] = "gatewayresponse.header.";
    const char *key;
    json_t     *value;

    json_object_foreach(json_object_get(doc, "responseParameters"), key,
        value)
    {
        if (strncmp(key, prefix, sizeof prefix - 1) != 0
            || !tg_mapping_name_is_valid(key + sizeof prefix - 1)
            || tg_mapping_check(TG_MAPPING_REQUEST, json_string_value(value),
                NULL))
        {
            return tg_mapping_refuse(r, "responseParameters", key);
        }
    }
    return TG_OK;
}

enum tg_status
tg_gateway_response_doc(json_t **out, const json_t *in, const char *type,
    struct tg_refusal *r)
{
    static const struct tg_member members[] = {
        { .name = "statusCode" },
        { .name = "responseParameters", .kind = TG_MEMBER_TEXT_MAP },
        { .name = "responseTemplates", .kind = TG_MEMBER_TEXT_MAP },
    };
    json_t        *own;
    const char    *code;
    enum tg_status status;

    *out = tg_gateway_response_default(type);
    if (!*out) {
        return tg_refuse_bad(r, NULL,
            "Invalid gateway response type specified: %.60s", type);
    }
    status = tg_members_take(&own, in, "putGatewayResponseInput", members,
        COUNT(members), r);
    if (status == TG_OK) {
        json_object_update(*out, own);
        json_object_set_new(*out, "defaultResponse", json_false());
        code = tg_text_of(own, "statusCode");
        status = code && !tg_status_code_is_valid(code)
            ? tg_refuse_bad(r, "statusCode", "Invalid status code specified")
            : check_parameters(own, r);
        json_decref(own);
    }
    if (status != TG_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
