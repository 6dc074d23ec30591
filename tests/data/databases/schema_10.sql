BEGIN TRANSACTION;
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
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    changed_at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,              -- status, best or model
    provider_name TEXT,
    value_before TEXT,
    value_after TEXT,
    reason TEXT NOT NULL
) STRICT;
INSERT INTO "changes" VALUES(1,1795856735357,'status','bad','unknown','degraded','last check: server error (500): internal failure');
INSERT INTO "changes" VALUES(2,1795856735357,'best',NULL,NULL,'bad','bad is first, though degraded: its last check failed, so the next call has a 33.33 % chance; no latency is known yet, so half its time-out is taken, or a 2 s time-out, expected time 1666.7 ms; no other is usable now.');
INSERT INTO "changes" VALUES(3,1795856735367,'status','good','unknown','healthy','last check ok in 5 ms');
INSERT INTO "changes" VALUES(4,1795856735367,'offer','good/llama-3.1-8b','unknown','healthy','no check of its own yet; good: last check ok in 5 ms');
INSERT INTO "changes" VALUES(5,1795856735367,'best',NULL,'bad','good','good is first: 4.9 ms on average lately, no recent failure (0.49 % risk of a 2 s time-out), expected time 14.7 ms; bad, degraded, is next at 1335 ms.');
INSERT INTO "changes" VALUES(6,1795856742361,'status','bad','degraded','down','3 failed checks in a row; the last check: server error (500): internal failure');
INSERT INTO "changes" VALUES(7,1795856742567,'incident','bad',NULL,'provider','bad is down: server error (500): internal failure');
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
, model TEXT, origin TEXT, origin_id INTEGER) STRICT;
INSERT INTO "checks" VALUES(1,'bad',1795856735336,'degraded','server',5.07022259989753365516e+00,NULL,5.0,500,'server error (500): internal failure',1,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(2,'good',1795856735331,'healthy','ok',4.88093061721883714199e+00,NULL,5.0,200,'',0,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(3,'good',1795856735369,'healthy','ok',1.45617057569324970245e+00,NULL,15.0,200,'',0,0.0,1,'llama-3.1-8b',NULL,NULL);
INSERT INTO "checks" VALUES(4,'bad',1795856737354,'degraded','server',4.31543478043749928474e-01,NULL,5.0,500,'server error (500): internal failure',2,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(5,'good',1795856737491,'healthy','ok',3.64130566595122218132e-01,NULL,5.0,200,'',0,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(6,'good',1795856742061,'healthy','ok',4.38781949924305081367e-01,NULL,5.0,200,'',0,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(7,'bad',1795856742357,'down','server',9.02807689271867275238e-01,NULL,5.0,500,'server error (500): internal failure',3,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(8,'bad',1795856747361,'down','server',5.32395410118624567985e-01,NULL,30.0,500,'server error (500): internal failure',4,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(9,'good',1795856747423,'healthy','ok',1.25307129928842186927e+00,NULL,5.0,200,'',0,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(10,'bad',1795856752369,'down','server',4.54540888313204050064e-01,NULL,30.0,500,'server error (500): internal failure',5,60.0,0,NULL,NULL,NULL);
INSERT INTO "checks" VALUES(11,'good',1795856752389,'healthy','ok',4.07604180509224534034e-01,NULL,5.0,200,'',0,60.0,0,NULL,NULL,NULL);
CREATE TABLE cluster_cursors (
    origin TEXT PRIMARY KEY,
    origin_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE cluster_identity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    origin TEXT NOT NULL,
    highest_id INTEGER NOT NULL
) STRICT;
INSERT INTO "cluster_identity" VALUES(1,'bc32d462-7bfa-457c-87e1-964411099590',0);
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
INSERT INTO "incidents" VALUES('80db088dc0c4','provider','bad','bad',1795856735336,1795856742567,NULL,'bad is down: server error (500): internal failure','pending',NULL,0,NULL,0,NULL,'[1795856742567]');
CREATE TABLE mutes (
    provider_name TEXT PRIMARY KEY,
    muted_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE offer_states (
    provider_name TEXT NOT NULL,
    model TEXT NOT NULL,
    last_check_id INTEGER NOT NULL,
    state TEXT NOT NULL,             -- JSON
    PRIMARY KEY (provider_name, model)
) STRICT, WITHOUT ROWID;
INSERT INTO "offer_states" VALUES('good','llama-3.1-8b',3,'{"blocked_until":null,"health":{"blocked_until":null,"consecutive_failures":0,"counted":"ok","counted_message":"","down":false,"facts":{"authenticated":null,"inference":true,"quota_available":true,"reachable":true},"failing_since":null,"keys":[],"last_check":"2026-11-28T09:05:35.369261Z","learned":{},"limit_untold":false,"message":"","outcome":"ok","recovery":null,"response_time_ms":1.4561705756932497,"slow":[false],"traffic":{"failure":"","limit":null,"limited_until":null},"ttft_ms":null,"uninformative":0,"waiting_until":null},"limits":[],"limits_source":"none","notices":{"told":{}},"stale_at":"2026-11-28T09:06:40.941334Z","status":"healthy","status_since":"2026-11-28T09:05:35.382752Z","waiting_until":null}');
CREATE TABLE overrides (
    provider_name TEXT PRIMARY KEY,
    interval_seconds REAL,
    enabled INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "overrides" VALUES('bad',30.0,NULL);
CREATE TABLE provider_states (
    provider_name TEXT PRIMARY KEY,
    last_check_id INTEGER NOT NULL,
    response_time_ms REAL,           -- of the last successful check
    state TEXT                       -- JSON; NULL for a provider known only from a take-over
) STRICT, WITHOUT ROWID;
INSERT INTO "provider_states" VALUES('bad',10,NULL,'{"blocked_until":null,"health":{"blocked_until":null,"consecutive_failures":5,"counted":"server","counted_message":"server error (500): internal failure","down":true,"facts":{"authenticated":null,"inference":null,"quota_available":null,"reachable":true},"failing_since":"2026-11-28T09:05:35.336157Z","keys":[],"last_check":"2026-11-28T09:05:52.369467Z","learned":{},"limit_untold":false,"message":"server error (500): internal failure","outcome":"server","recovery":null,"response_time_ms":null,"slow":[],"traffic":{"failure":"","limit":null,"limited_until":null},"ttft_ms":null,"uninformative":0,"waiting_until":null},"limits":[{"read_at":"2026-11-28T09:05:52.371896Z","reading":{"limit":1000.0,"name":"requests","remaining":400.0,"reset_at":"2026-11-28T09:15:52.371126Z","window_seconds":null}}],"limits_source":"headers","notices":{"told":{}},"stale_at":"2026-11-28T09:07:27.371405Z","status":"down","status_since":"2026-11-28T09:05:42.360094Z","waiting_until":null}');
INSERT INTO "provider_states" VALUES('good',11,4.07604180509224534034e-01,'{"blocked_until":null,"health":{"blocked_until":null,"consecutive_failures":0,"counted":"ok","counted_message":"","down":false,"facts":{"authenticated":null,"inference":null,"quota_available":true,"reachable":true},"failing_since":null,"keys":[],"last_check":"2026-11-28T09:05:52.388770Z","learned":{},"limit_untold":false,"message":"","outcome":"ok","recovery":null,"response_time_ms":0.40760418050922453,"slow":[false,false,false],"traffic":{"failure":"","limit":null,"limited_until":null},"ttft_ms":null,"uninformative":0,"waiting_until":null},"limits":[{"read_at":"2026-11-28T09:05:52.391528Z","reading":{"limit":1000.0,"name":"requests","remaining":400.0,"reset_at":"2026-11-28T09:15:52.390448Z","window_seconds":null}}],"limits_source":"headers","notices":{"told":{}},"stale_at":"2026-11-28T09:06:12.693187Z","status":"healthy","status_since":"2026-11-28T09:05:35.366740Z","waiting_until":null}');
CREATE TABLE report_ids (
    taken_hour INTEGER NOT NULL,     -- hours since 1970
    marks BLOB NOT NULL              -- eight bytes each: a hash of reporter and id
) STRICT;
CREATE TABLE skipped_checks (
    skipped_at_ms INTEGER NOT NULL,
    provider_name TEXT NOT NULL,
    model TEXT,                      -- NULL: of the provider itself
    completions INTEGER NOT NULL     -- that the check would have spent
) STRICT;
CREATE TABLE trackers (
    run TEXT PRIMARY KEY,            -- made anew at each start
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL,
    beat_at_ms INTEGER NOT NULL      -- renewed twice a minute
) STRICT, WITHOUT ROWID;
INSERT INTO "trackers" VALUES('24a2f30d5328366d','vm',27644,1795856734792,1795856734896);
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
CREATE INDEX checks_by_hour ON checks (checked_at_ms / 3600000, provider_name, checked_at_ms);
CREATE INDEX changes_by_time ON changes (changed_at_ms);
CREATE INDEX changes_of_best ON changes (id) WHERE kind = 'best';
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
CREATE INDEX incidents_by_end ON incidents (closed_at_ms);
CREATE INDEX alerts_by_time ON alerts (created_at_ms);
CREATE VIEW readable_incidents AS
SELECT
    id, cause, subject,
    strftime('%Y-%m-%dT%H:%M:%fZ', opened_at_ms / 1000.0, 'unixepoch') AS opened_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', closed_at_ms / 1000.0, 'unixepoch') AS closed_at,
    (closed_at_ms - opened_at_ms) / 1000.0 AS duration_seconds,
    acknowledged_by, flapping, summary
FROM incidents
ORDER BY opened_at_ms, id;
CREATE INDEX report_ids_by_hour ON report_ids (taken_hour);
CREATE INDEX skipped_checks_by_time ON skipped_checks (skipped_at_ms);
CREATE VIEW readable_changes AS
SELECT
    id,
    strftime('%Y-%m-%dT%H:%M:%fZ', changed_at_ms / 1000.0, 'unixepoch') AS changed_at,
    kind, provider_name, value_before, value_after, reason
FROM changes
ORDER BY changed_at_ms, id;
PRAGMA user_version=10;
PRAGMA application_id=1347638321;
COMMIT;
