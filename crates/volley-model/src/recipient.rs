//! A recipient: a number and the texts that personalise the message.
//!
//! Sources: the transactional page of Octopush lists the fields; 50 characters each is from its page on
//! personalised sending.

use crate::{Excerpt, Msisdn};

/// A personalisation field of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub enum Field {
    FirstName,
    LastName,
    Param1,
    Param2,
    Param3,
    Param4,
    Param5,
}

impl Field {
    /// All fields, in the order in which they go on the wire.
    pub const ALL: [Self; Self::COUNT] = [
        Self::FirstName,
        Self::LastName,
        Self::Param1,
        Self::Param2,
        Self::Param3,
        Self::Param4,
        Self::Param5,
    ];
    /// How many fields there are.
    pub const COUNT: usize = 7;
    /// The most characters (Unicode scalars) a field may have.
    pub const CHARS_MAX: usize = 50;

    /// The field's name in input lines, in templates and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Param1 => "param1",
            Self::Param2 => "param2",
            Self::Param3 => "param3",
            Self::Param4 => "param4",
            Self::Param5 => "param5",
        }
    }

    /// The field of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The field's place in [`Field::ALL`] and in [`Recipient::fields`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldSet(u8);

impl FieldSet {
    /// Adds a field.
    pub fn insert(&mut self, field: Field) {
        self.0 |= 1 << field.index();
    }

    /// Whether the field is in the set.
    pub fn contains(self, field: Field) -> bool {
        self.0 & (1 << field.index()) != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields of the set that the recipient lacks; the first of them.
    pub fn first_lacking(self, recipient: &Recipient<'_>) -> Option<Field> {
        if self.is_empty() {
            return None;
        }
        Field::ALL
            .into_iter()
            .find(|&field| self.contains(field) && recipient.field(field).is_none())
    }
}

/// One person to reach, borrowed from the line it was read from.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'line> {
    /// The number in E.164 form.
    pub number: Msisdn,
    /// The fields' texts by [`Field::index`]; those that are absent or null are empty, numbers keep their text.
    pub fields: &'line [Excerpt<'line>; Field::COUNT],
    /// Whether it is known that each of these texts stands in a JSON string as it is, without escapes.
    pub verbatim: bool,
}

impl<'line> Recipient<'line> {
    /// The text of a field, if the line gave one.
    #[inline]
    pub fn field(&self, field: Field) -> Option<Excerpt<'line>> {
        Some(self.fields[field.index()]).filter(|text| !text.is_empty())
    }
}
