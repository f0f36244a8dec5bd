/*
 * chain.c - each source of credentials, in its turn, and what goes wrong
 *
 * STS, the container's and the instance's endpoint are one fake transport
 * that notes what it was asked.
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
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "aws/chain.h"

#define NOW INT64_C(1795399200) /* 2026-11-23T02:00:00Z */
#define STS_ANSWER(action, key)                                               \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"\
    "<" action "Result><AssumedRoleUser><AssumedRoleId>AROA:x"                \
    "</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/Meter/x</Arn>"          \
    "</AssumedRoleUser><Credentials><SessionToken>a&amp;b==</SessionToken>"   \
    "<Expiration>2026-11-23T03:00:00Z</Expiration><AccessKeyId>" key          \
    "</AccessKeyId><SecretAccessKey>s/+</SecretAccessKey></Credentials></"    \
    action "Result></" action "Response>"
#define DOCUMENT                                                              \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAHERE\",\"SecretAccessKey\":" \
    "\"sss\",\"Token\":\"ttt\",\"Expiration\":\"2026-11-23T08:00:00Z\"}"

/* What the network answers, one after the other; and what it was asked. */
static struct {
    struct {
        int         status; /* 0: nobody answers */
        const char *body;
    } answers[8];
    int  asked;
    char urls[8][256];
    char methods[8][8];
    char bodies[8][2048];
    char auth[8][512]; /* Authorization */
    char imds[8][64];  /* x-aws-ec2-metadata-token */
} net;

static enum tg_aws_delivery
net_send(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    int    n = net.asked++;
    size_t i;

    (void) data;
    assert_true(n < 8);
    (void) snprintf(net.urls[n], sizeof(net.urls[n]), "%s", request->url);
    (void) snprintf(net.methods[n], sizeof(net.methods[n]), "%s",
        request->method);
    (void) snprintf(net.bodies[n], sizeof(net.bodies[n]), "%.*s",
        (int) request->body_len, request->body != NULL ? request->body : "");
    for (i = 0; i < request->header_count; i++) {
        const struct tg_header *h = &request->headers[i];

        if (strcmp(h->name, "Authorization") == 0) {
            (void) snprintf(net.auth[n], sizeof(net.auth[n]), "%s",
                h->value);
        } else if (strcmp(h->name, "x-aws-ec2-metadata-token") == 0) {
            (void) snprintf(net.imds[n], sizeof(net.imds[n]), "%s",
                h->value);
        }
    }
    if (net.answers[n].status == 0) {
        (void) tg_error_set(err, TG_IO, "connection refused");
        return TG_AWS_NOT_SENT;
    }
    reply->status = net.answers[n].status;
    assert_int_equal(tg_buf_puts(&reply->body, net.answers[n].body), TG_OK);
    return TG_AWS_ANSWERED;
}

static const struct tg_aws_transport transport = { net_send, NULL };
static char                          dir[64];
static char                          credentials_path[96], config_path[96];
static struct tg_aws_credentials     c;
static struct tg_aws_source          source;
static struct tg_error               err;
static int64_t                       skew_s;

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void
credentials_file(const char *text)
{
    write_file(credentials_path, text);
}

static void
config_file(const char *text)
{
    write_file(config_path, text);
}

static enum tg_status
find(void)
{
    tg_aws_credentials_wipe(&c);
    err.message[0] = '\0';
    return tg_aws_chain_find(&c, &source, NOW, &skew_s, &err);
}

static void
assert_found(const char *key)
{
    enum tg_status status = find();

    if (status != TG_OK) {
        fail_msg("%s: %s", key, err.message);
    }
    assert_string_equal(c.access_key_id, key);
}

/* It fails so, and the message holds the text. */
static void
assert_broken(enum tg_status status, const char *text)
{
    enum tg_status is = find();

    if (is != status || strstr(err.message, text) == NULL) {
        fail_msg("expected %s ... %s, found %s: %s", tg_status_text(status),
            text, tg_status_text(is), err.message);
    }
    assert_string_equal(c.secret_access_key, "");
}

