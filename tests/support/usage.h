/*
 * usage.h - tests put what was counted into the ledger by its old shape
 *
 * A trigger of the test's own connection: rows inserted into the view
 * usage_detail become a source and a row of the hour, as tg_usage_add would
 * make them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_TEST_USAGE_H
#define TG_TEST_USAGE_H

#define USAGE_WRITABLE                                                        \
    "CREATE TEMP TRIGGER IF NOT EXISTS usage_detail_in INSTEAD OF INSERT ON"  \
    " usage_detail BEGIN"                                                     \
    " INSERT OR IGNORE INTO usage_source (node, agreement_id, product_code,"  \
    " dimension, key_id, plan_id, late_s, reason) VALUES (NEW.node,"          \
    " NEW.agreement_id, NEW.product_code, NEW.dimension, NEW.key_id,"         \
    " NEW.plan_id, NEW.hour - NEW.used_hour, NEW.reason);"                    \
    " INSERT INTO usage_hour (hour, source, quantity, is_held) SELECT"        \
    " NEW.hour, s.id, NEW.quantity, NEW.agreement_id = '' AND"                \
    " NEW.product_code <> '' FROM usage_source s WHERE"                       \
    " s.node = NEW.node AND s.agreement_id = NEW.agreement_id AND"            \
    " s.product_code = NEW.product_code AND s.dimension = NEW.dimension AND"  \
    " s.key_id = NEW.key_id AND s.plan_id = NEW.plan_id AND"                  \
    " s.late_s = NEW.hour - NEW.used_hour AND s.reason = NEW.reason; END"

#endif
