/*
 * names.c - answers for the system's resolver, for names under .test
 *
 * Preloaded into a daemon under test.  The file TALLYGATE_TEST_NAMES has a
 * line a name: `api.test 127.0.0.1 127.0.0.2'; `api.test ?' is a name server
 * that is away.  A name without a line does not exist.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int resolve(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);

static int
find(char line[512], const char *host)
{
    const char *path = getenv("TALLYGATE_TEST_NAMES");
    FILE       *f = path == NULL ? NULL : fopen(path, "r");
    size_t      len = strlen(host);
    int         is_found = 0;

    while (f != NULL && !is_found && fgets(line, 512, f) != NULL) {
        is_found = strncmp(line, host, len) == 0 && line[len] == ' ';
    }
    if (f != NULL) {
        (void) fclose(f);
    }
    return is_found;
}

int
getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
    resolve          *real = (resolve *) dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo   numeric = *hints, **end = out;
    char              line[512], *rest, *word;

    if (host == NULL || strlen(host) < 5
        || strcmp(host + strlen(host) - 5, ".test") != 0)
    {
        return real(host, service, hints, out);
    }
    if (!find(line, host)) {
        return EAI_NONAME;
    }
    if (strchr(line, '?') != NULL) {
        return EAI_AGAIN;
    }
    *out = NULL;
    numeric.ai_flags |= AI_NUMERICHOST;
    (void) strtok_r(line, " \n", &rest);
    while ((word = strtok_r(NULL, " \n", &rest)) != NULL) {
        if (real(word, service, &numeric, end) != 0) {
            return EAI_FAIL;
        }
        while (*end != NULL) {
            end = &(*end)->ai_next;
        }
    }
    return 0;
}
