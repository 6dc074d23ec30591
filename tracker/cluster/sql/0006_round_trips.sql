-- How long this server takes to answer each tracker: members of a vantage that differ by far are in
-- different places, although they have one name for it.
SET LOCAL search_path = provider_status;

-- Of its latest turns the fastest; NULL where it is not known, or an older tracker beats.
ALTER TABLE members ADD COLUMN round_trip_ms float8;
