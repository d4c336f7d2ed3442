-- Vendors and how far their life at the provider has come. `step_*` is the step that opened one; while it is `opening`,
-- the row follows that step.
CREATE TABLE vendors (
    provider      TEXT NOT NULL,
    handle        TEXT NOT NULL,
    state         TEXT NOT NULL,
    account       TEXT,
    business      TEXT,
    step_run      INTEGER REFERENCES runs,
    step_ordinal  INTEGER,
    step_position INTEGER,
    since         INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    PRIMARY KEY (provider, handle)
) STRICT, WITHOUT ROWID;
-- One business, one vendor, whatever it is called.
CREATE UNIQUE INDEX vendors_business ON vendors (provider, business) WHERE business IS NOT NULL;
CREATE INDEX vendors_account ON vendors (provider, account) WHERE account IS NOT NULL;
CREATE INDEX vendors_opening ON vendors (step_run, step_ordinal, step_position) WHERE state = 'opening';

-- Those that earlier versions opened, the last attempt of each. Where several have one business, the first keeps it.
INSERT INTO vendors (provider, handle, state, account, business, step_run, step_ordinal, step_position, since, changed_at)
    SELECT provider, who, state, account, CASE WHEN place = 1 THEN business END, run, ordinal, position, intent_at, at
    FROM (
        SELECT *, row_number() OVER (PARTITION BY provider, business ORDER BY seq) AS place
        FROM (
            SELECT s.seq, s.who, s.run, s.ordinal, s.position, s.intent_at,
                coalesce(s.outcome_at, s.intent_at) AS at,
                substr(s.account, 1, instr(s.account, ':') - 1) AS provider,
                CASE WHEN s.state <> 'succeeded' THEN 'opening'
                    WHEN EXISTS (
                        SELECT 1 FROM steps t WHERE t.operation LIKE '%.open\_upay\_terminal' ESCAPE '\'
                            AND t.who = s.who AND t.attempt IS NOT NULL AND t.state = 'succeeded'
                    ) THEN 'terminal-requested'
                    ELSE 'open' END AS state,
                CASE WHEN s.state = 'succeeded' THEN s.reference END AS account,
                nullif(ltrim(replace(replace(substr(s.subject, 17), '-', ''), ' ', ''), '0'), '') AS business
            FROM steps s
            WHERE s.operation LIKE '%.create\_company' ESCAPE '\' AND s.attempt IS NOT NULL
                AND s.state IN ('succeeded', 'unknown', 'conflict', 'in_flight')
                AND (s.subject IS NULL OR s.subject LIKE 'CorporateNumber:%')
        )
    )
    WHERE provider <> ''
    ON CONFLICT DO NOTHING;

-- Steps that succeeded and stand for their key no more, since a person said so.
CREATE TABLE freed (
    step INTEGER PRIMARY KEY REFERENCES steps,
    at   INTEGER NOT NULL
) STRICT;

-- Each attempt follows one that left the key free, so that at most one step of a key is ever live.
DROP TRIGGER steps_one_live;
CREATE TRIGGER steps_one_live BEFORE INSERT ON steps
    WHEN new.attempt > 1 AND NOT EXISTS (
        SELECT 1 FROM steps WHERE account = new.account AND operation = new.operation AND key = new.key
            AND attempt = new.attempt - 1
            AND (state IN ('declined', 'rejected', 'not_sent') OR seq IN (SELECT step FROM freed)))
BEGIN
    SELECT raise(ABORT, 'the last attempt of the key has not left it free');
END;
