-- Who may call the admin API besides the key of admin-credentials.

CREATE TABLE access_key (
    id            TEXT PRIMARY KEY,      -- the access key id
    user_name     TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('admin', 'onboarding', 'read-only')),
    secret_sealed TEXT NOT NULL,         -- under the master key, for this id
    token_sha256  TEXT,                  -- hex; NULL: a key without session token
    created_s     BIGINT NOT NULL,
    expires_s     BIGINT                 -- NULL: never
);
