//! The ledger: SQLite, write-ahead intents, outcomes, body slots, standings.
