-- The trackers that write to this file: there should be one.
CREATE TABLE trackers (
    run TEXT PRIMARY KEY,            -- made again at each start
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL,
    beat_at_ms INTEGER NOT NULL      -- renewed twice a minute
) STRICT, WITHOUT ROWID;
