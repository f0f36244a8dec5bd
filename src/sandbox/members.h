/*
 * members.h - reads members of a request, and refuses as Amazon does
 *
 * Every function returns false after it has made the answer a
 * ValidationException (a constraint of the model) or a SerializationException
 * (another type).  `where` is the path of the object as Amazon writes it,
 * "" at the top: "usageRecords.1.member".  A null is as good as absent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_MEMBERS_H
#define TG_SANDBOX_MEMBERS_H

#include <stdint.h>

#include "sandbox/answer.h"

#define TG_WHERE_MAX 96

struct tg_member {
    const json_t *object;
    const char   *where;
    const char   *name;        /* as in the request: "Dimension" */
    bool          is_required;
};

/* The path of a member: "usageRecords.1.member.dimension". */
void tg_member_path(char out[TG_WHERE_MAX], const struct tg_member *m);

/* min to max bytes; *out is NULL when it is absent. */
bool tg_member_text(const char **out, struct tg_answer *a,
    const struct tg_member *m, size_t min, size_t max);

/* A whole number from min to max; *out keeps its value when absent. */
bool tg_member_integer(int64_t *out, struct tg_answer *a,
    const struct tg_member *m, int64_t min, int64_t max);

/* Seconds since 1970, perhaps with a fraction. */
bool tg_member_timestamp(double *out, struct tg_answer *a,
    const struct tg_member *m);

/* min to max members; *out is NULL when it is absent. */
bool tg_member_list(const json_t **out, struct tg_answer *a,
    const struct tg_member *m, size_t min, size_t max);

/* Refuses the member with a constraint in Amazon's words. */
bool tg_member_refuse(struct tg_answer *a, const struct tg_member *m,
    const char *constraint, ...) TG_PRINTF(3, 4);

#endif
