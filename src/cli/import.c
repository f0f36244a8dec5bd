/*
 * import.c - `tallygate import`: an API from a document, through the daemon
 *
 * Calls of the admin API, signed as AWS's clients sign them: ImportRestApi or
 * PutRestApi and, when asked for, CreateDeployment; and those that read what
 * there was and what there is, for the summary.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/cli.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/percent.h"

/* Amazon's limit for a document that is imported. */
#define DOCUMENT_MAX_BYTES ((size_t) 6 * 1024 * 1024)
#define TARGET_SIZE 256
#define TARGET_MAX_BYTES 8192 /* a position holds a path */

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

/* Whoever waits at a terminal is told what for. */
static void
say(const char *what)
{
    if (isatty(STDERR_FILENO) != 0) {
        (void) fprintf(stderr, "%s\n", what);
    }
}

/* Without the ids that an import makes anew, which change nothing. */
static json_t *
without_ids(json_t *method, const char *resource_id)
{
    json_t *integration = json_object_get(method, "methodIntegration");

    (void) json_object_del(method, "requestValidatorId");
    if (strcmp(text_of(integration, "cacheNamespace"), resource_id) == 0) {
        (void) json_object_del(integration, "cacheNamespace");
    }
    return method;
}

/*
 * ---- what an API holds, by names that a reader knows
 */

/* "GET /pets" and the method; "/pets" and null. */
static void
add_resource(json_t *content, json_t *resource)
{
    json_t     *method;
    const char *path = text_of(resource, "path");
    const char *verb;

    (void) json_object_set_new(content, path, json_null());
    json_object_foreach(json_object_get(resource, "resourceMethods"), verb,
        method)
    {
        char name[TARGET_MAX_BYTES];

        (void) snprintf(name, sizeof(name), "%s %s", verb, path);
        (void) json_object_set(content, name,
            without_ids(method, text_of(resource, "id")));
    }
}

/* Lists of an API, and what of an item its name is made of. */
static const struct part {
    const char *list, *said, *member;
} parts[] = {
    { "models", "model", "name" },
    { "requestvalidators", "request validator", "name" },
    { "gatewayresponses", "gateway response", "responseType" },
    { "authorizers", "authorizer", "name" },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* "model Pet" and the model; Amazon's own responses are nobody's. */
static void
add_part(json_t *content, const struct part *part, json_t *item)
{
    char name[TARGET_MAX_BYTES];

    if (!json_is_true(json_object_get(item, "defaultResponse"))) {
        (void) snprintf(name, sizeof(name), "%s %s", part->said,
            text_of(item, part->member));
        (void) json_object_del(item, "id");
        (void) json_object_set(content, name, item);
    }
}

/* A list of the API, page by page; part is NULL for its resources. */
static enum tg_exit
read_list(json_t *content, const struct tg_options *options, const char *id,
    const struct part *part)
{
    size_t        i;
    json_t       *item, *page = NULL;
    struct tg_buf target;
    enum tg_exit  code;

    tg_buf_init(&target, TARGET_MAX_BYTES);
    do {
        tg_buf_reset(&target);
        (void) tg_buf_printf(&target, "/restapis/%s/%s?limit=500%s&position=",
            id, part == NULL ? "resources" : part->list,
            part == NULL ? "&embed=methods" : "");
        (void) tg_percent_encode(&target, text_of(page, "position"));
        json_decref(page);
        code = call(&page, options, "GET", target.data, NULL, NULL);
        json_array_foreach(json_object_get(page, "item"), i, item) {
            if (part == NULL) {
                add_resource(content, item);
            } else {
                add_part(content, part, item);
            }
        }
    } while (code == TG_EXIT_DONE && *text_of(page, "position") != '\0');
    json_decref(page);
    tg_buf_clear(&target);
    return code;
}

/* "description of the API" and the text. */
static enum tg_exit
read_settings(json_t *content, const struct tg_options *options,
    const char *id)
{
    static const char *const members[] = { "name", "description", "version",
        "apiKeySource", "binaryMediaTypes", "minimumCompressionSize",
        "disableExecuteApiEndpoint" };
    char         name[TARGET_SIZE];
    json_t      *api;
    enum tg_exit code;

    (void) snprintf(name, sizeof(name), "/restapis/%s", id);
    code = call(&api, options, "GET", name, NULL, NULL);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(api, members[i]);

        if (value != NULL) {
            (void) snprintf(name, sizeof(name), "%s of the API", members[i]);
            (void) json_object_set(content, name, value);
        }
    }
    json_decref(api);
    return code;
}

/* Resources and methods; what is to be compared has all else, too. */
static enum tg_exit
read_content(json_t *content, const struct tg_options *options,
    const char *id)
{
    enum tg_exit code = read_list(content, options, id, NULL);

    if (options->into == NULL) {
        return code;
    }
    for (size_t i = 0; i < PARTS && code == TG_EXIT_DONE; i++) {
        code = read_list(content, options, id, &parts[i]);
    }
    return code == TG_EXIT_DONE ? read_settings(content, options, id) : code;
}

