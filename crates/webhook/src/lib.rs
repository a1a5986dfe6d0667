//! Sends one webhook safely: no private addresses, one deadline, a bounded answer.
