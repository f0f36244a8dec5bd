/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/value.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A CHOICE is stored through an int: its enum must be as wide. */
_Static_assert(sizeof(enum setting_kind) == sizeof(int), "enums are ints");

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

void
setting_expected(char out[SETTING_EXPECTED_SIZE],
    const struct setting_row *row)
{
    static const char *const plain[] = {
        [SETTING_TEXT] = "a text",
        [SETTING_ADDRESS] = "an IPv4 or IPv6 address",
        [SETTING_URL] = "a URL such as https://host:port/path",
        [SETTING_FLAG] = "true or false",
        [SETTING_WORD] = "a word of letters, digits, - and _",
        [SETTING_CODE] = "a code of letters, digits and any of -/=:_.@",
    };
    char *end;

    switch (row->kind) {
    case SETTING_WHOLE:
        (void) snprintf(out, SETTING_EXPECTED_SIZE,
            "a whole number from %d to %d", row->min, row->max);
        break;
    case SETTING_COUNT:
        (void) snprintf(out, SETTING_EXPECTED_SIZE,
            "auto or a whole number from %d to %d", row->min, row->max);
        break;
    case SETTING_DIGITS:
        (void) snprintf(out, SETTING_EXPECTED_SIZE, "%d digits", row->max);
        break;
    case SETTING_PATH:
        (void) snprintf(out, SETTING_EXPECTED_SIZE,
            "a path of at most %d bytes (absolute)", row->max);
        break;
    case SETTING_CHOICE:
        (void) snprintf(out, SETTING_EXPECTED_SIZE, "one of %s",
            row->choices);
        for (end = out; (end = strchr(end, '|')) != NULL;) {
            *end = ' ';
        }
        break;
    case SETTING_FLAG:
    case SETTING_ADDRESS:
        (void) snprintf(out, SETTING_EXPECTED_SIZE, "%s", plain[row->kind]);
        break;
    default:
        (void) snprintf(out, SETTING_EXPECTED_SIZE, "%s, %d to %d bytes long",
            plain[row->kind], row->min, row->max);
        break;
    }
}

/* Decimal, without a leading zero that YAML 1.1 would take for octal. */
static enum tg_status
parse_whole(int *out, const struct setting_row *row,
    const struct setting_text *text)
{
    int64_t value = 0;

    if (text->is_quoted || text->len == 0 || text->len > 10
        || strspn(text->data, DIGITS) != text->len
        || (text->data[0] == '0' && text->len > 1))
    {
        return TG_INVALID;
    }
    for (size_t i = 0; i < text->len; i++) {
        value = value * 10 + (text->data[i] - '0');
    }
    if (value < row->min || value > row->max) {
        return TG_INVALID;
    }
    *out = (int) value;
    return TG_OK;
}

static enum tg_status
parse_choice(int *out, const char *choices, const char *text)
{
    size_t len = strlen(text);
    int    number = 0;

    for (const char *p = choices; ; p++, number++) {
        size_t n = strcspn(p, "|");

        if (n == len && memcmp(p, text, n) == 0) {
            *out = number;
            return TG_OK;
        }
        p += n;
        if (*p == '\0') {
            return TG_INVALID;
        }
    }
}

static bool
is_address(const char *text)
{
    struct in6_addr address;

    return inet_pton(AF_INET, text, &address) == 1
        || inet_pton(AF_INET6, text, &address) == 1;
}

