-- What was billed in another hour than it was used in: for explanations.
CREATE INDEX usage_detail_carried ON usage_detail (agreement_id, dimension, used_hour) WHERE hour <> used_hour;

-- Cells that count for a product and for nobody: for metrics.
CREATE INDEX meter_owner_unbound ON meter_owner (reason)
    WHERE state = 'open' AND agreement_id IS NULL AND product_code IS NOT NULL;
