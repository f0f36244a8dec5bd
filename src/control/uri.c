/* SPDX-License-Identifier: Apache-2.0 */
#include "control/uri.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 253 /* RFC 1035, section 2.3.4, as text */

static bool
host_is_name(const char *host)
{
    size_t label = 0;

    if (strlen(host) > HOST_MAX) {
        return false;
    }
    for (const char *c = host; *c; c++) {
        if (*c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if (isalnum((unsigned char) *c) || *c == '-' || *c == '_') {
            if (++label > 63) {
                return false;
            }
        } else {
            return false;
        }
    }
    return *host && *host != '-';
}

/* Every byte may stand in a request line; braces are for the caller. */
static bool
is_wire_text(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;

        if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`|", c)) {
            return false;
        }
        if (c == '%'
            && !(isxdigit((unsigned char) text[1])
                && isxdigit((unsigned char) text[2])))
        {
            return false;
        }
    }
    return true;
}

static enum tg_status
parse_port(struct tg_uri *out, const char *text, struct tg_error *err)
{
    size_t len = strspn(text, "0123456789");
    long   port = len && len <= 5 ? strtol(text, NULL, 10) : 0;

    if (text[len] || !(port == 80 || port == 443
            || (port >= 1024 && port <= 65535)))
    {
        return tg_error_set(err, TG_INVALID,
            "the port must be 80, 443 or 1024 to 65535, found \"%.20s\"",
            text);
    }
    out->port = (uint16_t) port;
    return TG_OK;
}

/* host[:port] or [address][:port]; text is ours to change. */
static enum tg_status
parse_authority(struct tg_uri *out, struct tg_arena *arena, char *text,
    struct tg_error *err)
{
    struct in6_addr address;
    char           *port, *host = text;
    bool            is_ipv6 = *text == '[';
    uint16_t        usual = out->is_tls ? 443 : 80;

    out->port = usual;
    if (strchr(text, '@')) {
        return tg_error_set(err, TG_INVALID,
            "a user name in the URI is not supported");
    }
    if (is_ipv6) {
        char *end = strchr(++host, ']');

        if (!end || (end[1] && end[1] != ':')) {
            return tg_error_set(err, TG_INVALID, "the address in brackets "
                "does not end");
        }
        *end = '\0';
        port = end[1] ? end + 2 : NULL;
    } else if ((port = strchr(host, ':'))) {
        *port++ = '\0';
    }
    if (port && parse_port(out, port, err)) {
        return TG_INVALID;
    }
    for (char *c = host; *c; c++) {
        *c = (char) tolower((unsigned char) *c);
    }
    if (is_ipv6 ? inet_pton(AF_INET6, host, &address) != 1
                : !host_is_name(host))
    {
        return tg_error_set(err, TG_INVALID, "\"%.100s\" is no host", host);
    }
    out->host = host;
    out->authority = tg_arena_printf(arena, is_ipv6 ? "[%s]" : "%s", host);
    if (out->authority && out->port != usual) {
        out->authority = tg_arena_printf(arena, "%s:%u", out->authority,
            (unsigned) out->port);
    }
    return out->authority ? TG_OK : TG_NOMEM;
}

/* What stands behind http:// or https://; NULL for another scheme. */
static const char *
parse_scheme(const char *text, bool *is_tls)
{
    *is_tls = strncasecmp(text, "https://", 8) == 0;
    if (*is_tls) {
        return text + 8;
    }
    return strncasecmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

enum tg_status
tg_uri_parse(struct tg_uri *out, struct tg_arena *arena, const char *text,
    struct tg_error *err)
{
    const char *rest;
    char       *copy, *path;

    *out = (struct tg_uri) { 0 };
    if (strlen(text) > TG_URI_MAX) {
        return tg_error_set(err, TG_INVALID, "the URI is longer than %d",
            TG_URI_MAX);
    }
    rest = parse_scheme(text, &out->is_tls);
    if (!rest) {
        return tg_error_set(err, TG_INVALID,
            "the URI must begin with http:// or https://");
    }
    copy = tg_arena_strdup(arena, rest);
    if (!copy) {
        return TG_NOMEM;
    }
    copy[strcspn(copy, "#")] = '\0'; /* a fragment is never sent */
    if (!is_wire_text(copy)) {
        return tg_error_set(err, TG_INVALID, "the URI has a character that "
            "must be percent-encoded");
    }
    path = copy + strcspn(copy, "/?");
    out->path = "/";
    if (*path) {
        char *query = strchr(path, '?');

        if (query) {
            *query++ = '\0';
            out->query = *query ? query : NULL;
        }
        if (*path) { /* a copy: the host's end takes the place of the / */
            out->path = tg_arena_strdup(arena, path);
        }
        *path = '\0';
    }
    return out->path ? parse_authority(out, arena, copy, err) : TG_NOMEM;
}

enum tg_status
tg_uri_check(struct tg_arena *arena, const char *text, struct tg_error *err)
{
    struct tg_uri uri;
    const char   *variable = strstr(text, "${stageVariables.");
    const char   *rest;
    bool          is_tls;

    if (!variable) {
        return tg_uri_parse(&uri, arena, text, err);
    }
    if (strlen(text) > TG_URI_MAX) {
        return tg_error_set(err, TG_INVALID, "the URI is longer than %d",
            TG_URI_MAX);
    }
    rest = parse_scheme(text, &is_tls);
    if (!rest && variable != text) {
        return tg_error_set(err, TG_INVALID,
            "the URI must begin with http:// or https://");
    }
    for (rest = text; (rest = strstr(rest, "${")); rest += 2) {
        const char *end = strchr(rest, '}');

        if (strncmp(rest, "${stageVariables.", 17) != 0 || !end
            || end == rest + 17)
        {
            return tg_error_set(err, TG_INVALID,
                "only ${stageVariables.name} may stand in a URI");
        }
    }
    return TG_OK;
}