static int
set_up(void **state)
{
    (void) state;
    strcpy(dir, "/tmp/tg-chain-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void) snprintf(credentials_path, sizeof(credentials_path), "%s/cr",
        dir);
    (void) snprintf(config_path, sizeof(config_path), "%s/co", dir);
    clearenv();
    setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_path, 1);
    setenv("AWS_CONFIG_FILE", config_path, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("PATH", "/usr/bin:/bin", 1);
    memset(&net, 0, sizeof(net));
    skew_s = 0;
    source = (struct tg_aws_source) { .region = "eu-west-1",
        .transport = &transport };
    return 0;
}

static int
tear_down(void **state)
{
    char command[128];

    (void) state;
    tg_aws_credentials_wipe(&c);
    (void) snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}

/*
 * ---- static keys
 */

static void
a_profile_is_read_as_sdks_read_it(void **state)
{
    (void) state;
    credentials_file("# comment\n[other]\naws_access_key_id = NO\n"
        "aws_secret_access_key = n\n\n"
        "[ default ]\r\naws_access_key_id=AKID\r\n"
        "  aws_secret_access_key = indented lines belong to something else\n"
        "aws_secret_access_key = se=cret/+ \nregion = eu-west-1\n"
        "s3 =\n  aws_access_key_id = nested\n"
        "; comment\n[my name]\naws_access_key_id = MINE\n"
        "aws_secret_access_key = S\naws_session_token = T\n");
    assert_found("AKID");
    assert_string_equal(c.secret_access_key, "se=cret/+");
    assert_null(c.session_token);
    assert_true(c.is_reread);
    source.profile = "my name";
    assert_found("MINE");
    assert_string_equal(c.session_token, "T");
    assert_int_equal(net.asked, 0);
}

static void
keys_of_the_credentials_file_go_before_the_config_file(void **state)
{
    (void) state;
    config_file("[profile p]\naws_access_key_id=CONFIG\n"
        "aws_secret_access_key=F\n[q]\naws_access_key_id=NO\n"
        "aws_secret_access_key=F\n[profile \"r s\"]\n"
        "aws_access_key_id=QUOTED\naws_secret_access_key=F\n");
    source.profile = "p";
    assert_found("CONFIG");
    credentials_file("[p]\naws_access_key_id=CREDENTIALS\n"
        "aws_secret_access_key=F\n");
    assert_found("CREDENTIALS");
    source.profile = "q"; /* a config file names profiles as such */
    assert_broken(TG_NOTFOUND, "there is no profile q in");
    source.profile = "r s";
    assert_found("QUOTED");
}

static void
what_the_settings_name_is_taken_and_nothing_else(void **state)
{
    (void) state;
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "E", 1);
    setenv("AWS_PROFILE", "other", 1);
    credentials_file("[default]\naws_access_key_id=SHARED\n"
        "aws_secret_access_key=F\n");
    assert_found("ENV");
    source.profile = "default";
    assert_found("SHARED");
    source.profile = NULL;
    source.file = config_path;
    assert_broken(TG_NOTFOUND, config_path);
    config_file("[profile x]\naws_access_key_id=X\n"
        "aws_secret_access_key=F\n");
    assert_broken(TG_NOTFOUND, "there is no profile default");
    source.profile = "x";
    assert_found("X");
    config_file("[x]\nregion = eu-west-1\n");
    assert_broken(TG_NOTFOUND, "names no credentials");
}

