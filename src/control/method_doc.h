/*
 * method_doc.h - what a method, its integration and its responses may hold
 *
 * Pure: turns the members that a request or an imported document gives into
 * the JSON that the store keeps, with Amazon's defaults, or says why not.
 *
 * Promises
 *   O1  What is stored can be returned as it is: names and forms are those of
 *       Amazon's answers.
 *   O2  An integration of a type that the gateway does not serve is stored
 *       (tg_method_gap says so), as is a method that an authorizer or IAM
 *       guards; a setting that would have to be ignored is refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_METHOD_DOC_H
#define TG_CONTROL_METHOD_DOC_H

#include <jansson.h>
#include <stdbool.h>

#include "control/members.h"

/* "GET", ... "ANY". */
bool tg_verb_is_valid(const char *verb);

/* "200": three digits, the first 1 to 5. */
bool tg_status_code_is_valid(const char *code);

/* One segment of a resource path: "pets", "{petId}", "{proxy+}". */
bool tg_path_part_is_valid(const char *part);
bool tg_path_part_is_variable(const char *part);
bool tg_path_part_is_greedy(const char *part);

/* Refuses one key of a map of mappings in Amazon's words; TG_DENIED. */
enum tg_status tg_mapping_refuse(struct tg_refusal *r, const char *member,
    const char *key);

/* Refuses a method whose authorizer is not there, or none for its type. */
enum tg_status tg_method_refuse_authorizer(struct tg_refusal *r);

/* Each: *out is the caller's; TG_DENIED with r filled, or TG_NOMEM. */
TG_MUST_CHECK enum tg_status tg_method_doc(json_t **out, const json_t *in,
    struct tg_refusal *r);
TG_MUST_CHECK enum tg_status tg_integration_doc(json_t **out,
    const json_t *in, const char *resource_id, int timeout_max_ms,
    struct tg_refusal *r);
/* What PutIntegration's enumerations are checked for before all else. */
TG_MUST_CHECK enum tg_status tg_integration_check_words(const json_t *in,
    struct tg_refusal *r);
TG_MUST_CHECK enum tg_status tg_method_response_doc(json_t **out,
    const json_t *in, const char *code, struct tg_refusal *r);
TG_MUST_CHECK enum tg_status tg_integration_response_doc(json_t **out,
    const json_t *in, const char *code, struct tg_refusal *r);

/*
 * Why calls of this method (as stored) cannot be served by this gateway; NULL
 * when they can.
 */
const char *tg_method_gap(const json_t *method);

#endif
