/*
 * The 38 vectors of tests/data/sigv4, each in both forms, signed, verified
 * and then spoilt in every part that a signature covers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>
#include <jansson.h>

#include "util/arena.h"
#include "util/sigv4.h"

#define HEADERS_MAX 16
#define VECTORS 38

/* A request text taken apart. */
struct message {
    struct tg_sigv4_request req;
    struct tg_header        headers[HEADERS_MAX];
    char                   *body;
    uint8_t                 sha256[TG_SHA256_SIZE];
};

struct context {
    const char             *access_key_id;
    const char             *secret;
    const char             *token;
    const char             *region;
    const char             *service;
    struct tg_sigv4_options options;
    bool                    sign_body;
    int64_t                 now_s;
    int64_t                 expires_s;
};

static json_t *vectors;

static char *
cut(char **rest, const char *at)
{
    char *start = *rest;
    char *end = start + strcspn(start, at);

    *rest = *end != '\0' ? end + 1 : end;
    *end = '\0';
    return start;
}

/* "METHOD target HTTP/1.1": the target may hold blanks. */
static void
parse_line(struct message *m, char *line)
{
    char *last = strrchr(line, ' ');

    m->req.method = cut(&line, " ");
    assert_non_null(last);
    *last = '\0';
    m->req.target = line;
}

static void
parse(struct message *m, struct tg_arena *arena, const char *text)
{
    char             *rest = tg_arena_strdup(arena, text);
    struct tg_header *h = NULL;

    memset(m, 0, sizeof(*m));
    parse_line(m, cut(&rest, "\n"));
    while (*rest != '\0' && *rest != '\n') {
        char *line = cut(&rest, "\n");

        if (*line == ' ') { /* folded: kept with its line break */
            h->value = tg_arena_printf(arena, "%s\n%s", h->value, line);
            continue;
        }
        h = &m->headers[m->req.header_count++];
        assert_true(m->req.header_count < HEADERS_MAX - 2);
        h->name = cut(&line, ":");
        h->value = line;
    }
    m->body = *rest == '\n' ? rest + 1 : rest;
    tg_sha256(m->sha256, m->body, strlen(m->body));
    m->req.headers = m->headers;
    m->req.body_sha256 = m->sha256;
}

static void
read_context(struct context *c, const json_t *vector)
{
    json_t *context = json_object_get(vector, "context");
    json_t *keys = json_object_get(context, "credentials");

    memset(c, 0, sizeof(*c));
    c->access_key_id
        = json_string_value(json_object_get(keys, "access_key_id"));
    c->secret = json_string_value(json_object_get(keys, "secret_access_key"));
    c->token = json_string_value(json_object_get(keys, "token"));
    c->region = json_string_value(json_object_get(context, "region"));
    c->service = json_string_value(json_object_get(context, "service"));
    c->options.raw_path = json_is_false(json_object_get(context, "normalize"));
    c->options.omit_session_token
        = json_is_true(json_object_get(context, "omit_session_token"));
    c->sign_body = json_is_true(json_object_get(context, "sign_body"));
    c->expires_s = json_integer_value(
        json_object_get(context, "expiration_in_seconds"));
    assert_int_equal(tg_time_parse(&c->now_s,
        json_string_value(json_object_get(context, "timestamp"))), TG_OK);
}

static const char *
text_of(const json_t *vector, const char *form, const char *name)
{
    return json_string_value(
        json_object_get(json_object_get(vector, form), name));
}

static bool
find_secret(void *data, const char *access_key_id, const char *session_token,
    char *secret)
{
    const struct context *c = data;

    if (strcmp(access_key_id, c->access_key_id) != 0
        || (c->token == NULL) != (session_token == NULL)
        || (c->token != NULL && strcmp(c->token, session_token) != 0))
    {
        return false;
    }
    strcpy(secret, c->secret);
    return true;
}

static enum tg_sigv4_result
verify(const struct message *m, struct context *c, int64_t now_s)
{
    struct tg_sigv4_signer   signer;
    struct tg_sigv4_verifier verifier = { c->service, find_secret, c,
        c->options };

    return tg_sigv4_verify(&signer, &m->req, &verifier, now_s);
}

static bool
is_folded(const json_t *vector)
{
    return strcmp(json_string_value(json_object_get(vector, "name")),
               "get-header-value-multiline")
           == 0;
}

