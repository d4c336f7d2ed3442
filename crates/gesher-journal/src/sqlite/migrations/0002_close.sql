-- Scripts as runs began with them; `files` is a JSON object of paths and sources.
CREATE TABLE scripts (
    hash  TEXT PRIMARY KEY,
    main  TEXT NOT NULL,
    files TEXT NOT NULL
) STRICT;

-- `closings` counts the open steps that were closed, `reported` those that the reports show. Between `money_from` and
-- `money_until`, whole hours, lie the intents of the run's money steps; null where it has none.
ALTER TABLE runs ADD COLUMN closings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN reported INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN money_from INTEGER;
ALTER TABLE runs ADD COLUMN money_until INTEGER;
CREATE INDEX runs_stale ON runs (no) WHERE closings > reported;

-- The steps once more, with what limits and look-ups need in front of the long columns, and with indexes that an
-- outcome does not touch. `attempt` is null for steps without an intent; `message_en` is null where there is no
-- outcome. `seq` is the order.
CREATE TABLE steps_of_now (
    seq              INTEGER PRIMARY KEY,
    run              INTEGER NOT NULL REFERENCES runs,
    ordinal          INTEGER NOT NULL,
    position         INTEGER NOT NULL,
    state            TEXT NOT NULL,
    attempt          INTEGER,
    money            INTEGER NOT NULL,
    amount           INTEGER,
    currency         TEXT,
    intent_at        INTEGER NOT NULL,
    outcome_at       INTEGER,
    operation        TEXT NOT NULL,
    who              TEXT NOT NULL,
    account          TEXT NOT NULL,
    key              TEXT,
    request_hash     BLOB NOT NULL,
    subject          TEXT,
    stamp            TEXT,
    look_up          TEXT,
    unlocked_at      INTEGER,
    looked_up_at     INTEGER,
    looked_up        INTEGER NOT NULL DEFAULT 0,
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
-- Whether an older step moved money is not known: it counts where it names an amount.
INSERT INTO steps_of_now (seq, run, ordinal, position, state, attempt, money, amount, currency, intent_at, outcome_at,
        operation, who, account, key, request_hash, subject, reference, document, code, message_he, message_en, charged,
        charged_currency, data)
    SELECT seq, run, ordinal, position, state, attempt, attempt IS NOT NULL AND amount IS NOT NULL, amount, currency,
        intent_at, outcome_at, operation, who, account, key, request_hash, subject, reference, document, code,
        message_he, message_en, charged, charged_currency, data
    FROM steps;
DROP TABLE steps;
ALTER TABLE steps_of_now RENAME TO steps;
UPDATE runs SET (money_from, money_until) = (
    SELECT min(intent_at) / 3600000000 * 3600000000, (max(intent_at) / 3600000000 + 1) * 3600000000
    FROM steps WHERE run = runs.no AND money = 1);

-- The attempts of a key, from 1. One that succeeded, is in flight or open is the last: see the trigger below.
CREATE UNIQUE INDEX steps_key ON steps (account, operation, key, attempt) WHERE attempt IS NOT NULL;
-- Few are in either of these at a time.
CREATE INDEX steps_in_flight ON steps (seq) WHERE state = 'in_flight';
CREATE INDEX steps_open ON steps (account, operation, subject)
    WHERE attempt IS NOT NULL AND state IN ('unknown', 'conflict');
CREATE INDEX steps_reference ON steps (reference) WHERE attempt IS NOT NULL AND reference IS NOT NULL;
CREATE INDEX steps_document ON steps (document) WHERE attempt IS NOT NULL AND document IS NOT NULL;

-- Each attempt follows one that left the key free, so that at most one step of a key is ever live.
CREATE TRIGGER steps_one_live BEFORE INSERT ON steps
    WHEN new.attempt > 1 AND NOT EXISTS (
        SELECT 1 FROM steps WHERE account = new.account AND operation = new.operation AND key = new.key
            AND attempt = new.attempt - 1 AND state IN ('declined', 'rejected', 'not_sent'))
BEGIN
    SELECT raise(ABORT, 'the last attempt of the key has not left it free');
END;
-- What a step was meant to do never changes, a final outcome never changes, and nothing goes back into flight.
CREATE TRIGGER steps_intent_stands BEFORE UPDATE OF run, ordinal, position, operation, who, account, key, attempt,
    request_hash, subject, amount, currency, money, intent_at, stamp, look_up ON steps
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

-- Who did what a person or a look-up decided, why, and by what evidence.
ALTER TABLE audit ADD COLUMN actor TEXT;
ALTER TABLE audit ADD COLUMN reason TEXT;
ALTER TABLE audit ADD COLUMN evidence TEXT;

CREATE TABLE decisions (
    seq        INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    run        INTEGER NOT NULL REFERENCES runs,
    actor      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    result     TEXT,
    settled_at INTEGER
) STRICT;
CREATE INDEX decisions_open ON decisions (seq) WHERE settled_at IS NULL;
