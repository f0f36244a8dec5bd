/*
 * import.c - `tallygate import`: an API from a document, through the daemon
 *
 * Calls of the admin API, signed as AWS's clients sign them: ImportRestApi,
 * GetResources (for the summary) and, when asked for, CreateDeployment.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/percent.h"

/* Amazon's limit for a document that is imported. */
#define DOCUMENT_MAX_BYTES ((size_t) 6 * 1024 * 1024)
#define TARGET_SIZE 256
#define TARGET_MAX_BYTES 8192 /* a position holds a path */

/* What the API that was made holds. */
struct summary {
    size_t resources;
    size_t methods;
    size_t keyed; /* methods that require a key */
};

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* One call; the answer is the caller's, NULL unless TG_EXIT_DONE. */
static enum tg_exit
call(json_t **answer, const struct tg_options *options, const char *method,
    const char *target, const char *content_type, const struct tg_buf *body)
{
    const struct tg_cli_request request = {
        .method = method, .target = target, .service = "apigateway",
        .content_type = content_type,
        .body = body == NULL ? NULL : body->data,
        .body_len = body == NULL ? 0 : body->len,
    };

    return tg_cli_call(answer, options, &request);
}

static void
add_page(struct summary *s, const json_t *page)
{
    size_t      i;
    json_t     *resource;
    json_t     *method;
    const char *verb;

    json_array_foreach(json_object_get(page, "item"), i, resource) {
        s->resources++;
        json_object_foreach(json_object_get(resource, "resourceMethods"),
            verb, method)
        {
            s->methods++;
            s->keyed += json_is_true(json_object_get(method,
                "apiKeyRequired"));
        }
    }
}

static enum tg_exit
count(struct summary *s, const struct tg_options *options, const char *id)
{
    struct tg_buf target;
    json_t       *page = NULL;
    enum tg_exit  code;

    tg_buf_init(&target, TARGET_MAX_BYTES);
    do {
        tg_buf_reset(&target);
        (void) tg_buf_printf(&target,
            "/restapis/%s/resources?embed=methods&limit=500&position=", id);
        (void) tg_percent_encode(&target, text_of(page, "position"));
        json_decref(page);
        code = call(&page, options, "GET", target.data, NULL, NULL);
        add_page(s, page);
    } while (code == TG_EXIT_DONE && *text_of(page, "position") != '\0');
    json_decref(page);
    tg_buf_clear(&target);
    return code;
}

static enum tg_exit
deploy(json_t *api, const struct tg_options *options)
{
    char          target[TARGET_SIZE];
    json_t       *answer;
    json_t       *wanted = json_pack("{ss}", "stageName", options->deploy);
    char         *text = json_dumps(wanted, JSON_COMPACT);
    struct tg_buf body;
    enum tg_exit  code;

    (void) snprintf(target, sizeof(target), "/restapis/%s/deployments",
        text_of(api, "id"));
    tg_buf_init(&body, DOCUMENT_MAX_BYTES);
    (void) tg_buf_puts(&body, text == NULL ? "{}" : text);
    code = call(&answer, options, "POST", target, "application/json", &body);
    if (code == TG_EXIT_DONE) {
        (void) json_object_set(api, "deploymentId",
            json_object_get(answer, "id"));
        (void) json_object_set_new(api, "stageName",
            json_string(options->deploy));
    }
    json_decref(answer);
    tg_buf_clear(&body);
    free(text);
    json_decref(wanted);
    return code;
}

static enum tg_exit
print(const json_t *api, const struct summary *s,
    const struct tg_options *options)
{
    const json_t *warnings = json_object_get(api, "warnings");

    if (options->json) {
        return tg_cli_print_json(api);
    }
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        (void) fprintf(stderr, "tallygate: warning: %s\n",
            json_string_value(json_array_get(warnings, i)));
    }
    (void) printf("REST API %s (%s): %zu resources, %zu methods, of which "
        "%zu require a key\n", text_of(api, "id"), text_of(api, "name"),
        s->resources, s->methods, s->keyed);
    if (options->deploy != NULL) {
        (void) printf("Deployment %s on stage %s\n",
            text_of(api, "deploymentId"), options->deploy);
    }
    return TG_EXIT_DONE;
}

static enum tg_exit
import(const struct tg_options *options, const struct tg_buf *document)
{
    struct summary summary = { 0 };
    json_t        *api;
    enum tg_exit   code = call(&api, options, "POST",
        "/restapis?mode=import", "application/json", document);

    if (code != TG_EXIT_DONE) {
        return code;
    }
    code = count(&summary, options, text_of(api, "id"));
    if (code == TG_EXIT_DONE && options->deploy != NULL) {
        code = deploy(api, options);
    }
    if (code != TG_EXIT_DONE) { /* the API is there: say so */
        (void) fprintf(stderr, "tallygate: REST API %s was made\n",
            text_of(api, "id"));
    } else {
        code = print(api, &summary, options);
    }
    json_decref(api);
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
        code = import(options, &document);
    }
    tg_buf_clear(&document);
    return code;
}
