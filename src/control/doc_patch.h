/*
 * doc_patch.h - PATCH of a stored document by a table of its paths
 *
 * Most resources of an API are one JSON object each.  What may be patched in
 * one is a table; the operations change a copy of the object, which its owner
 * then checks as if it had been put anew, and stores.  So a PATCH is done
 * whole or not at all, and cannot make what a PUT would refuse.
 *
 * The paths are those of
 * https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_DOC_PATCH_H
#define TG_CONTROL_DOC_PATCH_H

#include <jansson.h>
#include <stddef.h>

#include "control/call.h"

enum tg_patch_kind {
    TG_PATCH_TEXT, /* an empty or missing value removes the member */
    TG_PATCH_BOOL,
    TG_PATCH_INT,
    /* No value, "" or "null" removes; no number is the owner's to refuse. */
    TG_PATCH_INT_OR_NONE,
    TG_PATCH_ITEM,       /* of a list of texts: "/list", or "/list/item" */
    TG_PATCH_KEYED_ITEM, /* "/list/item" only; a replace puts the value last */
    TG_PATCH_SOLE_ITEM,  /* of a list of one: "/list", or "/list/{any}" */
    TG_PATCH_TEXT_ENTRY, /* of a map: "/map/{key}" */
    TG_PATCH_BOOL_ENTRY,
};

#define TG_PATCH_OP(op) (1u << (op))
#define TG_PATCH_REPLACES TG_PATCH_OP(TG_PATCH_REPLACE)
#define TG_PATCH_EDITS                                                        \
    (TG_PATCH_OP(TG_PATCH_ADD) | TG_PATCH_OP(TG_PATCH_REMOVE))
#define TG_PATCH_ALL (TG_PATCH_REPLACES | TG_PATCH_EDITS)

/*
 * Of a map: an entry that is not there can be added, but a replace is a 404,
 * as a remove is; of a parameter, or of a content type.  Without them a
 * replace makes the entry.
 */
#define TG_PATCH_KNOWN_NAME (1u << 16)
#define TG_PATCH_KNOWN_TYPE (1u << 17)

/* A row: what the path says is a member, or one of the object "outer". */
struct tg_patch_path {
    const char        *outer; /* NULL: none */
    const char        *member;
    enum tg_patch_kind kind;
    unsigned           ops; /* TG_PATCH_OP bits, and one of the two above */
};

/*
 * Applies the body's patchOperations to doc.  TG_DENIED: refused in Amazon's
 * words; doc may then be half changed and is thrown away.
 */
TG_MUST_CHECK enum tg_status tg_doc_patch(struct tg_control_call *call,
    json_t *doc, const struct tg_patch_path *table, size_t count);

/* The same for the resources whose refusals list, at Amazon, what may be. */
TG_MUST_CHECK enum tg_status tg_doc_patch_listed(struct tg_control_call *call,
    json_t *doc, const struct tg_patch_path *table, size_t count);

#endif
