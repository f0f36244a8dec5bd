/*
 * unsupported.c - operations on what this gateway does not have
 *
 * Nothing is accepted and then ignored: what would make or use such a thing
 * is refused with its name.  What lists them answers truly that there are
 * none, so that programs which look at everything are not stopped by it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/page.h"
#include "control/rest_rows.h"

#define API "/restapis/{restapi_id}"
#define STAGE API "/stages/{stage_name}"
#define METHOD API "/resources/{resource_id}/methods/{http_method}"
#define ASSOCIATIONS "/domainnameaccessassociations"

/* What an operation needs that is not there; by the operation's name. */
static const struct {
    const char *operation;
    const char *feature;
} features[] = {
    { "GenerateClientCertificate", "Client certificates" },
    { "CreateVpcLink", "VPC links" },
    { "CreateDomainNameAccessAssociation",
        "Private custom domain names and their access associations" },
    { "RejectDomainNameAccessAssociation",
        "Private custom domain names and their access associations" },
    { "TestInvokeMethod", "Test invocations" },
    { "TestInvokeAuthorizer", "Authorizers of calls" },
    { "GetSdk", "Generated SDKs" },
    { "FlushStageCache", "Cache clusters of stages" },
};

static enum tg_status
refuse(struct tg_control_call *call)
{
    size_t i;

    for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        if (strcmp(features[i].operation, call->operation->name) == 0) {
            break;
        }
    }
    return tg_call_bad_request(call, "%s are not supported by this gateway",
        features[i].feature);
}

/* There is none with that id. */
static enum tg_status
miss(struct tg_control_call *call)
{
    const bool is_link = strstr(call->operation->name, "VpcLink") != NULL;

    if (strstr(call->operation->name, "Association") != NULL) {
        return tg_call_not_found(call,
            "Invalid domain name access association identifier specified");
    }
    return is_link
        ? tg_call_not_found(call, "Invalid Vpc Link identifier specified")
        : tg_call_not_found(call,
            "Invalid Client Certificate identifier specified");
}

static enum tg_status
list_none(struct tg_control_call *call)
{
    struct tg_page page;

    return tg_page_end(&page, tg_page_begin(&page, call));
}

/* No authorizer keeps anything: the stage is flushed as it stands. */
static enum tg_status
flush_authorizers(struct tg_control_call *call)
{
    struct tg_stmt *q;
    const char     *api_id;
    enum tg_status  status = tg_api_of(call, &api_id);

    if (status != TG_OK) {
        return status;
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT 1 FROM stage WHERE api_id = $1 AND name = $2", "ss", api_id,
        tg_http_path_get(call->req, "stage_name"));
    if (status == TG_OK) {
        status = tg_stmt_next(q, &call->err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid stage identifier specified")
        : status;
}

/*
 * ---- SDK types
 */

/* Amazon's list, for programs that show it; none can be generated here. */
static const struct {
    const char *id, *name;
} sdk_types[] = {
    { "android", "Android" },
    { "javascript", "JavaScript" },
    { "objectivec", "iOS (Objective-C)" },
    { "swift", "iOS (Swift)" },
    { "java", "Java SDK" },
    { "ruby", "Ruby" },
};
#define SDK_TYPES ((int) (sizeof(sdk_types) / sizeof(sdk_types[0])))

static json_t *
sdk_type(size_t i)
{
    return json_pack("{s:s, s:s}", "id", sdk_types[i].id, "friendlyName",
        sdk_types[i].name);
}

static enum tg_status
get_sdk_types(struct tg_control_call *call)
{
    json_int_t     i, after = -1;
    struct tg_page page;
    enum tg_status status = tg_page_begin(&page, call);

    if (status == TG_OK && page.position != NULL) {
        after = json_integer_value(page.position);
        if (!json_is_integer(page.position) || after < 0
            || after >= SDK_TYPES)
        {
            status = tg_call_bad_request(call, "Invalid position parameter");
        }
    }
    for (i = after + 1; status == TG_OK && i < SDK_TYPES
         && tg_page_has_room(&page); i++)
    {
        status = tg_page_add(&page, sdk_type((size_t) i), json_integer(i));
    }
    return tg_page_end(&page, status);
}

static enum tg_status
get_sdk_type(struct tg_control_call *call)
{
    int         i;
    const char *id = tg_http_path_get(call->req, "sdktype_id");

    for (i = 0; i < SDK_TYPES; i++) {
        if (strcmp(sdk_types[i].id, id) == 0) {
            return tg_call_result(call, sdk_type((size_t) i));
        }
    }
    return tg_call_not_found(call, "Invalid SDK type identifier specified");
}

const struct tg_operation tg_unsupported_operations[] = {
    { "POST", "/clientcertificates", "GenerateClientCertificate", 201, false,
        TG_BODY_JSON, refuse },
    { "GET", "/clientcertificates", "GetClientCertificates", 200, true,
        TG_BODY_NONE, list_none },
    { "GET", "/clientcertificates/{id}", "GetClientCertificate", 200, true,
        TG_BODY_NONE, miss },
    { "PATCH", "/clientcertificates/{id}", "UpdateClientCertificate", 200,
        false, TG_BODY_JSON, miss },
    { "DELETE", "/clientcertificates/{id}", "DeleteClientCertificate", 202,
        false, TG_BODY_NONE, miss },
    { "POST", "/vpclinks", "CreateVpcLink", 202, false, TG_BODY_JSON,
        refuse },
    { "GET", "/vpclinks", "GetVpcLinks", 200, true, TG_BODY_NONE,
        list_none },
    { "GET", "/vpclinks/{id}", "GetVpcLink", 200, true, TG_BODY_NONE, miss },
    { "PATCH", "/vpclinks/{id}", "UpdateVpcLink", 200, false, TG_BODY_JSON,
        miss },
    { "DELETE", "/vpclinks/{id}", "DeleteVpcLink", 202, false, TG_BODY_NONE,
        miss },
    { "POST", ASSOCIATIONS, "CreateDomainNameAccessAssociation", 201, false,
        TG_BODY_JSON, refuse },
    { "GET", ASSOCIATIONS, "GetDomainNameAccessAssociations", 200, true,
        TG_BODY_NONE, list_none },
    { "DELETE", ASSOCIATIONS "/{arn+}", "DeleteDomainNameAccessAssociation",
        202, false, TG_BODY_NONE, miss },
    { "POST", "/rejectdomainnameaccessassociations",
        "RejectDomainNameAccessAssociation", 202, false, TG_BODY_JSON,
        refuse },
    { "POST", METHOD, "TestInvokeMethod", 200, false, TG_BODY_JSON, refuse },
    { "POST", API "/authorizers/{authorizer_id}", "TestInvokeAuthorizer",
        200, false, TG_BODY_JSON, refuse },
    { "GET", STAGE "/sdks/{sdk_type}", "GetSdk", 200, true, TG_BODY_NONE,
        refuse },
    { "DELETE", STAGE "/cache/data", "FlushStageCache", 202, false,
        TG_BODY_NONE, refuse },
    { "DELETE", STAGE "/cache/authorizers", "FlushStageAuthorizersCache",
        202, false, TG_BODY_NONE, flush_authorizers },
    { "GET", "/sdktypes", "GetSdkTypes", 200, true, TG_BODY_NONE,
        get_sdk_types },
    { "GET", "/sdktypes/{sdktype_id}", "GetSdkType", 200, true, TG_BODY_NONE,
        get_sdk_type },
    { 0 },
};
