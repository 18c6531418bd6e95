//! A page of rows: `offset` and `limit`, and what `metadata` tells of it.
//!
//! *Sources*: "campaign details in bulk": from zero, 20 unless asked for, 500 at most; "campaign call details". That the
//! latter has the same most, and that more is refused rather than cut, is *assumed*.

use serde_json::{Value, json};

use super::refusal::Refusal;

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 500;

/// Which rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    offset: usize,
    limit: usize,
}

impl Page {
    pub(super) fn read(offset: Option<&str>, limit: Option<&str>) -> Result<Self, Refusal> {
        let number = |name: &str, text: Option<&str>, default: usize| match text {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| Refusal::invalid(format!("{name} must be a whole number"))),
        };
        let offset = number("offset", offset, 0)?;
        let limit = number("limit", limit, LIMIT_DEFAULT)?;
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Refusal::invalid(format!("limit must be from 1 to {LIMIT_MAX}")));
        }
        Ok(Self { offset, limit })
    }

    /// The rows of this page.
    pub(super) fn of<'r, T>(&self, rows: &'r [T]) -> &'r [T] {
        let first = self.offset.min(rows.len());
        let end = first.saturating_add(self.limit).min(rows.len());
        &rows[first..end]
    }

    pub(super) fn metadata(&self, count: usize, total: usize) -> Value {
        json!({ "count": count, "offset": self.offset, "total": total, "limit": self.limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_limit_of_1_to_500() {
        let check = |offset: Option<&str>, limit: Option<&str>, expected: Option<(usize, usize)>| {
            let page = Page::read(offset, limit)
                .ok()
                .map(|page| (page.offset, page.limit));
            assert_eq!(page, expected, "{offset:?} {limit:?}");
        };
        check(None, None, Some((0, 20)));
        check(Some("7"), Some("500"), Some((7, 500)));
        check(None, Some("501"), None);
        check(None, Some("1"), Some((0, 1)));
        check(None, Some("0"), None);
        check(Some("-1"), None, None);
        check(Some("many"), None, None);
    }

    #[test]
    fn pages_follow_one_another_and_end() {
        let rows = [0, 1, 2, 3, 4];
        let page = |offset: usize| Page { offset, limit: 2 }.of(&rows).to_vec();
        assert_eq!(
            [page(0), page(2), page(4), page(6)],
            [vec![0, 1], vec![2, 3], vec![4], vec![]]
        );
    }
}
