-- Since when the schedule of a flow is known, and until when its ticks are dealt with. `rule` says when it fires: under
-- another rule the flow begins anew, so that an edit makes no ticks in the past.
CREATE TABLE schedules (
    flow  INTEGER PRIMARY KEY REFERENCES flows,
    rule  TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
