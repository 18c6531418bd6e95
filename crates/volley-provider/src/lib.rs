//! The providers' APIs as exchanges without I/O.
