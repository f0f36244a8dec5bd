/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <limits.h>
#include <stdio.h>

#include <curl/curl.h>

#include "aws/chain.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/sigv4.h"

#define HOST "daemon" /* the sockets have no other name */
#define HEADER_MAX_BYTES 4096
#define ANSWER_MAX_BYTES ((size_t) 256 * 1024 * 1024)
#define CONNECT_TIMEOUT_S 5L

enum tg_exit
tg_cli_fail(const struct tg_error *err)
{
    (void) fprintf(stderr, "tallygate: %s\n", err->message);
    return TG_EXIT_FAILED;
}

enum tg_exit
tg_cli_settings(struct tg_settings **out, const struct tg_options *options)
{
    struct tg_error err;

    *out = NULL;
    if (options->config == NULL) {
        (void) fprintf(stderr, "tallygate: which settings? Give --config FILE"
            " or set TALLYGATE_CONFIG\n");
        return TG_EXIT_USAGE;
    }
    return tg_settings_load(out, options->config, &err) == TG_OK
        ? TG_EXIT_DONE : tg_cli_fail(&err);
}

static size_t
take_body(char *data, size_t size, size_t count, void *user)
{
    return tg_buf_add(user, data, size * count) == TG_OK ? size * count : 0;
}

/* The request's options; 0 when libcurl took them all. */
static CURLcode
set_request(CURL *curl, const char *socket_path,
    const struct tg_cli_request *request, struct curl_slist *headers,
    struct tg_buf *answer)
{
    CURLcode    code = CURLE_OK;
    char        url[256];
    const char *body = request->body == NULL ? "" : request->body;

    (void) snprintf(url, sizeof(url), "http://" HOST "%s", request->target);
#define SET(option, value)                                                    \
    if (code == CURLE_OK) {                                                   \
        code = curl_easy_setopt(curl, option, value);                         \
    }
    SET(CURLOPT_URL, url)
    SET(CURLOPT_UNIX_SOCKET_PATH, socket_path)
    SET(CURLOPT_PROXY, "")
    SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S)
    SET(CURLOPT_CUSTOMREQUEST, request->method)
    SET(CURLOPT_HTTPHEADER, headers)
    SET(CURLOPT_WRITEFUNCTION, take_body)
    SET(CURLOPT_WRITEDATA, (void *) answer)
    if (request->content_type != NULL) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len)
        SET(CURLOPT_POSTFIELDS, body)
    }
#undef SET
    return code;
}

static enum tg_status
add_header(struct curl_slist **headers, const char *name, const char *value,
    struct tg_error *err)
{
    struct tg_buf      line;
    struct curl_slist *longer = NULL;

    tg_buf_init(&line, HEADER_MAX_BYTES);
    if (tg_buf_printf(&line, "%s: %s", name, value) == TG_OK) {
        longer = curl_slist_append(*headers, line.data);
    }
    tg_buf_clear(&line);
    if (longer == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    *headers = longer;
    return TG_OK;
}

/* Adds the headers of a signature with the keys of admin-credentials. */
static enum tg_status
sign(struct curl_slist **headers, const struct tg_settings *settings,
    const struct tg_cli_request *request, struct tg_error *err)
{
    const struct tg_header        host = { "Host", HOST };
    char                          path[PATH_MAX];
    struct tg_aws_credentials     keys;
    struct tg_sigv4_signed        signature = { .amz_date = "" };
    const struct tg_sigv4_options options = { .raw_path = false };
    uint8_t                       digest[TG_SHA256_SIZE];
    enum tg_status                status;

    (void) snprintf(path, sizeof(path), "%s/admin-credentials",
        settings->state_dir);
    status = tg_aws_chain_read_file(&keys, path, "default", err);
    if (status != TG_OK) {
        return status;
    }
    tg_sha256(digest, request->body, request->body_len);
    status = tg_sigv4_sign(&signature, &(struct tg_sigv4_request) {
        .method = request->method, .target = request->target,
        .headers = &host, .header_count = 1, .body_sha256 = digest,
    }, &(struct tg_sigv4_credentials) {
        .access_key_id = keys.access_key_id,
        .secret_access_key = keys.secret_access_key,
    }, settings->region, request->service, &options, tg_clock_now_s(), err);
    if (status == TG_OK) {
        status = add_header(headers, "X-Amz-Date", signature.amz_date, err);
    }
    if (status == TG_OK) {
        status = add_header(headers, "Authorization",
            signature.authorization.data, err);
    }
    tg_buf_clear(&signature.authorization);
    tg_aws_credentials_wipe(&keys);
    return status;
}

static enum tg_status
make_headers(struct curl_slist **headers, const struct tg_settings *settings,
    const struct tg_cli_request *request, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    if (request->content_type != NULL) {
        status = add_header(headers, "Content-Type", request->content_type,
            err);
    }
    return status == TG_OK && request->service != NULL
        ? sign(headers, settings, request, err) : status;
}

/* Performs the request; the answer's bytes are in body. */
static enum tg_status
perform(CURL *curl, int *http_status, const struct tg_settings *settings,
    const struct tg_cli_request *request, struct tg_buf *body,
    struct tg_error *err)
{
    struct curl_slist *headers = NULL;
    char               socket_path[128];
    CURLcode           code;
    long               number = 0;
    enum tg_status     status = make_headers(&headers, settings, request,
        err);

