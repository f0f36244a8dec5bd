/*
 * A whole sandbox on a port: signed calls, steering, faults, the page, and
 * what a kill leaves behind.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "sandbox/credentials.h"
#include "sandbox/rpc_cbor.h"
#include "sandbox/sandbox.h"
#include "support.h"
#include "util/file.h"

#define REPLY_MAX (1 << 20)
#define HOST "127.0.0.1"

struct fixture {
    char               dir[64];
    struct tg_sandbox *sandbox;
    struct tg_sandbox_keys keys;
};

static unsigned account_rate = 10; /* of the next sandbox */

static void
open_sandbox(struct fixture *f)
{
    struct tg_error          err = { TG_OK, "" };
    struct tg_sandbox_config config = { HOST, 0, f->dir, "us-east-1",
        "http://localhost:8081", account_rate };

    if (tg_sandbox_open(&f->sandbox, &config, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
}

static int
setup(void **state)
{
    char            path[128];
    struct fixture *f = calloc(1, sizeof(*f));

    strcpy(f->dir, "/tmp/tg-sandbox-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    *state = f;
    open_sandbox(f);
    snprintf(path, sizeof(path), "%s/sandbox-credentials", f->dir);
    return tg_sandbox_keys_load(&f->keys, path, "us-east-1", NULL);
}

static int
teardown(void **state)
{
    static const char *const names[] = { "sandbox/journal", "sandbox/lock",
        "sandbox-credentials", "sandbox", "" };
    char            path[128];
    struct fixture *f = *state;

    tg_sandbox_close(f->sandbox);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        (void) remove(path);
    }
    free(f);
    return 0;
}

/*
 * ---- a client
 */

/* Sends a request; the whole reply, which the caller frees. */
static char *
talk(const struct fixture *f, const char *head, const char *body,
    size_t body_len)
{
    char              *reply = calloc(1, REPLY_MAX);
    int                fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t             len = 0;
    ssize_t            n;
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct timeval     patience = { 20, 0 };
    struct tg_buf      text;

    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
        sizeof(patience));
    address.sin_port = htons(tg_sandbox_port(f->sandbox));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *) &address,
        sizeof(address)), 0);
    tg_buf_init(&text, (size_t) 4 << 20);
    (void) tg_buf_printf(&text, "%sHost: " HOST "\r\nConnection: close\r\n"
        "Content-Length: %zu\r\n\r\n", head, body_len);
    (void) tg_buf_add(&text, body, body_len);
    for (size_t sent = 0; sent < text.len; sent += (size_t) n) {
        n = send(fd, text.data + sent, text.len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
    }
    while ((n = recv(fd, reply + len, REPLY_MAX - 1 - len, 0)) > 0) {
        len += (size_t) n;
    }
    close(fd);
    tg_buf_clear(&text);
    return reply;
}

static int
status_of(const char *reply)
{
    return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? atoi(reply + 9) : 0;
}

static json_t *
body_of(const char *reply)
{
    const char *body = strstr(reply, "\r\n\r\n");
    json_t     *json = body != NULL ? json_loads(body + 4, 0, NULL) : NULL;

    if (json == NULL) {
        fail_msg("no JSON in: %s", reply);
    }
    return json;
}

/* POSTs (or GETs, without text) plain JSON with ' for "; the answer's. */
static json_t *
steer(const struct fixture *f, const char *path, const char *text,
    int status)
{
    char    head[256];
    char   *body = NULL, *reply;
    json_t *json;

    if (text != NULL) {
        json = json_of(text);
        body = json_dumps(json, 0);
        json_decref(json);
    }
    snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\n",
        text != NULL ? "POST" : "GET", path);
    reply = talk(f, head, body != NULL ? body : "",
        body != NULL ? strlen(body) : 0);
    if (status_of(reply) != status) {
        fail_msg("%s: expected %d: %.500s", path, status, reply);
    }
    json = body_of(reply);
    free(body);
    free(reply);
    return json;
}

