-- Times are microseconds since 1970, amounts hundredths of their currency, states their words.

CREATE TABLE hub (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    id       TEXT NOT NULL,
    began_at INTEGER NOT NULL
) STRICT;

-- What the journal was begun with: what was tried in one environment must never stand for another.
CREATE TABLE environments (
    provider TEXT PRIMARY KEY,
    address  TEXT NOT NULL,
    account  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE flows (
    no   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE runs (
    no            INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    flow          INTEGER NOT NULL REFERENCES flows,
    triggered_by  TEXT NOT NULL,
    name          TEXT NOT NULL,
    source        TEXT NOT NULL,
    script        TEXT NOT NULL,
    state         TEXT NOT NULL,
    message       TEXT,
    rows          INTEGER,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER
) STRICT;
CREATE INDEX runs_of_flow ON runs (flow, no);
CREATE INDEX runs_unfinished ON runs (no) WHERE ended_at IS NULL;

-- The identity of each run's file. `seq` is the order in which the runs learned it: an earlier one wins.
CREATE TABLE files (
    seq    INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL UNIQUE REFERENCES runs,
    flow   INTEGER NOT NULL REFERENCES flows,
    sha256 BLOB NOT NULL
) STRICT;
CREATE INDEX files_by_identity ON files (flow, sha256, seq);

-- `attempt` is null where the item did not get its key, or has none.
CREATE TABLE items (
    run          INTEGER NOT NULL REFERENCES runs,
    ordinal      INTEGER NOT NULL,
    line         INTEGER NOT NULL,
    key          TEXT,
    attempt      INTEGER,
    cells_hash   BLOB NOT NULL,
    amount       INTEGER,
    currency     TEXT,
    state        TEXT NOT NULL,
    at           INTEGER NOT NULL,
    reference    TEXT,
    document     TEXT,
    code         TEXT,
    message      TEXT,
    end_amount   INTEGER,
    end_currency TEXT,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

-- The item that took a row key last. Whether it still has it is that item's state.
CREATE TABLE row_keys (
    flow    INTEGER NOT NULL,
    key     TEXT NOT NULL,
    run     INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (flow, key)
) STRICT, WITHOUT ROWID;

-- `attempt` is null for steps without an intent; `message_en` is null where there is no outcome. `seq` is the order.
-- `hold` is what the step does to its key: 2 holds it until somebody knows, 1 has spent it, 0 left it free, null is
-- without an intent.
CREATE TABLE steps (
    seq              INTEGER PRIMARY KEY,
    run              INTEGER NOT NULL REFERENCES runs,
    ordinal          INTEGER NOT NULL,
    position         INTEGER NOT NULL,
    operation        TEXT NOT NULL,
    who              TEXT NOT NULL,
    account          TEXT NOT NULL,
    key              TEXT,
    attempt          INTEGER,
    request_hash     BLOB NOT NULL,
    subject          TEXT,
    amount           INTEGER,
    currency         TEXT,
    state            TEXT NOT NULL,
    hold             INTEGER GENERATED ALWAYS AS (
                         CASE WHEN attempt IS NOT NULL THEN
                             CASE state WHEN 'succeeded' THEN 1 WHEN 'declined' THEN 0 WHEN 'rejected' THEN 0
                                 WHEN 'not_sent' THEN 0 ELSE 2 END
                         END) VIRTUAL,
    intent_at        INTEGER NOT NULL,
    outcome_at       INTEGER,
    reference        TEXT,
    document         TEXT,
    code             TEXT,
    message_he       TEXT,
    message_en       TEXT,
    charged          TEXT,
    charged_currency TEXT,
    data             TEXT,
    UNIQUE (run, ordinal, position)
) STRICT;

-- At most one step of a key is live; the others left it free. Together they number the attempts.
CREATE UNIQUE INDEX steps_live ON steps (account, operation, key) WHERE hold > 0;
CREATE UNIQUE INDEX steps_free ON steps (account, operation, key, attempt) WHERE hold = 0;
CREATE INDEX steps_open ON steps (state, seq) WHERE hold = 2;

-- What a step was meant to do never changes, a final outcome never changes, and nothing goes back into flight.
CREATE TRIGGER steps_intent_stands BEFORE UPDATE OF run, ordinal, position, operation, who, account, key, attempt,
    request_hash, subject, amount, currency, intent_at ON steps
BEGIN
    SELECT raise(ABORT, 'the intent of a step does not change');
END;
CREATE TRIGGER steps_final_stands BEFORE UPDATE ON steps
    WHEN old.state NOT IN ('in_flight', 'unknown', 'conflict') OR new.state = 'in_flight'
BEGIN
    SELECT raise(ABORT, 'the final outcome of a step does not change');
END;
CREATE TRIGGER steps_stay BEFORE DELETE ON steps
BEGIN
    SELECT raise(ABORT, 'a step is never deleted');
END;

CREATE TABLE sealed (
    name  TEXT PRIMARY KEY,
    bytes BLOB NOT NULL,
    at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every change of state, in the commit that made it.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    subject TEXT NOT NULL,
    was     TEXT,
    became  TEXT NOT NULL,
    note    TEXT
) STRICT;
CREATE TRIGGER audit_stands BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'the audit is only added to');
END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN
    SELECT raise(ABORT, 'the audit is only added to');
END;
