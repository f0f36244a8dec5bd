-- Who has left is looked for each second.
CREATE INDEX agreement_left ON agreement (ended_s) WHERE ended_s IS NOT NULL;
