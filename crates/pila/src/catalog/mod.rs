//! Code lists of the regulation, with their dates.