static void
vectors_are_signed_as_published(void **state)
{
    size_t  i;
    json_t *vector;

    (void) state;
    json_array_foreach(vectors, i, vector) {
        char                        hex[TG_SHA256_HEX];
        const char                 *text;
        enum tg_status              status;
        struct context              c;
        struct message              m;
        struct tg_arena             arena;
        struct tg_sigv4_credentials keys;
        struct tg_sigv4_signed      out;

        tg_arena_init(&arena);
        read_context(&c, vector);
        parse(&m, &arena,
            json_string_value(json_object_get(vector, "request")));
        if (c.sign_body) {
            tg_hex(hex, m.sha256, sizeof(m.sha256));
            m.headers[m.req.header_count++]
                = (struct tg_header) { "x-amz-content-sha256", hex };
        }
        keys = (struct tg_sigv4_credentials) { c.access_key_id, c.secret,
            c.token };
        status = tg_sigv4_sign(&out, &m.req, &keys, c.region, c.service,
            &c.options, c.now_s, NULL);
        if (is_folded(vector)) {
            assert_int_equal(status, TG_INVALID);
        } else {
            assert_int_equal(status, TG_OK);
            text = strstr(text_of(vector, "header", "signed_request"),
                "Authorization:");
            assert_non_null(text);
            text += strlen("Authorization:");
            assert_int_equal(strcspn(text, "\n"), out.authorization.len);
            assert_memory_equal(text, out.authorization.data,
                out.authorization.len);
        }
        tg_buf_clear(&out.authorization);
        tg_arena_clear(&arena);
    }
}

/* Changes one letter of text at its end, or gives it one. */
static const char *
spoil(struct tg_arena *arena, const char *text)
{
    char  *copy = tg_arena_strdup(arena, text);
    size_t len = strlen(copy);

    if (len == 0) {
        return "x";
    }
    copy[len - 1] = copy[len - 1] == 'x' ? 'y' : 'x';
    return copy;
}

static bool
is_signed_header(const struct message *m, const char *name)
{
    char        list[1024] = ";";
    const char *p = strstr(m->req.target, "X-Amz-SignedHeaders=");

    for (size_t i = 0; i < m->req.header_count; i++) {
        if (strcasecmp(m->headers[i].name, "authorization") == 0) {
            p = strstr(m->headers[i].value, "SignedHeaders=");
        }
    }
    assert_non_null(p);
    p = strchr(p, '=') + 1;
    for (char *out = list + 1; *p != '\0' && *p != ',' && *p != '&'
                               && *p != ' ';)
    {
        if (strncmp(p, "%3B", 3) == 0) {
            *out++ = ';';
            p += 3;
        } else {
            *out++ = *p++;
        }
        strcpy(out, ";");
    }
    p = strcasestr(list, name);
    return p != NULL && p[-1] == ';' && p[strlen(name)] == ';';
}

/* Every spoilt copy of an accepted request is refused. */
static void
check_spoilt(struct message *m, struct context *c, struct tg_arena *arena)
{
    const char *kept = m->req.target;
    const char *mark = strchr(kept, '?');
    const char *method = m->req.method;

    m->req.method = "PUT";
    assert_int_equal(verify(m, c, c->now_s), TG_SIGV4_MISMATCH);
    m->req.method = method;
    m->sha256[0] ^= 1;
    assert_int_not_equal(verify(m, c, c->now_s), TG_SIGV4_ACCEPTED);
    m->sha256[0] ^= 1;
    m->req.target = tg_arena_printf(arena, "/spoilt%s", kept);
    assert_int_not_equal(verify(m, c, c->now_s), TG_SIGV4_ACCEPTED);
    m->req.target = tg_arena_printf(arena, "%s%sspoilt=1", kept,
        mark != NULL ? "&" : "?");
    assert_int_not_equal(verify(m, c, c->now_s), TG_SIGV4_ACCEPTED);
    m->req.target = kept;
    for (size_t i = 0; i < m->req.header_count; i++) {
        const char *value = m->headers[i].value;

        if (strcasecmp(m->headers[i].name, "authorization") == 0
            || is_signed_header(m, m->headers[i].name))
        {
            m->headers[i].value = spoil(arena, value);
            assert_int_not_equal(verify(m, c, c->now_s), TG_SIGV4_ACCEPTED);
            m->headers[i].value = value;
        }
    }
    m->headers[m->req.header_count]
        = (struct tg_header) { "X-Amz-Target", "Added.Afterwards" };
    m->req.header_count++;
    assert_int_not_equal(verify(m, c, c->now_s), TG_SIGV4_ACCEPTED);
    m->req.header_count--;
}

static void
check_query_spoilt(struct message *m, struct context *c,
    struct tg_arena *arena)
{
    const char *kept = m->req.target;
    const char *p = strstr(kept, "X-Amz-Signature=");
    char       *copy;

    for (; *p != '\0'; p++) {
        copy = tg_arena_strdup(arena, kept);
        copy[p - kept] = copy[p - kept] == '0' ? '1' : '0';
        m->req.target = copy;
        assert_int_not_equal(verify(m, c, c->now_s), TG_SIGV4_ACCEPTED);
    }
    m->req.target = kept;
}

