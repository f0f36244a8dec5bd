-- What a fold writes, laid out so that 200,000 cells fold in a second: a row
-- that exists is found by its number, and rows that are written together lie
-- together, hour by hour and lane by lane.

CREATE TABLE usage_detail_by_hour (
    id           INTEGER PRIMARY KEY,
    node         TEXT NOT NULL,
    agreement_id TEXT NOT NULL,         -- '' where there is none: counted, held
    product_code TEXT NOT NULL,         -- '' where there is none
    dimension    TEXT NOT NULL,
    hour         BIGINT NOT NULL,       -- the hour that it is billed in
    used_hour    BIGINT NOT NULL,       -- the hour that the calls finished in
    key_id       TEXT NOT NULL,
    plan_id      TEXT NOT NULL,
    quantity     BIGINT NOT NULL CHECK (quantity >= 0),
    reason       TEXT NOT NULL          -- why held, or why hour is not used_hour; '' otherwise
);
INSERT INTO usage_detail_by_hour (node, agreement_id, product_code, dimension, hour, used_hour, key_id, plan_id,
        quantity, reason)
    SELECT node, agreement_id, product_code, dimension, hour, used_hour, key_id, plan_id, quantity, reason
    FROM usage_detail ORDER BY hour;
DROP TABLE usage_detail;
ALTER TABLE usage_detail_by_hour RENAME TO usage_detail;
CREATE UNIQUE INDEX usage_detail_row ON usage_detail
    (hour, agreement_id, dimension, key_id, plan_id, used_hour, product_code, node, reason);
CREATE INDEX usage_detail_key ON usage_detail (plan_id, key_id, used_hour);
CREATE INDEX usage_detail_held ON usage_detail (hour) WHERE agreement_id = '' AND product_code <> '';

CREATE TABLE meter_file (               -- sets of mapped files that were folded
    number  INTEGER PRIMARY KEY,
    file_id TEXT NOT NULL UNIQUE        -- hex
);

CREATE TABLE meter_mark_by_lane (       -- how far a lane has been folded
    id     INTEGER PRIMARY KEY,         -- number of the set * 2^37 + lane * 2^32 + slot
    owner  BIGINT NOT NULL,             -- owner generation that the mark was last used under
    mark   BIGINT NOT NULL
);
INSERT INTO meter_file (file_id) SELECT DISTINCT file_id FROM meter_mark;
INSERT INTO meter_mark_by_lane (id, owner, mark)
    SELECT f.number * 137438953472 + m.lane * 4294967296 + m.slot, m.owner, m.mark
    FROM meter_mark m JOIN meter_file f ON f.file_id = m.file_id;
DROP TABLE meter_mark;
ALTER TABLE meter_mark_by_lane RENAME TO meter_mark;
