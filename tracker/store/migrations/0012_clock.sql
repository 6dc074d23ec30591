-- The clocks at the last comparison, so that a start with a wrong clock deletes nothing early.
CREATE TABLE clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    boot TEXT NOT NULL,              -- of which start of the machine; empty: not known
    wall REAL NOT NULL,              -- seconds since 1970
    steady REAL NOT NULL,            -- seconds on a clock that is never set
    certain REAL NOT NULL,           -- seconds that are known to have passed with this file
    base REAL NOT NULL,              -- wall minus certain, after the last leap
    leaps TEXT NOT NULL,             -- JSON: [wall minus certain before it, certain] of each leap
    leapt INTEGER NOT NULL,          -- how many leaps there ever were
    told TEXT NOT NULL               -- JSON: [time told by providers, certain, wall, leapt] or null
) STRICT;