/* A signed call; target is a path for CBOR, else X-Amz-Target. */
static char *
call_raw(const struct fixture *f, const char *target, const char *secret,
    const char *body, size_t len)
{
    bool             in_cbor = target[0] == '/';
    char             head[2048];
    char            *reply;
    uint8_t          sha256[TG_SHA256_SIZE];
    struct tg_header headers[] = {
        { "Host", HOST },
        { "Content-Type", in_cbor ? "application/cbor"
                                  : "application/x-amz-json-1.1" },
        { in_cbor ? "smithy-protocol" : "X-Amz-Target",
            in_cbor ? "rpc-v2-cbor" : target },
    };
    struct tg_sigv4_credentials keys = { f->keys.access_key_id,
        secret != NULL ? secret : f->keys.secret_access_key, NULL };
    struct tg_sigv4_options     options = { .raw_path = false };
    struct tg_sigv4_request     req = { "POST", in_cbor ? target : "/",
            headers, 3, sha256 };
    struct tg_sigv4_signed      out;

    tg_sha256(sha256, body, len);
    assert_int_equal(tg_sigv4_sign(&out, &req, &keys, "eu-north-1",
        "aws-marketplace", &options, tg_clock_now_s(), NULL), TG_OK);
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\n%s: %s\r\n%s: %s\r\n"
        "X-Amz-Date: %s\r\nAuthorization: %s\r\n", req.target,
        headers[1].name, headers[1].value, headers[2].name, headers[2].value,
        out.amz_date, out.authorization.data);
    tg_buf_clear(&out.authorization);
    reply = talk(f, head, body, len);
    return reply;
}

static json_t *
call(const struct fixture *f, const char *operation, const json_t *request,
    int status)
{
    char   target[128];
    char  *body = json_dumps(request, 0), *reply;
    json_t *json;

    snprintf(target, sizeof(target), "AWSMP%sService.%s",
        strcmp(operation, "GetEntitlements") == 0 ? "Entitlement"
                                                  : "Metering", operation);
    reply = call_raw(f, target, NULL, body, strlen(body));
    if (status_of(reply) != status) {
        fail_msg("%s: expected %d: %.1000s", operation, status, reply);
    }
    assert_non_null(strstr(reply, "x-amzn-RequestId: "));
    assert_non_null(strstr(reply,
        "Content-Type: application/x-amz-json-1.1"));
    json = body_of(reply);
    free(body);
    free(reply);
    return json;
}

static json_t *
buy_one(const struct fixture *f)
{
    json_decref(steer(f, "/_sandbox/products", "{'productCode':'p','name':"
        "'<Weather>','model':'subscription','identity':'license',"
        "'dimensions':[{'name':'apigateway'}]}", 200));
    return steer(f, "/_sandbox/purchases", "{'productCode':'p'}", 200);
}

static json_t *
usage(const json_t *purchase, int quantity)
{
    return json_pack("{s:[{s:I, s:s, s:i, s:s, s:s}]}", "UsageRecords",
        "Timestamp", (json_int_t) tg_clock_now_s(), "Dimension",
        "apigateway", "Quantity", quantity, "CustomerAWSAccountId",
        tg_text(purchase, "customerAWSAccountId"), "LicenseArn",
        tg_text(purchase, "licenseArn"));
}

static size_t
count(const struct fixture *f, const char *what)
{
    char    path[64];
    json_t *list;
    size_t  n;

    snprintf(path, sizeof(path), "/_sandbox/%s", what);
    list = steer(f, path, NULL, 200);
    n = json_array_size(json_object_get(list, what));
    json_decref(list);
    return n;
}

/*
 * ---- tests
 */

