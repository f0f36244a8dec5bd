/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint.h"

#include <stdio.h>
#include <string.h>

const char *const tg_endpoint_address_types[] = { "ipv4", "dualstack", NULL };

static const struct tg_member members[] = {
    { .name = "types", .kind = TG_MEMBER_TEXTS, .keep_empty = true },
    { .name = "vpcEndpointIds", .kind = TG_MEMBER_TEXTS },
    { .name = "ipAddressType", .values = tg_endpoint_address_types },
};

static enum tg_status
refuse_private(struct tg_refusal *r)
{
    return tg_refuse_bad(r, "endpointConfiguration",
        "PRIVATE endpoints are not supported by this gateway");
}

enum tg_status
tg_endpoint_check_type(const char *type, const char *operation,
    struct tg_refusal *r)
{
    static const char *const types[] = { "REGIONAL", "EDGE", NULL };

    if (strcmp(type, "PRIVATE") == 0) {
        return refuse_private(r);
    }
    if (tg_is_one_of(type, types)) {
        return TG_OK;
    }
    return tg_refuse(r, 400, "ValidationException", "endpointConfiguration",
        "1 validation error detected: Value '[%.40s]' at "
        "'%s.endpointConfiguration.types' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy enum value "
        "set: [PRIVATE, EDGE, REGIONAL]]", type, operation);
}

/* What is wrong with the types; "" when nothing is. */
static void
describe_types(char *out, size_t size, const json_t *types,
    const char *operation)
{
    static const char *const known[] = { "REGIONAL", "EDGE", "PRIVATE",
        NULL };
    size_t  i, len = 0;
    bool    is_wrong = false;
    char    list[120] = "";
    json_t *type;

    json_array_foreach((json_t *) types, i, type) {
        const char *text = json_string_value(type);

        is_wrong = is_wrong || !tg_is_one_of(text ? text : "", known);
        if (len < sizeof(list)) {
            len += (size_t) snprintf(list + len, sizeof(list) - len,
                "%s%.40s", i > 0 ? ", " : "", text ? text : "null");
        }
    }
    *out = '\0';
    if (is_wrong) {
        (void) snprintf(out, size, "Value '[%s]' at '%s.endpointConfiguration"
            ".types' failed to satisfy constraint: Member must satisfy "
            "constraint: [Member must satisfy enum value set: [PRIVATE, "
            "EDGE, REGIONAL]]", list, operation);
    }
}

enum tg_status
tg_endpoint_check_words(const json_t *doc, const char *operation,
    struct tg_refusal *r)
{
    char          types[400], address[300] = "";
    const json_t *in = json_object_get(doc, "endpointConfiguration");
    const char   *given = tg_text_of(in, "ipAddressType");

    describe_types(types, sizeof(types), json_object_get(in, "types"),
        operation);
    if (given && !tg_is_one_of(given, tg_endpoint_address_types)) {
        (void) snprintf(address, sizeof(address), "Value '%.40s' at "
            "'%s.endpointConfiguration.ipAddressType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [ipv4, "
            "dualstack]", given, operation);
    }
    if (!*types && !*address) {
        return TG_OK;
    }
    return tg_refuse(r, 400, "ValidationException", "endpointConfiguration",
        "%d validation error%s detected: %s%s%s", *types && *address ? 2 : 1,
        *types && *address ? "s" : "", types,
        *types && *address ? "; " : "", address);
}

static enum tg_status
check_given(json_t *out, bool is_address_given, const char *operation,
    struct tg_refusal *r)
{
    json_t     *types = json_object_get(out, "types");
    const char *type = json_string_value(json_array_get(types, 0));

    if (json_array_size(types) == 0) {
        return tg_refuse_bad(r, "endpointConfiguration", "REGIONAL "
            "Configuration and EDGE Configuration cannot be both DISABLED.");
    }
    if (json_array_size(types) > 1) {
        return tg_refuse_bad(r, "endpointConfiguration",
            "Cannot create an api with multiple Endpoint Types.");
    }
    if (strcmp(type, "PRIVATE") == 0
        && strcmp(tg_text_of(out, "ipAddressType"), "ipv4") == 0
        && is_address_given)
    {
        return tg_refuse_bad(r, "endpointConfiguration",
            "Only dualstack ipAddressType is supported for Private APIs.");
    }
    if (json_object_get(out, "vpcEndpointIds") != NULL) {
        return refuse_private(r);
    }
    return tg_endpoint_check_type(type, operation, r);
}

enum tg_status
tg_endpoint_check(json_t *doc, const char *operation, struct tg_refusal *r)
{
    char           name[128];
    json_t        *out, *in = json_object_get(doc, "endpointConfiguration");
    enum tg_status status;

    if (in == NULL) {
        in = json_pack("{s[s]ss}", "types", "EDGE", "ipAddressType", "ipv4");
        return json_object_set_new(doc, "endpointConfiguration", in) != 0
            ? TG_NOMEM : TG_OK;
    }
    status = tg_endpoint_check_words(doc, operation, r);
    if (status != TG_OK) {
        return status;
    }
    (void) snprintf(name, sizeof(name), "%s.endpointConfiguration",
        operation);
    status = tg_members_take(&out, in, name, members,
        sizeof(members) / sizeof(members[0]), r);
    if (status != TG_OK) {
        tg_refusal_within(r, "endpointConfiguration");
        return status;
    }
    if (json_object_get(out, "types") == NULL) {
        json_object_set_new(out, "types", json_pack("[s]", "EDGE"));
    }
    if (json_object_get(out, "ipAddressType") == NULL) {
        json_object_set_new(out, "ipAddressType", json_string("ipv4"));
    }
    status = check_given(out, json_object_get(in, "ipAddressType") != NULL,
        operation, r);
    json_object_set_new(doc, "endpointConfiguration", out);
    return status;
}