    (void) snprintf(socket_path, sizeof(socket_path), "%s/run/%s.sock",
        settings->state_dir, request->service == NULL ? "operator" : "admin");
    if (status == TG_OK) {
        code = set_request(curl, socket_path, request, headers, body);
        if (code == CURLE_OK) {
            code = curl_easy_perform(curl);
        }
        if (code != CURLE_OK) {
            status = tg_error_set(err, TG_IO, "no daemon answers on %s (%s);"
                " is `tallygate serve` running with these settings?",
                socket_path, curl_easy_strerror(code));
        }
    }
    (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &number);
    *http_status = (int) number;
    curl_slist_free_all(headers);
    return status;
}

enum tg_status
tg_cli_send(json_t **answer, int *http_status,
    const struct tg_settings *settings, const struct tg_cli_request *request,
    struct tg_error *err)
{
    struct tg_buf  body;
    CURL          *curl = curl_easy_init();
    enum tg_status status;

    *answer = NULL;
    if (curl == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    tg_buf_init(&body, ANSWER_MAX_BYTES);
    status = perform(curl, http_status, settings, request, &body, err);
    if (status == TG_OK) {
        *answer = json_loadb(body.len == 0 ? "" : body.data, body.len, 0,
            NULL);
        if (*answer == NULL) {
            status = tg_error_set(err, TG_ERROR,
                "the daemon answered %s %s with status %d and no JSON",
                request->method, request->target, *http_status);
        }
    }
    tg_buf_clear(&body);
    curl_easy_cleanup(curl);
    return status;
}

enum tg_exit
tg_cli_call(json_t **answer, const struct tg_options *options,
    const struct tg_cli_request *request)
{
    struct tg_settings *settings = NULL;
    struct tg_error     err;
    const char         *message;
    int                 http_status = 0;
    enum tg_exit        code = tg_cli_settings(&settings, options);

    *answer = NULL;
    if (code != TG_EXIT_DONE) {
        return code;
    }
    if (tg_cli_send(answer, &http_status, settings, request, &err) != TG_OK) {
        code = tg_cli_fail(&err);
    } else if (http_status >= 300) {
        message = json_string_value(json_object_get(*answer, "message"));
        (void) tg_error_set(&err, TG_ERROR, "%s", message == NULL
            ? "the daemon refused without saying why" : message);
        code = tg_cli_fail(&err);
        json_decref(*answer);
        *answer = NULL;
    }
    tg_settings_free(settings);
    return code;
}

enum tg_exit
tg_cli_print_json(const json_t *answer)
{
    if (json_dumpf(answer, stdout, JSON_COMPACT) != 0
        || putchar('\n') == EOF || fflush(stdout) != 0)
    {
        return TG_EXIT_FAILED;
    }
    return TG_EXIT_DONE;
}