static void
a_buyer_is_resolved_and_billed(void **state)
{
    const struct fixture *f = *state;
    json_t *answer, *bought = buy_one(f), *calls, *last, *request;

    assert_string_equal(tg_text(bought, "registrationUrl"),
        "http://localhost:8081/register");
    request = json_pack("{s:s}", "RegistrationToken",
        tg_text(bought, "token"));
    answer = call(f, "ResolveCustomer", request, 200);
    assert_string_equal(tg_text(answer, "LicenseArn"),
        tg_text(bought, "licenseArn"));
    json_decref(answer);
    json_decref(request);
    request = usage(bought, 12);
    answer = call(f, "BatchMeterUsage", request, 200);
    assert_int_equal(count(f, "records"), 1);
    calls = steer(f, "/_sandbox/calls", NULL, 200);
    last = json_array_get(json_object_get(calls, "calls"), 1);
    assert_string_equal(tg_text(last, "operation"), "BatchMeterUsage");
    assert_true(json_equal(json_object_get(last, "request"), request));
    assert_true(json_equal(json_object_get(last, "response"), answer));
    assert_int_equal(json_integer_value(json_object_get(last, "status")),
        200);
    json_decref(calls);
    json_decref(answer);
    json_decref(request);
    json_decref(bought);
}

static void
what_is_not_signed_well_is_refused(void **state)
{
    static const char target[] = "AWSMPMeteringService.ResolveCustomer";
    char                 *reply;
    const struct fixture *f = *state;

    reply = talk(f, "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-"
        "1.1\r\nX-Amz-Target: AWSMPMeteringService.ResolveCustomer\r\n",
        "{}", 2);
    assert_int_equal(status_of(reply), 403);
    assert_non_null(strstr(reply, "MissingAuthenticationTokenException"));
    free(reply);
    reply = call_raw(f, target, "another-secret", "{}", 2);
    assert_int_equal(status_of(reply), 403);
    assert_non_null(strstr(reply, "InvalidSignatureException"));
    assert_null(strstr(reply, f->keys.secret_access_key));
    free(reply);
    reply = call_raw(f, "AWSMPMeteringService.MeterUsage", NULL, "{}", 2);
    assert_int_equal(status_of(reply), 404);
    assert_non_null(strstr(reply, "UnknownOperationException"));
    free(reply);
    reply = call_raw(f, target, NULL, "{\"a\":", 5);
    assert_int_equal(status_of(reply), 400);
    assert_non_null(strstr(reply, "SerializationException"));
    free(reply);
    assert_int_equal(count(f, "calls"), 4);
}

static void
a_request_of_a_megabyte_is_too_large(void **state)
{
    char                 *body = malloc(1 << 20), *reply;
    const struct fixture *f = *state;

    memset(body, ' ', 1 << 20);
    reply = call_raw(f, "AWSMPMeteringService.BatchMeterUsage", NULL, body,
        1 << 20);
    assert_int_equal(status_of(reply), 413);
    assert_non_null(strstr(reply, "RequestEntityTooLargeException"));
    free(reply);
    free(body);
}

static void
entitlements_come_in_cbor_too(void **state)
{
    const char *bytes, *path
        = "/service/AWSMPEntitlementService/operation/GetEntitlements";
    char                 *reply;
    const struct fixture *f = *state;
    json_t               *answer, *request
        = json_pack("{s:s}", "ProductCode", "c");
    size_t                len;
    struct tg_buf         body;

    json_decref(steer(f, "/_sandbox/products", "{'productCode':'c','name':"
        "'c','model':'contract','dimensions':[{'name':'gold'}]}", 200));
    json_decref(steer(f, "/_sandbox/purchases", "{'productCode':'c'}", 200));
    tg_buf_init(&body, 4096);
    assert_int_equal(tg_cbor_write(&body, request), TG_OK);
    reply = call_raw(f, path, NULL, body.data, body.len);
    assert_int_equal(status_of(reply), 200);
    assert_non_null(strstr(reply, "smithy-protocol: rpc-v2-cbor"));
    len = (size_t) atoi(strstr(reply, "Content-Length: ") + 16);
    bytes = strstr(reply, "\r\n\r\n") + 4;
    assert_int_equal(tg_cbor_read(&answer, bytes, len), TG_OK);
    assert_int_equal(json_array_size(json_object_get(answer,
        "Entitlements")), 1);
    json_decref(answer);
    free(reply);
    reply = call_raw(f, path, NULL, "\xff", 1);
    assert_int_equal(status_of(reply), 400);
    assert_non_null(strstr(reply, "SerializationException"));
    free(reply);
    tg_buf_clear(&body);
    json_decref(request);
}

