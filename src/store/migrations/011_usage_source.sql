-- What was counted, in a form that takes a million meters at the turn of an
-- hour: whose units they are is written once, as a source; a row of an hour
-- is a source's number and a quantity, and the rows of an hour lie together.
-- WITHOUT ROWID is SQLite's way to say so; the rest is portable.

CREATE TABLE usage_source (             -- whose units, and why held or late
    id           INTEGER PRIMARY KEY,
    node         TEXT NOT NULL,
    agreement_id TEXT NOT NULL,         -- '' where there is none: counted, held
    product_code TEXT NOT NULL,         -- '' where there is none
    dimension    TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    plan_id      TEXT NOT NULL,
    late_s       BIGINT NOT NULL,       -- they are billed so long after the hour that the calls finished in
    reason       TEXT NOT NULL          -- why held, or why late; '' otherwise
);
CREATE UNIQUE INDEX usage_source_row ON usage_source
    (agreement_id, dimension, late_s, plan_id, key_id, product_code, reason, node);
CREATE INDEX usage_source_key ON usage_source (plan_id, key_id);

CREATE TABLE usage_hour (               -- the rows under every bill
    hour     BIGINT NOT NULL,           -- the hour that it is billed in
    source   BIGINT NOT NULL,           -- of usage_source, never removed
    quantity BIGINT NOT NULL CHECK (quantity >= 0),
    is_held  BIGINT NOT NULL DEFAULT 0, -- of a product, and of no agreement
    PRIMARY KEY (hour, source)
) WITHOUT ROWID;

INSERT INTO usage_source (node, agreement_id, product_code, dimension, key_id, plan_id, late_s, reason)
    SELECT DISTINCT node, agreement_id, product_code, dimension, key_id, plan_id, hour - used_hour, reason
    FROM usage_detail ORDER BY agreement_id, dimension, key_id;
INSERT INTO usage_hour (hour, source, quantity, is_held)
    SELECT d.hour, s.id, d.quantity, CASE WHEN d.agreement_id = '' AND d.product_code <> '' THEN 1 ELSE 0 END
    FROM usage_detail d JOIN usage_source s ON s.agreement_id = d.agreement_id AND s.dimension = d.dimension
        AND s.late_s = d.hour - d.used_hour AND s.plan_id = d.plan_id AND s.key_id = d.key_id
        AND s.product_code = d.product_code AND s.reason = d.reason AND s.node = d.node
    ORDER BY d.hour, s.id;
CREATE INDEX usage_hour_held ON usage_hour (hour, source) WHERE is_held = 1;

DROP TABLE usage_detail;
CREATE VIEW usage_detail AS             -- both together, for people and for whoever asks little
    SELECT s.node, s.agreement_id, s.product_code, s.dimension, d.hour, d.hour - s.late_s AS used_hour,
        s.key_id, s.plan_id, d.quantity, s.reason
    FROM usage_hour d JOIN usage_source s ON s.id = d.source;
