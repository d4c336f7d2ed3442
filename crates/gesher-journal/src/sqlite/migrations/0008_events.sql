-- What may begin one run and never a second: a delivery by its id, a tick by its local time, a call by its key. `hash` is
-- of what came with it, so that the same id with something else is told from a repetition.
CREATE TABLE events (
    flow INTEGER NOT NULL REFERENCES flows,
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    hash BLOB NOT NULL,
    run  INTEGER NOT NULL REFERENCES runs,
    PRIMARY KEY (flow, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER events_stand BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'what an event began does not change');
END;
CREATE TRIGGER events_stay BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'an event is never forgotten');
END;