/* "", or a colon and a port from 1 to 65535. */
static bool
is_port_part(const char *text, size_t len)
{
    int port = 0;

    if (len == 0) {
        return true;
    }
    if (text[0] != ':' || len < 2 || len > 6) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

/*
 * http or https, a host name or address, perhaps a port and a path.  No user
 * information (a secret would lie in the file), query or fragment.
 */
static bool
is_url(const char *text)
{
    const char *host;
    size_t      host_len, authority_len;

    if (strncmp(text, "http://", 7) == 0) {
        host = text + 7;
    } else if (strncmp(text, "https://", 8) == 0) {
        host = text + 8;
    } else {
        return false;
    }
    authority_len = strcspn(host, "/");
    if (host[0] == '[') {
        host_len = 1 + strspn(host + 1, DIGITS "abcdefABCDEF:.");
        if (host[host_len] != ']') {
            return false;
        }
        host_len++;
    } else {
        host_len = strspn(host, LETTERS DIGITS "-._");
    }
    if (host_len == 0 || host_len > authority_len
        || !is_port_part(host + host_len, authority_len - host_len))
    {
        return false;
    }
    return strspn(host + authority_len, LETTERS DIGITS "-._~/%+:@")
        == strlen(host + authority_len);
}

static bool
is_printable(const struct setting_text *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char) text->data[i];

        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Whether a text member's kind takes this text, its length aside. */
static bool
is_kind(enum setting_kind kind, const char *text)
{
    switch (kind) {
    case SETTING_ADDRESS:
        return is_address(text);
    case SETTING_URL:
        return is_url(text);
    case SETTING_DIGITS:
        return strspn(text, DIGITS) == strlen(text);
    case SETTING_WORD:
        return strspn(text, LETTERS DIGITS "-_") == strlen(text);
    case SETTING_CODE:
        return strspn(text, LETTERS DIGITS "-/=:_.@") == strlen(text);
    default:
        return true;
    }
}

/* Absolute, without "./" in front; NULL when it becomes too long. */
static char *
absolute_path(const struct setting_row *row, const char *text,
    const char *dir, struct tg_arena *arena)
{
    if (text[0] == '/') {
        return tg_arena_strdup(arena, text);
    }
    while (strncmp(text, "./", 2) == 0) {
        text += 2 + strspn(text + 2, "/");
    }
    if (strcmp(text, ".") == 0 || *text == '\0') {
        return tg_arena_strdup(arena, dir);
    }
    if (strlen(dir) + 1 + strlen(text) > (size_t) row->max) {
        return NULL;
    }
    return tg_arena_printf(arena, "%s%s%s", dir,
        strcmp(dir, "/") == 0 ? "" : "/", text);
}

static enum tg_status
store_text(const struct setting_row *row, const char **member,
    const struct setting_text *text, const char *dir, struct tg_arena *arena)
{
    char  *copy;
    size_t len;

    if (text->len < (size_t) row->min || text->len > (size_t) row->max
        || !is_printable(text) || !is_kind(row->kind, text->data))
    {
        return TG_INVALID;
    }
    if (row->kind == SETTING_PATH) {
        copy = absolute_path(row, text->data, dir, arena);
        if (copy == NULL || strlen(copy) > (size_t) row->max) {
            return TG_INVALID;
        }
    } else {
        copy = tg_arena_dup(arena, text->data, text->len);
        if (copy == NULL) {
            return TG_NOMEM;
        }
    }
    len = strlen(copy);
    if ((row->kind == SETTING_PATH && len > 1) || row->kind == SETTING_URL) {
        while (len > 1 && copy[len - 1] == '/') {
            copy[--len] = '\0';
        }
    }
    *member = copy;
    return TG_OK;
}

enum tg_status
setting_store(const struct setting_row *row, void *base,
    const struct setting_text *text, const char *dir, struct tg_arena *arena)
{
    void *member = (char *) base + row->offset;

    /* A NUL would end the copy early and hide what follows it. */
    if (memchr(text->data, '\0', text->len) != NULL) {
        return TG_INVALID;
    }
    switch (row->kind) {
    case SETTING_COUNT:
        if (!text->is_quoted && strcmp(text->data, "auto") == 0) {
            *(int *) member = 0;
            return TG_OK;
        }
        return parse_whole(member, row, text);
    case SETTING_WHOLE:
        return parse_whole(member, row, text);
    case SETTING_CHOICE:
        return parse_choice(member, row->choices, text->data);
    case SETTING_FLAG:
        if (text->is_quoted || (strcmp(text->data, "true") != 0
                && strcmp(text->data, "false") != 0))
        {
            return TG_INVALID;
        }
        *(bool *) member = text->data[0] == 't';
        return TG_OK;
    default:
        return store_text(row, member, text, dir, arena);
    }
}

/* The number-th text of a list that is split by |. */
static void
show_choice(char *out, size_t size, const char *choices, int number)
{
    const char *p = choices;

    for (; number > 0; number--) {
        p += strcspn(p, "|") + 1;
    }
    (void) snprintf(out, size, "%.*s", (int) strcspn(p, "|"), p);
}

bool
setting_show(char *out, size_t size, const struct setting_row *row,
    const void *base)
{
    const void *member = (const char *) base + row->offset;

    switch (row->kind) {
    case SETTING_COUNT:
        if (*(const int *) member == 0) {
            (void) snprintf(out, size, "auto");
            return true;
        }
        /* fallthrough */
    case SETTING_WHOLE:
        (void) snprintf(out, size, "%d", *(const int *) member);
        return true;
    case SETTING_CHOICE:
        show_choice(out, size, row->choices, *(const int *) member);
        return true;
    case SETTING_FLAG:
        (void) snprintf(out, size, "%s",
            *(const bool *) member ? "true" : "false");
        return true;
    default:
        if (*(const char *const *) member == NULL) {
            return false;
        }
        (void) snprintf(out, size, "%s", *(const char *const *) member);
        return true;
    }
}
