/* SPDX-License-Identifier: Apache-2.0 */
#include "control/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

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

static enum tg_status
match_numbers(bool *out, unsigned first, size_t count, const pcre2_code *code,
    pcre2_match_data *data, pcre2_match_context *limits)
{
    char text[12];
    int  len, found;

    for (size_t i = 0; i < count; i++) {
        len = snprintf(text, sizeof text, "%u", first + (unsigned) i);
        found = pcre2_match(code, (PCRE2_SPTR) text, (size_t) len, 0, 0, data,
            limits);
        if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
            return TG_LIMIT;
        }
        out[i] = found >= 0;
    }
    return TG_OK;
}

enum tg_status
tg_pattern_numbers(bool *out, unsigned first, size_t count,
    const char *pattern, struct tg_error *err)
{
    pcre2_code          *code;
    pcre2_match_data    *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    enum tg_status       status = data && limits ? compile(&code, pattern, err)
                                                 : TG_NOMEM;

    if (status == TG_OK) {
        pcre2_set_match_limit(limits, STEPS_MAX);
        pcre2_set_depth_limit(limits, STEPS_MAX);
        pcre2_set_heap_limit(limits, HEAP_KB_MAX);
        status = match_numbers(out, first, count, code, data, limits);
        if (status == TG_LIMIT) {
            (void) tg_error_set(err, TG_LIMIT,
                "the pattern \"%.100s\" needs too much work", pattern);
        }
        pcre2_code_free(code);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return status;
}