/* What the new content has that the old had not, or not so. */
static size_t
print_changes(const json_t *from, const json_t *to, char sign, bool is_new)
{
    size_t      count = 0;
    json_t     *value, *other;
    const char *name;

    json_object_foreach((json_t *) to, name, value) {
        other = json_object_get(from, name);
        if (*name == '/' || (is_new ? other != NULL
                                    : other == NULL
                                        || json_equal(other, value)))
        {
            continue;
        }
        count++;
        (void) printf("%c %s\n", sign, name);
    }
    return count;
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

static void
print_totals(const json_t *api, const json_t *content)
{
    size_t      resources = 0, methods = 0, keyed = 0;
    json_t     *value;
    const char *name;

    json_object_foreach((json_t *) content, name, value) {
        resources += *name == '/';
        methods += isupper((unsigned char) *name) != 0; /* its verb */
        keyed += json_is_true(json_object_get(value, "apiKeyRequired"));
    }
    (void) printf("REST API %s (%s): %zu resources, %zu methods, of which "
        "%zu require a key\n", text_of(api, "id"), text_of(api, "name"),
        resources, methods, keyed);
}

/* What the gateway keeps and answers, but no call gets through. */
static void
warn_of_unserved(const json_t *content)
{
    json_t     *value;
    const char *name, *type, *guard;

    json_object_foreach((json_t *) content, name, value) {
        type = text_of(json_object_get(value, "methodIntegration"), "type");
        guard = text_of(value, "authorizationType");
        if (strcmp(type, "AWS") == 0 || strcmp(type, "AWS_PROXY") == 0) {
            (void) fprintf(stderr, "tallygate: warning: calls of %s get a"
                " 500: integrations of type %s are kept, not served\n", name,
                type);
        }
        if (*guard != '\0' && strcmp(guard, "NONE") != 0) {
            (void) fprintf(stderr, "tallygate: warning: calls of %s are"
                " refused: nobody is let in by authorization type %s\n",
                name, guard);
        }
    }
}

static enum tg_exit
print(const json_t *api, const json_t *before, const json_t *after,
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
    warn_of_unserved(after);
    if (options->into != NULL
        && print_changes(before, after, '+', true)
                + print_changes(before, after, '~', false)
                + print_changes(after, before, '-', true) == 0)
    {
        (void) printf("nothing has changed\n");
    }
    print_totals(api, after);
    if (options->deploy != NULL) {
        (void) printf("Deployment %s on stage %s\n",
            text_of(api, "deploymentId"), options->deploy);
    } else {
        say(options->into == NULL
            ? "no stage serves it yet: --deploy STAGE would have made one"
            : "its stages serve what they did until the next deployment");
    }
    return TG_EXIT_DONE;
}

/* Sends the document: to a new API, or into the one that is named. */
static enum tg_exit
put_document(json_t **api, const struct tg_options *options,
    const struct tg_buf *document)
{
    char        target[TARGET_SIZE];
    const bool  is_new = options->into == NULL;
    const char *mode = options->merge ? "merge" : "overwrite";

    say("importing the document ...");
    (void) snprintf(target, sizeof(target),
        "/restapis%s%s?mode=%s&failonwarnings=%s", is_new ? "" : "/",
        is_new ? "" : options->into, is_new ? "import" : mode,
        options->fail_on_warnings ? "true" : "false");
    return call(api, options, is_new ? "POST" : "PUT", target,
        "application/json", document);
}

/* Behind the import: what there is now, and the deployment. */
static enum tg_exit
finish(json_t *api, const json_t *before, const struct tg_options *options)
{
    json_t      *after = json_object();
    enum tg_exit code;

    say("reading what was made ...");
    code = read_content(after, options, text_of(api, "id"));
    if (code == TG_EXIT_DONE && options->deploy != NULL) {
        say("deploying ...");
        code = deploy(api, options);
    }
    if (code != TG_EXIT_DONE) { /* the API is there: say so */
        (void) fprintf(stderr, "tallygate: REST API %s was %s\n",
            text_of(api, "id"), options->into == NULL ? "made" : "changed");
    } else {
        code = print(api, before, after, options);
    }
    json_decref(after);
    return code;
}

static enum tg_exit
import(const struct tg_options *options, const struct tg_buf *document)
{
    json_t      *api = NULL, *before = json_object();
    enum tg_exit code = TG_EXIT_DONE;

    if (options->into != NULL) {
        say("reading what there is ...");
        code = read_content(before, options, options->into);
    }
    if (code == TG_EXIT_DONE) {
        code = put_document(&api, options, document);
    }
    if (code == TG_EXIT_DONE) {
        code = finish(api, before, options);
    }
    json_decref(api);
    json_decref(before);
    return code;
}

/* An id goes into the path as it is. */
static bool
is_id(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789")
        == strlen(text) && strlen(text) <= 32;
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
    if (options->into == NULL ? options->merge : !is_id(options->into)) {
        (void) fprintf(stderr, "tallygate: %s\n", options->into == NULL
            ? "--merge needs --into: an API to merge the document into"
            : "--into: expected the id of a REST API");
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
