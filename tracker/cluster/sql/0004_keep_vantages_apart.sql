-- Where an owner wants it, a tracker's role sees and writes the checks of one vantage alone, and
-- says nothing in the name of another. What all need of each other stays readable: who is there,
-- the latest states (for the quorum) and the published rankings.
SET LOCAL search_path = provider_status;

CREATE TABLE vantage_roles (role name PRIMARY KEY, vantage text NOT NULL);

-- session_user: the one who connected, also inside of the owner's functions.
CREATE FUNCTION own_vantage_name() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    SELECT vantage FROM vantage_roles WHERE role = session_user
$$;
CREATE FUNCTION own_vantage() RETURNS smallint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    SELECT id FROM vantages WHERE name = own_vantage_name()
$$;

-- Nothing of this is in force until keep_vantages_apart(true) or the first keep_role_to.
CREATE POLICY seen ON checks FOR SELECT USING (vantage = (SELECT own_vantage()));
CREATE POLICY added ON checks FOR INSERT WITH CHECK (vantage = (SELECT own_vantage()));
CREATE POLICY corrected ON checks FOR UPDATE USING (vantage = (SELECT own_vantage()));
CREATE POLICY seen ON hours FOR SELECT USING (vantage = (SELECT own_vantage()));
CREATE POLICY seen ON days FOR SELECT USING (vantage = (SELECT own_vantage()));
CREATE POLICY seen ON vantages FOR SELECT USING (true);
CREATE POLICY added ON vantages FOR INSERT WITH CHECK (name = (SELECT own_vantage_name()));
CREATE POLICY seen ON origins FOR SELECT USING (true);
CREATE POLICY added ON origins FOR INSERT WITH CHECK (vantage = (SELECT own_vantage()));
CREATE POLICY moved ON origins FOR UPDATE USING (vantage = (SELECT own_vantage()));
CREATE POLICY seen ON states FOR SELECT USING (true);
CREATE POLICY added ON states FOR INSERT WITH CHECK (vantage = (SELECT own_vantage()));
CREATE POLICY moved ON states FOR UPDATE USING (vantage = (SELECT own_vantage()));
CREATE POLICY seen ON members FOR SELECT USING (true);
CREATE POLICY added ON members FOR INSERT WITH CHECK (vantage = (SELECT own_vantage()));
CREATE POLICY moved ON members FOR UPDATE USING (vantage = (SELECT own_vantage()));
CREATE POLICY seen ON rankings FOR SELECT USING (true);
CREATE POLICY added ON rankings FOR INSERT WITH CHECK (vantage = (SELECT own_vantage()));
CREATE POLICY moved ON rankings FOR UPDATE USING (vantage = (SELECT own_vantage()));
-- 0: the lease of who sends the alerts of all.
CREATE POLICY seen ON leases FOR SELECT USING (true);
CREATE POLICY added ON leases FOR INSERT WITH CHECK (vantage IN (0, (SELECT own_vantage())));
CREATE POLICY moved ON leases FOR UPDATE USING (vantage IN (0, (SELECT own_vantage())));

CREATE FUNCTION keep_vantages_apart(apart boolean) RETURNS void
LANGUAGE plpgsql SET search_path = provider_status, pg_temp AS $$
DECLARE
    each_table text;
BEGIN
    FOR each_table IN SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'provider_status' LOOP
        EXECUTE format('ALTER TABLE %I %s ROW LEVEL SECURITY', each_table,
            CASE WHEN apart THEN 'ENABLE' ELSE 'DISABLE' END);
    END LOOP;
END
$$;
-- A role that is kept to no vantage sees and writes nothing from then on.
CREATE FUNCTION keep_role_to(tracker regrole, place text) RETURNS void
LANGUAGE sql SET search_path = provider_status, pg_temp AS $$
    INSERT INTO vantage_roles SELECT rolname, place FROM pg_roles WHERE oid = tracker
        ON CONFLICT (role) DO UPDATE SET vantage = excluded.vantage;
    SELECT keep_vantages_apart(true);
$$;
REVOKE EXECUTE ON FUNCTION own_vantage_name(), own_vantage(), keep_vantages_apart(boolean),
    keep_role_to(regrole, text) FROM PUBLIC;

-- Who leaves removes itself; with rows kept apart, nobody throws out a member of another place. One
-- whose beat stood still may be removed by all: it may hold the lease of the alerts.
CREATE OR REPLACE FUNCTION remove_member(member uuid, seen bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    WITH gone AS (
        DELETE FROM members WHERE id = member AND CASE
            WHEN seen IS NOT NULL THEN beat = seen
            ELSE vantage = coalesce(own_vantage(), vantage) END
        RETURNING 1
    ) SELECT EXISTS (SELECT 1 FROM gone)
$$;
CREATE OR REPLACE FUNCTION remove_predecessors(ours uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = provider_status, pg_temp AS $$
    DELETE FROM members WHERE origin = (SELECT id FROM origins WHERE uuid = ours)
        AND vantage = coalesce(own_vantage(), vantage)
$$;