static void
the_environment_comes_before_the_files(void **state)
{
    (void) state;
    credentials_file("[default]\naws_access_key_id=FILE\n"
        "aws_secret_access_key=F\n[p]\naws_access_key_id=P\n"
        "aws_secret_access_key=F\n");
    setenv("AWS_PROFILE", "p", 1);
    assert_found("P");
    setenv("AWS_ACCESS_KEY_ID", "", 1); /* empty is unset */
    assert_found("P");
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_broken(TG_INVALID, "aws_access_key_id without"
        " aws_secret_access_key");
    setenv("AWS_SECRET_ACCESS_KEY", "E", 1);
    setenv("AWS_SECURITY_TOKEN", "OLD", 1);
    assert_found("ENV");
    assert_string_equal(c.session_token, "OLD");
    setenv("AWS_SESSION_TOKEN", "NEW", 1);
    assert_found("ENV");
    assert_string_equal(c.session_token, "NEW");
}

static void
what_is_broken_names_file_and_line_and_no_secret(void **state)
{
    char   text[400];
    size_t i;
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "[default]\naws_access_key_id = A\n",
            "/cr:2: profile default: there is aws_access_key_id without"
            " aws_secret_access_key" },
        { "\n[default]\naws_secret_access_key = topsecret\n",
            "/cr:3: profile default: there is aws_secret_access_key" },
        { "[default]\naws_session_token = topsecret\n", "/cr:2:" },
        { "[default]\nnonsense topsecret\n",
            "/cr:2: expected [section] or name = value" },
        { "[default\naws_access_key_id = A\n", "/cr:1: expected [section]" },
        { "aws_access_key_id = A\n", "/cr:1: a setting before" },
        { "[default]\n= topsecret\n", "/cr:2: expected" },
        { "[]\n", "/cr:1: expected a name" },
        { "[default]\nsso_start_url = https://x\n",
            "/cr:2: sso_start_url: signing in at a browser" },
        { "[default]\nlogin_session = x\n", "/cr:2: login_session: " },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        credentials_file(rows[i].text);
        assert_broken(TG_INVALID, rows[i].message);
        assert_null(strstr(err.message, "topsecret"));
    }
    memset(text, 'A', sizeof(text));
    memcpy(text, "[default]\naws_access_key_id = ", 30);
    strcpy(text + 300, "\n");
    credentials_file(text);
    assert_broken(TG_INVALID, "/cr:2: aws_access_key_id is longer than 128");
}

static void
nothing_anywhere_says_where_it_looked(void **state)
{
    (void) state;
    assert_broken(TG_NOTFOUND, credentials_path);
    assert_non_null(strstr(err.message, config_path));
    assert_non_null(strstr(err.message, "AWS_EC2_METADATA_DISABLED"));
    setenv("AWS_PROFILE", "gone", 1);
    assert_broken(TG_NOTFOUND, "there is no profile gone");
}

/*
 * ---- roles
 */

static void
a_role_is_assumed_with_its_source(void **state)
{
    (void) state;
    credentials_file("[base]\naws_access_key_id=BASE\n"
        "aws_secret_access_key=F\n");
    config_file("[default]\nrole_arn = arn:aws:iam::1:role/Meter\n"
        "source_profile = base\nexternal_id = e/x=1\n"
        "duration_seconds = 900\nrole_session_name = me\n");
    net.answers[0].status = 200;
    net.answers[0].body = STS_ANSWER("AssumeRole", "ASIAROLE");
    assert_found("ASIAROLE");
    assert_string_equal(c.secret_access_key, "s/+");
    assert_string_equal(c.session_token, "a&b==");
    assert_int_equal(c.expires_s, NOW + 3600);
    assert_string_equal(c.arn, "arn:aws:sts::1:assumed-role/Meter/x");
    assert_false(c.is_reread);
    assert_string_equal(net.urls[0], "https://sts.eu-west-1.amazonaws.com");
    assert_string_equal(net.bodies[0], "Action=AssumeRole&Version=2011-06-15"
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FMeter&RoleSessionName=me"
        "&DurationSeconds=900&ExternalId=e%2Fx%3D1");
    assert_non_null(strstr(net.auth[0], "Credential=BASE/20261123/eu-west-1/"
        "sts/aws4_request, SignedHeaders=content-type;host;x-amz-date"));
}