static void
eleven_calls_at_once_are_one_too_many(void **state)
{
    const struct fixture *f = *state;
    int                   throttled = 0;
    json_t               *answer, *bought = buy_one(f);

    for (int i = 0; i < 60 && throttled == 0; i++) {
        char   *body, *reply;
        json_t *request = usage(bought, i);

        body = json_dumps(request, 0);
        reply = call_raw(f, "AWSMPMeteringService.BatchMeterUsage", NULL,
            body, strlen(body));
        answer = body_of(reply);
        if (status_of(reply) == 400) {
            assert_string_equal(tg_text(answer, "__type"),
                "ThrottlingException");
            throttled++;
            assert_true(i >= 10);
        }
        json_decref(answer);
        json_decref(request);
        free(reply);
        free(body);
    }
    assert_int_equal(throttled, 1);
    json_decref(bought);
}

static int
setup_without_pace(void **state)
{
    int rc;

    account_rate = 0;
    rc = setup(state);
    account_rate = 10;
    return rc;
}

static void
faults_spoil_as_many_calls_as_told(void **state)
{
    static const struct {
        const char *fault;
        int         status;
        const char *type;    /* of the exception, or a part of the body */
        size_t      billed;  /* after the spoilt call */
    } table[] = {
        { "{'operation':'BatchMeterUsage','kind':'throttle'}", 400,
            "ThrottlingException", 0 },
        { "{'operation':'BatchMeterUsage','kind':'internal'}", 500,
            "InternalServiceErrorException", 0 },
        { "{'operation':'BatchMeterUsage','kind':'unprocessed'}", 200,
            "\"Results\":[]", 0 },
        { "{'operation':'BatchMeterUsage','kind':'refuse','status':"
          "'CustomerNotSubscribed'}", 200,
            "\"Status\":\"CustomerNotSubscribed\"", 0 },
        { "{'operation':'BatchMeterUsage','kind':'refuse','status':"
          "'InvalidLicenseException'}", 400, "InvalidLicenseException", 0 },
        { "{'operation':'BatchMeterUsage','kind':'refuse','status':"
          "'ExpiredTokenException','httpStatus':403}", 403,
            "ExpiredTokenException", 0 },
        { "{'operation':'BatchMeterUsage','kind':'lose-reply'}", 0, "", 1 },
        { "{'operation':'BatchMeterUsage','kind':'delay','delay_ms':10}",
            200, "Success", 1 },
        { "{'operation':'BatchMeterUsage','kind':'unprocessed',"
          "'records':1}", 200, "\"Results\":[],", 1 },
        { "{'operation':'BatchMeterUsage','kind':'twice'}", 200,
            "\"Success\"},{\"UsageRecord\"", 1 },
        { "{'operation':'BatchMeterUsage','kind':'reorder'}", 200,
            "Success", 1 },
        { "{'operation':'BatchMeterUsage','kind':'omit'}", 200,
            "\"Results\":[]", 1 },
        { "{'operation':'BatchMeterUsage','kind':'garbage'}", 200,
            "<html>", 1 },
        { "{'operation':'BatchMeterUsage','kind':'huge'}", 200,
            "          ", 1 },
        { "{'operation':'BatchMeterUsage','kind':'clock','ahead_s':"
          "-86400}", 200, "Date: ", 1 },
        { "{'operation':'BatchMeterUsage','kind':'throttle',"
          "'retry_after_s':7}", 400, "Retry-After: 7", 1 },
    };
    const struct fixture *f = *state;
    json_t               *bought = buy_one(f), *request = usage(bought, 1);
    char                 *body = json_dumps(request, 0);

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *reply;

        json_decref(steer(f, "/_sandbox/faults", table[i].fault, 200));
        reply = call_raw(f, "AWSMPMeteringService.BatchMeterUsage", NULL,
            body, strlen(body));
        if (status_of(reply) != table[i].status
            || strstr(reply, table[i].type) == NULL)
        {
            fail_msg("%s: %s", table[i].fault, reply);
        }
        free(reply);
        assert_int_equal(count(f, "records"), table[i].billed);
    }
    json_decref(call(f, "BatchMeterUsage", request, 200));
    free(body);
    json_decref(request);
    json_decref(bought);
}

