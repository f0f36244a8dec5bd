/*
 * usage_rows.h - how statements find what was counted
 *
 * A row of usage_hour is what one source (usage_source: whose key, in which
 * plan, for which agreement, ...) used that is billed in one hour; the key of
 * the one table is (hour, source), that of the other a number.  The view
 * usage_detail shows both together, for people and for whoever may read all.
 * Everybody else says by which way he goes, since no table here is small:
 *
 *   from hours to sources      usage_hour d CROSS JOIN usage_source s, where
 *                              the rows of a few hours are wanted
 *   from a source to an hour   TG_USAGE_OF, where it is known whose
 *   from a source to all the   TG_USAGE_HOURS and TG_USAGE_AT: each hour of
 *   hours of a time            it is looked up
 *
 * CROSS JOIN is how SQLite is told the order; elsewhere it is a plain join.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_USAGE_ROWS_H
#define TG_CONTROL_USAGE_ROWS_H

#include <stdint.h> /* for the hours: int64_t, the first second of each */

/* Conditions on s and d are to follow. */
#define TG_USAGE_OF                                                           \
    " FROM usage_source s CROSS JOIN usage_hour d WHERE d.source = s.id AND"

/*
 * Behind WITH: a table of the hours, from the one to before the other, in
 * which calls finished.
 */
#define TG_USAGE_HOURS(from, end)                                             \
    " RECURSIVE hours (hour) AS (SELECT " from " WHERE " from " < " end       \
    " UNION ALL SELECT hour + 3600 FROM hours WHERE hour + 3600 < " end ")"

/* The condition that joins hours h, usage_source s and usage_hour d. */
#define TG_USAGE_AT " d.hour = h.hour + s.late_s AND d.source = s.id"

#endif