static void
roles_in_a_row_are_assumed_one_from_the_other(void **state)
{
    (void) state;
    config_file("[default]\nrole_arn = arn:aws:iam::1:role/Second\n"
        "source_profile = first\n"
        "[profile first]\nrole_arn = arn:aws:iam::1:role/First\n"
        "source_profile = first\naws_access_key_id = SELF\n"
        "aws_secret_access_key = s\n"
        "[profile long]\nrole_arn = arn:aws:iam::1:role/Third\n"
        "source_profile = middle\n"
        "[profile middle]\nrole_arn = arn:aws:iam::1:role/M\n"
        "credential_source = Environment\n");
    net.answers[0].status = net.answers[1].status = 200;
    net.answers[0].body = STS_ANSWER("AssumeRole", "ASIAONE");
    net.answers[1].body = STS_ANSWER("AssumeRole", "ASIATWO");
    /* the source has keys: they win over its own role */
    assert_found("ASIAONE");
    assert_int_equal(net.asked, 1);
    assert_non_null(strstr(net.auth[0], "Credential=SELF/"));
    net.asked = 0;
    source.profile = "first"; /* names itself, and has keys */
    assert_found("ASIAONE");
    net.asked = 0;
    source.profile = "long";
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "E", 1);
    assert_found("ASIATWO");
    assert_int_equal(net.asked, 2);
    assert_non_null(strstr(net.auth[0], "Credential=ENV/"));
    assert_non_null(strstr(net.auth[1], "Credential=ASIAONE/"));
}

static void
a_role_that_makes_no_sense_is_an_error(void **state)
{
    size_t i;
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "[default]\nrole_arn = arn:r\n",
            "/co:2: role_arn: needs source_profile or credential_source" },
        { "[default]\nrole_arn = arn:r\nsource_profile = a\n"
          "credential_source = Environment\n",
            "/co:4: credential_source: stands beside source_profile" },
        { "[default]\nrole_arn = arn:r\nsource_profile = gone\n",
            "/co:3: source_profile: there is no profile gone" },
        { "[default]\nrole_arn = arn:r\nsource_profile = a\n"
          "[profile a]\nrole_arn = arn:s\nsource_profile = default\n",
            "/co:6: source_profile: the profiles go round" },
        { "[default]\nrole_arn = arn:r\nsource_profile = default\n",
            "/co:3: source_profile: the profiles go round" },
        { "[default]\nrole_arn = arn:r\nsource_profile = a\n"
          "[profile a]\nregion = x\n",
            "/co:3: source_profile: that profile has no credentials" },
        { "[default]\nrole_arn = arn:r\ncredential_source = environment\n",
            "/co:3: credential_source: expected Environment" },
        { "[default]\nrole_arn = arn:r\ncredential_source = EcsContainer\n",
            "/co:3: credential_source: EcsContainer, but" },
        { "[default]\nrole_arn = arn:r\nmfa_serial = arn:m\n",
            "/co:3: mfa_serial: " },
        { "[default]\nrole_arn = arn:r\nduration_seconds = 1h\n",
            "/co:3: duration_seconds: expected a whole number from 900" },
        { "[default]\nweb_identity_token_file = /nonexistent\n",
            "/co:2: web_identity_token_file: needs role_arn" },
        { "[default]\nrole_arn = arn:r\n"
          "web_identity_token_file = /nonexistent\n",
            "/co:3: web_identity_token_file: " },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        config_file(rows[i].text);
        assert_broken(TG_INVALID, rows[i].message);
    }
    assert_int_equal(net.asked, 0);
}

