DROP VIEW IF EXISTS readable_checks;
DROP VIEW IF EXISTS current_status;

CREATE VIEW readable_checks AS
SELECT
    id,
    provider_name,
    strftime('%Y-%m-%dT%H:%M:%fZ', checked_at_ms / 1000.0, 'unixepoch') AS checked_at,
    status, outcome, response_time_ms, ttft_ms, interval_seconds, http_status, error_message,
    consecutive_failures, rate_limit_percent, completions
FROM checks
ORDER BY checked_at_ms, id;

-- One row a provider. uptime_percent covers the last 24 hours: up / (up + down), where the
-- outcomes that count as neither are left out.
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
    GROUP BY provider_name
)
SELECT
    provider_states.provider_name,
    checks.status,
    provider_states.response_time_ms,
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
