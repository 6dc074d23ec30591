-- A day's checks are counted once more before they are dropped: some may have come after the last
-- roll-up, from a tracker that was cut off, or while nobody held the lease of the alerts.
SET LOCAL search_path = provider_status;

-- Counts the hours from since to before until again, and the days they are in.
CREATE FUNCTION count_checks(since timestamptz, until timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    INSERT INTO hours
    SELECT vantage, provider, at, sum(n)::int,
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
        WHERE checks.at >= date_trunc('hour', since, 'UTC') AND checks.at < until AND model IS NULL
        GROUP BY 1, 2, 3, 4, 5, 6
    ) counted GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3  -- two trackers that count at once lock in one order
    ON CONFLICT (vantage, provider, hour) DO UPDATE SET checks = excluded.checks,
        up = excluded.up, down = excluded.down, sum_ms = excluded.sum_ms,
        latency = excluded.latency;
    INSERT INTO days
    WITH chosen AS (
        SELECT *, date_trunc('day', hour, 'UTC') AS day FROM hours
        WHERE hour >= date_trunc('day', since, 'UTC')
            AND hour < date_trunc('day', until - interval '1 microsecond', 'UTC') + interval '1 day'
    ), counted AS (
        SELECT vantage, provider, day, sum(checks)::int AS checks, sum(up)::int AS up,
            sum(down)::int AS down, sum(sum_ms) AS sum_ms
        FROM chosen GROUP BY 1, 2, 3
    ), buckets AS (
        SELECT vantage, provider, day, jsonb_object_agg(bucket, n) AS latency FROM (
            SELECT vantage, provider, day, e.key AS bucket, sum(e.value::int) AS n
            FROM chosen, jsonb_each_text(latency) e GROUP BY 1, 2, 3, 4
        ) each_bucket GROUP BY 1, 2, 3
    )
    SELECT c.*, coalesce(b.latency, '{}') FROM counted c
    LEFT JOIN buckets b USING (vantage, provider, day)
    ORDER BY 1, 2, 3
    ON CONFLICT (vantage, provider, day) DO UPDATE SET checks = excluded.checks,
        up = excluded.up, down = excluded.down, sum_ms = excluded.sum_ms,
        latency = excluded.latency;
$$;
REVOKE EXECUTE ON FUNCTION count_checks(timestamptz, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION roll_up(since timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    SELECT count_checks(since, 'infinity');
$$;

CREATE OR REPLACE FUNCTION keep_partitions(retention_days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    first date := today - least(greatest(retention_days, 1), 3650);
    day date;
    old text;
    began timestamptz;
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
            began := to_timestamp(right(old, 8) || '+00', 'YYYYMMDDTZH');
            PERFORM count_checks(began, began + interval '24 hours');
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
