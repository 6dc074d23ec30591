-- Offers: models watched at a provider by a completion of their own.
ALTER TABLE checks ADD COLUMN model TEXT;  -- the offer that was asked; NULL for the provider itself

-- What judging an offer carries on from after a restart.
CREATE TABLE offer_states (
    provider_name TEXT NOT NULL,
    model TEXT NOT NULL,
    last_check_id INTEGER NOT NULL,
    state TEXT NOT NULL,             -- JSON
    PRIMARY KEY (provider_name, model)
) STRICT, WITHOUT ROWID;

DROP VIEW readable_checks;
DROP VIEW current_status;

CREATE VIEW readable_checks AS
SELECT
    id,
    provider_name,
    model,
    strftime('%Y-%m-%dT%H:%M:%fZ', checked_at_ms / 1000.0, 'unixepoch') AS checked_at,
    status, outcome, round(response_time_ms, 1) AS response_time_ms, round(ttft_ms, 1) AS ttft_ms,
    interval_seconds, http_status, error_message,
    consecutive_failures, rate_limit_percent, completions
FROM checks
ORDER BY checked_at_ms, id;

-- One row a provider. uptime_percent covers the last 24 hours: up / (up + down), where the
-- outcomes that count as neither are left out. Checks of single offers are not in it.
CREATE VIEW current_status AS
WITH counted AS (
    SELECT
        provider_name,
        sum(outcome IN ('ok', 'slow')) AS up,
        count(*) AS total
    FROM checks
    WHERE checked_at_ms / 3600000 >= unixepoch('now', '-1 day') / 3600
        AND checked_at_ms >= unixepoch('now', '-1 day') * 1000
        AND outcome NOT IN ('rate_limited', 'quota_exhausted', 'request', 'internal')
        AND model IS NULL
    GROUP BY provider_name
)
SELECT
    provider_states.provider_name,
    checks.status,
    round(provider_states.response_time_ms, 1) AS response_time_ms,
    round(100.0 * counted.up / counted.total, 2) AS uptime_percent,
    checks.rate_limit_percent,
    strftime('%Y-%m-%dT%H:%M:%fZ', checks.checked_at_ms / 1000.0, 'unixepoch') AS last_check,
    checks.consecutive_failures,
    checks.outcome,
    checks.error_message,
    checks.http_status,
    checks.interval_seconds
FROM provider_states
JOIN checks ON checks.id = provider_states.last_check_id
    AND checks.provider_name = provider_states.provider_name
LEFT JOIN counted ON counted.provider_name = provider_states.provider_name
ORDER BY provider_states.provider_name;

-- One row an offer, as its last check left it.
CREATE VIEW current_offers AS
SELECT
    offer_states.provider_name,
    offer_states.model,
    checks.status,
    checks.outcome,
    round(checks.response_time_ms, 1) AS response_time_ms,
    round(checks.ttft_ms, 1) AS ttft_ms,
    strftime('%Y-%m-%dT%H:%M:%fZ', checks.checked_at_ms / 1000.0, 'unixepoch') AS last_check,
    checks.consecutive_failures,
    checks.error_message
FROM offer_states
JOIN checks ON checks.id = offer_states.last_check_id
ORDER BY offer_states.provider_name, offer_states.model;
