/*
 * unbillable.h - why units that were counted belong to nobody's bill
 *
 * One list of the reasons that stand in the ledger and on cells: the text for
 * people, which the store keeps, a short name for metrics and scripts, and
 * whether such units may still find their agreement.
 *
 * Invariants
 *   N1  The short names never change: alerts depend on them.
 *   N2  What may come home was held for want of an agreement alone.  Units
 *       that a person took off the bill, or of which it is not known whose
 *       cell counted them, do not by themselves.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_UNBILLABLE_H
#define TG_CORE_UNBILLABLE_H

#include <stdbool.h>

/* enumerator, short name, may come home, text */
#define TG_UNBILLABLE_LIST(X)                                                 \
    X(TG_UNBILLABLE_NO_PRODUCT, "no_product_code", false,                     \
        "the usage plan has no product code")                                 \
    X(TG_UNBILLABLE_NO_CUSTOMER, "no_customer_id", true,                      \
        "the key has no customerId")                                          \
    X(TG_UNBILLABLE_TAGS, "no_agreement_for_tags", true,                      \
        "no agreement is registered for the key's tags")                      \
    X(TG_UNBILLABLE_UNREGISTERED, "no_agreement", true,                       \
        "no agreement is registered for the key's customerId")                \
    X(TG_UNBILLABLE_SEVERAL, "several_agreements", true,                      \
        "several agreements are active: name one by the tag"                  \
        " tallygate:licenseArn")                                              \
    X(TG_UNBILLABLE_INACTIVE, "inactive_agreement", true,                     \
        "the agreement is not active")                                        \
    X(TG_UNBILLABLE_CONTRACT, "contract", false,                              \
        "the product is a pure contract: never metered")                      \
    X(TG_UNBILLABLE_ASIDE, "set_aside", false,                                \
        "counted under another owner of the cell")                            \
    X(TG_UNBILLABLE_UNOWNED, "no_owner", false,                               \
        "counted in a cell that has no owner")                                \
    X(TG_UNBILLABLE_TAKEN, "taken_off", false,                                \
        "taken off the bill by an adjustment")                                \
    X(TG_UNBILLABLE_OTHER, "other", false, "for another reason")

enum tg_unbillable {
#define X(name, slug, comes_home, text) name,
    TG_UNBILLABLE_LIST(X)
#undef X
};
#define TG_UNBILLABLE_COUNT ((int) TG_UNBILLABLE_OTHER + 1)

const char *tg_unbillable_text(enum tg_unbillable why);
const char *tg_unbillable_name(enum tg_unbillable why);
bool tg_unbillable_comes_home(enum tg_unbillable why);

/*
 * The reason that a text of the store begins with (an adjustment's id may
 * follow); TG_UNBILLABLE_OTHER for a text of an older or newer program.
 */
enum tg_unbillable tg_unbillable_of(const char *text);

#endif
