-- Meters that count more than calls.

ALTER TABLE meter_owner ADD COLUMN is_wide INTEGER NOT NULL DEFAULT 0; -- 1: the next slot is this owner's, too
