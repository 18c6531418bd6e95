//! Exit codes, messages and secrets.
