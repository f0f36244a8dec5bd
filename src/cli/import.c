/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/client.h"
#include "util/buf.h"
#include "util/file.h"

/* Amazon's limit for a document that is imported. */
#define DOCUMENT_MAX_BYTES (6 * 1024 * 1024)

static void
print_warnings(const json_t *answer)
{
    const json_t *warnings = json_object_get(answer, "warnings");

    for (size_t i = 0; i < json_array_size(warnings); i++) {
        (void) fprintf(stderr, "tallygate: warning: %s\n",
            json_string_value(json_array_get(warnings, i)));
    }
}

static enum tg_exit
send_document(const struct tg_options *options, const struct tg_buf *document)
{
    const struct tg_cli_request request = {
        .method = "POST", .target = "/restapis?mode=import",
        .service = "apigateway", .content_type = "application/json",
        .body = document->data, .body_len = document->len,
    };
    json_t      *answer;
    enum tg_exit code = tg_cli_call(&answer, options, &request);

    if (code != TG_EXIT_DONE) {
        return code;
    }
    if (options->json) {
        code = tg_cli_print_json(answer);
    } else {
        print_warnings(answer);
        (void) printf("%s\n", json_string_value(json_object_get(answer,
            "id")));
    }
    json_decref(answer);
    return code;
}

enum tg_exit
tg_cli_import(const struct tg_options *options)
{
    struct tg_buf   document;
    struct tg_error err;
    enum tg_exit    code;

    if (options->operand == NULL) {
        (void) fprintf(stderr, "tallygate: which document? Give a FILE\n");
        return TG_EXIT_USAGE;
    }
    tg_buf_init(&document, DOCUMENT_MAX_BYTES);
    if (tg_file_read(&document, options->operand, &err) != TG_OK) {
        code = tg_cli_fail(&err);
    } else {
        code = send_document(options, &document);
    }
    tg_buf_clear(&document);
    return code;
}
