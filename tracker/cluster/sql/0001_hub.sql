-- The hub of a cluster of trackers. Run by the owner's role; trackers define nothing.
CREATE SCHEMA IF NOT EXISTS provider_status;
SET LOCAL search_path = provider_status;

-- oldest_client: trackers that know an older schema than this stand alone.
CREATE TABLE meta (schema_version int NOT NULL, oldest_client int NOT NULL);
INSERT INTO meta VALUES (1, 1);

CREATE TABLE vantages (
    id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text UNIQUE NOT NULL
);
CREATE TABLE providers (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text UNIQUE NOT NULL
);

-- One row a SQLite file. head: the last of its checks that is in here, written in the same
-- transaction as the checks: a hub that forgets is filled again from there.
CREATE TABLE origins (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid UNIQUE NOT NULL,
    vantage smallint NOT NULL REFERENCES vantages,
    file text NOT NULL,              -- which file on which machine: a copy has another
    head bigint NOT NULL DEFAULT 0
);

-- One row a check, by UTC day. There is no default partition: a check of 2099 in one would keep
-- that day's own partition from ever being made.
CREATE TABLE checks (
    vantage smallint NOT NULL,
    provider int NOT NULL,
    at timestamptz NOT NULL,         -- by the vantage's own clock, as its SQLite has it
    origin int NOT NULL,
    seq bigint NOT NULL,             -- its number in the SQLite file
    model text,                      -- the offer that was asked; NULL for the provider itself
    status text NOT NULL,
    outcome text NOT NULL,
    response_time_ms double precision,
    ttft_ms double precision,
    interval_seconds double precision,
    http_status int,
    error_message text NOT NULL,
    consecutive_failures int NOT NULL,
    rate_limit_percent double precision NOT NULL,
    completions int NOT NULL,
    PRIMARY KEY (vantage, provider, at, origin, seq)
) PARTITION BY RANGE (at);
CREATE INDEX checks_by_origin ON checks (origin, seq);

-- The present: what each vantage knows of each provider and offer ('' is the provider itself).
-- observed_at, due_at, fresh_until: on this server's clock, so that nobody compares two machines'.
CREATE TABLE states (
    vantage smallint NOT NULL,
    provider int NOT NULL,
    model text NOT NULL,
    origin int NOT NULL,
    seq bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    due_at timestamptz,
    fresh_until timestamptz,
    status text NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,             -- what judging carries on from, JSON
    models text,                     -- its model list, JSON
    PRIMARY KEY (vantage, provider, model)
) WITH (fillfactor = 50);
CREATE INDEX states_by_origin ON states (origin, seq);

