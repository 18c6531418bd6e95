//! The switches of cancelling.

use serde::Deserialize;

/// What may be cancelled, and what becomes of its money. The limits are those of an ordinary campaign ("cancel-sms", in
/// its newer form); one on a list or tag has none of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CancelConfig {
    /// Most recipients of a campaign that may be cancelled ("fewer than 3").
    pub recipients_max: usize,
    /// How far ahead its date must be, at least, and a little more ("more than 10 minutes").
    pub minutes_ahead: u32,
    /// Most cancellations of an account in a month.
    pub per_month: u32,
    /// Whether the cost comes back. No page tells: that it does not is *assumed*.
    pub refunds: bool,
}

impl Default for CancelConfig {
    fn default() -> Self {
        Self {
            recipients_max: 2,
            minutes_ahead: 10,
            per_month: 1000,
            refunds: false,
        }
    }
}