static void
the_settings_role_is_assumed_with_what_was_found(void **state)
{
    (void) state;
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "E", 1);
    source.role = "111122223333";
    source.external_id = "ext";
    net.answers[0].status = 200;
    net.answers[0].body = STS_ANSWER("AssumeRole", "ASIAROLE");
    assert_found("ASIAROLE");
    assert_non_null(strstr(net.bodies[0], "RoleArn=arn%3Aaws%3Aiam%3A%3A"
        "111122223333%3Arole%2FApiGatewayMarketplaceMeteringRole&"));
    assert_non_null(strstr(net.bodies[0], "&ExternalId=ext"));
    assert_non_null(strstr(net.bodies[0], "&RoleSessionName=tallygate-"));
    net.asked = 0;
    source.role = "arn:aws-cn:iam::1:role/path/Mine";
    assert_found("ASIAROLE");
    assert_non_null(strstr(net.bodies[0], "role%2Fpath%2FMine"));
    net.asked = 0;
    source.role = "111122223333";
    source.region = "cn-northwest-1";
    assert_found("ASIAROLE");
    assert_non_null(strstr(net.bodies[0], "arn%3Aaws-cn%3Aiam"));
    assert_string_equal(net.urls[0],
        "https://sts.cn-northwest-1.amazonaws.com.cn");
}

static void
what_sts_refuses_is_told_and_what_may_pass_is_tried_again(void **state)
{
    (void) state;
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "E", 1);
    source.role = "arn:r";
    net.answers[0].status = 403;
    net.answers[0].body = "<ErrorResponse><Error><Type>Sender</Type>"
        "<Code>AccessDenied</Code><Message>not you</Message></Error>"
        "<RequestId>r</RequestId></ErrorResponse>";
    assert_broken(TG_DENIED, "role arn:r: STS refuses: AccessDenied: not"
        " you");
    assert_int_equal(net.asked, 1);
    net.asked = 0;
    net.answers[0].status = 400;
    net.answers[0].body = "<ErrorResponse><Error><Code>Throttling</Code>"
        "</Error></ErrorResponse>";
    net.answers[1].status = 0;
    net.answers[2].status = 200;
    net.answers[2].body = STS_ANSWER("AssumeRole", "ASIAROLE");
    assert_found("ASIAROLE");
    assert_int_equal(net.asked, 3);
    net.asked = 0;
    net.answers[2].status = 503;
    net.answers[2].body = "<html>";
    assert_broken(TG_BUSY, "STS refuses: 503");
    net.asked = 0;
    net.answers[0].status = 200;
    net.answers[0].body = "<AssumeRoleResponse></AssumeRoleResponse>";
    assert_broken(TG_INVALID, "the answer holds no credentials");
    net.asked = 0;
    net.answers[0].body = "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>";
    assert_broken(TG_INVALID, "no XML document of STS");
    net.asked = 0;
    net.answers[0].body = "<AssumeRoleResponse>";
    assert_broken(TG_INVALID, "no XML document of STS");
}

static void
the_endpoint_of_sts_can_be_named(void **state)
{
    (void) state;
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "E", 1);
    source.role = "arn:r";
    net.answers[0].status = 200;
    net.answers[0].body = STS_ANSWER("AssumeRole", "ASIAROLE");
    setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy", 1);
    assert_found("ASIAROLE");
    assert_string_equal(net.urls[0], "https://sts.amazonaws.com");
    assert_non_null(strstr(net.auth[0], "/us-east-1/sts/"));
    net.asked = 0;
    setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9/sts/", 1);
    assert_found("ASIAROLE");
    assert_string_equal(net.urls[0], "http://127.0.0.1:9/sts");
    assert_non_null(strstr(net.auth[0], "/eu-west-1/sts/"));
}

/*
 * ---- web identity
 */

