-- Incidents: what was wrong, since when and until when. Times are milliseconds since 1970 in UTC;
-- the view readable_incidents shows them as text.
CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    cause TEXT NOT NULL,             -- provider, offer, key, nothing_usable, network or tracker
    subject TEXT NOT NULL,           -- a provider, an offer as provider/model, or all
    provider_name TEXT,              -- NULL where it is about all
    opened_at_ms INTEGER NOT NULL,   -- the first failed check
    noticed_at_ms INTEGER NOT NULL,
    closed_at_ms INTEGER,            -- NULL while it is open
    summary TEXT NOT NULL,
    stage TEXT NOT NULL,             -- pending, quiet, told or done
    told_at_ms INTEGER,
    reminders INTEGER NOT NULL,
    acknowledged_by TEXT,
    flapping INTEGER NOT NULL,
    absent_since_ms INTEGER,         -- gone, but kept open while it flaps
    changes TEXT NOT NULL            -- JSON: openings and closings of the last hour
) STRICT, WITHOUT ROWID;

CREATE INDEX incidents_by_end ON incidents (closed_at_ms);

-- Every message to every target: those on their way, and what was sent.
CREATE TABLE alerts (
    event_key TEXT NOT NULL,         -- webhook-id; the same with every attempt
    target TEXT NOT NULL,            -- scheme and number, never the secret URL
    kind TEXT NOT NULL,              -- opened, reminder, resolved or test
    incidents TEXT NOT NULL,         -- JSON: their ids
    created_at_ms INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    data TEXT NOT NULL,              -- JSON, for webhooks
    attempts INTEGER NOT NULL,
    tried_at_ms INTEGER,
    delivered_at_ms INTEGER,
    error TEXT NOT NULL,
    given_up INTEGER NOT NULL,
    PRIMARY KEY (event_key, target)
) STRICT, WITHOUT ROWID;

CREATE INDEX alerts_by_time ON alerts (created_at_ms);

-- Of whom nobody is told, and until when.
CREATE TABLE mutes (
    provider_name TEXT PRIMARY KEY,
    muted_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW readable_incidents AS
SELECT
    id, cause, subject,
    strftime('%Y-%m-%dT%H:%M:%fZ', opened_at_ms / 1000.0, 'unixepoch') AS opened_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', closed_at_ms / 1000.0, 'unixepoch') AS closed_at,
    (closed_at_ms - opened_at_ms) / 1000.0 AS duration_seconds,
    acknowledged_by, flapping, summary
FROM incidents
ORDER BY opened_at_ms, id;
