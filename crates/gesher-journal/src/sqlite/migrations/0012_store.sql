-- What flows keep from one run to the next, as JSON.
CREATE TABLE store (
    flow  INTEGER NOT NULL REFERENCES flows,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (flow, key)
) STRICT, WITHOUT ROWID;

-- What somebody should look at. `due_at` is when its delivery is tried next, or absent when nothing more is tried.
CREATE TABLE alerts (
    no           INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    flow         TEXT,
    item         TEXT,
    subject      TEXT,
    text         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER,
    delivered_at INTEGER
) STRICT;
CREATE INDEX alerts_due ON alerts (due_at) WHERE due_at IS NOT NULL;
