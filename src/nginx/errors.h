/*
 * errors.h - the gateway responses that the module gives
 *
 * Type, status, message and x-amzn-ErrorType as Amazon API Gateway has them.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NGX_HTTP_TALLYGATE_ERRORS_H
#define NGX_HTTP_TALLYGATE_ERRORS_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "plane/values.h"

typedef struct {
    ngx_str_t             type;
    ngx_uint_t            status;
    enum tg_gateway_type  gateway;    /* which a seller may have customised */
    ngx_str_t             error_type; /* of x-amzn-ErrorType */
    ngx_str_t             message;
    ngx_str_t             body;
} ngx_http_tallygate_error_t;

/*
 * name, status, type of gateway response, error type, message; of a row Y the
 * body besides, which is not {"message":"..."}.  No message: null.
 */
#define NGX_HTTP_TALLYGATE_ERRORS(X, Y)                                       \
    X(BAD_REQUEST, 400, DEFAULT_4XX, "BadRequestException",                   \
        "Bad Request")                                                        \
    X(BAD_REQUEST_PARAMETERS, 400, BAD_REQUEST_PARAMETERS,                    \
        "BadRequestException", "Missing required request parameters")         \
    X(INVALID_JSON, 400, DEFAULT_4XX, "BadRequestException",                  \
        "Invalid JSON in request body")                                       \
    X(UNKNOWN_API, 403, DEFAULT_4XX, "ForbiddenException",                    \
        "Forbidden")                                                          \
    Y(ACCESS_DENIED, 403, ACCESS_DENIED, "AccessDeniedException",             \
        "User is not authorized to access this resource",                     \
        "{\"Message\":\"User is not authorized to access this resource\"}")  \
    X(INVALID_API_KEY, 403, INVALID_API_KEY, "ForbiddenException",            \
        "Forbidden")                                                          \
    X(MISSING_AUTHENTICATION_TOKEN, 403, MISSING_AUTHENTICATION_TOKEN,        \
        "MissingAuthenticationTokenException",                                \
        "Missing Authentication Token")                                       \
    X(REQUEST_TIMEOUT, 408, DEFAULT_4XX, "RequestTimeoutException",           \
        "Request Timeout")                                                    \
    X(REQUEST_TOO_LARGE, 413, REQUEST_TOO_LARGE, "RequestTooLargeException",  \
        "Request Too Long")                                                   \
    X(URI_TOO_LONG, 414, DEFAULT_4XX, "BadRequestException",                  \
        "URI Too Long")                                                       \
    X(UNSUPPORTED_MEDIA_TYPE, 415, UNSUPPORTED_MEDIA_TYPE,                    \
        "BadRequestException", "Unsupported Media Type")                      \
    X(THROTTLED, 429, THROTTLED, "TooManyRequestsException",                  \
        "Too Many Requests")                                                  \
    X(QUOTA_EXCEEDED, 429, QUOTA_EXCEEDED, "LimitExceededException",          \
        "Limit Exceeded")                                                     \
    X(HEADERS_TOO_LARGE, 431, DEFAULT_4XX, "BadRequestException",             \
        "Request Header Fields Too Large")                                    \
    X(INTERNAL, 500, DEFAULT_5XX, "InternalServerErrorException",             \
        "Internal server error")                                              \
    X(API_CONFIGURATION_ERROR, 500, API_CONFIGURATION_ERROR,                  \
        "InternalServerErrorException", "Internal server error")              \
    Y(AUTHORIZER_CONFIGURATION_ERROR, 500, AUTHORIZER_CONFIGURATION_ERROR,    \
        "AuthorizerConfigurationException", "", "{\"message\":null}")         \
    X(UNAVAILABLE, 503, DEFAULT_5XX, "ServiceUnavailableException",           \
        "Service Unavailable")                                                \
    X(INTEGRATION_FAILURE, 504, INTEGRATION_FAILURE,                          \
        "InternalServerErrorException",                                       \
        "Network error communicating with endpoint")                          \
    X(INTEGRATION_TIMEOUT, 504, INTEGRATION_TIMEOUT,                          \
        "InternalServerErrorException", "Endpoint request timed out")

enum {
#define X(name, status, gateway, error_type, message)                         \
    NGX_HTTP_TALLYGATE_##name,
#define Y(name, status, gateway, error_type, message, body)                   \
    NGX_HTTP_TALLYGATE_##name,
    NGX_HTTP_TALLYGATE_ERRORS(X, Y)
#undef Y
#undef X
    NGX_HTTP_TALLYGATE_ERROR_COUNT
};

extern const ngx_http_tallygate_error_t
    ngx_http_tallygate_errors[NGX_HTTP_TALLYGATE_ERROR_COUNT];

#define ngx_http_tallygate_error(name)                                        \
    (&ngx_http_tallygate_errors[NGX_HTTP_TALLYGATE_##name])

#endif
