/*
 * mask.c - what may be secret does not get into a record
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/trail.h"

#include <string.h>
#include <strings.h>

/* Members whose texts are never recorded, in any record. */
static const char *const secret_members[] = {
    "apiKey", "certificatePrivateKey", "clientSecret", "password",
    "privateKey", "registrationToken", "secretAccessKey", "sessionToken",
    "token",
};

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
        masked = json_is_string(value) && is_secret(object, member)
            ? json_string(TG_AUDIT_HIDDEN) : tg_audit_mask(value);
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
