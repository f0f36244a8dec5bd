-- The ledger's records and their history in a form that takes 20,000 records
-- a second: a record has a number, in the order of sealing, by which it is
-- found and which its history names, so that what goes out together lies
-- together; and the rules of 002 are asked with one trigger a move.  They are
-- the same rules.  IN with more than two texts is avoided here: SQLite would
-- build a table of them for each row that is changed.

DROP TRIGGER ledger_adjustment_open;

CREATE TABLE ledger_record_by_number (
    number            INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE,
    agreement_id      TEXT NOT NULL REFERENCES agreement (id),
    product_code      TEXT NOT NULL,
    dimension         TEXT NOT NULL,
    hour              BIGINT NOT NULL CHECK (hour % 3600 = 0),
    timestamp         BIGINT NOT NULL,
    quantity          BIGINT NOT NULL CHECK (quantity BETWEEN 0 AND 2147483647),
    identity_mode     TEXT NOT NULL,
    customer_aws_account_id TEXT,
    license_arn       TEXT,
    customer_identifier TEXT,
    state             TEXT NOT NULL,
    attempts          BIGINT NOT NULL DEFAULT 0,
    next_attempt_s    BIGINT NOT NULL DEFAULT 0,
    is_alone          BIGINT NOT NULL DEFAULT 0,   -- a poisoned batch was split down to it
    deadline_s        BIGINT NOT NULL,
    metering_record_id TEXT,
    reason            TEXT,
    sealed_s          BIGINT NOT NULL,
    updated_s         BIGINT NOT NULL,
    actor             TEXT NOT NULL DEFAULT 'sealer',
    request_id        TEXT,             -- of Amazon's answer
    answer            TEXT,             -- Amazon's status or exception
    amazon_quantity   BIGINT,           -- that stays billed, where it is another and known
    UNIQUE (agreement_id, dimension, hour),
    CHECK (timestamp >= hour AND timestamp < hour + 3600),
    CHECK (state = 'sealed' OR state = 'sent' OR state = 'settled' OR state = 'refused' OR state = 'expired'
        OR state = 'carried'),
    CHECK ((state = 'settled') = (metering_record_id IS NOT NULL))
);
INSERT INTO ledger_record_by_number (id, agreement_id, product_code, dimension, hour, timestamp, quantity,
        identity_mode, customer_aws_account_id, license_arn, customer_identifier, state, attempts, next_attempt_s,
        is_alone, deadline_s, metering_record_id, reason, sealed_s, updated_s, actor, request_id, answer,
        amazon_quantity)
    SELECT id, agreement_id, product_code, dimension, hour, timestamp, quantity,
        identity_mode, customer_aws_account_id, license_arn, customer_identifier, state, attempts, next_attempt_s,
        is_alone, deadline_s, metering_record_id, reason, sealed_s, updated_s, actor, request_id, answer,
        amazon_quantity
    FROM ledger_record ORDER BY hour, agreement_id, dimension;

CREATE TABLE ledger_history_by_number ( -- append-only: who moved a record, when, why
    seq        INTEGER PRIMARY KEY,
    record     BIGINT NOT NULL,         -- its number
    at_s       BIGINT NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    actor      TEXT NOT NULL,
    reason     TEXT,
    attempt    BIGINT,                  -- how many requests there had been
    request_id TEXT,
    answer     TEXT
);
INSERT INTO ledger_history_by_number (seq, record, at_s, from_state, to_state, actor, reason, attempt, request_id,
        answer)
    SELECT h.seq, r.number, h.at_s, h.from_state, h.to_state, h.actor, h.reason, h.attempt, h.request_id, h.answer
    FROM ledger_history h LEFT JOIN ledger_record_by_number r ON r.id = h.record_id ORDER BY h.seq;

DROP TABLE ledger_history;              -- with the triggers of 002, like the next
DROP TABLE ledger_record;
ALTER TABLE ledger_history_by_number RENAME TO ledger_history;
ALTER TABLE ledger_record_by_number RENAME TO ledger_record;

CREATE INDEX ledger_history_record ON ledger_history (record, seq);
CREATE INDEX ledger_record_hour ON ledger_record (hour, agreement_id, dimension);
CREATE INDEX ledger_record_unsettled ON ledger_record (deadline_s, product_code, number)
    WHERE state IN ('sealed', 'sent');  -- nearest deadline first
