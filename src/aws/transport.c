/*
 * transport.c - requests over libcurl
 *
 * Lines keep their connection and are lent to one request at a time, so
 * that the reporter and the onboarding do not wait for each other.
 *
 * HTTP/1.1 has nothing in a reply that names its request: the next reply on
 * the connection counts as the answer.  A server, or a box on the way, that
 * says something twice would shift all that follow by one; so X6.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "aws/transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IDLE_MAX 64 /* as many requests as may be in flight */
#define HEADER_MAX ((size_t) 128 * 1024)
#define CONNECT_TIMEOUT_MS 5000L

#define HEARD_MAX 8 /* request ids that a line remembers */

/* A handle with its connection, and what came over it. */
struct line {
    CURL         *curl;
    curl_socket_t socket; /* CURL_SOCKET_BAD: no connection is open */
    char          heard[HEARD_MAX][TG_AWS_NAME_MAX]; /* "": none yet */
    size_t        next;   /* of heard, to be forgotten */
};

struct tg_aws_http {
    pthread_mutex_t         lock;
    struct line            *idle[IDLE_MAX]; /* guarded by lock */
    size_t                  idle_count;     /* guarded by lock */
    const char             *ca_bundle;
    struct tg_aws_transport table;
};

static pthread_once_t  curl_once = PTHREAD_ONCE_INIT;
static CURLcode        curl_status;

static void
curl_init_once(void)
{
    curl_status = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void
tg_aws_reply_init(struct tg_aws_reply *reply)
{
    memset(reply, 0, sizeof(*reply));
    tg_buf_init_secret(&reply->body, TG_AWS_REPLY_MAX);
}

void
tg_aws_reply_clear(struct tg_aws_reply *reply)
{
    tg_buf_clear(&reply->body);
    tg_aws_reply_init(reply);
}

/*
 * ---- lines
 */

static void
line_close(struct line *l)
{
    if (l != NULL) {
        curl_easy_cleanup(l->curl);
        free(l);
    }
}

static struct line *
line_new(void)
{
    struct line *l = calloc(1, sizeof(*l));

    if (l != NULL) {
        l->socket = CURL_SOCKET_BAD;
        l->curl = curl_easy_init();
        if (l->curl == NULL) {
            free(l);
            l = NULL;
        }
    }
    return l;
}

/* Whether the other side spoke, or hung up, since the last reply. */
static bool
line_has_news(const struct line *l)
{
    struct pollfd fd = { .fd = l->socket, .events = POLLIN };

    return l->socket != CURL_SOCKET_BAD && poll(&fd, 1, 0) != 0;
}

static struct line *
line_take(struct tg_aws_http *http)
{
    struct line *l = NULL;

    pthread_mutex_lock(&http->lock);
    if (http->idle_count > 0) {
        l = http->idle[--http->idle_count];
    }
    pthread_mutex_unlock(&http->lock);
    if (l != NULL && line_has_news(l)) {
        line_close(l); /* X6 */
        l = NULL;
    }
    return l != NULL ? l : line_new();
}

static void
line_give_back(struct tg_aws_http *http, struct line *l)
{
    if (curl_easy_getinfo(l->curl, CURLINFO_ACTIVESOCKET, &l->socket)
        != CURLE_OK)
    {
        l->socket = CURL_SOCKET_BAD;
    }
    curl_easy_reset(l->curl); /* the connection stays */
    pthread_mutex_lock(&http->lock);
    if (http->idle_count < IDLE_MAX) {
        http->idle[http->idle_count++] = l;
        l = NULL;
    }
    pthread_mutex_unlock(&http->lock);
    line_close(l);
}

/* Whether a reply of that id came over this line before; remembers it. */
static bool
line_has_heard(struct line *l, const char *request_id)
{
    size_t i;

    if (request_id[0] == '\0') {
        return false;
    }
    for (i = 0; i < HEARD_MAX; i++) {
        if (strcmp(l->heard[i], request_id) == 0) {
            return true;
        }
    }
    memcpy(l->heard[l->next], request_id, TG_AWS_NAME_MAX);
    l->next = (l->next + 1) % HEARD_MAX;
    return false;
}

/*
 * ---- one request
 */

/* What is left of a request's body. */
struct upload {
    const char *next;
    size_t      len;
};

/*
 * The body goes out through a callback, and there is none to rewind it: so
 * libcurl cannot send a request again by itself, as it does when it went out
 * on a kept connection that the server closed before it answered (X5).
 */
static size_t
on_upload(char *data, size_t size, size_t count, void *user)
{
    struct upload *upload = user;
    size_t         n = size * count;

    n = n < upload->len ? n : upload->len;
    memcpy(data, upload->next, n);
    upload->next += n;
    upload->len -= n;
    return n;
}

static size_t
on_body(char *data, size_t size, size_t count, void *user)
{
    struct tg_aws_reply *reply = user;

    /* less than was given ends the transfer: X2 */
    return tg_buf_add(&reply->body, data, size * count) == TG_OK
        ? size * count : 0;
}

/* The value of a header line of that name, trimmed, or an empty text. */
static bool
header_value(char out[TG_AWS_NAME_MAX], const char *line, size_t len,
    const char *name)
{
    size_t name_len = strlen(name);

    if (len <= name_len || strncasecmp(line, name, name_len) != 0
        || line[name_len] != ':')
    {
        return false;
    }
    line += name_len + 1;
    len -= name_len + 1;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && strchr("\r\n \t", line[len - 1]) != NULL) {
        len--;
    }
    if (len >= TG_AWS_NAME_MAX) {
        len = TG_AWS_NAME_MAX - 1;
    }
    memcpy(out, line, len);
    out[len] = '\0';
    return true;
}

