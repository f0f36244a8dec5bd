/* SPDX-License-Identifier: Apache-2.0 */
#include "control/gateway_response.h"

#include <stdio.h>
#include <string.h>

#include "control/mapping.h"
#include "control/method_doc.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static const struct {
    const char *name;
    unsigned    status; /* 0: what the failure itself has */
} types[TG_GATEWAY_TYPE_COUNT] = {
#define X(name, status) [TG_GATEWAY_##name] = { #name, status },
    TG_GATEWAY_TYPES(X)
#undef X
};

const char *
tg_gateway_response_type(size_t index)
{
    return index < COUNT(types) ? types[index].name : NULL;
}

bool
tg_gateway_response_is_type(const char *name)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

unsigned
tg_gateway_status(enum tg_gateway_type type)
{
    return types[type].status;
}

json_t *
tg_gateway_response_default(const char *type)
{
    char code[12];

    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcmp(types[i].name, type) == 0) {
            snprintf(code, sizeof code, "%u", types[i].status);
            return json_pack("{ss ss* s{} s{ss} sb}", "responseType", type,
                "statusCode", types[i].status ? code : NULL,
                "responseParameters", "responseTemplates",
                "application/json",
                "{\"message\":$context.error.messageString}",
                "defaultResponse", 1);
        }
    }
    return NULL;
}

/* A status that can be sent: Amazon's form, and no interim one. */
static bool
is_status(const char *code)
{
    return tg_status_code_is_valid(code) && *code != '1';
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
            || tg_mapping_check(TG_MAPPING_GATEWAY, json_string_value(value),
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
        status = code && !is_status(code)
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
