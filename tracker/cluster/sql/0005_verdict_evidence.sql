-- A verdict moves on newer evidence only. Who takes the alerts over may not have seen yet what its
-- predecessor judged by: a check that this one made and died before it was shipped.
SET LOCAL search_path = provider_status;

-- By this server's clock; NULL where an older tracker wrote it.
ALTER TABLE verdicts ADD COLUMN observed_at timestamptz;
