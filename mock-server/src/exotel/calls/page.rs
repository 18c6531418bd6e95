//! A page of calls in the first version: `PageSize`, and the cursors `Before` and `After`.
//!
//! *Sources*: "call details (v1)": at most 100 sids, pages of 50 unless asked for, of 100 at most. That a cursor is the
//! sid at a page's edge, and that `Sid` must be there, is *assumed*: the page's other filters are not played.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::exotel::refusal::Refusal;

const SIDS_MAX: usize = 100;
const PAGE_SIZE_DEFAULT: usize = 50;
const PAGE_SIZE_MAX: usize = 100;

/// The query. Other parameters are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::exotel) struct CallsQuery {
    sid: Option<String>,
    page_size: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// The page that is asked for.
#[derive(Debug)]
pub(super) struct Cut<'s> {
    pub(super) sids: &'s [&'s str],
    page_size: usize,
    has_previous: bool,
    has_next: bool,
}

impl CallsQuery {
    pub(super) fn sids(&self) -> Result<Vec<&str>, Refusal> {
        let text = self.sid.as_deref().unwrap_or("");
        let sids: Vec<&str> = text
            .split(',')
            .map(str::trim)
            .filter(|sid| !sid.is_empty())
            .collect();
        if sids.is_empty() || sids.len() > SIDS_MAX {
            return Err(Refusal::invalid(format!("Sid must hold 1 to {SIDS_MAX} sids")));
        }
        Ok(sids)
    }

    fn page_size(&self) -> Result<usize, Refusal> {
        let Some(text) = &self.page_size else {
            return Ok(PAGE_SIZE_DEFAULT);
        };
        let size = text
            .parse()
            .ok()
            .filter(|size| (1..=PAGE_SIZE_MAX).contains(size));
        size.ok_or_else(|| Refusal::invalid(format!("PageSize must be from 1 to {PAGE_SIZE_MAX}")))
    }
}

impl<'s> Cut<'s> {
    /// Cuts the page out of all sids, which are sorted.
    pub(super) fn of(sids: &'s [&'s str], query: &CallsQuery) -> Result<Self, Refusal> {
        let page_size = query.page_size()?;
        let (first, end) = match (&query.after, &query.before) {
            (Some(_), Some(_)) => return Err(Refusal::invalid("After and Before exclude each other")),
            (Some(after), None) => {
                let first = sids.partition_point(|sid| *sid <= after.as_str());
                (first, (first + page_size).min(sids.len()))
            }
            (None, Some(before)) => {
                let end = sids.partition_point(|sid| *sid < before.as_str());
                (end.saturating_sub(page_size), end)
            }
            (None, None) => (0, page_size.min(sids.len())),
        };
        Ok(Self {
            sids: &sids[first..end],
            page_size,
            has_previous: first > 0,
            has_next: end < sids.len(),
        })
    }

    pub(super) fn metadata(&self, account: &str, query: &CallsQuery, total: usize) -> Value {
        let sids = query.sid.as_deref().unwrap_or("");
        let size = self.page_size;
        let first_page = format!("/v1/Accounts/{account}/Calls.json?Sid={sids}&PageSize={size}");
        let at = |cursor: &str, sid: Option<&&str>| sid.map(|sid| format!("{first_page}&{cursor}={sid}"));
        json!({
            "Total": total,
            "PageSize": size,
            "FirstPageUri": first_page,
            "PrevPageUri": at("Before", self.sids.first().filter(|_| self.has_previous)),
            "NextPageUri": at("After", self.sids.last().filter(|_| self.has_next)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(page_size: Option<&str>, before: Option<&str>, after: Option<&str>) -> CallsQuery {
        CallsQuery {
            sid: Some("a,b,c,d,e".into()),
            page_size: page_size.map(str::to_owned),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn cursors_lead_on_and_back() {
        let all = ["a", "b", "c", "d", "e"];
        let check =
            |before: Option<&str>, after: Option<&str>, expected: &[&str], previous: bool, next: bool| {
                let query = query(Some("2"), before, after);
                let cut = Cut::of(&all, &query).expect("a page");
                assert_eq!(cut.sids, expected, "{before:?} {after:?}");
                let metadata = cut.metadata("acme1", &query, all.len());
                assert_eq!(metadata["PrevPageUri"].is_string(), previous, "{metadata}");
                assert_eq!(metadata["NextPageUri"].is_string(), next, "{metadata}");
            };
        check(None, None, &["a", "b"], false, true);
        check(None, Some("b"), &["c", "d"], true, true);
        check(None, Some("d"), &["e"], true, false);
        // An empty page has no edge that a cursor could name.
        check(None, Some("e"), &[], false, false);
        check(Some("e"), None, &["c", "d"], true, true);
        check(Some("c"), None, &["a", "b"], false, true);
        assert!(Cut::of(&all, &query(None, Some("a"), Some("b"))).is_err());
    }

    #[test]
    fn a_page_has_1_to_100_calls_and_a_request_1_to_100_sids() {
        let check = |size: Option<&str>, good: bool| {
            assert_eq!(Cut::of(&[], &query(size, None, None)).is_ok(), good, "{size:?}");
        };
        check(None, true);
        check(Some("100"), true);
        check(Some("101"), false);
        check(Some("0"), false);
        check(Some("x"), false);
        let sids = |count: usize| CallsQuery {
            sid: Some(vec!["a"; count].join(",")),
            ..CallsQuery::default()
        };
        assert!(sids(100).sids().is_ok());
        assert!(sids(101).sids().is_err());
        assert!(sids(0).sids().is_err());
        assert!(CallsQuery::default().sids().is_err());
    }
}