CREATE INDEX ledger_record_trouble ON ledger_record (state, hour)
    WHERE state = 'refused' OR state = 'expired' OR state = 'carried';

-- ---- L1, L2, L4 to L6, L10: a record ----

-- Asked of statements that name such a column: no other can change one.  The
-- number has three more names in SQLite.
CREATE TRIGGER ledger_record_frozen BEFORE UPDATE OF number, rowid, oid, _rowid_, id, agreement_id, product_code,
    dimension, hour, timestamp, quantity, identity_mode, customer_aws_account_id, license_arn, customer_identifier, sealed_s
    ON ledger_record
WHEN NEW.number <> OLD.number OR NEW.id <> OLD.id OR NEW.agreement_id <> OLD.agreement_id
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

CREATE TRIGGER ledger_record_kept BEFORE DELETE ON ledger_record
BEGIN
    SELECT RAISE(ABORT, 'ledger L10: no record is ever deleted');
END;

-- What a rule refuses is undone as a whole, history and sums, too.
CREATE TRIGGER ledger_record_sealed AFTER INSERT ON ledger_record
BEGIN
    SELECT CASE
        WHEN NEW.state <> 'sealed' OR NEW.attempts <> 0
            THEN RAISE(ABORT, 'ledger L2: a record begins as sealed')
        WHEN NEW.timestamp > NEW.sealed_s OR NOT EXISTS (SELECT 1 FROM agreement a
                WHERE a.id = NEW.agreement_id AND a.activated_s <= NEW.timestamp)
            THEN RAISE(ABORT, 'ledger L5: stamped later than now or before its agreement was active')
        END;
    INSERT INTO ledger_history (record, at_s, from_state, to_state, actor, reason)
        VALUES (NEW.number, NEW.sealed_s, NULL, NEW.state, NEW.actor, NEW.reason);
    UPDATE ledger_total SET records = records + 1, units = units + NEW.quantity
        WHERE state = NEW.state;
END;

CREATE TRIGGER ledger_record_moved AFTER UPDATE OF state ON ledger_record
BEGIN
    SELECT CASE
        WHEN NOT (OLD.state = 'sealed' AND (NEW.state = 'sealed' OR NEW.state = 'sent' OR NEW.state = 'expired'
                OR NEW.state = 'carried'))
            AND NOT (OLD.state = 'sent' AND (NEW.state = 'sent' OR NEW.state = 'sealed' OR NEW.state = 'settled'
                OR NEW.state = 'refused' OR NEW.state = 'expired'))
            THEN RAISE(ABORT, 'ledger L2: no such move')
        WHEN NEW.attempts > OLD.attempts AND NEW.updated_s >= NEW.deadline_s
            THEN RAISE(ABORT, 'ledger L6: past its deadline nothing is sent')
        WHEN COALESCE(NEW.reason, '') = ''
            AND (NEW.state = 'refused' OR NEW.state = 'expired' OR NEW.state = 'carried')
            THEN RAISE(ABORT, 'ledger L10: a record ends with a reason')
        END;
    INSERT INTO ledger_history (record, at_s, from_state, to_state, actor, reason, attempt, request_id, answer)
        VALUES (NEW.number, NEW.updated_s, OLD.state, NEW.state, NEW.actor, NEW.reason, NEW.attempts,
            NEW.request_id, NEW.answer);
    UPDATE ledger_total SET records = records - 1, units = units - OLD.quantity
        WHERE state = OLD.state;
    UPDATE ledger_total SET records = records + 1, units = units + NEW.quantity
        WHERE state = NEW.state;
END;

-- ---- L10: history, L11: corrections: as before ----

CREATE TRIGGER ledger_history_fixed BEFORE UPDATE ON ledger_history
BEGIN
    SELECT RAISE(ABORT, 'ledger L10: history is only appended to');
END;

CREATE TRIGGER ledger_history_kept BEFORE DELETE ON ledger_history
BEGIN
    SELECT RAISE(ABORT, 'ledger L10: history is only appended to');
END;

CREATE TRIGGER ledger_adjustment_open BEFORE INSERT ON ledger_adjustment
WHEN EXISTS (SELECT 1 FROM ledger_record r WHERE r.agreement_id = NEW.agreement_id
    AND r.dimension = NEW.dimension AND r.hour = NEW.billed_hour)
BEGIN
    SELECT RAISE(ABORT, 'ledger L11: the hour is sealed');
END;
