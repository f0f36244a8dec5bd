/*
 * lease.h - one process at a time does a task, though several share the store
 *
 * The lease is a row of the store with its holder's name.  A holder shows
 * that it lives by counting the row's renewals up, in the transactions in
 * which it works.  Who finds another's row waits until it has seen no renewal
 * for a whole term, by its own boot clock: no wall clock is compared with
 * another one, and none that jumps hands the lease over.
 *
 * Invariants
 *   N1  Between tg_lease_hold and the commit of that transaction nobody else
 *       can take the lease; a holder that was replaced gets TG_STALE there,
 *       so that it changes nothing any more.
 *   N2  tg_lease_left tells how long nobody else can have taken it.  A
 *       request begins only when it will end within that time, so that no
 *       two holders ask for the same thing at once.
 *   N3  The token grows with each holder and is never used again.
 *   N4  Time enters only as an argument.
 *
 * Who comes back after a kill with the identity that stands in the row takes
 * it at once: an identity belongs to one state directory, which has one
 * daemon.  Only the first look of a process may do that, so that two that
 * share an identity by mistake (a copied disk) take turns by terms.
 *
 * A lease belongs to one thread, but for tg_lease_left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_LEASE_H
#define TG_BILLING_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "util/digest.h"
#include "util/error.h"

#define TG_LEASE_TERM_S 120
#define TG_LEASE_MARGIN_S 5 /* two boot clocks may not run quite alike */
#define TG_LEASE_TEXT_MAX 256

struct tg_lease {
    const char       *name;
    char              holder[TG_LEASE_TEXT_MAX];
    char              identity[TG_LEASE_TEXT_MAX];
    int64_t           token; /* 0: not ours */
    _Atomic int64_t   until_boot_s; /* of N2; 0: not ours */
    bool              has_looked;
    int64_t           pending_token, pending_until_s; /* until committed */

    /* Of another's row: what it was, and since when. */
    int64_t           seen_token, seen_renewals, seen_boot_s;
};

/*
 * The identity of a state directory: made at the first use, and kept in
 * private/identity there.
 */
TG_MUST_CHECK enum tg_status tg_lease_identity(char out[TG_UUID_SIZE],
    const char *state_dir, struct tg_error *err);

/* name is borrowed; holder and identity are cut to TG_LEASE_TEXT_MAX. */
void tg_lease_init(struct tg_lease *l, const char *name, const char *holder,
    const char *identity);

/*
 * Takes or renews the lease in the caller's transaction.  TG_BUSY: another
 * one has it, and err says who; TG_STALE: it was ours and is not any more
 * (N1).  After the commit the caller calls tg_lease_committed.
 */
TG_MUST_CHECK enum tg_status tg_lease_hold(struct tg_lease *l,
    struct tg_store *s, int64_t now_s, int64_t boot_s, struct tg_error *err);
void tg_lease_committed(struct tg_lease *l);

/* Seconds for which it is surely ours; 0 or less: it is not.  Any thread. */
int64_t tg_lease_left(struct tg_lease *l, int64_t boot_s);

/* Gives it up, in a transaction of its own, so that another need not wait. */
TG_MUST_CHECK enum tg_status tg_lease_release(struct tg_lease *l,
    struct tg_store *s, struct tg_error *err);

#endif
