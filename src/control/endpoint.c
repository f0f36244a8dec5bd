/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint.h"

#include <stdio.h>
#include <string.h>

const char *const tg_endpoint_address_types[] = { "ipv4", "dualstack", NULL };

static const struct tg_member members[] = {
    { .name = "types", .kind = TG_MEMBER_TEXTS },
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

static enum tg_status
check_given(json_t *out, const char *operation, struct tg_refusal *r)
{
    json_t *types = json_object_get(out, "types");

    if (json_array_size(types) != 1) {
        return tg_refuse_bad(r, "endpointConfiguration",
            "Exactly one endpoint type is allowed");
    }
    if (json_object_get(out, "vpcEndpointIds") != NULL) {
        return refuse_private(r);
    }
    return tg_endpoint_check_type(json_string_value(json_array_get(types, 0)),
        operation, r);
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
    status = check_given(out, operation, r);
    json_object_set_new(doc, "endpointConfiguration", out);
    return status;
}
