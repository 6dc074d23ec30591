-- What an operator asks about later: changes of status, of the best provider, of model lists.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    changed_at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,              -- status, best or model
    provider_name TEXT,
    value_before TEXT,
    value_after TEXT,
    reason TEXT NOT NULL
) STRICT;

CREATE INDEX changes_by_time ON changes (changed_at_ms);

-- The last change of the best provider, found after a restart; pruning keeps it.
CREATE INDEX changes_of_best ON changes (id) WHERE kind = 'best';

-- What was tuned at run time; NULL stands for the configuration file's value.
CREATE TABLE overrides (
    provider_name TEXT PRIMARY KEY,
    interval_seconds REAL,
    enabled INTEGER
) STRICT, WITHOUT ROWID;
