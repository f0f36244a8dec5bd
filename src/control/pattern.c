/* SPDX-License-Identifier: Apache-2.0 */
#include "control/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define NESTING_MAX 20
#define STEPS_MAX 20000
#define HEAP_KB_MAX 256

static enum tg_status
compile(pcre2_code **out, const char *pattern, struct tg_error *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    PCRE2_SIZE             at;
    PCRE2_UCHAR            text[120];
    int                    code;

    if (!context) {
        return TG_NOMEM;
    }
    pcre2_set_max_pattern_length(context, TG_PATTERN_MAX);
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    *out = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
        PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code,
        &at, context);
    pcre2_compile_context_free(context);
    if (*out) {
        return TG_OK;
    }
    pcre2_get_error_message(code, text, sizeof text);
    return tg_error_set(err, TG_INVALID,
        "not a regular expression: %s at character %zu", (const char *) text,
        (size_t) at + 1);
}

enum tg_status
tg_pattern_check(const char *pattern, struct tg_error *err)
{
    pcre2_code    *code;
    enum tg_status status = compile(&code, pattern, err);

    if (status == TG_OK) {
        pcre2_code_free(code);
    }
    return status;
}

enum tg_status
tg_pattern_match(const char *pattern, const char *text, struct tg_error *err)
{
    pcre2_code          *code;
    pcre2_match_data    *data = NULL;
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    enum tg_status       status = limits ? compile(&code, pattern, err)
                                         : TG_NOMEM;
    int                  found;

    if (status != TG_OK) {
        pcre2_match_context_free(limits);
        return status;
    }
    pcre2_set_match_limit(limits, STEPS_MAX);
    pcre2_set_depth_limit(limits, STEPS_MAX);
    pcre2_set_heap_limit(limits, HEAP_KB_MAX);
    data = pcre2_match_data_create(1, NULL);
    found = data ? pcre2_match(code, (PCRE2_SPTR) text, strlen(text), 0, 0,
                       data, limits)
                 : PCRE2_ERROR_NOMEMORY;
    if (found >= 0) {
        status = TG_OK;
    } else if (found == PCRE2_ERROR_NOMATCH) {
        status = TG_NOTFOUND;
    } else {
        status = tg_error_set(err, TG_LIMIT,
            "the pattern \"%.100s\" needs too much work", pattern);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
    return status;
}
