-- Least privilege: a tracker reads and adds, and neither deletes nor defines. Its members and what
-- is too old go through functions of the owner's.
GRANT USAGE ON SCHEMA provider_status TO provider_status_tracker, provider_status_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA provider_status
    TO provider_status_tracker, provider_status_reader;
GRANT INSERT ON provider_status.vantages, provider_status.providers, provider_status.origins,
    provider_status.checks, provider_status.states, provider_status.members,
    provider_status.leases, provider_status.rankings, provider_status.verdicts,
    provider_status.events, provider_status.incidents, provider_status.deliveries,
    provider_status.mutes TO provider_status_tracker;
GRANT UPDATE (head) ON provider_status.origins TO provider_status_tracker;
GRANT UPDATE ON provider_status.states, provider_status.members, provider_status.leases,
    provider_status.rankings, provider_status.verdicts, provider_status.incidents,
    provider_status.deliveries, provider_status.mutes TO provider_status_tracker;
GRANT UPDATE (outcome, status, error_message) ON provider_status.checks TO provider_status_tracker;
GRANT EXECUTE ON FUNCTION provider_status.remove_member(uuid, bigint),
    provider_status.remove_predecessors(uuid), provider_status.remove_mute(text), provider_status.keep_partitions(int),
    provider_status.roll_up(timestamptz), provider_status.make_partitions(date[])
    TO provider_status_tracker;
GRANT EXECUTE ON FUNCTION provider_status.own_vantage(), provider_status.own_vantage_name()
    TO provider_status_tracker, provider_status_reader;
-- What would lead around the rules of a table: a view of the owner's, and partitions by themselves.
REVOKE ALL ON provider_status.readable_checks FROM provider_status_tracker;
DO $$
DECLARE
    partition regclass;
    kept text;
BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits
        WHERE inhparent = 'provider_status.checks'::regclass LOOP
        EXECUTE format('REVOKE ALL ON %s FROM provider_status_tracker, provider_status_reader',
            partition);
    END LOOP;
    FOREACH kept IN ARRAY ARRAY['checks', 'hours', 'days'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS readers ON provider_status.%I', kept);
        EXECUTE format('CREATE POLICY readers ON provider_status.%I FOR SELECT '
            'TO provider_status_reader USING (true)', kept);
    END LOOP;
END
$$;
