-- Checks of a day that has no partition are not lost: their tracker has it made. So it is after an
-- outage of days, or with a hub restored from an old copy. Checks of beyond the day after tomorrow
-- come from a clock that is wrong.
SET LOCAL search_path = provider_status;

CREATE FUNCTION make_partitions(days date[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    wanted date;
BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    FOR wanted IN SELECT DISTINCT d FROM unnest(days) d
        WHERE d BETWEEN today - 3650 AND today + 2 ORDER BY d LOOP
        IF to_regclass('provider_status.checks_' || to_char(wanted, 'YYYYMMDD')) IS NULL THEN
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF checks FOR VALUES FROM (%L) TO (%L)',
                    'checks_' || to_char(wanted, 'YYYYMMDD'),
                    wanted || ' 00:00+00', (wanted + 1) || ' 00:00+00');
            EXCEPTION WHEN duplicate_table OR unique_violation THEN
                NULL;  -- another tracker was quicker; a lock that is held makes the tracker try again
            END;
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION make_partitions(date[]) FROM PUBLIC;
