//! A campaign on a list or a tag of contacts that the provider keeps: it knows the recipients, we know the draft's ticket. Or one
//! on numbers that were typed, of which the ledger keeps no more than of a list.
//!
//! ```text
//!  draft ──intent durable──► sending ─┬─► sent
//!   ▲  │                              ├─► failed             the provider says so: nobody was reached
//!   │  ├─► failed                     ├─► draft              proof that nothing was sent
//!   │  └─► cancelled                  └─► in_doubt ──┬─► sent       the provider says that it was sent already
//!   │                                                ├─► failed
//!   └──── operator: not sent ────────────────────────┼─► operator: declared_sent | abandoned
//!  sent ──confirmed cancellation before its date──► cancelled
//! ```
//! A `sending` one that a later command finds open is in doubt: a crash is one more way of losing the answer.

/// Whom a campaign goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// The contacts of a list.
    List(String),
    /// The contacts with a tag.
    Tag(String),
}

impl Audience {
    /// `list` or `tag`, as the ledger and the command line call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Tag(_) => "tag",
        }
    }

    /// The name of the list or tag.
    pub fn name(&self) -> &str {
        match self {
            Self::List(name) | Self::Tag(name) => name,
        }
    }

    /// The audience of that kind.
    pub fn of(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "list" => Some(Self::List(name.to_owned())),
            "tag" => Some(Self::Tag(name.to_owned())),
            _ => None,
        }
    }
}

/// Where a campaign on a list or tag stands, by what this ledger knows. The ledger allows the transitions drawn above, and
/// no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListCampaignState {
    /// Made at the provider, or only recorded where making it sends it; nothing is sent until it is told to send.
    Draft,
    /// The intent to send it is durable; the request may be on its way.
    Sending,
    /// The provider took the order to send it, or says that it was sent.
    Sent,
    /// Whether it was sent cannot be known.
    InDoubt,
    /// The provider says that it failed: nobody was reached.
    Failed,
    /// Deleted at the provider before it was sent.
    Cancelled,
    /// The operator said that it was sent.
    DeclaredSent,
    /// The operator gave it up: it counts as sent, and is never sent again.
    Abandoned,
}

impl ListCampaignState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Draft,
        Self::Sending,
        Self::Sent,
        Self::InDoubt,
        Self::Failed,
        Self::Cancelled,
        Self::DeclaredSent,
        Self::Abandoned,
    ];

    /// The state's name in the ledger and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::InDoubt => "in_doubt",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::DeclaredSent => "declared_sent",
            Self::Abandoned => "abandoned",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_what_they_name() {
        for state in ListCampaignState::ALL {
            assert_eq!(ListCampaignState::named(state.name()), Some(state));
        }
        for audience in [
            Audience::List("customers".to_owned()),
            Audience::Tag("vip".to_owned()),
        ] {
            assert_eq!(
                Audience::of(audience.kind(), audience.name()),
                Some(audience.clone())
            );
        }
        assert_eq!(ListCampaignState::named("intended"), None);
        assert_eq!(Audience::of("group", "vip"), None);
    }
}
