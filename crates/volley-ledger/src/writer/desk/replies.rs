//! What whoever gave an order is to hear, while its transaction goes on.

use jiff::Timestamp;

use super::super::{Order, Reply};
use crate::{Intended, LedgerError};

impl Order {
    /// Whether it got another answer than that it is carried out: it is refused, or its numbers or its money are not to be had.
    pub(super) fn is_answered(&self) -> bool {
        match self {
            Self::Intend(_, reply) => {
                matches!(
                    &reply.result,
                    Some(Ok(Intended::Held(_) | Intended::OverBudget { .. }) | Err(_))
                )
            }
            Self::Conclude(_, _, reply)
            | Self::Absent(_, _, reply)
            | Self::BookLines(_, reply)
            | Self::EndRun(_, reply) => {
                matches!(reply.result, Some(Err(_)))
            }
            Self::ReadBody(..) | Self::Look(..) => false,
        }
    }

    /// Whether it is an intent that is to be written.
    pub(super) fn wants_room(&self) -> bool {
        matches!(self, Self::Intend(..)) && !self.is_answered()
    }

    /// It is refused, and the others of its group are not.
    pub(super) fn refuse(&mut self, refusal: LedgerError) {
        match self {
            Self::Intend(_, reply) => reply.result = Some(Err(refusal)),
            Self::ReadBody(_, reply) => reply.result = Some(Err(refusal)),
            Self::Look(_, reply) => reply.result = Some(Err(refusal)),
            Self::Conclude(_, _, reply)
            | Self::Absent(_, _, reply)
            | Self::BookLines(_, reply)
            | Self::EndRun(_, reply) => reply.result = Some(Err(refusal)),
        }
    }

    /// What came of it was not committed.
    pub(super) fn forget(&mut self) {
        match self {
            Self::Intend(_, reply) => reply.result = None,
            Self::ReadBody(_, reply) => reply.result = None,
            Self::Look(_, reply) => reply.result = None,
            Self::Conclude(_, _, reply)
            | Self::Absent(_, _, reply)
            | Self::BookLines(_, reply)
            | Self::EndRun(_, reply) => reply.result = None,
        }
    }

    /// When what it reports happened.
    pub(super) fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Intend(intent, _) => Some(intent.at),
            Self::Conclude(_, conclusion, _) => Some(conclusion.at),
            Self::Absent(_, at, _) => Some(*at),
            Self::EndRun(end, _) => Some(end.at),
            Self::BookLines(..) | Self::ReadBody(..) | Self::Look(..) => None,
        }
    }
}

impl<T> Reply<T> {
    /// Keeps what came of the order, unless it failed.
    pub(super) fn keep(&mut self, result: Result<T, LedgerError>) -> Result<(), LedgerError> {
        self.result = Some(Ok(result?));
        Ok(())
    }
}
