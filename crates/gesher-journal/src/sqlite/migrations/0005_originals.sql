-- The provider's id of the earlier call of which a step gives something back, in the books of the step's account.
ALTER TABLE steps ADD COLUMN original TEXT;
CREATE INDEX steps_original ON steps (account, original) WHERE attempt IS NOT NULL AND original IS NOT NULL;
CREATE TRIGGER steps_original_stands BEFORE UPDATE OF original ON steps
BEGIN
    SELECT raise(ABORT, 'the intent of a step does not change');
END;
