//! What Exotel answers: to a batch, to a page of the listing, to a deletion.

use volley_model::{AnswerBody, BatchState, Evidence};

use super::super::provider::Said;
use super::super::provider::exotel::{Campaign, Page};
use super::super::watch::Weight;
use super::Network;
use super::fault::{Says, Sign};

impl Network {
    /// What our side sees of a batch that Exotel answers, and what that weighs: without an id nothing is known.
    pub(super) fn answer_of_exotel(&self, sign: Sign, said: Option<Said>) -> (Evidence, Weight) {
        match (sign, said) {
            (Sign::Cut, _) => (self.answered(200, AnswerBody::Cut), Weight::Doubt),
            (Sign::TooLarge, _) => (self.answered(200, AnswerBody::TooLarge), Weight::Doubt),
            (Sign::Unreadable, _) => {
                let items = self.any(&["null", "[]", r#"[{"code":200,"data":{"id":null}}]"#, "\"ok\""]);
                (
                    self.answer(200, &format!(r#"{{"response":{items}}}"#)),
                    Weight::Doubt,
                )
            }
            (_, Some(Said::Accepted(order))) => {
                let (id, item) = (order.ticket, r#""code":200,"status":"success","error_data":null"#);
                let body = format!(r#"{{"http_code":200,"response":[{{{item},"data":{{"id":"{id}"}}}}]}}"#);
                (self.answer(200, &body), Weight::Definite)
            }
            (_, Some(Said::RefusedFor(number))) => {
                let spelled = self.0.provider.borrow().campaigns().habits.spell(number);
                let status = self.any(&[400, 409, 422]);
                let code = self.any(&[Some(1002), Some(4711), None]);
                let refusal = self.exotel_error(status, code, &format!("the number {spelled} is not valid"));
                (refusal, Weight::Definite)
            }
            _ => (self.answer(500, ""), Weight::Doubt),
        }
    }

    /// An error of that meaning.
    pub(super) fn exotel_says(&self, says: Says) -> Evidence {
        let contradiction = || {
            let item = r#"{"code":400,"error_data":{"code":1002},"data":{"id":"odd"}}"#;
            self.answer(400, &format!(r#"{{"response":[{item}]}}"#))
        };
        match (says, self.0.below(3)) {
            (Says::Later, _) => self.exotel_error(429, None, "slow down"),
            (Says::Doubt, 0) => self.exotel_error(400, Some(1100), "internal error"),
            (Says::Doubt, 1) => self.exotel_error(409, Some(1008), "exists already"),
            (Says::Doubt, _) => contradiction(),
            // Nobody of ours has that number.
            (Says::Refused, 0) => self.exotel_error(400, Some(1002), "+34600000001 is not valid"),
            (Says::Refused, _) => self.exotel_error(400, Some(1001), "url is mandatory"),
            (Says::Account, 0) => self.exotel_error(400, Some(1003), "not permitted"),
            (Says::Account, _) => self.exotel_error(400, Some(1010), "wrong key"),
        }
    }

    /// A failure, with its own status or within a success.
    fn exotel_error(&self, status: u16, code: Option<u32>, text: &str) -> Evidence {
        let code = code.map(|code| format!("\"code\":{code},")).unwrap_or_default();
        let error = format!(r#"{{{code}"message":"simulated","description":"{text}"}}"#);
        let body = format!(
            r#"{{"response":[{{"code":{status},"status":"failure","data":null,"error_data":{error}}}]}}"#
        );
        // That HTTP itself says 429 is a sign of its own.
        let outside = if status == 429 || self.0.chance(0.3) {
            200
        } else {
            status
        };
        self.answer(outside, &body)
    }

    /// A page of the listing, or what stands in its place.
    pub(super) fn page(&self, offset: usize, faulty: bool) -> Evidence {
        let world = &*self.0;
        let now = world.elapsed();
        world.provider.borrow_mut().catch_up(now);
        let page = world.provider.borrow().campaigns().page(offset, now);
        let passes = &mut world.watch.borrow_mut().passes;
        if faulty {
            passes.show_nonsense();
            return self.nonsense(page);
        }
        passes.show(
            page.campaigns
                .iter()
                .map(|campaign| (campaign.id.as_str(), campaign.name.as_str())),
        );
        self.answer(200, &self.page_body(&page, ""))
    }

    /// What no absence may be told from.
    fn nonsense(&self, mut page: Page) -> Evidence {
        match self.0.below(4) {
            0 => self.answer(200, r#"{"response":"none"}"#),
            1 => self.answer(404, ""),
            2 => self.answer(200, &self.page_body(&page, r#"{"name":"without an id"}"#)),
            _ => {
                page.campaigns.clear();
                page.total = Some(900);
                self.answer(200, &self.page_body(&page, ""))
            }
        }
    }

    fn page_body(&self, page: &Page, behind: &str) -> String {
        let now = self.0.elapsed();
        let wraps = self.0.provider.borrow().campaigns().habits.wraps;
        let item = |campaign: &Campaign| {
            let (id, name, state) = (&campaign.id, &campaign.name, campaign.state(now));
            let campaign = format!(r#"{{"id":"{id}","name":"{name}","status":"{state}"}}"#);
            if wraps {
                format!(r#"{{"code":200,"status":"success","data":{campaign}}}"#)
            } else {
                campaign
            }
        };
        let mut items: Vec<String> = page.campaigns.iter().map(item).collect();
        items.extend((!behind.is_empty()).then(|| behind.to_owned()));
        let total = page
            .total
            .map(|total| format!("\"total\":{total}"))
            .unwrap_or_default();
        format!(
            r#"{{"http_code":200,"metadata":{{{total}}},"response":[{}]}}"#,
            items.join(",")
        )
    }

    /// The free GET.
    pub(super) fn first_page(&self) -> Evidence {
        self.answer(200, r#"{"http_code":200,"metadata":{"total":0},"response":[]}"#)
    }

    /// Another of its name calls people, and its batch is in doubt until its ticket is booked: after a crash it is looked up again.
    pub(super) fn check_deletion(&self, id: &str) {
        let (books, provider) = (self.0.books.borrow(), self.0.provider.borrow());
        let campaigns = provider.campaigns();
        let campaign = campaigns.find(id);
        let name = &campaign.unwrap_or_else(|| panic!("twins: there is no {id}")).name;
        let row = books.find(name);
        let row = row.unwrap_or_else(|| panic!("twins: {id} is somebody else's, and is deleted"));
        assert_eq!(
            row.state,
            BatchState::InDoubt,
            "twins: {id} is deleted, and after a crash nobody would look {name} up again"
        );
        assert!(
            campaigns.any_live_beside(id, name),
            "twins: {id} is deleted, and nothing is left of {name} that calls"
        );
    }

    pub(super) fn deletion(&self, id: &str) -> Evidence {
        let now = self.0.elapsed();
        if self.0.provider.borrow_mut().campaigns_mut().delete(id, now) {
            self.answer(
                200,
                r#"{"response":[{"code":200,"status":"success","data":null}]}"#,
            )
        } else {
            self.exotel_error(400, Some(1012), "it has begun")
        }
    }

    /// A success that broke off.
    pub(super) fn cut(&self) -> Evidence {
        self.answered(200, AnswerBody::Cut)
    }
}