/* 0 for what is none, or below 0. */
static int64_t
whole_number(const char *text)
{
    char     *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && value > 0
        ? (int64_t) value : 0;
}

/*
 * Seconds, or a date that is meant against the reply's own; headers come in
 * any order, so this is asked when all are there.
 */
static void
read_retry_after(struct tg_aws_reply *reply)
{
    int64_t at_s;

    if (reply->retry_after[0] == '\0' || reply->retry_after_s != 0) {
        return;
    }
    reply->retry_after_s = whole_number(reply->retry_after);
    if (reply->retry_after_s == 0 && reply->date_s != 0) {
        at_s = (int64_t) curl_getdate(reply->retry_after, NULL);
        reply->retry_after_s = at_s > reply->date_s ? at_s - reply->date_s
                                                    : 0;
    }
}

static size_t
on_header(char *data, size_t size, size_t count, void *user)
{
    char                 value[TG_AWS_NAME_MAX];
    size_t               len = size * count;
    struct tg_aws_reply *reply = user;

    if (header_value(value, data, len, "Date")) {
        reply->date_s = (int64_t) curl_getdate(value, NULL);
        if (reply->date_s < 0) {
            reply->date_s = 0;
        }
    } else if (header_value(value, data, len, "Retry-After")) {
        memcpy(reply->retry_after, value, sizeof(value));
    } else if (header_value(value, data, len, "x-amz-retry-after")) {
        reply->retry_after_s = (whole_number(value) + 999) / 1000;
    } else if (header_value(value, data, len, "Age")) {
        reply->has_age = true;
    } else if (header_value(value, data, len, "x-amzn-ErrorType")) {
        memcpy(reply->error_type, value, sizeof(value));
    } else if (header_value(value, data, len, "x-amzn-RequestId")) {
        memcpy(reply->request_id, value, sizeof(value));
    }
    return len;
}

/*
 * Whether it is certain that nothing was sent (X1).  The code alone is not
 * enough: when a kept connection dies under a request, libcurl may open
 * another before it gives up, so that "could not connect" may follow a request
 * that did leave.
 */
static bool
is_surely_unsent(CURL *curl, CURLcode code)
{
    long       sent = 1;
    curl_off_t ready = 1;

    if (curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent) != CURLE_OK
        || sent != 0)
    {
        return false;
    }
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_FAILED_INIT:
        return true;
    case CURLE_OPERATION_TIMEDOUT:
        return curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &ready)
            == CURLE_OK && ready == 0;
    default:
        return false;
    }
}

