-- Deliveries that were accepted and that nobody has begun to work on, in the order of their coming. There may be very many of
-- them, and whoever works on them reads a few at a time.
CREATE INDEX runs_waiting ON runs (flow, no) WHERE state = 'claimed' AND triggered_by = 'webhook';
