//! A text that stands in a longer one.
//!
//! Whoever copies short texts of all lengths asks for each how many bytes it has, and the processor guesses wrong for every
//! other one. Where more bytes follow, a fixed number of them can be copied instead, and what was too many written over.

use std::fmt;

/// A text, and what happens to stand behind it. It compares and prints as the text alone.
#[derive(Clone, Copy)]
pub struct Excerpt<'a> {
    /// Begins with the text.
    rest: &'a str,
    length: usize,
}

impl<'a> Excerpt<'a> {
    /// No text.
    pub const EMPTY: Self = Self { rest: "", length: 0 };

    /// The first `length` bytes of `rest`; `None` where these are no text.
    #[inline]
    pub fn new(rest: &'a str, length: usize) -> Option<Self> {
        rest.is_char_boundary(length).then_some(Self { rest, length })
    }

    /// The text.
    #[inline]
    pub fn as_str(self) -> &'a str {
        &self.rest[..self.length]
    }

    /// How many bytes the text has.
    #[inline]
    pub fn len(self) -> usize {
        self.length
    }

    /// Whether the text is empty.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// The first `N` bytes of the text and of what stands behind it, where there are so many.
    #[inline]
    pub fn first_chunk<const N: usize>(self) -> Option<&'a [u8; N]> {
        self.rest.as_bytes().first_chunk()
    }

    /// The part of the text from one byte up to another; `None` where these bytes are no text.
    #[inline]
    pub fn part(self, from: usize, to: usize) -> Option<Self> {
        (to <= self.length).then_some(())?;
        Self::new(self.rest.get(from..)?, to.checked_sub(from)?)
    }

    /// The bytes of the text and of what stands behind it, from this one on.
    #[inline]
    pub fn bytes_behind(self, from: usize) -> &'a [u8] {
        self.rest.as_bytes().get(from..).unwrap_or_default()
    }
}

impl<'a> From<&'a str> for Excerpt<'a> {
    fn from(text: &'a str) -> Self {
        Self {
            rest: text,
            length: text.len(),
        }
    }
}

impl PartialEq for Excerpt<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Excerpt<'_> {}

impl fmt::Debug for Excerpt<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_its_text_whatever_stands_behind() {
        let long = "Zoë and whoever else stands in the same line, and in the next";
        for length in (0..long.len()).filter(|length| long.is_char_boundary(*length)) {
            let text = &long[..length];
            let excerpt = Excerpt::new(long, length).unwrap();
            assert_eq!((excerpt.as_str(), excerpt.len()), (text, length));
            assert_eq!(excerpt.is_empty(), text.is_empty());
            assert_eq!(excerpt, Excerpt::from(text));
            assert_eq!(format!("{excerpt:?}"), format!("{text:?}"));
            assert_eq!(excerpt.bytes_behind(length), &long.as_bytes()[length..]);
            assert_eq!(
                excerpt.first_chunk::<8>().unwrap(),
                long.as_bytes().first_chunk().unwrap()
            );
        }
        assert_eq!(Excerpt::new(long, 3), None, "half a character");
        assert_eq!(Excerpt::new(long, long.len() + 1), None);
        assert_ne!(Excerpt::new(long, 1), Excerpt::new(long, 2));
    }

    #[test]
    fn a_part_of_an_excerpt_is_one_too() {
        let excerpt = Excerpt::new("+33é, and more", 5).unwrap();
        assert_eq!(excerpt.part(1, 5), Some(Excerpt::from("33é")));
        assert_eq!(excerpt.part(1, 3), Some(Excerpt::from("33")));
        assert_eq!(excerpt.part(5, 5), Some(Excerpt::from("")));
        assert_eq!(excerpt.part(4, 5), None, "half a character");
        assert_eq!(excerpt.part(1, 4), None, "half a character");
        assert_eq!(excerpt.part(1, 6), None, "what stands behind is no part");
        assert_eq!(excerpt.part(3, 1), None);
    }
}