static void
check_form(const json_t *vector, const char *form)
{
    bool            in_query = strcmp(form, "query") == 0;
    struct context  c;
    struct message  m;
    struct tg_arena arena;
    int64_t         life_s;

    tg_arena_init(&arena);
    read_context(&c, vector);
    parse(&m, &arena, text_of(vector, form, "signed_request"));
    life_s = in_query ? c.expires_s : 899;
    assert_int_equal(verify(&m, &c, c.now_s), TG_SIGV4_ACCEPTED);
    assert_int_equal(verify(&m, &c, c.now_s + life_s), TG_SIGV4_ACCEPTED);
    assert_int_equal(verify(&m, &c, c.now_s + life_s + 1), TG_SIGV4_EXPIRED);
    assert_int_equal(verify(&m, &c, c.now_s - 899), TG_SIGV4_ACCEPTED);
    assert_int_equal(verify(&m, &c, c.now_s - 900), TG_SIGV4_NOT_YET);
    check_spoilt(&m, &c, &arena);
    if (in_query) {
        check_query_spoilt(&m, &c, &arena);
    }
    assert_int_equal(verify(&m, &c, c.now_s), TG_SIGV4_ACCEPTED);
    c.service = "elsewhere";
    assert_int_equal(verify(&m, &c, c.now_s), TG_SIGV4_SCOPE);
    c.access_key_id = "AKIDOTHER";
    assert_int_equal(verify(&m, &c, c.now_s), TG_SIGV4_UNKNOWN_KEY);
    tg_arena_clear(&arena);
}

static void
vectors_are_verified_and_nothing_else(void **state)
{
    size_t  i;
    json_t *vector;

    (void) state;
    assert_int_equal(json_array_size(vectors), VECTORS);
    json_array_foreach(vectors, i, vector) {
        if (is_folded(vector)) {
            continue;
        }
        check_form(vector, "header");
        check_form(vector, "query");
    }
}

static void
folded_headers_are_refused(void **state)
{
    struct context  c;
    struct message  m;
    struct tg_arena arena;
    json_t         *vector;
    size_t          i;

    (void) state;
    tg_arena_init(&arena);
    json_array_foreach(vectors, i, vector) {
        if (is_folded(vector)) {
            read_context(&c, vector);
            parse(&m, &arena, text_of(vector, "header", "signed_request"));
            assert_int_equal(verify(&m, &c, c.now_s), TG_SIGV4_MISMATCH);
        }
    }
    tg_arena_clear(&arena);
}

/* credentials.md of AWS's own services: an encoded ARN in a path. */
static void
encoded_segments_are_encoded_once_more(void **state)
{
    static const struct tg_header headers[]
        = { { "Host", "apigateway.us-east-1.amazonaws.com" } };
    static const char *const targets[] = { "/tags/arn%3Aaws",
        "/tags/arn%253Aaws", "/tags/arn:aws" };
    char                     seen[3][256];
    struct tg_sigv4_credentials keys = { "AKIDEXAMPLE", "secret", NULL };
    struct tg_sigv4_options     options = { .raw_path = false };
    struct tg_sigv4_signed      out;
    uint8_t                     sha256[TG_SHA256_SIZE];
    struct tg_sigv4_request     req = { "GET", NULL, headers, 1, sha256 };

    (void) state;
    tg_sha256(sha256, "", 0);
    for (size_t i = 0; i < 3; i++) {
        req.target = targets[i];
        options.raw_path = i == 1;
        assert_int_equal(tg_sigv4_sign(&out, &req, &keys, "us-east-1",
            "apigateway", &options, 1795395600, NULL), TG_OK);
        snprintf(seen[i], sizeof(seen[i]), "%s", out.authorization.data);
        tg_buf_clear(&out.authorization);
    }
    assert_string_equal(seen[0], seen[1]); /* %3A on the wire is %253A */
    assert_string_not_equal(seen[0], seen[2]);
}

