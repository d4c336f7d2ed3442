//! OfficeGuy (SUMIT): endpoints, operations, classification, look-ups, simulated behaviour.
