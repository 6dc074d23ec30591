-- Which reports were taken, so that each is taken once within a day whatever restarts meanwhile.
-- Written with the counts of the same calls: a crash loses both or neither.
CREATE TABLE report_ids (
    taken_hour INTEGER NOT NULL,     -- hours since 1970
    marks BLOB NOT NULL              -- eight bytes each: a hash of reporter and id
) STRICT;
CREATE INDEX report_ids_by_hour ON report_ids (taken_hour);

-- Scheduled checks that good traffic made needless.
CREATE TABLE skipped_checks (
    skipped_at_ms INTEGER NOT NULL,
    provider_name TEXT NOT NULL,
    model TEXT,                      -- NULL: of the provider itself
    completions INTEGER NOT NULL     -- that the check would have spent
) STRICT;
CREATE INDEX skipped_checks_by_time ON skipped_checks (skipped_at_ms);