/* Each of these lacks one thing; the result says which. */
static void
broken_authorizations_are_told_apart(void **state)
{
#define CRED "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
#define SIG "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8a" \
    "ae1d763fbf31"
    static const struct {
        const char          *authorization;
        enum tg_sigv4_result result;
    } table[] = {
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, " SIG,
            TG_SIGV4_ACCEPTED },
        { "AWS4-HMAC-SHA256 " CRED ",SignedHeaders=host;x-amz-date," SIG,
            TG_SIGV4_ACCEPTED },
        { NULL, TG_SIGV4_MISSING },
        { "", TG_SIGV4_INCOMPLETE },
        { "Basic abc", TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256", TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 " CRED ", " SIG, TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, " SIG,
            TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date",
            TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=x-amz-date;host, " SIG,
            TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=Host;x-amz-date, " SIG,
            TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;host, " SIG,
            TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;, " SIG,
            TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=x-amz-date, " SIG,
            TG_SIGV4_MISMATCH },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host, " SIG,
            TG_SIGV4_MISMATCH },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date;x-y, "
          SIG, TG_SIGV4_MISMATCH },
        { "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, "
          "Signature=", TG_SIGV4_MISMATCH },
        { "AWS4-HMAC-SHA256 " CRED "/x, SignedHeaders=host;x-amz-date, " SIG,
            TG_SIGV4_INCOMPLETE },
        { "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150831/us-east-1/"
          "service/aws4_request, SignedHeaders=host;x-amz-date, " SIG,
            TG_SIGV4_SCOPE },
        { "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
          "service/aws5_request, SignedHeaders=host;x-amz-date, " SIG,
            TG_SIGV4_SCOPE },
        { "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830//"
          "service/aws4_request, SignedHeaders=host;x-amz-date, " SIG,
            TG_SIGV4_INCOMPLETE },
    };
    struct context c = { "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, "us-east-1",
        "service", { .raw_path = false }, false, 1440938160, 0 };
    struct message m = { .req = { "GET", "/", NULL, 3, NULL } };

    (void) state;
    tg_sha256(m.sha256, "", 0);
    m.req.body_sha256 = m.sha256;
    m.req.headers = m.headers;
    m.headers[0] = (struct tg_header) { "Host", "example.amazonaws.com" };
    m.headers[1] = (struct tg_header) { "X-Amz-Date", "20150830T123600Z" };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        m.req.header_count = table[i].authorization != NULL ? 3 : 2;
        m.headers[2]
            = (struct tg_header) { "Authorization", table[i].authorization };
        if (verify(&m, &c, c.now_s) != table[i].result) {
            fail_msg("row %zu: %s", i, table[i].authorization);
        }
    }
#undef CRED
#undef SIG
}

static void
only_asked_for_is_an_unsigned_payload_taken(void **state)
{
    static const struct tg_header plain[]
        = { { "Host", "h" }, { "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD" } };
    struct context c = { "AKID", "secret", NULL, "r", "s3",
        { .raw_path = true }, false, 1795395600, 0 };
    struct message              m = { .req = { "PUT", "/k", plain, 2, NULL } };
    struct tg_sigv4_credentials keys = { c.access_key_id, c.secret, NULL };
    struct tg_sigv4_signed      out;

    (void) state;
    m.req.body_sha256 = m.sha256;
    assert_int_equal(tg_sigv4_sign(&out, &m.req, &keys, c.region, c.service,
        &c.options, c.now_s, NULL), TG_OK);
    m.headers[0] = plain[0];
    m.headers[1] = plain[1];
    m.headers[2] = (struct tg_header) { "x-amz-date", out.amz_date };
    m.headers[3]
        = (struct tg_header) { "authorization", out.authorization.data };
    m.req.headers = m.headers;
    m.req.header_count = 4;
    assert_int_equal(verify(&m, &c, c.now_s), TG_SIGV4_BODY_MISMATCH);
    c.options.unsigned_payload = true;
    assert_int_equal(verify(&m, &c, c.now_s), TG_SIGV4_ACCEPTED);
    tg_buf_clear(&out.authorization);
}

static void
too_much_of_anything_is_refused(void **state)
{
    struct context c = { "AKID", "secret", NULL, "r", "s", { false, 0, 0 },
        false, 0, 0 };
    struct message m = { .req = { "GET", NULL, NULL, 0, NULL } };
    struct tg_buf  target;

    (void) state;
    m.req.body_sha256 = m.sha256;
    tg_buf_init(&target, 1 << 20);
    tg_buf_puts(&target, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256");
    for (int i = 0; i < TG_SIGV4_PARAMS_MAX; i++) {
        tg_buf_printf(&target, "&p%d", i);
    }
    m.req.target = target.data;
    assert_int_equal(verify(&m, &c, 0), TG_SIGV4_INCOMPLETE);
    m.req.target = "/?a=%4";
    assert_int_equal(verify(&m, &c, 0), TG_SIGV4_INCOMPLETE);
    m.req.target = "*";
    assert_int_equal(verify(&m, &c, 0), TG_SIGV4_INCOMPLETE);
    tg_buf_clear(&target);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_signed_as_published),
        cmocka_unit_test(vectors_are_verified_and_nothing_else),
        cmocka_unit_test(folded_headers_are_refused),
        cmocka_unit_test(encoded_segments_are_encoded_once_more),
        cmocka_unit_test(broken_authorizations_are_told_apart),
        cmocka_unit_test(only_asked_for_is_an_unsigned_payload_taken),
        cmocka_unit_test(too_much_of_anything_is_refused),
    };
    int result;

    vectors = argc > 1 ? json_load_file(argv[1], 0, NULL) : NULL;
    if (vectors == NULL) {
        fprintf(stderr, "usage: sigv4 vectors.json\n");
        return 1;
    }
    result = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return result;
}
