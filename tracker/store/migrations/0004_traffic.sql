-- Real calls that proxies told of, counted by the minute: never call by call. Times are
-- milliseconds since 1970 in UTC. By time first, so that storing touches the last pages only.
CREATE TABLE traffic (
    minute_at_ms INTEGER NOT NULL,   -- when the minute began
    provider_name TEXT NOT NULL,
    model TEXT NOT NULL,             -- as the provider names it; empty where untold
    key_number INTEGER NOT NULL,     -- 0 where untold
    reporter TEXT NOT NULL,
    outcome TEXT NOT NULL,           -- as for a check, or a neutral one: cancelled, cached, …
    calls INTEGER NOT NULL,
    latency_samples INTEGER NOT NULL,
    latency_ms_sum REAL NOT NULL,
    ttft_samples INTEGER NOT NULL,
    ttft_ms_sum REAL NOT NULL,
    output_tokens INTEGER NOT NULL,  -- of calls whose latency is known
    output_ms REAL NOT NULL,         -- what those tokens took
    latency_sketch BLOB NOT NULL,    -- MessagePack: counts by logarithmic bucket, and the sum
    PRIMARY KEY (minute_at_ms, provider_name, model, key_number, reporter, outcome)
) STRICT, WITHOUT ROWID;
