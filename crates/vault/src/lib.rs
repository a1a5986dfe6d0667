//! Envelope encryption, blind indexes and the Sealed type.
