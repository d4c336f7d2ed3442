-- Where the next look at an event source goes on, for each flow that listens to it, as JSON that only the source reads. It is
-- written in the commit in which all events before it began their runs.
CREATE TABLE sources (
    flow   INTEGER NOT NULL REFERENCES flows,
    source TEXT NOT NULL,
    cursor TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (flow, source)
) STRICT, WITHOUT ROWID;

-- Events of sources wait as deliveries do.
DROP INDEX runs_waiting;
CREATE INDEX runs_waiting ON runs (flow, no) WHERE state = 'claimed' AND triggered_by IN ('webhook', 'source');
