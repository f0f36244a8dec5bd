-- What a cell held of its key's quota and throttle when it was closed, as the
-- 64-bit words of core/quota.h and core/bucket.h: a key that comes back to
-- its plan goes on there.  NULL: it had moved on to another cell before.

ALTER TABLE meter_owner ADD COLUMN final_used BIGINT;
ALTER TABLE meter_owner ADD COLUMN final_tat BIGINT;
