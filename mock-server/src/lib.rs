//! A mock of Octopush and Exotel that remembers every message it accepted.
