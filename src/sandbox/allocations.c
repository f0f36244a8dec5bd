/*
 * allocations.c - vendor-metered tagging
 *
 * https://docs.aws.amazon.com/marketplace/latest/userguide/
 * saas-metering-for-usage.html (vendor-metered tagging)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sandbox/allocations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/members.h"
#include "util/buf.h"

#define ALLOCATIONS_MAX 2500
#define TAGS_MAX 5
#define KEY_MAX 100
#define VALUE_MAX 256

struct tags {
    size_t      count;
    const char *pairs[TAGS_MAX][2];
};

/* Amazon's pattern: its " -=" is a range, from the blank to '='. */
static bool
is_tag_text(const char *text, size_t max)
{
    size_t len = strlen(text);

    for (const char *p = text; *p != '\0'; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

        if (!is_letter && !(*p >= ' ' && *p <= '=') && *p != '_' && *p != '@')
        {
            return false;
        }
    }
    return len >= 1 && len <= max;
}

static bool
refuse_tag(struct tg_answer *a, const char *where, const char *why)
{
    return tg_answer_refuse(a, "InvalidTagException", "%s: %s", where, why);
}

static bool
read_tag(struct tags *tags, struct tg_answer *a, const json_t *tag,
    const char *where)
{
    const char *key = json_string_value(json_object_get(tag, "Key"));
    const char *value = json_string_value(json_object_get(tag, "Value"));

    if (key == NULL || value == NULL || !is_tag_text(key, KEY_MAX)
        || !is_tag_text(value, VALUE_MAX))
    {
        return refuse_tag(a, where,
            "a tag has a Key of 1 to 100 and a Value of 1 to 256 characters "
            "of a-z A-Z 0-9 + - = . _ : / @ and blank");
    }
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->pairs[i][0], key) == 0) {
            return refuse_tag(a, where, "a tag key comes twice");
        }
    }
    tags->pairs[tags->count][0] = key;
    tags->pairs[tags->count++][1] = value;
    return true;
}

static int
compare_pairs(const void *left, const void *right)
{
    const char *const *l = left;
    const char *const *r = right;

    return strcmp(l[0], r[0]);
}

/*
 * Enters the sorted tags into `sets`, and their keys into `keys`; no tag
 * holds a line break, so the joined text is unambiguous.
 */
static bool
enter_tags(struct tg_answer *a, struct tags *tags, json_t *sets, json_t *keys,
    const char *where)
{
    bool          is_new;
    struct tg_buf name;

    tg_buf_init(&name, 4096);
    qsort(tags->pairs, tags->count, sizeof(tags->pairs[0]), compare_pairs);
    (void) tg_buf_puts(&name, "");
    for (size_t i = 0; i < tags->count; i++) {
        (void) tg_buf_printf(&name, "%s\n%s\n", tags->pairs[i][0],
            tags->pairs[i][1]);
        (void) json_object_set_new(keys, tags->pairs[i][0], json_true());
    }
    is_new = json_object_get(sets, name.data) == NULL;
    (void) json_object_set_new(sets, name.data, json_true());
    tg_buf_clear(&name);
    if (!is_new) {
        return tg_answer_refuse(a, "InvalidUsageAllocationsException",
            "%s: two usage allocations have the same tags", where);
    }
    if (json_object_size(keys) > TAGS_MAX) {
        return refuse_tag(a, where, "there are more than 5 tag keys");
    }
    return true;
}

static bool
read_tags(struct tags *tags, struct tg_answer *a, const json_t *allocation,
    const char *where)
{
    const json_t    *list, *tag;
    size_t           i;
    struct tg_member m = { allocation, where, "Tags", false };

    if (!tg_member_list(&list, a, &m, 1, SIZE_MAX)) {
        return false;
    }
    if (json_array_size(list) > TAGS_MAX) {
        return refuse_tag(a, where, "an allocation has more than 5 tags");
    }
    json_array_foreach(list, i, tag) {
        if (!read_tag(tags, a, tag, where)) {
            return false;
        }
    }
    return true;
}

static bool
check_list(struct tg_answer *a, const json_t *list, const char *where,
    json_t *sets, json_t *keys, int64_t quantity)
{
    char          path[TG_WHERE_MAX];
    const json_t *allocation;
    int64_t       units, sum = 0;
    size_t        i;

    json_array_foreach(list, i, allocation) {
        struct tg_member m = { allocation, path, "AllocatedUsageQuantity",
            true };
        struct tags      tags = { 0, { { NULL, NULL } } };

        (void) snprintf(path, sizeof(path), "%s.usageAllocations.%zu.member",
            where, i + 1);
        if (!tg_member_integer(&units, a, &m, 0, INT32_MAX)
            || !read_tags(&tags, a, allocation, path)
            || !enter_tags(a, &tags, sets, keys, path))
        {
            return false;
        }
        sum += units;
    }
    if (sum != quantity) {
        return tg_answer_refuse(a, "InvalidUsageAllocationsException",
            "%s: the usage allocations sum up to %lld, but Quantity is %lld",
            where, (long long) sum, (long long) quantity);
    }
    return true;
}

bool
tg_allocations_check(struct tg_answer *a, const json_t *record,
    const char *where, int64_t quantity)
{
    bool             result;
    const json_t    *list;
    json_t          *keys, *sets;
    struct tg_member m = { record, where, "UsageAllocations", false };

    if (!tg_member_list(&list, a, &m, 1, ALLOCATIONS_MAX)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    sets = json_object();
    keys = json_object();
    result = check_list(a, list, where, sets, keys, quantity);
    json_decref(sets);
    json_decref(keys);
    return result;
}
