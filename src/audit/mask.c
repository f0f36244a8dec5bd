/*
 * mask.c - what may be secret does not get into a record
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/trail.h"

#include <string.h>
#include <strings.h>

#define KEY_VALUE_MIN 20 /* bytes of an API key's value; ids are shorter */

/*
 * Members that name an API key.  Somebody who takes its value for its id is
 * told that there is no such key, and would find it in the trail.
 */
static const char *const key_names[] = { "apiKey", "keyId", "resourceArn" };

/* Members whose texts are never recorded, in any record. */
static const char *const secret_members[] = {
    "certificatePrivateKey", "clientSecret", "password",
    "privateKey", "registrationToken", "secretAccessKey", "sessionToken",
    "token",
};

const char *
tg_audit_mask_key_name(const char *name)
{
    const char *last = strrchr(name, '/');

    return strlen(last == NULL ? name : last + 1) < KEY_VALUE_MIN
        ? name : TG_AUDIT_HIDDEN;
}

/*
 * `value` is a key's value everywhere in API Gateway but in a patch
 * operation, which cannot change one; `body` is the file of ImportApiKeys.
 */
static bool
is_secret(const json_t *object, const char *member)
{
    for (size_t i = 0; i < sizeof(secret_members) / sizeof(*secret_members);
         i++)
    {
        if (strcasecmp(member, secret_members[i]) == 0) {
            return true;
        }
    }
    if (strcmp(member, "value") == 0) {
        return json_object_get(object, "op") == NULL;
    }
    return strcmp(member, "body") == 0;
}

/* What is recorded of a text, which may be the text itself. */
static const char *
mask_text(const json_t *object, const char *member, const char *text)
{
    for (size_t i = 0; i < sizeof(key_names) / sizeof(*key_names); i++) {
        if (strcmp(member, key_names[i]) == 0) {
            return tg_audit_mask_key_name(text);
        }
    }
    return is_secret(object, member) ? TG_AUDIT_HIDDEN : text;
}

static enum tg_status
mask_object(json_t *object)
{
    void       *at;
    json_t     *value, *masked;
    const char *text, *shown;

    for (at = json_object_iter(object); at != NULL;
         at = json_object_iter_next(object, at))
    {
        value = json_object_iter_value(at);
        text = json_string_value(value);
        if (text == NULL) {
            if (tg_audit_mask_own(value) != TG_OK) {
                return TG_NOMEM;
            }
            continue;
        }
        shown = mask_text(object, json_object_iter_key(at), text);
        masked = shown != text ? json_string(shown) : NULL;
        if (shown != text
            && json_object_iter_set_new(object, at, masked) != 0)
        {
            return TG_NOMEM;
        }
    }
    return TG_OK;
}

enum tg_status
tg_audit_mask_own(json_t *value)
{
    size_t         i;
    json_t        *item;
    enum tg_status status = TG_OK;

    if (json_is_object(value)) {
        return mask_object(value);
    }
    json_array_foreach (value, i, item) {
        if (status == TG_OK) {
            status = tg_audit_mask_own(item);
        }
    }
    return status;
}

json_t *
tg_audit_mask(const json_t *value)
{
    json_t *copy = json_deep_copy(value);

    if (copy != NULL && tg_audit_mask_own(copy) != TG_OK) {
        json_decref(copy);
        copy = NULL;
    }
    return copy;
}