-- One row a running tracker. beat moves with each of its turns.
CREATE TABLE members (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    vantage smallint NOT NULL REFERENCES vantages,
    origin int NOT NULL REFERENCES origins,
    beat bigint NOT NULL DEFAULT 0,
    url text NOT NULL,
    version text NOT NULL,
    began timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- Who checks what. Vantage 0 has the lease of who sends the alerts.
CREATE TABLE leases (
    vantage smallint NOT NULL,
    name text NOT NULL,
    holder uuid REFERENCES members ON DELETE SET NULL,
    token bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (vantage, name)
) WITH (fillfactor = 50);
CREATE INDEX leases_by_holder ON leases (holder);

CREATE TABLE rankings (
    vantage smallint PRIMARY KEY REFERENCES vantages,
    version bigint NOT NULL,
    ranked_at timestamptz NOT NULL,
    ranking text NOT NULL            -- JSON
) WITH (fillfactor = 50);

-- What all vantages together say, moved by the holder of the alerts' lease alone.
CREATE TABLE verdicts (
    provider int PRIMARY KEY REFERENCES providers,
    version bigint NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL
);
CREATE TABLE events (
    key text PRIMARY KEY,            -- provider:version, or an incident's id and what became of it
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    provider text,
    value_before text,
    value_after text,
    reason text NOT NULL
);
CREATE INDEX events_by_time ON events (at);
CREATE TABLE incidents (
    id text PRIMARY KEY,
    closed_at timestamptz,
    incident text NOT NULL,          -- JSON
    acknowledged_by text
);
CREATE TABLE deliveries (
    key text NOT NULL,
    target text NOT NULL,
    created_at timestamptz NOT NULL,
    delivery text NOT NULL,          -- JSON
    PRIMARY KEY (key, target)
);
CREATE TABLE mutes (provider text PRIMARY KEY, muted_until timestamptz NOT NULL);

-- Roll-ups, kept when the checks are dropped. latency: how many good checks by bucket, where
-- bucket n ends at 1.05 ^ n milliseconds.
CREATE TABLE hours (
    vantage smallint NOT NULL,
    provider int NOT NULL,
    hour timestamptz NOT NULL,
    checks int NOT NULL,
    up int NOT NULL,
    down int NOT NULL,
    sum_ms double precision NOT NULL,
    latency jsonb NOT NULL,
    PRIMARY KEY (vantage, provider, hour)
);
CREATE TABLE days (LIKE hours INCLUDING ALL);
ALTER TABLE days RENAME COLUMN hour TO day;

CREATE VIEW readable_checks AS
SELECT v.name AS vantage, p.name AS provider_name, c.model, c.at AS checked_at, c.status, c.outcome,
    c.response_time_ms, c.ttft_ms, c.http_status, c.error_message, c.consecutive_failures,
    c.rate_limit_percent, c.completions
FROM checks c JOIN vantages v ON v.id = c.vantage JOIN providers p ON p.id = c.provider;

CREATE VIEW current_status AS
SELECT v.name AS vantage, p.name AS provider_name, s.status, s.reason, s.observed_at,
    coalesce(s.fresh_until > clock_timestamp(), true) AS fresh
FROM states s JOIN vantages v ON v.id = s.vantage JOIN providers p ON p.id = s.provider
WHERE s.model = '';

-- Trackers may not delete; they may remove a member whose beat stood still (compare and delete),
-- or themselves.
CREATE FUNCTION remove_member(member uuid, seen bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    WITH gone AS (
        DELETE FROM members WHERE id = member AND (seen IS NULL OR beat = seen) RETURNING 1
    ) SELECT EXISTS (SELECT 1 FROM gone)
$$;
CREATE FUNCTION remove_predecessors(ours uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    DELETE FROM members WHERE origin = (SELECT id FROM origins WHERE uuid = ours)
$$;
CREATE FUNCTION remove_mute(muted text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    DELETE FROM mutes WHERE provider = muted
$$;

-- The partitions of the days that checks may come from, and no older ones. DROP waits at most a
-- second for readers: while it waits, all inserts wait behind it.
CREATE FUNCTION keep_partitions(retention_days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    first date := today - least(greatest(retention_days, 1), 3650);
    day date;
    old text;
BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    FOR day IN SELECT generate_series(first, today + 2, interval '1 day') LOOP
        IF to_regclass('provider_status.checks_' || to_char(day, 'YYYYMMDD')) IS NULL THEN
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF checks FOR VALUES FROM (%L) TO (%L)',
                    'checks_' || to_char(day, 'YYYYMMDD'),
                    day || ' 00:00+00', (day + 1) || ' 00:00+00');
            EXCEPTION WHEN duplicate_table OR unique_violation OR lock_not_available THEN
                NULL;  -- another tracker was quicker, or it is tried again within the hour
            END;
        END IF;
    END LOOP;
    FOR old IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'provider_status.checks'::regclass
            AND c.relname < 'checks_' || to_char(first, 'YYYYMMDD') LOOP
        BEGIN
            EXECUTE format('DROP TABLE IF EXISTS %I', old);
        EXCEPTION WHEN lock_not_available THEN
            NULL;  -- somebody reads it: within the hour it is tried again
        END;
    END LOOP;
    DELETE FROM hours WHERE hour < today - 90;
    DELETE FROM days WHERE days.day < today - 730;
    DELETE FROM events WHERE at < today - 90;
    DELETE FROM incidents WHERE closed_at < today - 90;
    DELETE FROM deliveries WHERE created_at < today - 90;
    DELETE FROM mutes WHERE muted_until < clock_timestamp();
END
$$;

-- Counts the hours since then again, and the days they are in: late checks are in it then.
CREATE FUNCTION roll_up(since timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    INSERT INTO hours
    SELECT vantage, provider, date_trunc('hour', at, 'UTC'), sum(n)::int,
        coalesce(sum(n) FILTER (WHERE up), 0)::int, coalesce(sum(n) FILTER (WHERE down), 0)::int,
        coalesce(sum(ms) FILTER (WHERE up), 0),
        coalesce(jsonb_object_agg(bucket, n) FILTER (WHERE up AND bucket IS NOT NULL), '{}')
    FROM (
        SELECT vantage, provider, date_trunc('hour', at, 'UTC') AS at, outcome IN ('ok', 'slow') AS up,
            outcome NOT IN ('ok', 'slow', 'rate_limited', 'quota_exhausted', 'request', 'internal')
                AS down,
            ceil(ln(greatest(response_time_ms, 1)) / ln(1.05))::int AS bucket,
            count(*) AS n, sum(response_time_ms) AS ms
        FROM checks
        WHERE at >= date_trunc('hour', since, 'UTC') AND model IS NULL
        GROUP BY 1, 2, 3, 4, 5, 6
    ) counted GROUP BY 1, 2, 3
    ON CONFLICT (vantage, provider, hour) DO UPDATE SET checks = excluded.checks,
        up = excluded.up, down = excluded.down, sum_ms = excluded.sum_ms,
        latency = excluded.latency;
    INSERT INTO days
    WITH counted AS (
        SELECT vantage, provider, date_trunc('day', hour, 'UTC') AS day, sum(checks)::int AS checks,
            sum(up)::int AS up, sum(down)::int AS down, sum(sum_ms) AS sum_ms
        FROM hours WHERE hour >= date_trunc('day', since, 'UTC') GROUP BY 1, 2, 3
    ), buckets AS (
        SELECT vantage, provider, date_trunc('day', hour, 'UTC') AS day, e.key AS bucket,
            sum(e.value::int) AS n
        FROM hours, jsonb_each_text(latency) e
        WHERE hour >= date_trunc('day', since, 'UTC') GROUP BY 1, 2, 3, 4
    )
    SELECT c.*, coalesce((SELECT jsonb_object_agg(b.bucket, b.n) FROM buckets b
        WHERE (b.vantage, b.provider, b.day) = (c.vantage, c.provider, c.day)), '{}')
    FROM counted c
    ON CONFLICT (vantage, provider, day) DO UPDATE SET checks = excluded.checks,
        up = excluded.up, down = excluded.down, sum_ms = excluded.sum_ms,
        latency = excluded.latency;
$$;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA provider_status FROM PUBLIC;
