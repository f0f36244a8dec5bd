/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * https://docs.aws.amazon.com/marketplace/latest/APIReference/
 * CommonErrors.html, and the pages of the operations.
 */
static const struct exception {
    const char *type;
    int         status;
} exceptions[] = {
    { "AccessDeniedException", 403 },
    { "DisabledApiException", 400 },
    { "ExpiredTokenException", 400 },
    { "IncompleteSignatureException", 403 },
    { "InternalFailure", 500 },
    { "InternalServiceErrorException", 500 },
    { "InvalidCustomerIdentifierException", 400 },
    { "InvalidLicenseException", 400 },
    { "InvalidParameterException", 400 },
    { "InvalidProductCodeException", 400 },
    { "InvalidSignatureException", 403 },
    { "InvalidTagException", 400 },
    { "InvalidTokenException", 400 },
    { "InvalidUsageAllocationsException", 400 },
    { "InvalidUsageDimensionException", 400 },
    { "MissingAuthenticationTokenException", 403 },
    { "RequestEntityTooLargeException", 413 },
    { "RequestTimeoutException", 408 },
    { "ResourceNotFoundException", 404 },
    { "SerializationException", 400 },
    { "ServiceUnavailable", 503 },
    { "ThrottlingException", 400 },
    { "TimestampOutOfBoundsException", 400 },
    { "UnknownOperationException", 404 },
    { "UnrecognizedClientException", 403 },
    { "ValidationException", 400 },
};

int
tg_exception_status(const char *type)
{
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        if (strcmp(exceptions[i].type, type) == 0) {
            return exceptions[i].status;
        }
    }
    return 0;
}

void
tg_answer_clear(struct tg_answer *a)
{
    json_decref(a->body);
    json_decref(a->event);
    memset(a, 0, sizeof(*a));
}

bool
tg_answer_refuse(struct tg_answer *a, const char *type, const char *fmt, ...)
{
    va_list args;

    tg_answer_clear(a);
    a->type = type;
    a->status = tg_exception_status(type);
    va_start(args, fmt);
    (void) vsnprintf(a->message, sizeof(a->message), fmt, args);
    va_end(args);
    return false;
}

void
tg_answer_set(struct tg_answer *a, json_t *body, json_t *event)
{
    tg_answer_clear(a);
    a->status = 200;
    a->body = body;
    a->event = event;
    if (body == NULL) {
        (void) tg_answer_refuse(a, "InternalFailure", "out of memory");
    }
}
