//! The toolkit of a provider crate: endpoint, transport, send witness, classification, simulated answers.