static void
wrong_faults_are_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{'operation':'Sing','kind':'throttle'}",
        "{'operation':'BatchMeterUsage','kind':'explode'}",
        "{'operation':'BatchMeterUsage','kind':'delay'}",
        "{'operation':'BatchMeterUsage','kind':'clock'}",
        "{'operation':'BatchMeterUsage','kind':'unprocessed','records':26}",
        "{'operation':'ResolveCustomer','kind':'twice'}",
        "{'operation':'BatchMeterUsage','kind':'refuse'}",
        "{'operation':'BatchMeterUsage','kind':'refuse','status':"
        "'NoSuchException'}",
        "{'operation':'ResolveCustomer','kind':'unprocessed'}",
        "{'operation':'ResolveCustomer','kind':'refuse','status':"
        "'DuplicateRecord'}",
        "{'operation':'BatchMeterUsage','kind':'throttle','times':0}",
        "{'operation':'BatchMeterUsage','kind':'throttle','times':'2'}",
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *answer = steer(f, "/_sandbox/faults", bad[i], 400);

        assert_non_null(tg_text(answer, "message"));
        json_decref(answer);
    }
}

/* Ends the sandbox and starts it on what it left, spoilt by `tail`. */
static void
restart(struct fixture *f, const char *tail)
{
    char path[128];
    int  fd;

    tg_sandbox_close(f->sandbox);
    f->sandbox = NULL;
    snprintf(path, sizeof(path), "%s/sandbox/journal", f->dir);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, tail, strlen(tail)), (ssize_t) strlen(tail));
    close(fd);
    open_sandbox(f);
}

