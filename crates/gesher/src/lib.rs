//! Gesher: a scriptable integration hub for Israeli billing.
