//! A simulated PILA operator: a small made-up country behind the real operator's HTTP contract.
