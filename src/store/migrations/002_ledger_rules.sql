-- The ledger's rules, where the database can keep them: the numbers are those
-- of src/core/ledger.h, and what breaks one is refused with its number.
-- Triggers are in SQLite's dialect; the rest is portable.

-- ---- who moved a record last, and what Amazon said ----

ALTER TABLE ledger_record ADD COLUMN actor TEXT NOT NULL DEFAULT 'sealer';
ALTER TABLE ledger_record ADD COLUMN request_id TEXT;         -- of Amazon's answer
ALTER TABLE ledger_record ADD COLUMN answer TEXT;             -- Amazon's status or exception
ALTER TABLE ledger_record ADD COLUMN amazon_quantity BIGINT;  -- that stays billed, where it is another and known

ALTER TABLE ledger_history ADD COLUMN attempt BIGINT;         -- how many requests there had been
ALTER TABLE ledger_history ADD COLUMN request_id TEXT;
ALTER TABLE ledger_history ADD COLUMN answer TEXT;

-- Whatever has no history yet gets its present state as the first row.
INSERT INTO ledger_history (record_id, at_s, from_state, to_state, actor, reason)
    SELECT r.id, r.updated_s, NULL, r.state, r.actor, r.reason FROM ledger_record r
    WHERE NOT EXISTS (SELECT 1 FROM ledger_history h WHERE h.record_id = r.id);

-- ---- sums, so that nobody reads millions of records to count them ----

CREATE TABLE ledger_total (
    state   TEXT PRIMARY KEY,
    records BIGINT NOT NULL CHECK (records >= 0),
    units   BIGINT NOT NULL CHECK (units >= 0)
);
INSERT INTO ledger_total (state, records, units)
    VALUES ('sealed', 0, 0), ('sent', 0, 0), ('settled', 0, 0),
           ('refused', 0, 0), ('expired', 0, 0), ('carried', 0, 0);
UPDATE ledger_total SET
    records = (SELECT COUNT(*) FROM ledger_record r WHERE r.state = ledger_total.state),
    units = (SELECT COALESCE(SUM(quantity), 0) FROM ledger_record r WHERE r.state = ledger_total.state);

-- ---- L1, L2, L4 to L6, L10: a record ----

CREATE TRIGGER ledger_record_begins BEFORE INSERT ON ledger_record
WHEN NEW.state <> 'sealed' OR NEW.attempts <> 0
BEGIN
    SELECT RAISE(ABORT, 'ledger L2: a record begins as sealed');
END;

CREATE TRIGGER ledger_record_stamp BEFORE INSERT ON ledger_record
WHEN NEW.timestamp > NEW.sealed_s
    OR NOT EXISTS (SELECT 1 FROM agreement a WHERE a.id = NEW.agreement_id AND a.activated_s <= NEW.timestamp)
BEGIN
    SELECT RAISE(ABORT, 'ledger L5: stamped later than now or before its agreement was active');
END;

CREATE TRIGGER ledger_record_frozen BEFORE UPDATE ON ledger_record
WHEN NEW.id <> OLD.id OR NEW.agreement_id <> OLD.agreement_id
    OR NEW.product_code <> OLD.product_code OR NEW.dimension <> OLD.dimension
    OR NEW.hour <> OLD.hour OR NEW.timestamp <> OLD.timestamp
    OR NEW.quantity <> OLD.quantity OR NEW.identity_mode <> OLD.identity_mode
    OR NEW.customer_aws_account_id IS DISTINCT FROM OLD.customer_aws_account_id
    OR NEW.license_arn IS DISTINCT FROM OLD.license_arn
    OR NEW.customer_identifier IS DISTINCT FROM OLD.customer_identifier
    OR NEW.sealed_s <> OLD.sealed_s
BEGIN
    SELECT RAISE(ABORT, 'ledger L1: what was sealed does not change');
END;

CREATE TRIGGER ledger_record_arrows BEFORE UPDATE OF state ON ledger_record
WHEN NOT (OLD.state = 'sealed' AND NEW.state IN ('sealed', 'sent', 'expired', 'carried'))
    AND NOT (OLD.state = 'sent' AND NEW.state IN ('sent', 'sealed', 'settled', 'refused', 'expired'))
BEGIN
    SELECT RAISE(ABORT, 'ledger L2: no such move');
END;

CREATE TRIGGER ledger_record_late BEFORE UPDATE OF state ON ledger_record
WHEN NEW.attempts > OLD.attempts AND NEW.updated_s >= NEW.deadline_s
BEGIN
    SELECT RAISE(ABORT, 'ledger L6: past its deadline nothing is sent');
END;

CREATE TRIGGER ledger_record_why BEFORE UPDATE OF state ON ledger_record
WHEN NEW.state IN ('refused', 'expired', 'carried') AND COALESCE(NEW.reason, '') = ''
BEGIN
    SELECT RAISE(ABORT, 'ledger L10: a record ends with a reason');
END;

CREATE TRIGGER ledger_record_kept BEFORE DELETE ON ledger_record
BEGIN
    SELECT RAISE(ABORT, 'ledger L10: no record is ever deleted');
END;

-- ---- L10: history writes itself, and nobody changes it ----

