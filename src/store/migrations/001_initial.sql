-- The first schema.  Portable between SQLite and PostgreSQL: BIGINT for all
-- integers, times in epoch seconds, JSON as TEXT, key values encrypted.

CREATE TABLE meta (              -- node id, file id of the planes, counters
    name   TEXT PRIMARY KEY,
    value  TEXT NOT NULL
);

-- ---- APIs ----

CREATE TABLE rest_api (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    created_s   BIGINT NOT NULL,
    doc         TEXT NOT NULL    -- JSON: members of Amazon's RestApi, without id, name, createdDate
);

CREATE TABLE resource (
    api_id      TEXT NOT NULL REFERENCES rest_api (id) ON DELETE CASCADE,
    id          TEXT NOT NULL,
    parent_id   TEXT,            -- NULL: the root
    path_part   TEXT NOT NULL,   -- '' for the root
    path        TEXT NOT NULL,
    PRIMARY KEY (api_id, id),
    UNIQUE (api_id, path)
);

CREATE TABLE method (            -- doc holds methodIntegration and the responses too
    api_id      TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    verb        TEXT NOT NULL,
    doc         TEXT NOT NULL,
    PRIMARY KEY (api_id, resource_id, verb),
    FOREIGN KEY (api_id, resource_id) REFERENCES resource (api_id, id) ON DELETE CASCADE
);

