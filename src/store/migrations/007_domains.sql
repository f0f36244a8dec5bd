-- Custom domain names, and what their base paths lead to.

CREATE TABLE domain_name (
    name        TEXT PRIMARY KEY,    -- in lower case
    created_s   BIGINT NOT NULL,
    doc         TEXT NOT NULL,       -- JSON: members of Amazon's DomainName that were given
    tags        TEXT NOT NULL        -- JSON object
);

CREATE TABLE base_path_mapping (
    domain      TEXT NOT NULL REFERENCES domain_name (name) ON DELETE CASCADE,
    path        TEXT NOT NULL,       -- '': Amazon's (none)
    id          TEXT NOT NULL,       -- of API Gateway v2
    api_id      TEXT NOT NULL REFERENCES rest_api (id),
    stage       TEXT,                -- NULL: callers name it in the path
    PRIMARY KEY (domain, path),
    UNIQUE (domain, id)
);
CREATE INDEX base_path_mapping_api ON base_path_mapping (api_id, stage);
