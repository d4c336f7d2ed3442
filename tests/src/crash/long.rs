//! One long file and many kills at random moments.
