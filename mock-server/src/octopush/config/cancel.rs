//! The switches of cancelling.

use serde::Deserialize;

/// What may be cancelled, and what becomes of its money.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CancelConfig {
    /// Whether the cost comes back. No page tells: that it does not is *assumed*.
    pub refunds: bool,
}
