/*
 * openapi.c - OpenAPI documents, JSON and YAML, fuzzed
 *
 * Whatever the bytes, the document is read in bounded memory and either gives
 * an API or says with a line what is wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/openapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char              *text = malloc(size + 1);
    enum tg_status     status;
    struct tg_error    err = {0};
    struct tg_openapi  api;
    struct tg_document document;

    if (text == NULL) {
        abort();
    }
    memcpy(text, data, size);
    text[size] = '\0';
    status = tg_document_parse(&document, text, size, &err);
    if (status == TG_OK) {
        status = tg_openapi_read(&api, &document, 29000, &err);
        tg_openapi_clear(&api);
    }
    if (status != TG_OK && err.message[0] == '\0') {
        abort();
    }
    tg_document_clear(&document);
    free(text);
    return 0;
}
