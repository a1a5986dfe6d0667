//! Connectors to PILA operators over HTTP, with explicit outcomes.