CREATE TRIGGER ledger_record_sealed AFTER INSERT ON ledger_record
BEGIN
    INSERT INTO ledger_history (record_id, at_s, from_state, to_state, actor, reason)
        VALUES (NEW.id, NEW.sealed_s, NULL, NEW.state, NEW.actor, NEW.reason);
    UPDATE ledger_total SET records = records + 1, units = units + NEW.quantity
        WHERE state = NEW.state;
END;

CREATE TRIGGER ledger_record_moved AFTER UPDATE OF state ON ledger_record
BEGIN
    INSERT INTO ledger_history (record_id, at_s, from_state, to_state, actor, reason, attempt, request_id, answer)
        VALUES (NEW.id, NEW.updated_s, OLD.state, NEW.state, NEW.actor, NEW.reason, NEW.attempts, NEW.request_id, NEW.answer);
END;

CREATE TRIGGER ledger_record_summed AFTER UPDATE OF state ON ledger_record
WHEN NEW.state <> OLD.state
BEGIN
    UPDATE ledger_total SET records = records - 1, units = units - OLD.quantity
        WHERE state = OLD.state;
    UPDATE ledger_total SET records = records + 1, units = units + NEW.quantity
        WHERE state = NEW.state;
END;

CREATE TRIGGER ledger_history_fixed BEFORE UPDATE ON ledger_history
BEGIN
    SELECT RAISE(ABORT, 'ledger L10: history is only appended to');
END;

CREATE TRIGGER ledger_history_kept BEFORE DELETE ON ledger_history
BEGIN
    SELECT RAISE(ABORT, 'ledger L10: history is only appended to');
END;

-- ---- L11: corrections ----

CREATE TABLE ledger_adjustment (        -- append-only: a person added units, or took some away
    id           TEXT PRIMARY KEY,      -- given twice, it is done once
    agreement_id TEXT NOT NULL REFERENCES agreement (id),
    dimension    TEXT NOT NULL,
    hour         BIGINT NOT NULL CHECK (hour % 3600 = 0),        -- that was wrong
    billed_hour  BIGINT NOT NULL CHECK (billed_hour % 3600 = 0), -- that was changed: the same, or a later, open one
    quantity     BIGINT NOT NULL CHECK (quantity <> 0 AND quantity BETWEEN -2147483647 AND 2147483647),
    reason       TEXT NOT NULL CHECK (reason <> ''),
    actor        TEXT NOT NULL,
    at_s         BIGINT NOT NULL,
    CHECK (billed_hour >= hour)
);
CREATE INDEX ledger_adjustment_billed ON ledger_adjustment (agreement_id, dimension, billed_hour);
CREATE INDEX ledger_adjustment_hour ON ledger_adjustment (agreement_id, dimension, hour);

CREATE TRIGGER ledger_adjustment_open BEFORE INSERT ON ledger_adjustment
WHEN EXISTS (SELECT 1 FROM ledger_record r WHERE r.agreement_id = NEW.agreement_id
    AND r.dimension = NEW.dimension AND r.hour = NEW.billed_hour)
BEGIN
    SELECT RAISE(ABORT, 'ledger L11: the hour is sealed');
END;

CREATE TRIGGER ledger_adjustment_fixed BEFORE UPDATE ON ledger_adjustment
BEGIN
    SELECT RAISE(ABORT, 'ledger L11: an adjustment stays as it was made');
END;

CREATE TRIGGER ledger_adjustment_kept BEFORE DELETE ON ledger_adjustment
BEGIN
    SELECT RAISE(ABORT, 'ledger L11: an adjustment stays as it was made');
END;

-- ---- what a seal leaves behind, and who uses something each hour ----

CREATE TABLE usage_left (               -- usage of a sealed hour that became no record
    agreement_id TEXT NOT NULL,
    dimension    TEXT NOT NULL,
    hour         BIGINT NOT NULL,
    PRIMARY KEY (hour, agreement_id, dimension)
);

CREATE TABLE agreement_activity (       -- for the alarm about a buyer who has fallen silent
    agreement_id TEXT PRIMARY KEY REFERENCES agreement (id),
    used_hour    BIGINT NOT NULL,       -- the newest sealed hour with usage
    hours        BIGINT NOT NULL        -- so many in a row, up to that one
);
CREATE INDEX agreement_activity_used ON agreement_activity (used_hour) WHERE hours >= 24;

-- ---- indexes for ledgers of millions ----

CREATE INDEX agreement_by_product ON agreement (product_code, id);

DROP INDEX usage_detail_hour;           -- the sealer sums an hour agreement by agreement
CREATE INDEX usage_detail_hour ON usage_detail (hour, agreement_id, dimension);
CREATE INDEX usage_detail_held ON usage_detail (hour) WHERE agreement_id = '' AND product_code <> '';

DROP INDEX ledger_record_hour;
CREATE INDEX ledger_record_hour ON ledger_record (hour, agreement_id, dimension);
DROP INDEX ledger_record_due;           -- nearest deadline first
CREATE INDEX ledger_record_unsettled ON ledger_record (deadline_s, product_code, id)
    WHERE state IN ('sealed', 'sent');
CREATE INDEX ledger_record_trouble ON ledger_record (state, hour)
    WHERE state IN ('refused', 'expired', 'carried');