CREATE TABLE api_part (          -- models, validators, gateway responses, documents of one API
    api_id      TEXT NOT NULL REFERENCES rest_api (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,   -- model, requestvalidator, gatewayresponse
    id          TEXT NOT NULL,   -- model: its name
    doc         TEXT NOT NULL,
    PRIMARY KEY (api_id, kind, id)
);

CREATE TABLE deployment (
    api_id      TEXT NOT NULL REFERENCES rest_api (id) ON DELETE CASCADE,
    id          TEXT NOT NULL,
    created_s   BIGINT NOT NULL,
    description TEXT,
    snapshot    TEXT NOT NULL,   -- JSON: all that the data plane needs of the API at that moment
    PRIMARY KEY (api_id, id)
);

CREATE TABLE stage (
    api_id        TEXT NOT NULL,
    name          TEXT NOT NULL,
    deployment_id TEXT NOT NULL,
    created_s     BIGINT NOT NULL,
    updated_s     BIGINT NOT NULL,
    doc           TEXT NOT NULL, -- JSON: description, variables, methodSettings, tags, ...
    PRIMARY KEY (api_id, name),
    FOREIGN KEY (api_id, deployment_id) REFERENCES deployment (api_id, id)
);

-- ---- keys and plans ----

CREATE TABLE api_key (
    id           TEXT PRIMARY KEY,
    digest       TEXT NOT NULL UNIQUE,  -- SHA-256 of the value, hex
    value_sealed TEXT NOT NULL,         -- the value, AES-256-GCM under the master key, base64
    name         TEXT,
    description  TEXT,
    customer_id  TEXT,
    enabled      BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    created_s    BIGINT NOT NULL,
    updated_s    BIGINT NOT NULL,
    stage_keys   TEXT NOT NULL,         -- JSON list of "apiId/stage"
    tags         TEXT NOT NULL,         -- JSON object
    tag_license_arn TEXT,               -- two of the tags, to find keys by them
    tag_account_id  TEXT
);
CREATE INDEX api_key_customer ON api_key (customer_id, created_s, id);
CREATE INDEX api_key_name ON api_key (name, id);
CREATE INDEX api_key_created ON api_key (created_s, id);
CREATE INDEX api_key_tag_license ON api_key (tag_license_arn) WHERE tag_license_arn IS NOT NULL;
CREATE INDEX api_key_tag_account ON api_key (tag_account_id) WHERE tag_account_id IS NOT NULL;

CREATE TABLE usage_plan (
    id           TEXT PRIMARY KEY,
    number       BIGINT NOT NULL UNIQUE CHECK (number > 0),  -- in the planes, never used again
    name         TEXT NOT NULL,
    description  TEXT,
    product_code TEXT,
    rate_limit   DOUBLE PRECISION,      -- NULL: no throttle
    burst_limit  BIGINT,
    quota_limit  BIGINT,                -- NULL: no quota
    quota_offset BIGINT,
    quota_period TEXT CHECK (quota_period IN ('DAY', 'WEEK', 'MONTH')),
    created_s    BIGINT NOT NULL,
    tags         TEXT NOT NULL
);
CREATE INDEX usage_plan_product ON usage_plan (product_code, created_s);
CREATE INDEX usage_plan_created ON usage_plan (created_s, id);

CREATE TABLE usage_plan_stage (
    plan_id   TEXT NOT NULL REFERENCES usage_plan (id) ON DELETE CASCADE,
    api_id    TEXT NOT NULL,
    stage     TEXT NOT NULL,
    throttle  TEXT NOT NULL,            -- JSON: {"/path/METHOD":{rateLimit,burstLimit}}
    PRIMARY KEY (plan_id, api_id, stage)
);
CREATE INDEX usage_plan_stage_stage ON usage_plan_stage (api_id, stage);

CREATE TABLE usage_plan_key (
    plan_id    TEXT NOT NULL REFERENCES usage_plan (id) ON DELETE CASCADE,
    key_id     TEXT NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    created_s  BIGINT NOT NULL,
    slot       BIGINT,                  -- its present cell in the meters
    owner      BIGINT,                  -- and that cell's owner generation
    PRIMARY KEY (plan_id, key_id)
);
CREATE INDEX usage_plan_key_key ON usage_plan_key (key_id);
CREATE INDEX usage_plan_key_created ON usage_plan_key (plan_id, created_s, key_id);

CREATE TABLE quota_grant (              -- UpdateUsage: replaces the limit for one period
    plan_id  TEXT NOT NULL,
    key_id   TEXT NOT NULL,
    period   BIGINT NOT NULL,
    value    BIGINT NOT NULL,
    PRIMARY KEY (plan_id, key_id)
);
CREATE INDEX quota_grant_key ON quota_grant (key_id);

-- ---- buyers ----

CREATE TABLE agreement (
    id                      TEXT PRIMARY KEY,
    product_code            TEXT NOT NULL,
    identity_mode           TEXT NOT NULL CHECK (identity_mode IN ('license', 'account', 'customer')),
    customer_aws_account_id TEXT,
    license_arn             TEXT,
    license_id              TEXT,       -- its trailing l-...
    customer_identifier     TEXT,
    state                   TEXT NOT NULL CHECK (state IN ('pending', 'active', 'ending', 'ended')),
    activated_s             BIGINT,
    ended_s                 BIGINT,
    email                   TEXT,
    created_s               BIGINT NOT NULL,
    updated_s               BIGINT NOT NULL
);
CREATE UNIQUE INDEX agreement_license ON agreement (product_code, license_arn)
    WHERE identity_mode = 'license';
CREATE UNIQUE INDEX agreement_account ON agreement (product_code, customer_aws_account_id)
    WHERE identity_mode = 'account';
CREATE UNIQUE INDEX agreement_customer ON agreement (product_code, customer_identifier)
    WHERE identity_mode = 'customer';
CREATE INDEX agreement_by_account ON agreement (product_code, customer_aws_account_id);
CREATE INDEX agreement_by_license_arn ON agreement (product_code, license_arn);
CREATE INDEX agreement_by_license_id ON agreement (product_code, license_id);
CREATE INDEX agreement_by_identifier ON agreement (product_code, customer_identifier);

-- ---- meters and usage ----

CREATE TABLE meter_owner (              -- who counts in a slot of the meters, now and before
    file_id      TEXT NOT NULL,         -- of the set of mapped files, hex
    slot         BIGINT NOT NULL,
    owner        BIGINT NOT NULL CHECK (owner > 0),  -- owner generation
    key_id       TEXT NOT NULL,
    plan_id      TEXT NOT NULL,
    product_code TEXT,                  -- NULL: the plan had none
    dimension    TEXT NOT NULL,
    agreement_id TEXT,                  -- NULL: not billable, for this reason:
    reason       TEXT,
    state        TEXT NOT NULL CHECK (state IN ('open', 'retired', 'closed')),
    opened_s     BIGINT NOT NULL,
    retired_epoch BIGINT,               -- closed when every living row shows it or a later one
    carry_slot   BIGINT,                -- the cell that quota and throttle state came from
    carry_owner  BIGINT,
    PRIMARY KEY (file_id, slot, owner),
    CHECK ((agreement_id IS NULL) <> (reason IS NULL))
);
CREATE UNIQUE INDEX meter_owner_present ON meter_owner (file_id, slot) WHERE state <> 'closed';
CREATE INDEX meter_owner_retired ON meter_owner (state) WHERE state = 'retired';
CREATE INDEX meter_owner_key ON meter_owner (key_id, plan_id);

CREATE TABLE meter_mark (               -- how far a lane has been folded
    file_id  TEXT NOT NULL,
    slot     BIGINT NOT NULL,
    lane     BIGINT NOT NULL,
    owner    BIGINT NOT NULL,           -- owner generation that the mark was last used under
    mark     BIGINT NOT NULL,
    PRIMARY KEY (file_id, slot, lane)
);

CREATE TABLE usage_detail (             -- what was counted: the rows under every bill
    node         TEXT NOT NULL,
    agreement_id TEXT NOT NULL,         -- '' where there is none: counted, held
    product_code TEXT NOT NULL,         -- '' where there is none
    dimension    TEXT NOT NULL,
    hour         BIGINT NOT NULL,       -- the hour that it is billed in
    used_hour    BIGINT NOT NULL,       -- the hour that the calls finished in
    key_id       TEXT NOT NULL,
    plan_id      TEXT NOT NULL,
    quantity     BIGINT NOT NULL CHECK (quantity >= 0),
    reason       TEXT NOT NULL,         -- why held, or why hour is not used_hour; '' otherwise
    PRIMARY KEY (agreement_id, dimension, hour, key_id, plan_id, used_hour, product_code, node, reason)
);
CREATE INDEX usage_detail_key ON usage_detail (plan_id, key_id, used_hour);
CREATE INDEX usage_detail_hour ON usage_detail (hour);

CREATE TABLE fold (                     -- a row a node: how far its meters have been folded
    node          TEXT PRIMARY KEY,
    file_id       TEXT NOT NULL,
    sequence      BIGINT NOT NULL,      -- also on the board
    folded_through BIGINT NOT NULL,     -- every call that finished before this second is in the ledger
    newest_hour   BIGINT NOT NULL,
    boot_offset_s BIGINT NOT NULL       -- wall clock minus boot clock at the last fold
);

-- ---- the ledger ----

CREATE TABLE ledger_record (
    id                TEXT PRIMARY KEY,
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
    state             TEXT NOT NULL
        CHECK (state IN ('sealed', 'sent', 'settled', 'refused', 'expired', 'carried')),
    attempts          BIGINT NOT NULL DEFAULT 0,
    next_attempt_s    BIGINT NOT NULL DEFAULT 0,
    is_alone          BIGINT NOT NULL DEFAULT 0,   -- a poisoned batch was split down to it
    deadline_s        BIGINT NOT NULL,
    metering_record_id TEXT,
    reason            TEXT,
    sealed_s          BIGINT NOT NULL,
    updated_s         BIGINT NOT NULL,
    UNIQUE (agreement_id, dimension, hour),
    CHECK (timestamp >= hour AND timestamp < hour + 3600),
    CHECK ((state = 'settled') = (metering_record_id IS NOT NULL))
);
CREATE INDEX ledger_record_due ON ledger_record (state, next_attempt_s, deadline_s)
    WHERE state IN ('sealed', 'sent');
CREATE INDEX ledger_record_hour ON ledger_record (hour);

CREATE TABLE ledger_history (           -- append-only: who moved a record, when, why
    seq        INTEGER PRIMARY KEY,
    record_id  TEXT NOT NULL,
    at_s       BIGINT NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    actor      TEXT NOT NULL,
    reason     TEXT
);
CREATE INDEX ledger_history_record ON ledger_history (record_id, seq);

-- ---- the audit trail ----

CREATE TABLE audit_event (              -- append-only, chained; CloudTrail's format
    seq           BIGINT PRIMARY KEY,   -- 1, 2, 3, ... without a gap
    event_id      TEXT NOT NULL UNIQUE,
    event_time_s  BIGINT NOT NULL,
    event_source  TEXT NOT NULL,
    event_name    TEXT NOT NULL,
    username      TEXT,
    access_key_id TEXT,
    read_only     BIGINT NOT NULL,
    resource_type TEXT,
    resource_name TEXT,
    record        TEXT NOT NULL,        -- the JSON that was hashed, byte for byte
    hash          TEXT NOT NULL         -- SHA-256(previous hash || record), hex
);
CREATE INDEX audit_event_time ON audit_event (event_time_s);
CREATE INDEX audit_event_name ON audit_event (event_name, event_time_s);
CREATE INDEX audit_event_source ON audit_event (event_source, event_time_s);
CREATE INDEX audit_event_resource ON audit_event (resource_name, event_time_s);

CREATE TABLE audit_head (               -- the newest record, so that a missing end is found
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    seq   BIGINT NOT NULL,
    hash  TEXT NOT NULL
);
