-- Who reports, what waits for its product, and who is not subscribed.

CREATE TABLE lease (                    -- a task that one process does at a time
    name       TEXT PRIMARY KEY,        -- 'reporter'
    holder     TEXT NOT NULL,           -- for people: host, process, state directory; '' nobody
    identity   TEXT NOT NULL,           -- of the holder's state directory
    token      BIGINT NOT NULL,         -- grows with each holder
    renewals   BIGINT NOT NULL,         -- grows with each sign of life
    since_s    BIGINT NOT NULL,
    expires_s  BIGINT NOT NULL          -- by the holder's wall clock, for people
);

CREATE TABLE ledger_hold (              -- records that wait since Amazon knows not their product or dimension
    product_code   TEXT NOT NULL,
    dimension      TEXT NOT NULL,       -- '' for all of the product
    reason         TEXT NOT NULL,
    since_s        BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    next_attempt_s BIGINT NOT NULL,
    PRIMARY KEY (product_code, dimension)
);

-- When the Marketplace first said CustomerNotSubscribed; NULL since it took a record.
ALTER TABLE agreement ADD COLUMN unsubscribed_s BIGINT;
CREATE INDEX agreement_unsubscribed ON agreement (id) WHERE unsubscribed_s IS NOT NULL;
