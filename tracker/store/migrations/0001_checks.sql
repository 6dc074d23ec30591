-- One row a check. Times are milliseconds since 1970 in UTC; the view readable_checks shows them
-- as text.
CREATE TABLE checks (
    id INTEGER PRIMARY KEY,
    provider_name TEXT NOT NULL,
    checked_at_ms INTEGER NOT NULL,
    status TEXT NOT NULL,            -- as judged with this check
    outcome TEXT NOT NULL,
    response_time_ms REAL,
    ttft_ms REAL,                    -- time to the first token of a completion
    interval_seconds REAL,           -- in force then; NULL where it was not recorded
    http_status INTEGER,
    error_message TEXT NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    rate_limit_percent REAL NOT NULL,
    completions INTEGER NOT NULL     -- how many the check spent
) STRICT;

-- The only index, by hour first. Storing a sweep of 1,000 providers over 2 million rows then
-- touches the last pages of one b-tree: 4 ms. An index by (provider_name, checked_at_ms), or a
-- table clustered so, touches 1,000 pages instead: 28 and 38 ms. A provider's history needs one
-- seek an hour: 168 for a week, 5 ms.
CREATE INDEX checks_by_hour ON checks (checked_at_ms / 3600000, provider_name, checked_at_ms);

-- What judging a provider carries on from after a restart, and what current_status shows of it
-- without a search.
CREATE TABLE provider_states (
    provider_name TEXT PRIMARY KEY,
    last_check_id INTEGER NOT NULL,
    response_time_ms REAL,           -- of the last successful check
    state TEXT                       -- JSON; NULL for a provider known only from a take-over
) STRICT, WITHOUT ROWID;