static void
a_web_identity_is_asked_for_unsigned(void **state)
{
    char path[128], config[512];

    (void) state;
    (void) snprintf(path, sizeof(path), "%s/token", dir);
    write_file(path, "eyJ.a.b\n \n");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
    assert_broken(TG_INVALID, "AWS_WEB_IDENTITY_TOKEN_FILE needs"
        " AWS_ROLE_ARN");
    setenv("AWS_ROLE_ARN", "arn:web", 1);
    setenv("AWS_ROLE_SESSION_NAME", "pod", 1);
    net.answers[0].status = 200;
    net.answers[0].body = STS_ANSWER("AssumeRoleWithWebIdentity", "ASIAWEB");
    assert_found("ASIAWEB");
    assert_string_equal(net.bodies[0], "Action=AssumeRoleWithWebIdentity&"
        "Version=2011-06-15&RoleArn=arn%3Aweb&RoleSessionName=pod"
        "&WebIdentityToken=eyJ.a.b");
    assert_string_equal(net.auth[0], "");
    net.asked = 0;
    (void) snprintf(config, sizeof(config), "[profile web]\nrole_arn = "
        "arn:mine\nweb_identity_token_file = %s\n", path);
    config_file(config);
    source.profile = "web"; /* the environment's is not looked at */
    assert_found("ASIAWEB");
    assert_non_null(strstr(net.bodies[0], "RoleArn=arn%3Amine"));
}

static void
a_stale_web_identity_is_read_anew_once(void **state)
{
    char path[128];

    (void) state;
    (void) snprintf(path, sizeof(path), "%s/token", dir);
    write_file(path, "eyJ.a.b");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
    setenv("AWS_ROLE_ARN", "arn:web", 1);
    net.answers[0].status = net.answers[1].status = 400;
    net.answers[0].body = net.answers[1].body = "<ErrorResponse><Error>"
        "<Code>ExpiredTokenException</Code></Error></ErrorResponse>";
    assert_broken(TG_DENIED, "ExpiredTokenException");
    assert_int_equal(net.asked, 2);
    write_file(path, "");
    assert_broken(TG_INVALID, "holds no token");
    unlink(path);
    assert_broken(TG_INVALID, path);
}

/*
 * ---- programs
 */

static void
program(const char *line)
{
    char text[1024];

    (void) snprintf(text, sizeof(text), "[default]\ncredential_process ="
        " %s\n", line);
    config_file(text);
}

static void
a_program_may_print_them(void **state)
{
    char path[128], line[512];

    (void) state;
    (void) snprintf(path, sizeof(path), "%s/doc one", dir);
    write_file(path, "{\"Version\":1,\"AccessKeyId\":\"PROG\","
        "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","
        "\"Expiration\":\"2026-11-23T05:30:00.5+01:00\"}");
    (void) snprintf(line, sizeof(line), "cat \"%s\"", path);
    program(line);
    assert_found("PROG");
    assert_string_equal(c.session_token, "t");
    assert_int_equal(c.expires_s, NOW + 9000);
    assert_true(c.is_short);
    assert_int_equal(chmod(config_path, 0620), 0); /* not run: G1 */
    assert_broken(TG_INVALID, "others than the owner may write");
}

static void
a_program_that_fails_is_an_error(void **state)
{
    size_t i;
    static const struct {
        const char    *line, *message;
        enum tg_status status;
    } rows[] = {
        { "false", "status 1", TG_INVALID },
        { "true", "printed nothing", TG_INVALID },
        { "/nonexistent/program x", "cannot run /nonexistent/program",
            TG_IO },
        { "echo \"{", "quotes closed", TG_INVALID },
        { "echo '{\"Version\":2,\"AccessKeyId\":\"topsecret\"}'",
            "Version: expected 1", TG_INVALID },
        { "echo '{\"Version\":1,\"AccessKeyId\":\"A\"}'",
            "lacks AccessKeyId or SecretAccessKey", TG_INVALID },
        { "echo topsecret", "no JSON object", TG_INVALID },
        { "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
          "\"topsecret\",\"Expiration\":\"soon\"}'",
            "Expiration: expected a time", TG_INVALID },
        { "head -c 70000 /dev/zero", "printed more than 65536", TG_IO },
        { "echo $HOME ~", "no JSON object", TG_INVALID },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        program(rows[i].line);
        assert_broken(rows[i].status, rows[i].message);
        assert_non_null(strstr(err.message, "/co:2: credential_process"));
        assert_null(strstr(err.message, "topsecret"));
    }
}

