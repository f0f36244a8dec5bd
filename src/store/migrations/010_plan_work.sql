-- Plans of which not all keys have followed a change yet: their cells are
-- brought up to date in portions, beside the calls of the admin API.

CREATE TABLE plan_work (
    plan_id   TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('rebind', 'end')),
    after_key TEXT NOT NULL,      -- of rebind: the last key that is done
    PRIMARY KEY (plan_id, kind)
);
CREATE INDEX meter_owner_of_plan ON meter_owner (plan_id) WHERE state = 'open';
