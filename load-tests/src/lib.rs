//! Seeded files and scenarios against the mock.
