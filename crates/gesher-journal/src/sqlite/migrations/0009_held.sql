-- Runs that wait for a person before their first item, and what whoever lets one go on agreed to.
ALTER TABLE runs ADD COLUMN terms TEXT;
ALTER TABLE decisions ADD COLUMN terms TEXT;
