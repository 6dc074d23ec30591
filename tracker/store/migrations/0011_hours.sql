-- The checks of whole hours summed up, so that a history of a week need not read each of them.
-- An hour is summed up once it is over. It is a copy: whatever changes a check of that hour
-- takes the hour out of summed_hours, and it is summed up again later.
CREATE TABLE hourly_checks (
    hour INTEGER NOT NULL,           -- hours since 1970
    provider_name TEXT NOT NULL,
    model TEXT NOT NULL,             -- empty for the provider itself
    checks INTEGER NOT NULL,
    up INTEGER NOT NULL,
    down INTEGER NOT NULL,
    latency_ms_min REAL,             -- of successful checks; NULL without one
    latency_ms_avg REAL,
    latency_ms_p50 REAL,             -- by nearest rank, exact
    latency_ms_p95 REAL,
    latency_ms_max REAL,
    completions INTEGER NOT NULL,    -- how many the checks spent
    quarters BLOB NOT NULL,          -- MessagePack: the same of each quarter of an hour
    latencies BLOB NOT NULL,         -- MessagePack: counts and sorted latencies of each quarter
    PRIMARY KEY (hour, provider_name, model)
) STRICT, WITHOUT ROWID;

-- Which hours hourly_checks tells of truly.
CREATE TABLE summed_hours (
    hour INTEGER PRIMARY KEY,
    last_provider TEXT,              -- while it is not complete: how far it came
    complete INTEGER NOT NULL
) STRICT;

CREATE TRIGGER check_added AFTER INSERT ON checks BEGIN
    DELETE FROM summed_hours WHERE hour = NEW.checked_at_ms / 3600000;
END;

CREATE TRIGGER check_changed AFTER UPDATE ON checks BEGIN
    DELETE FROM summed_hours
    WHERE hour IN (OLD.checked_at_ms / 3600000, NEW.checked_at_ms / 3600000);
END;

CREATE TRIGGER check_removed AFTER DELETE ON checks BEGIN
    DELETE FROM summed_hours WHERE hour = OLD.checked_at_ms / 3600000;
END;

CREATE VIEW readable_hours AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', hour * 3600, 'unixepoch') AS hour,
    provider_name, model, checks, up, down,
    round(100.0 * up / nullif(up + down, 0), 2) AS uptime_percent,
    round(latency_ms_min, 1) AS latency_ms_min,
    round(latency_ms_avg, 1) AS latency_ms_avg,
    round(latency_ms_p50, 1) AS latency_ms_p50,
    round(latency_ms_p95, 1) AS latency_ms_p95,
    round(latency_ms_max, 1) AS latency_ms_max
FROM hourly_checks
WHERE hourly_checks.hour IN (SELECT summed_hours.hour FROM summed_hours WHERE complete)
ORDER BY hourly_checks.hour, provider_name, model;