/*
 * ---- containers and instances
 */

static void
a_container_is_asked_with_its_token(void **state)
{
    char path[128];

    (void) state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.9:1/x?y=z",
        1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "tok", 1);
    net.answers[0].status = 200;
    net.answers[0].body = DOCUMENT;
    assert_found("ASIAHERE");
    assert_string_equal(c.session_token, "ttt");
    assert_int_equal(c.expires_s, NOW + 6 * 3600);
    assert_string_equal(net.urls[0], "http://127.0.0.9:1/x?y=z");
    assert_string_equal(net.auth[0], "tok");
    net.asked = 0;
    (void) snprintf(path, sizeof(path), "%s/token", dir);
    write_file(path, "from file\n");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/id", 1);
    assert_found("ASIAHERE");
    assert_string_equal(net.urls[0], "http://169.254.170.2/v2/id");
    assert_string_equal(net.auth[0], "from file");
    write_file(path, "two\nlines");
    assert_broken(TG_INVALID, "holds a line break");
}

static void
where_a_container_may_be_asked(void **state)
{
    size_t i;
    static const struct {
        const char *url;
        bool        is_good;
    } rows[] = {
        { "https://anywhere.example/x", true },
        { "http://localhost/x", true },
        { "http://127.1.2.3:80/x", true },
        { "http://[::1]:99/x", true },
        { "http://169.254.170.23/v1/credentials", true },
        { "http://[fd00:ec2::23]/v1/credentials", true },
        { "http://169.254.169.254/x", false },
        { "http://example.com/x", false },
        { "http://localhost.example.com/x", false },
        { "http://10.0.0.1/x", false },
        { "ftp://localhost/x", false },
        { "nonsense", false },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", rows[i].url, 1);
        net.asked = 0;
        net.answers[0].status = 200;
        net.answers[0].body = DOCUMENT;
        if (rows[i].is_good) {
            assert_found("ASIAHERE");
        } else {
            assert_broken(TG_INVALID, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
            assert_int_equal(net.asked, 0);
        }
    }
}

static void
a_container_that_fails_is_an_error_and_not_passed_over(void **state)
{
    (void) state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/x", 1);
    unsetenv("AWS_EC2_METADATA_DISABLED");
    net.answers[0].status = 403;
    net.answers[0].body = "{\"message\":\"topsecret\"}";
    assert_broken(TG_DENIED, "container endpoint http://localhost/x: status"
        " 403");
    assert_int_equal(net.asked, 1);
    net.asked = 0;
    net.answers[0].status = 200;
    net.answers[0].body = "{\"Code\":\"Oops\",\"Message\":\"why\"}";
    assert_broken(TG_DENIED, "Oops: why");
    net.asked = 0;
    net.answers[0].body = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
        "\"Token\":\"t\",\"Expiration\":\"2026-11-23T01:59:59Z\"}";
    assert_broken(TG_IO, "have expired");
    net.asked = 0;
    net.answers[0].status = 500;
    net.answers[1].status = 200;
    net.answers[1].body = DOCUMENT;
    assert_found("ASIAHERE"); /* tried again */
    assert_int_equal(net.asked, 2);
}

static void
an_instance_is_asked_by_imds_v2(void **state)
{
    (void) state;
    unsetenv("AWS_EC2_METADATA_DISABLED");
    net.answers[0].status = net.answers[1].status = 200;
    net.answers[2].status = 200;
    net.answers[0].body = "TOKEN";
    net.answers[1].body = "my-role\nother";
    net.answers[2].body = DOCUMENT;
    assert_found("ASIAHERE");
    assert_string_equal(net.methods[0], "PUT");
    assert_string_equal(net.urls[0],
        "http://169.254.169.254/latest/api/token");
    assert_string_equal(net.urls[2], "http://169.254.169.254/latest/meta-data"
        "/iam/security-credentials/my-role");
    assert_string_equal(net.imds[1], "TOKEN");
    assert_string_equal(net.imds[2], "TOKEN");
    net.asked = 0;
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 1);
    assert_found("ASIAHERE");
    assert_string_equal(net.urls[0],
        "http://[fd00:ec2::254]/latest/api/token");
}