static CURLcode
set_options(CURL *curl, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct upload *upload,
    const struct curl_slist *headers, const char *ca_bundle,
    char *error_text)
{
    CURLcode code = CURLE_OK;

#define SET(option, value)                                                    \
    if (code == CURLE_OK) {                                                   \
        code = curl_easy_setopt(curl, option, value);                         \
    }
    SET(CURLOPT_ERRORBUFFER, error_text)
    SET(CURLOPT_URL, request->url)
    SET(CURLOPT_CUSTOMREQUEST, request->method)
    if (request->body != NULL) {
        SET(CURLOPT_POST, 1L)
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len)
        SET(CURLOPT_READFUNCTION, on_upload)
        SET(CURLOPT_READDATA, upload)
    }
    SET(CURLOPT_HTTPHEADER, headers)
    SET(CURLOPT_WRITEFUNCTION, on_body)
    SET(CURLOPT_WRITEDATA, reply)
    SET(CURLOPT_HEADERFUNCTION, on_header)
    SET(CURLOPT_HEADERDATA, reply)
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS)
    SET(CURLOPT_TIMEOUT_MS, (long) request->timeout_ms)
    SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1)
    SET(CURLOPT_NOSIGNAL, 1L)
    SET(CURLOPT_PROTOCOLS_STR, "http,https") /* X3, to the end */
    SET(CURLOPT_FOLLOWLOCATION, 0L)
    SET(CURLOPT_PROXY, "")
    SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED)
    SET(CURLOPT_SSL_VERIFYPEER, 1L)
    SET(CURLOPT_SSL_VERIFYHOST, 2L)
    if (ca_bundle != NULL) {
        SET(CURLOPT_CAINFO, ca_bundle)
    }
#undef SET
    return code;
}

static bool
slist_add(struct curl_slist **list, const char *line)
{
    struct curl_slist *grown = curl_slist_append(*list, line);

    if (grown == NULL) {
        return false;
    }
    *list = grown;
    return true;
}

/* The headers as libcurl takes them; NULL: out of memory. */
static struct curl_slist *
header_list(const struct tg_aws_request *request)
{
    size_t             i;
    bool               is_good;
    struct tg_buf      line;
    struct curl_slist *list = NULL;

    tg_buf_init_secret(&line, HEADER_MAX); /* Authorization, token */
    /* no 100-continue: a body is one or two packets */
    is_good = slist_add(&list, "Expect:");
    for (i = 0; i < request->header_count && is_good; i++) {
        tg_buf_reset(&line);
        tg_buf_printf(&line, "%s: %s", request->headers[i].name,
            request->headers[i].value);
        is_good = line.status == TG_OK && slist_add(&list, line.data);
    }
    tg_buf_clear(&line);
    if (!is_good) {
        curl_slist_free_all(list);
        return NULL;
    }
    return list;
}

/* Asks once, on this line. */
static enum tg_aws_delivery
ask(CURL *curl, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, const struct curl_slist *headers,
    const char *ca_bundle, struct tg_error *err)
{
    long          status = 0;
    char          text[CURL_ERROR_SIZE] = "";
    CURLcode      code;
    struct upload upload = { request->body, request->body_len };

    code = set_options(curl, request, reply, &upload, headers, ca_bundle,
        text);
    if (code != CURLE_OK) {
        (void) tg_error_set(err, TG_IO, "%s: %s", request->url,
            curl_easy_strerror(code));
        return TG_AWS_NOT_SENT;
    }
    code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    reply->status = (int) status;
    read_retry_after(reply);
    if (code == CURLE_OK) {
        return TG_AWS_ANSWERED;
    }
    (void) tg_error_set(err, TG_IO, "%s: %s", request->url,
        code == CURLE_SEND_FAIL_REWIND /* it would have sent it again: X5 */
            ? "the connection was closed before an answer came"
        : text[0] != '\0' ? text : curl_easy_strerror(code));
    return is_surely_unsent(curl, code) ? TG_AWS_NOT_SENT : TG_AWS_LOST;
}

static enum tg_aws_delivery
http_send(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    struct tg_aws_http  *http = data;
    struct curl_slist   *headers = header_list(request);
    struct line         *l = headers != NULL ? line_take(http) : NULL;
    enum tg_aws_delivery delivery = TG_AWS_NOT_SENT;

    if (l == NULL) {
        (void) tg_error_set(err, TG_NOMEM, "%s: out of memory",
            request->url);
    } else {
        delivery = ask(l->curl, request, reply, headers, http->ca_bundle,
            err);
    }
    if (delivery == TG_AWS_ANSWERED
        && line_has_heard(l, reply->request_id))
    {
        (void) tg_error_set(err, TG_IO, "%s: the answer (%s) was given to"
            " an earlier request", request->url, reply->request_id);
        delivery = TG_AWS_LOST; /* X6: ours may still be on its way */
        line_close(l);
    } else if (l != NULL) {
        line_give_back(http, l);
    }
    curl_slist_free_all(headers);
    return delivery;
}

