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

static json_t *
mask_object(const json_t *object)
{
    json_t     *copy = json_object();
    const char *member;
    json_t     *value, *masked;

    if (copy == NULL) {
        return NULL;
    }
    json_object_foreach((json_t *) object, member, value) {
        masked = json_is_string(value)
            ? json_string(mask_text(object, member, json_string_value(value)))
            : tg_audit_mask(value);
        if (masked == NULL
            || json_object_set_new(copy, member, masked) != 0)
        {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

json_t *
tg_audit_mask(const json_t *value)
{
    json_t *copy, *masked;

    if (json_is_object(value)) {
        return mask_object(value);
    }
    if (!json_is_array(value)) {
        return json_copy((json_t *) value);
    }
    copy = json_array();
    for (size_t i = 0; copy != NULL && i < json_array_size(value); i++) {
        masked = tg_audit_mask(json_array_get(value, i));
        if (masked == NULL || json_array_append_new(copy, masked) != 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}