static void
an_instance_without_a_role_is_no_credentials(void **state)
{
    (void) state;
    unsetenv("AWS_EC2_METADATA_DISABLED");
    assert_broken(TG_NOTFOUND, "hop limit"); /* nobody answers */
    assert_int_equal(net.asked, 1);
    net.asked = 0;
    net.answers[0].status = 403; /* no way back to the first version */
    net.answers[0].body = "";
    assert_broken(TG_NOTFOUND, "gives no IMDSv2 token");
    assert_int_equal(net.asked, 1);
    net.asked = 0;
    net.answers[0].status = 200;
    net.answers[0].body = "TOKEN";
    net.answers[1].status = 404;
    net.answers[1].body = "";
    assert_broken(TG_NOTFOUND, "has no role");
    net.asked = 0;
    net.answers[1].status = 200;
    net.answers[1].body = "../../secret";
    assert_broken(TG_NOTFOUND, "has no role");
    net.asked = 0;
    net.answers[1].body = "r";
    net.answers[2].status = 200;
    net.answers[2].body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}";
    assert_broken(TG_NOTFOUND, "AssumeRoleUnauthorizedAccess");
}

static void
an_instance_can_be_the_source_of_a_role(void **state)
{
    (void) state;
    unsetenv("AWS_EC2_METADATA_DISABLED");
    config_file("[default]\nrole_arn = arn:r\ncredential_source ="
        " Ec2InstanceMetadata\nec2_metadata_service_endpoint ="
        " http://imds.example/\n");
    net.answers[0].status = net.answers[1].status = 200;
    net.answers[2].status = net.answers[3].status = 200;
    net.answers[0].body = "TOKEN";
    net.answers[1].body = "r";
    net.answers[2].body = DOCUMENT;
    net.answers[3].body = STS_ANSWER("AssumeRole", "ASIAROLE");
    assert_found("ASIAROLE");
    assert_string_equal(net.urls[0], "http://imds.example/latest/api/token");
    assert_non_null(strstr(net.auth[3], "Credential=ASIAHERE/"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_profile_is_read_as_sdks_read_it),
        TEST(keys_of_the_credentials_file_go_before_the_config_file),
        TEST(what_the_settings_name_is_taken_and_nothing_else),
        TEST(the_environment_comes_before_the_files),
        TEST(what_is_broken_names_file_and_line_and_no_secret),
        TEST(nothing_anywhere_says_where_it_looked),
        TEST(a_role_is_assumed_with_its_source),
        TEST(roles_in_a_row_are_assumed_one_from_the_other),
        TEST(a_role_that_makes_no_sense_is_an_error),
        TEST(the_settings_role_is_assumed_with_what_was_found),
        TEST(what_sts_refuses_is_told_and_what_may_pass_is_tried_again),
        TEST(the_endpoint_of_sts_can_be_named),
        TEST(a_web_identity_is_asked_for_unsigned),
        TEST(a_stale_web_identity_is_read_anew_once),
        TEST(a_program_may_print_them),
        TEST(a_program_that_fails_is_an_error),
        TEST(a_container_is_asked_with_its_token),
        TEST(where_a_container_may_be_asked),
        TEST(a_container_that_fails_is_an_error_and_not_passed_over),
        TEST(an_instance_is_asked_by_imds_v2),
        TEST(an_instance_without_a_role_is_no_credentials),
        TEST(an_instance_can_be_the_source_of_a_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