static void
a_restart_forgets_nothing_but_a_torn_line(void **state)
{
    char                     path[128];
    json_t                  *bought, *request;
    struct fixture          *f = *state;
    struct stat              st;
    struct tg_error          err;
    struct tg_sandbox       *other;
    struct tg_sandbox_config config = { HOST, 0, f->dir, "us-east-1", "", 10 };

    bought = buy_one(f);
    request = usage(bought, 3);
    json_decref(call(f, "BatchMeterUsage", request, 200));
    assert_int_equal(tg_sandbox_open(&other, &config, &err), TG_BUSY);
    restart(f, "{\"event\":\"records\",\"rec");
    assert_int_equal(count(f, "records"), 1);
    assert_int_equal(count(f, "calls"), 1);
    json_decref(call(f, "BatchMeterUsage", request, 200));
    restart(f, "");
    assert_int_equal(count(f, "records"), 1);
    assert_int_equal(count(f, "calls"), 2);
    json_decref(steer(f, "/_sandbox/reset", "{}", 200));
    assert_int_equal(count(f, "records") + count(f, "calls"), 0);
    restart(f, "");
    assert_int_equal(count(f, "records") + count(f, "calls"), 0);
    snprintf(path, sizeof(path), "%s/sandbox-credentials", f->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    json_decref(request);
    json_decref(bought);
}

static void
a_damaged_journal_is_named_with_its_line(void **state)
{
    static const char        lines[] = "{\"event\":\"records\","
        "\"records\":[]}\n{\"event\":\"rain\"}\n";
    char                     path[128];
    struct fixture          *f = *state;
    struct tg_error          err = { TG_OK, "" };
    struct tg_sandbox       *other;
    struct tg_sandbox_config config = { HOST, 0, f->dir, "us-east-1", "", 10 };

    json_decref(buy_one(f));
    tg_sandbox_close(f->sandbox);
    f->sandbox = NULL;
    snprintf(path, sizeof(path), "%s/sandbox/journal", f->dir);
    assert_int_equal(tg_file_replace(path, lines, sizeof(lines) - 1, 0600,
        NULL), TG_OK);
    assert_int_equal(tg_sandbox_open(&other, &config, &err), TG_CORRUPT);
    assert_non_null(strstr(err.message, "journal:2: unknown event 'rain'"));
    snprintf(path, sizeof(path), "%s/sandbox-credentials", f->dir);
    assert_int_equal(tg_file_replace(path, "[other]\n", 8, 0600, NULL),
        TG_OK);
    assert_int_equal(tg_sandbox_open(&other, &config, &err), TG_INVALID);
    assert_non_null(strstr(err.message, path));
}

static void
the_page_sells_and_escapes(void **state)
{
    static const char form[]
        = "Content-Type: application/x-www-form-urlencoded\r\n";
    char                  head[256], body[256];
    char                 *reply;
    const char           *id;
    const struct fixture *f = *state;
    json_t               *bought = buy_one(f);

    reply = talk(f, "GET / HTTP/1.1\r\n", "", 0);
    assert_non_null(strstr(reply, "&lt;Weather&gt;"));
    assert_null(strstr(reply, "<Weather>"));
    assert_non_null(strstr(reply, "action=\"/buy\""));
    assert_non_null(strstr(reply, tg_text(bought, "licenseArn")));
    free(reply);
    snprintf(head, sizeof(head), "POST /buy HTTP/1.1\r\n%s", form);
    reply = talk(f, head, "productCode=p", 13);
    assert_int_equal(status_of(reply), 200);
    assert_non_null(strstr(reply, "name=\"x-amzn-marketplace-token\""));
    assert_non_null(strstr(reply,
        "action=\"http://localhost:8081/register\""));
    free(reply);
    reply = talk(f, head, "productCode=%3Cq%3E", 19);
    assert_int_equal(status_of(reply), 400);
    free(reply);
    reply = talk(f, head, "", 0);
    assert_int_equal(status_of(reply), 400);
    free(reply);
    id = tg_text(bought, "agreementId");
    snprintf(body, sizeof(body), "agreementId=%s", id);
    snprintf(head, sizeof(head), "POST /set-up HTTP/1.1\r\n%s", form);
    reply = talk(f, head, body, strlen(body));
    assert_int_equal(status_of(reply), 200);
    free(reply);
    snprintf(head, sizeof(head), "POST /cancel HTTP/1.1\r\n%s", form);
    reply = talk(f, head, body, strlen(body));
    assert_int_equal(status_of(reply), 303);
    free(reply);
    reply = talk(f, "GET / HTTP/1.1\r\n", "", 0);
    assert_non_null(strstr(reply, "cancelled"));
    free(reply);
    reply = talk(f, "GET /nowhere HTTP/1.1\r\n", "", 0);
    assert_int_equal(status_of(reply), 404);
    free(reply);
    reply = talk(f, "DELETE /_sandbox/records HTTP/1.1\r\n", "", 0);
    assert_int_equal(status_of(reply), 405);
    free(reply);
    json_decref(bought);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A daemon downloads it to see the Date: it stays small. */
static void
the_page_shows_the_newest(void **state)
{
    int                   i;
    char                 *reply;
    const struct fixture *f = *state;
    json_t               *first = buy_one(f);
    json_t               *last = NULL;

    for (i = 0; i < 200; i++) {
        json_decref(last);
        last = buy_one(f);
    }
    reply = talk(f, "GET / HTTP/1.1\r\n", "", 0);
    assert_non_null(strstr(reply, "The newest 200 of 201."));
    assert_null(strstr(reply, tg_text(first, "licenseArn")));
    assert_non_null(strstr(reply, tg_text(last, "licenseArn")));
    free(reply);
    json_decref(first);
    json_decref(last);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_buyer_is_resolved_and_billed),
        TEST(what_is_not_signed_well_is_refused),
        TEST(a_request_of_a_megabyte_is_too_large),
        TEST(entitlements_come_in_cbor_too),
        TEST(eleven_calls_at_once_are_one_too_many),
        cmocka_unit_test_setup_teardown(faults_spoil_as_many_calls_as_told,
            setup_without_pace, teardown),
        TEST(wrong_faults_are_refused),
        TEST(a_restart_forgets_nothing_but_a_torn_line),
        TEST(a_damaged_journal_is_named_with_its_line),
        TEST(the_page_sells_and_escapes),
        TEST(the_page_shows_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
