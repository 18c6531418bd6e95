//! Sends a campaign to millions of contacts, each at most once.
