-- When an item ended first, where it was given another end since; null where `at` says it.
ALTER TABLE items ADD COLUMN first_at INTEGER;
-- Few are in it at a time, and each list of what is unknown asks for them.
CREATE INDEX items_unknown ON items (run, ordinal) WHERE state = 'unknown';
