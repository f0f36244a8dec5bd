/* SPDX-License-Identifier: Apache-2.0 */
#include "control/call.h"

const struct tg_operation *const tg_operation_tables[] = {
    tg_api_key_operations,
    tg_usage_plan_operations,
    tg_account_operations,
    tg_rest_api_operations,
    tg_resource_operations,
    tg_method_operations,
    tg_integration_operations,
    tg_deployment_operations,
    tg_stage_operations,
    tg_model_operations,
    tg_authorizer_operations,
    tg_documentation_part_operations,
    tg_documentation_version_operations,
    tg_export_operations,
    tg_domain_name_operations,
    tg_base_path_mapping_operations,
    tg_api_mapping_operations,
    tg_request_validator_operations,
    tg_gateway_response_operations,
    tg_unsupported_operations,
    tg_cloudtrail_operations,
    NULL,
};
