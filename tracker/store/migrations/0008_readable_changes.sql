-- What changed, with its time as text.
CREATE VIEW readable_changes AS
SELECT
    id,
    strftime('%Y-%m-%dT%H:%M:%fZ', changed_at_ms / 1000.0, 'unixepoch') AS changed_at,
    kind, provider_name, value_before, value_after, reason
FROM changes
ORDER BY changed_at_ms, id;
