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

typedef struct {
    ngx_str_t   type;
    ngx_uint_t  status;
    ngx_str_t   error_type; /* of x-amzn-ErrorType */
    ngx_str_t   body;
} ngx_http_tallygate_error_t;

/* name, status, error type, message */
#define NGX_HTTP_TALLYGATE_ERRORS(X)                                          \
    X(BAD_REQUEST, 400, "BadRequestException", "Bad Request")                 \
    X(UNKNOWN_API, 403, "ForbiddenException", "Forbidden")                    \
    X(INVALID_API_KEY, 403, "ForbiddenException", "Forbidden")                \
    X(MISSING_AUTHENTICATION_TOKEN, 403,                                      \
        "MissingAuthenticationTokenException",                                \
        "Missing Authentication Token")                                       \
    X(REQUEST_TIMEOUT, 408, "RequestTimeoutException", "Request Timeout")     \
    X(REQUEST_TOO_LARGE, 413, "RequestTooLargeException", "Request Too Long") \
    X(URI_TOO_LONG, 414, "BadRequestException", "URI Too Long")               \
    X(THROTTLED, 429, "TooManyRequestsException", "Too Many Requests")        \
    X(QUOTA_EXCEEDED, 429, "LimitExceededException", "Limit Exceeded")        \
    X(HEADERS_TOO_LARGE, 431, "BadRequestException",                          \
        "Request Header Fields Too Large")                                    \
    X(INTERNAL, 500, "InternalServerErrorException",                          \
        "Internal server error")                                              \
    X(API_CONFIGURATION_ERROR, 500, "InternalServerErrorException",           \
        "Internal server error")                                              \
    X(UNAVAILABLE, 503, "ServiceUnavailableException",                        \
        "Service Unavailable")                                                \
    X(INTEGRATION_FAILURE, 504, "InternalServerErrorException",               \
        "Network error communicating with endpoint")                          \
    X(INTEGRATION_TIMEOUT, 504, "InternalServerErrorException",               \
        "Endpoint request timed out")

enum {
#define X(name, status, error_type, message) NGX_HTTP_TALLYGATE_##name,
    NGX_HTTP_TALLYGATE_ERRORS(X)
#undef X
    NGX_HTTP_TALLYGATE_ERROR_COUNT
};

extern const ngx_http_tallygate_error_t
    ngx_http_tallygate_errors[NGX_HTTP_TALLYGATE_ERROR_COUNT];

#define ngx_http_tallygate_error(name)                                        \
    (&ngx_http_tallygate_errors[NGX_HTTP_TALLYGATE_##name])

#endif
