//! The seeded corpus that benches, tests and load tests share.
