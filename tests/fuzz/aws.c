/*
 * aws.c - what AWS's endpoints, programs and files may hold
 *
 * The first byte chooses the parser: an answer of STS, a document with
 * credentials, a shared file, a command line, a time.  Whatever comes, a
 * failure leaves no secret in the message and nothing half filled.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "aws/profiles.h"
#include "aws/program.h"
#include "aws/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_sts(const char *text, size_t len)
{
    enum tg_status            status;
    struct tg_error           err = { TG_OK, "" };
    struct tg_aws_sts_error   error;
    struct tg_aws_credentials c;

    tg_aws_credentials_init(&c);
    status = tg_aws_sts_parse(&c, &error, text, len, &err);
    if (status == TG_OK) {
        assert(c.access_key_id[0] != '\0' && c.session_token != NULL);
    }
    assert(status != TG_DENIED || error.code[0] != '\0');
    tg_aws_credentials_wipe(&c);
}

static void
read_document(const char *text, size_t len)
{
    struct tg_error           err = { TG_OK, "" };
    struct tg_aws_credentials c;

    tg_aws_credentials_init(&c);
    if (tg_aws_credentials_parse(&c, text, len, "Token", "here", &err)
        != TG_OK)
    {
        assert(c.secret_access_key[0] == '\0' && c.session_token == NULL);
        assert(strncmp(err.message, "here: ", 6) == 0);
    }
    tg_aws_credentials_wipe(&c);
}

static void
read_profiles(const char *text, size_t len)
{
    int                     fd = memfd_create("profiles", MFD_CLOEXEC);
    char                    path[64];
    bool                    exists;
    const char             *name;
    struct tg_error         err = { TG_OK, "" };
    struct tg_aws_setting   s;
    struct tg_aws_profiles *p;

    assert(fd >= 0 && write(fd, text, len) == (ssize_t) len);
    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (tg_aws_profiles_read(&p, path, &err) == TG_OK) {
        if (tg_aws_profile_get(p, &s, "default", "role_arn")) {
            assert(s.value[0] != '\0' && s.line > 0);
            assert(tg_aws_profile_exists(p, "default"));
        }
        (void) tg_aws_services_get(p, &s, &exists, "s", "sts",
            "endpoint_url");
        (void) tg_aws_profile_find(p, &s, &name, "default", "sso_");
        tg_aws_profiles_free(p);
    } else {
        assert(p == NULL && err.message[0] != '\0');
    }
    close(fd);
}

static void
read_words(const char *text)
{
    char  *words[16], *copy = strdup(text);
    size_t i, len = strlen(text);

    assert(copy != NULL);
    if (tg_aws_words_split(words, 16, copy) == TG_OK) {
        for (i = 0; words[i] != NULL; i++) {
            assert(words[i] >= copy && words[i] + strlen(words[i])
                <= copy + len);
        }
        assert(i > 0 && i < 16);
    }
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time;
    char   *text = malloc(size + 1);

    assert(text != NULL);
    if (size > 0) {
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        switch (data[0]) {
        case 's':
            read_sts(text, size - 1);
            break;
        case 'd':
            read_document(text, size - 1);
            break;
        case 'p':
            read_profiles(text, size - 1);
            break;
        case 'w':
            read_words(text);
            break;
        default:
            if (tg_aws_time_parse(&time, text) == TG_OK) {
                assert(strlen(text) >= 20);
            }
        }
    }
    free(text);
    return 0;
}
