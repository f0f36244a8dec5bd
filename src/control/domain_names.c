/*
 * domain_names.c - the operations on custom domain names
 *
 * A domain here is a name for calls.  Who may serve it over TLS is decided by
 * the certificates that the settings name: ARNs and names of certificates are
 * kept and answered, so that a script that made the domain at Amazon makes it
 * here; a certificate's own bytes are refused, since the control plane would
 * have to hold its private key.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/domain_rows.h"
#include "control/endpoint.h"
#include "control/members.h"
#include "control/page.h"
#include "control/quotas.h"
#include "control/rest_rows.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX 2048 /* of an ARN or a certificate's name */

/* ---- what CreateDomainName takes ---- */

static const char *const policies[] = { "TLS_1_0", "TLS_1_2",
    "SecurityPolicy_TLS13_1_3_2025_09",
    "SecurityPolicy_TLS13_1_3_FIPS_2025_09",
    "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_2021_06", "SecurityPolicy_TLS13_2025_EDGE",
    "SecurityPolicy_TLS12_PFS_2025_EDGE", "SecurityPolicy_TLS12_2018_EDGE",
    NULL };
static const char *const access_modes[] = { "BASIC", "STRICT", NULL };
static const char *const routing_modes[] = { "BASE_PATH_MAPPING_ONLY",
    "ROUTING_RULE_ONLY", "ROUTING_RULE_THEN_BASE_PATH_MAPPING", NULL };

static const struct tg_member domain_members[] = {
    { .name = "domainName", .is_required = true },
    { .name = "certificateName", .max = TEXT_MAX },
    { .name = "certificateBody" },
    { .name = "certificatePrivateKey" },
    { .name = "certificateChain" },
    { .name = "certificateArn", .max = TEXT_MAX },
    { .name = "regionalCertificateName", .max = TEXT_MAX },
    { .name = "regionalCertificateArn", .max = TEXT_MAX },
    { .name = "endpointConfiguration", .kind = TG_MEMBER_OBJECT },
    { .name = "tags", .kind = TG_MEMBER_TEXT_MAP },
    { .name = "securityPolicy", .values = policies },
    { .name = "endpointAccessMode", .values = access_modes },
    { .name = "mutualTlsAuthentication", .kind = TG_MEMBER_OBJECT },
    { .name = "ownershipVerificationCertificateArn" },
    { .name = "policy" },
    { .name = "routingMode", .values = routing_modes },
};

static enum tg_status
check_policy(const char *policy, struct tg_refusal *r)
{
    return strcmp(policy, "TLS_1_2") == 0 ? TG_OK
        : tg_refuse_bad(r, "securityPolicy", "securityPolicy %s is not "
            "supported by this gateway: it is TLS_1_2", policy);
}

static enum tg_status
check_routing(const char *mode, struct tg_refusal *r)
{
    return strcmp(mode, "BASE_PATH_MAPPING_ONLY") == 0 ? TG_OK
        : tg_refuse_bad(r, "routingMode", "routingMode %s is not supported "
            "by this gateway: it is BASE_PATH_MAPPING_ONLY", mode);
}

/* Settings that would have to be ignored are refused. */
static enum tg_status
check_supported(const json_t *doc, struct tg_refusal *r)
{
    static const char *const bytes[] = { "certificateBody",
        "certificatePrivateKey", "certificateChain" };
    static const char *const others[] = { "endpointAccessMode",
        "mutualTlsAuthentication", "ownershipVerificationCertificateArn",
        "policy" };

    for (size_t i = 0; i < COUNT(bytes); i++) {
        if (json_object_get(doc, bytes[i]) != NULL) {
            return tg_refuse_bad(r, bytes[i], "%s is not supported by this "
                "gateway: the settings name the certificate", bytes[i]);
        }
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        if (json_object_get(doc, others[i]) != NULL) {
            return tg_refuse_bad(r, others[i],
                "%s is not supported by this gateway", others[i]);
        }
    }
    return TG_OK;
}

static enum tg_status
set_default(json_t *doc, const char *name, const char *value)
{
    return json_object_get(doc, name) != NULL
            || json_object_set_new(doc, name, json_string(value)) == 0
        ? TG_OK : TG_NOMEM;
}

static enum tg_status
take_domain(json_t **out, const json_t *in, struct tg_refusal *r)
{
    enum tg_status status = tg_members_take(out, in, "createDomainNameInput",
        domain_members, COUNT(domain_members), r);

    if (status == TG_OK) {
        status = check_supported(*out, r);
    }
    if (status == TG_OK) {
        status = tg_endpoint_check(*out, "createDomainNameInput", r);
    }
    if (status == TG_OK) {
        status = set_default(*out, "securityPolicy", "TLS_1_2");
    }
    if (status == TG_OK) {
        status = set_default(*out, "routingMode", "BASE_PATH_MAPPING_ONLY");
    }
    if (status == TG_OK) {
        status = check_policy(tg_text_of(*out, "securityPolicy"), r);
    }
    if (status == TG_OK) {
        status = check_routing(tg_text_of(*out, "routingMode"), r);
    }
    return status;
}