enum tg_status
tg_aws_http_open(struct tg_aws_http **out, const char *ca_bundle,
    struct tg_error *err)
{
    struct tg_aws_http *http;

    *out = NULL;
    pthread_once(&curl_once, curl_init_once);
    if (curl_status != CURLE_OK) {
        return tg_error_set(err, TG_ERROR, "libcurl: %s",
            curl_easy_strerror(curl_status));
    }
    http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    pthread_mutex_init(&http->lock, NULL);
    http->ca_bundle = ca_bundle;
    http->table.send = http_send;
    http->table.data = http;
    *out = http;
    return TG_OK;
}

void
tg_aws_http_close(struct tg_aws_http *http)
{
    if (http == NULL) {
        return;
    }
    while (http->idle_count > 0) {
        line_close(http->idle[--http->idle_count]);
    }
    pthread_mutex_destroy(&http->lock);
    free(http);
}

const struct tg_aws_transport *
tg_aws_http_transport(const struct tg_aws_http *http)
{
    return &http->table;
}

/*
 * ---- URLs
 */

/* One part of a URL; "" when it has none; NULL: out of memory. */
static const char *
url_part(CURLU *url, CURLUPart part, char **keep)
{
    CURLUcode code = curl_url_get(url, part, keep, 0);

    if (code == CURLUE_OUT_OF_MEMORY) {
        return NULL;
    }
    return code == CURLUE_OK ? *keep : "";
}

enum tg_status
tg_aws_url_split(struct tg_buf *host, struct tg_buf *path, const char *url,
    struct tg_error *err)
{
    size_t         i;
    char          *keep[6] = { NULL };
    const char    *part[6];
    CURLU         *parsed = curl_url();
    enum tg_status status = TG_NOMEM;
    const CURLUPart names[6] = { CURLUPART_SCHEME, CURLUPART_HOST,
        CURLUPART_PORT, CURLUPART_PATH, CURLUPART_QUERY, CURLUPART_USER };

    if (parsed == NULL) {
        goto done;
    }
    status = TG_INVALID;
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK) {
        goto done;
    }
    for (i = 0; i < 6; i++) {
        part[i] = url_part(parsed, names[i], &keep[i]);
        if (part[i] == NULL) {
            status = TG_NOMEM;
            goto done;
        }
    }
    if ((strcmp(part[0], "https") != 0 && strcmp(part[0], "http") != 0)
        || part[4][0] != '\0' || part[5][0] != '\0')
    {
        goto done;
    }
    tg_buf_puts(host, part[1]);
    if (part[2][0] != '\0'
        && strcmp(part[2], part[0][4] == 's' ? "443" : "80") != 0)
    {
        tg_buf_printf(host, ":%s", part[2]);
    }
    tg_buf_puts(path, part[3][0] != '\0' ? part[3] : "/");
    status = host->status != TG_OK ? host->status : path->status;

done:
    for (i = 0; i < 6; i++) {
        curl_free(keep[i]);
    }
    curl_url_cleanup(parsed);
    if (status != TG_OK) {
        tg_error_set(err, status, "%s: %s", url, status == TG_INVALID
            ? "expected an http or https URL without user and query"
            : tg_status_text(status));
    }
    return status;
}

enum tg_status
tg_aws_url_origin(char *scheme, size_t scheme_size, char *host,
    size_t host_size, const char *url)
{
    char          *part[2] = { NULL, NULL };
    CURLU         *parsed = curl_url();
    enum tg_status status = TG_INVALID;

    if (parsed == NULL) {
        return TG_NOMEM;
    }
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK
        && curl_url_get(parsed, CURLUPART_SCHEME, &part[0], 0) == CURLUE_OK
        && curl_url_get(parsed, CURLUPART_HOST, &part[1], 0) == CURLUE_OK
        && strlen(part[0]) < scheme_size && strlen(part[1]) < host_size
        && (strcmp(part[0], "http") == 0 || strcmp(part[0], "https") == 0))
    {
        strcpy(scheme, part[0]);
        strcpy(host, part[1]);
        status = TG_OK;
    }
    curl_free(part[0]);
    curl_free(part[1]);
    curl_url_cleanup(parsed);
    return status;
}
