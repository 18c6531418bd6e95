//! What is read, from where, and what becomes of what cannot be.