/* ---- answers ---- */

/* The host of the gateway's own URL: where a DNS record has to lead. */
static const char *
target_host(struct tg_control_call *call)
{
    const char *url = call->control->settings->gateway.url;
    const char *host = strstr(url, "://");

    host = host != NULL ? host + 3 : url;
    return tg_arena_dup(call->arena, host, host[0] == '['
        ? strcspn(host, "]") + 1 : strcspn(host, ":/"));
}

/* Amazon's DomainName of a row: name, doc, tags. */
static json_t *
answer_of(struct tg_control_call *call, struct tg_stmt *q)
{
    json_t     *domain = tg_row_json(q, 1), *tags = tg_row_json(q, 2);
    const char *name = tg_stmt_text(q, 0);

    tg_json_set_text(domain, "domainName", name);
    tg_json_set_text(domain, "domainNameArn", tg_arena_printf(call->arena,
        "arn:aws:apigateway:%s::/domainnames/%s",
        call->control->settings->region, name));
    tg_json_set_text(domain, "domainNameStatus", "AVAILABLE");
    if (tg_domain_has_type(domain, "EDGE")) {
        tg_json_set_text(domain, "distributionDomainName",
            target_host(call));
    }
    if (tg_domain_has_type(domain, "REGIONAL")) {
        tg_json_set_text(domain, "regionalDomainName", target_host(call));
    }
    if (json_object_size(tags) > 0) {
        (void) json_object_set(domain, "tags", tags);
    }
    json_decref(tags);
    return domain;
}

static enum tg_status
answer_with(struct tg_control_call *call, const char *name)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT name, doc, tags FROM domain_name WHERE name = $1", "s",
        name);

    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_call_result(call, answer_of(call, q));
    }
    tg_stmt_done(q);
    return status;
}

/* ---- CreateDomainName ---- */

static enum tg_status
refuse_existing(struct tg_control_call *call, const char *name)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT 1 FROM domain_name WHERE name = $1", "s", name);

    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_call_bad_request(call,
            "The domain name you provided already exists.");
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Edge certificates have a date, which a new ARN or name makes today's. */
static void
stamp_certificate(struct tg_control_call *call, json_t *doc)
{
    if (json_object_get(doc, "certificateArn") != NULL
        || json_object_get(doc, "certificateName") != NULL)
    {
        (void) json_object_set_new(doc, "certificateUploadDate",
            json_integer(call->now_s));
    } else {
        (void) json_object_del(doc, "certificateUploadDate");
    }
}

static enum tg_status
insert_domain(struct tg_control_call *call, json_t *doc)
{
    json_t     *tags = json_incref(json_object_get(doc, "tags"));
    const char *name = NULL, *text, *tags_text;
    enum tg_status status = tg_domain_check_name(call,
        tg_text_of(doc, "domainName"), &name);

    call->resource_type = "AWS::ApiGateway::DomainName";
    call->resource_name = name;
    if (status == TG_OK) {
        status = tg_call_check_tags(call, tags);
    }
    if (status == TG_OK) {
        status = refuse_existing(call, name);
    }
    if (status == TG_OK) {
        (void) json_object_del(doc, "domainName");
        (void) json_object_del(doc, "tags");
        stamp_certificate(call, doc);
        text = tg_row_text(call, doc);
        tags_text = tags != NULL ? tg_row_text(call, tags) : "{}";
        status = text == NULL || tags_text == NULL
            ? tg_error_set(&call->err, TG_NOMEM, "out of memory")
            : tg_store_exec(call->store, &call->err,
                "INSERT INTO domain_name (name, created_s, doc, tags) "
                "VALUES ($1, $2, $3, $4)", "siss", name, call->now_s, text,
                tags_text);
    }
    json_decref(tags);
    if (status == TG_OK) {
        status = tg_quota_check(call->change, TG_QUOTA_DOMAIN_NAMES, NULL,
            &call->err);
    }
    if (status == TG_OK) {
        tg_change_routes(call->change);
        status = answer_with(call, name);
    }
    return status;
}

static enum tg_status
create_domain_name(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *doc = NULL;
    enum tg_status    status = take_domain(&doc, call->body, &refusal);

    status = status == TG_OK ? insert_domain(call, doc)
                             : tg_call_pass(call, status, &refusal);
    json_decref(doc);
    return status;
}

