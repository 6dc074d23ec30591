BEGIN TRANSACTION;
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    changed_at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,              -- status, best or model
    provider_name TEXT,
    value_before TEXT,
    value_after TEXT,
    reason TEXT NOT NULL
) STRICT;
INSERT INTO "changes" VALUES(1,1795856706633,'status','bad','unknown','degraded','last check: server error (500): internal failure');
INSERT INTO "changes" VALUES(2,1795856706633,'best',NULL,NULL,'bad','bad is first, though degraded: its last check failed, so the next call has a 33.33 % chance; no latency is known yet, so half its time-out is taken, or a 2 s time-out, expected cost 1666.7 ms; no other is usable now.');
INSERT INTO "changes" VALUES(3,1795856706634,'status','good','unknown','healthy','last check ok in 80 ms');
INSERT INTO "changes" VALUES(4,1795856706634,'best',NULL,'bad','good','good is first: 79.9 ms on average lately, no recent failure (0.49 % risk of a 2 s time-out), expected cost 89.3 ms; bad, degraded, is next at 1360 ms.');
INSERT INTO "changes" VALUES(5,1795856713641,'status','bad','degraded','down','3 failed checks in a row; the last check: server error (500): internal failure');
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
INSERT INTO "checks" VALUES(1,'bad',1795856706587,'degraded','server',4.37565369938965886831e+01,NULL,5.0,500,'server error (500): internal failure',1,60.0,0);
INSERT INTO "checks" VALUES(2,'good',1795856706551,'healthy','ok',7.99303160019917413592e+01,NULL,5.0,200,'',0,60.0,0);
INSERT INTO "checks" VALUES(3,'bad',1795856708633,'degraded','server',3.03021099534817039966e+00,NULL,5.0,500,'server error (500): internal failure',2,60.0,0);
INSERT INTO "checks" VALUES(4,'good',1795856709116,'healthy','ok',3.90331800736021250486e+00,NULL,5.0,200,'',0,60.0,0);
INSERT INTO "checks" VALUES(5,'bad',1795856713638,'down','server',1.43763599044177681207e+00,NULL,5.0,500,'server error (500): internal failure',3,60.0,0);
INSERT INTO "checks" VALUES(6,'good',1795856713687,'healthy','ok',8.37537999905180186033e+00,NULL,5.0,200,'',0,60.0,0);
INSERT INTO "checks" VALUES(7,'bad',1795856718641,'down','server',1.18088400631677359342e+00,NULL,30.0,500,'server error (500): internal failure',4,60.0,0);
INSERT INTO "checks" VALUES(8,'good',1795856719048,'healthy','ok',1.46537700493354350328e+00,NULL,5.0,200,'',0,60.0,0);
INSERT INTO "checks" VALUES(9,'bad',1795856723646,'down','server',1.73247400380205363035e+00,NULL,30.0,500,'server error (500): internal failure',5,60.0,0);
INSERT INTO "checks" VALUES(10,'good',1795856724014,'healthy','ok',9.33803000953048467636e+00,NULL,5.0,200,'',0,60.0,0);
INSERT INTO "checks" VALUES(11,'bad',1795856728699,'down','server',1.66987000557128340005e+00,NULL,30.0,500,'server error (500): internal failure',6,60.0,0);
INSERT INTO "checks" VALUES(12,'good',1795856729320,'healthy','ok',1.70706500648520886898e+00,NULL,5.0,200,'',0,60.0,0);
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
INSERT INTO "provider_states" VALUES('bad',11,NULL,'{"blocked_until":null,"health":{"blocked_until":null,"consecutive_failures":6,"counted":"server","counted_message":"server error (500): internal failure","down":true,"facts":{"authenticated":null,"inference":null,"quota_available":null,"reachable":true},"keys":[],"last_check":"2026-11-28T09:05:28.699002Z","limit_untold":false,"message":"server error (500): internal failure","outcome":"server","recovery":null,"response_time_ms":null,"slow":[],"ttft_ms":null},"limits":[{"read_at":"2026-11-28T09:05:28.701882Z","reading":{"limit":1000.0,"name":"requests","remaining":400.0,"reset_at":"2026-11-28T09:15:28.700992Z","window_seconds":null}}],"limits_source":"headers","stale_at":"2026-11-28T09:07:12.980217Z"}');
INSERT INTO "provider_states" VALUES('good',12,1.70706500648520886898e+00,'{"blocked_until":null,"health":{"blocked_until":null,"consecutive_failures":0,"counted":"ok","counted_message":"","down":false,"facts":{"authenticated":null,"inference":null,"quota_available":true,"reachable":true},"keys":[],"last_check":"2026-11-28T09:05:29.319528Z","limit_untold":false,"message":"","outcome":"ok","recovery":null,"response_time_ms":1.7070650064852089,"slow":[false,false,false],"ttft_ms":null},"limits":[{"read_at":"2026-11-28T09:05:29.322486Z","reading":{"limit":1000.0,"name":"requests","remaining":400.0,"reset_at":"2026-11-28T09:15:29.321594Z","window_seconds":null}}],"limits_source":"headers","stale_at":"2026-11-28T09:05:48.676452Z"}');
CREATE INDEX checks_by_hour ON checks (checked_at_ms / 3600000, provider_name, checked_at_ms);
CREATE INDEX changes_by_time ON changes (changed_at_ms);
CREATE INDEX changes_of_best ON changes (id) WHERE kind = 'best';
CREATE VIEW readable_checks AS
SELECT
    id,
    provider_name,
    strftime('%Y-%m-%dT%H:%M:%fZ', checked_at_ms / 1000.0, 'unixepoch') AS checked_at,
    status, outcome, response_time_ms, ttft_ms, interval_seconds, http_status, error_message,
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
PRAGMA user_version=3;
PRAGMA application_id=1347638321;
COMMIT;
