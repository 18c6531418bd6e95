//! Why a line is no record. The words for it are made only for somebody who reads them: most runs only count.

use volley_model::Reason;

use super::{DEPTH_MAX, FieldNames};

/// Why a line is no record.
#[derive(Debug)]
pub(crate) enum RecordFault {
    /// The byte at which it is no UTF-8, from 1.
    NoUtf8 {
        at: usize,
    },
    /// It nests deeper than [`DEPTH_MAX`].
    Depth,
    NotAnObject,
    Json(serde_json::Error),
    /// The value at this place is no JSON.
    Value {
        place: usize,
        error: serde_json::Error,
    },
}

impl RecordFault {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::NoUtf8 { .. } => Reason::Utf8Invalid,
            Self::Depth | Self::NotAnObject | Self::Json(_) | Self::Value { .. } => Reason::JsonMalformed,
        }
    }

    /// What is wrong, and where.
    pub(crate) fn detail(&self, names: &FieldNames) -> String {
        match self {
            Self::NoUtf8 { at } => format!("invalid UTF-8 at byte {at}"),
            Self::Depth => format!("nested deeper than {DEPTH_MAX}"),
            Self::NotAnObject => "not an object".to_owned(),
            Self::Json(error) => explain(error),
            Self::Value { place, error } => format!("{}: {}", names.key(*place), explain(error)),
        }
    }
}

/// A line has no lines: its place is a column.
fn explain(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}