/* ---- the readers ---- */

static enum tg_status
get_domain_name(struct tg_control_call *call)
{
    const char    *name;
    enum tg_status status = tg_domain_of(call, &name, NULL);

    return status == TG_OK ? answer_with(call, name) : status;
}

/* By name.  Nobody else's domains are ever here. */
static enum tg_status
get_domain_names(struct tg_control_call *call)
{
    struct tg_page  page;
    struct tg_stmt *q = NULL;
    const char     *after = "";
    const char     *owner = tg_call_query(call, "resourceOwner");
    enum tg_status  status = tg_page_begin(&page, call);

    if (status == TG_OK) {
        status = tg_page_after_text(&page, &after);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT name, doc, tags FROM domain_name WHERE name > $1 "
            "AND $2 <> 'OTHER_ACCOUNTS' ORDER BY name LIMIT $3", "ssi",
            after, owner != NULL ? owner : "", page.limit + 1);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        status = tg_page_add(&page, answer_of(call, q),
            json_string(tg_stmt_text(q, 0)));
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

/* ---- UpdateDomainName ---- */

static enum tg_status
bad_path(struct tg_control_call *call, const struct tg_patch *patch)
{
    return tg_call_bad_request(call, "Invalid patch path  '%.200s' specified "
        "for op '%s'. Must be one of: [/certificateArn, /certificateName, "
        "/endpointConfiguration/ipAddressType, /endpointConfiguration/types, "
        "/regionalCertificateArn, /regionalCertificateName, /routingMode, "
        "/securityPolicy]", patch->path, tg_patch_op_name(patch->op));
}

static size_t
find_type(const json_t *types, const char *type)
{
    size_t i = 0;

    while (i < json_array_size(types)
        && strcmp(json_string_value(json_array_get(types, i)), type) != 0)
    {
        i++;
    }
    return i;
}

/*
 * A domain that moves from edge to regional has both types in between; which,
 * a remove names in its path or its value.
 */
static enum tg_status
patch_type(struct tg_control_call *call, const struct tg_patch *patch,
    const char *given, json_t *endpoint)
{
    struct tg_refusal refusal;
    enum tg_status    status;
    json_t           *types = json_object_get(endpoint, "types");
    const char *type = patch->value != NULL ? patch->value
                                            : given != NULL ? given : "";

    status = tg_endpoint_check_type(type, "updateDomainNameInput", &refusal);
    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    switch (patch->op) {
    case TG_PATCH_REPLACE:
        json_object_set_new(endpoint, "types", json_pack("[s]", type));
        return TG_OK;
    case TG_PATCH_ADD:
        if (find_type(types, type) == json_array_size(types)) {
            json_array_append_new(types, json_string(type));
        }
        return TG_OK;
    case TG_PATCH_REMOVE:
        if (json_array_size(types) < 2
            || json_array_remove(types, find_type(types, type)) != 0)
        {
            return tg_call_bad_request(call, "Cannot remove endpoint type "
                "%s: it is the domain name's only one, or none of its",
                type);
        }
        return TG_OK;
    default:
        return bad_path(call, patch);
    }
}

static enum tg_status
patch_endpoint(struct tg_control_call *call, const struct tg_patch *patch,
    const char *member, const char *rest, json_t *doc)
{
    json_t     *endpoint = json_object_get(doc, "endpointConfiguration");
    const char *given = tg_patch_segment(call->arena, &rest);

    if (member == NULL || *rest != '\0') {
        return bad_path(call, patch);
    }
    if (strcmp(member, "types") == 0) {
        return patch_type(call, patch, given, endpoint);
    }
    if (strcmp(member, "ipAddressType") != 0 || given != NULL
        || patch->op != TG_PATCH_REPLACE)
    {
        return bad_path(call, patch);
    }
    if (patch->value == NULL
        || !tg_is_one_of(patch->value, tg_endpoint_address_types))
    {
        return tg_call_bad_request(call, "Invalid ipAddressType specified: "
            "%.40s. Must be one of: [ipv4, dualstack]",
            patch->value != NULL ? patch->value : "null");
    }
    json_object_set_new(endpoint, member, json_string(patch->value));
    return TG_OK;
}

static enum tg_status
patch_certificate(struct tg_control_call *call, const struct tg_patch *patch,
    const char *member, json_t *doc)
{
    if (patch->op == TG_PATCH_REMOVE) {
        (void) json_object_del(doc, member);
    } else if (patch->op != TG_PATCH_ADD && patch->op != TG_PATCH_REPLACE) {
        return bad_path(call, patch);
    } else if (patch->value == NULL || patch->value[0] == '\0'
        || strlen(patch->value) > TEXT_MAX)
    {
        return tg_call_bad_request(call, "Invalid value specified for %s: "
            "expected 1 to %d bytes", patch->path, TEXT_MAX);
    } else {
        json_object_set_new(doc, member, json_string(patch->value));
    }
    if (strncmp(member, "regional", 8) != 0) {
        stamp_certificate(call, doc);
    }
    return TG_OK;
}

static enum tg_status
patch_mode(struct tg_control_call *call, const struct tg_patch *patch,
    const char *member, json_t *doc)
{
    struct tg_refusal refusal;
    enum tg_status    status;
    const char       *value = patch->value != NULL ? patch->value : "null";

    if (patch->op != TG_PATCH_REPLACE) {
        return bad_path(call, patch);
    }
    status = strcmp(member, "securityPolicy") == 0
        ? check_policy(value, &refusal) : check_routing(value, &refusal);
    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    json_object_set_new(doc, member, json_string(value));
    return TG_OK;
}

static enum tg_status
patch_one(struct tg_control_call *call, const struct tg_patch *patch,
    json_t *doc)
{
    static const char *const certificates[] = { "certificateArn",
        "certificateName", "regionalCertificateArn",
        "regionalCertificateName", NULL };
    static const char *const modes[] = { "securityPolicy", "routingMode",
        NULL };
    const char *rest = patch->path;
    const char *first = tg_patch_segment(call->arena, &rest);

    if (first == NULL) {
        return bad_path(call, patch);
    }
    if (strcmp(first, "endpointConfiguration") == 0) {
        const char *member = tg_patch_segment(call->arena, &rest);

        return patch_endpoint(call, patch, member, rest, doc);
    }
    if (*rest == '\0' && tg_is_one_of(first, certificates)) {
        return patch_certificate(call, patch, first, doc);
    }
    if (*rest == '\0' && tg_is_one_of(first, modes)) {
        return patch_mode(call, patch, first, doc);
    }
    return bad_path(call, patch);
}

/* Mappings of several segments need a REGIONAL domain. */
static enum tg_status
check_levels(struct tg_control_call *call, const char *name,
    const json_t *doc)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status;

    if (tg_domain_has_type(doc, "REGIONAL")) {
        return TG_OK;
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT path FROM base_path_mapping WHERE domain = $1 "
        "AND path LIKE '%/%' ORDER BY path LIMIT 1", "s", name);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_call_bad_request(call, "Only REGIONAL domain names can "
            "have base paths of several segments, and this one has %s",
            tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
update_domain_name(struct tg_control_call *call)
{
    size_t           count = 0;
    json_t          *doc = NULL;
    const char      *name, *text;
    struct tg_patch *patches = NULL;
    enum tg_status   status = tg_domain_of(call, &name, &doc);

    if (status == TG_OK) {
        status = tg_call_patches(call, &patches, &count);
    }
    for (size_t i = 0; status == TG_OK && i < count; i++) {
        status = patch_one(call, &patches[i], doc);
    }
    if (status == TG_OK) {
        status = check_levels(call, name, doc);
    }
    if (status == TG_OK) {
        text = tg_row_text(call, doc);
        status = text == NULL
            ? tg_error_set(&call->err, TG_NOMEM, "out of memory")
            : tg_store_exec(call->store, &call->err,
                "UPDATE domain_name SET doc = $2 WHERE name = $1", "ss",
                name, text);
    }
    json_decref(doc);
    return status == TG_OK ? answer_with(call, name) : status;
}

/* With its mappings. */
static enum tg_status
delete_domain_name(struct tg_control_call *call)
{
    const char    *name;
    enum tg_status status = tg_domain_of(call, &name, NULL);

    if (status != TG_OK) {
        return status;
    }
    tg_change_routes(call->change);
    return tg_store_exec(call->store, &call->err,
        "DELETE FROM domain_name WHERE name = $1", "s", name);
}

#define DOMAINS "/domainnames"
#define DOMAIN DOMAINS "/{domain_name}"

const struct tg_operation tg_domain_name_operations[] = {
    { "POST", DOMAINS, "CreateDomainName", 201, false, TG_BODY_JSON,
        create_domain_name },
    { "GET", DOMAINS, "GetDomainNames", 200, true, TG_BODY_NONE,
        get_domain_names },
    { "GET", DOMAIN, "GetDomainName", 200, true, TG_BODY_NONE,
        get_domain_name },
    { "PATCH", DOMAIN, "UpdateDomainName", 200, false, TG_BODY_JSON,
        update_domain_name },
    { "DELETE", DOMAIN, "DeleteDomainName", 202, false, TG_BODY_NONE,
        delete_domain_name },
    { 0 },
};
