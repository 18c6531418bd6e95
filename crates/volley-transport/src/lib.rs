//! Pace, pool and TLS over hyper, and the evidence of what the wire proved.
