-- One of many trackers: checks that others of the same vantage made stand beside our own.
ALTER TABLE checks ADD COLUMN origin TEXT;  -- whose file it comes from; NULL for a check of ours
ALTER TABLE checks ADD COLUMN origin_id INTEGER;  -- its number there

-- Who this file is in the cluster. highest_id: numbers of checks are not given twice, also when
-- everything was pruned.
CREATE TABLE cluster_identity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    origin TEXT NOT NULL,
    highest_id INTEGER NOT NULL
) STRICT;
INSERT INTO cluster_identity VALUES (
    1,
    lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
        || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
    0
);

-- How far the checks of each other file were taken over.
CREATE TABLE cluster_cursors (
    origin TEXT PRIMARY KEY,
    origin_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
