//! The one path by which a step runs; runs, items, replay.
