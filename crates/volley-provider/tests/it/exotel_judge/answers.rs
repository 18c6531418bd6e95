//! What an answer of Exotel's may carry, rightly or not.

use volley_model::AnswerBody;

use super::MEMBER;

/// What one item of an answer carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Holds {
    /// `data` and `error_data` are null.
    Nothing,
    /// A campaign with an id.
    Id,
    /// A campaign without one.
    NoId,
    /// An error with a code.
    Error(u32),
    /// An error that names a member, with a code or without.
    Names(Option<u32>),
    /// An error that names a number that is no member.
    NamesAnother,
    /// An error, and yet an id.
    Both,
}

/// What an answer carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Carries {
    /// One item, with its `code` and what it holds.
    Item(Option<u16>, Holds),
    /// The campaign itself, not wrapped.
    Bare,
    /// Two items, each a success with an id.
    Two,
    /// An empty `response`.
    NoItem,
    /// The older API's way of failing.
    Exception(u16),
    Garbage,
    Text,
    Empty,
    Cut,
    TooLarge,
}

fn item(code: Option<u16>, holds: Holds) -> String {
    let code = code.map(|code| format!(r#""code":{code},"#)).unwrap_or_default();
    let (id, error) = (
        r#"{"id":"491dd6c97d64475ba0ce346a18530ce5","name":"n","status":"Created"}"#.to_owned(),
        |code: &str, text: &str| format!(r#"{{{code}"message":"Invalid parameter","description":"{text}"}}"#),
    );
    let none = || "null".to_owned();
    let (data, error) = match holds {
        Holds::Nothing => (none(), none()),
        Holds::Id => (id, none()),
        Holds::NoId => (r#"{"name":"n"}"#.to_owned(), none()),
        Holds::Error(code) => (none(), error(&format!(r#""code":{code},"#), "words")),
        Holds::Names(code) => {
            let code = code.map(|code| format!(r#""code":{code},"#)).unwrap_or_default();
            (none(), error(&code, &format!("{MEMBER} is no number")))
        }
        Holds::NamesAnother => (none(), error(r#""code":1002,"#, "+919812345670 is no number")),
        Holds::Both => (id, error(r#""code":1002,"#, "words")),
    };
    format!(r#"{{{code}"status":"words","data":{data},"error_data":{error}}}"#)
}

impl Carries {
    pub(super) fn body(self) -> AnswerBody {
        let response = |response: &str| {
            let head = r#""request_id":"c6084ac2e9a44812834b42577f01937b","method":"POST""#;
            AnswerBody::Whole(format!(r#"{{{head},"response":{response}}}"#).into())
        };
        match self {
            Self::Item(code, holds) => response(&format!("[{}]", item(code, holds))),
            Self::Bare => response(r#"[{"id":"c1","name":"n","status":"Created"}]"#),
            Self::Two => {
                let one = item(Some(200), Holds::Id);
                response(&format!("[{one},{one}]"))
            }
            Self::NoItem => response("[]"),
            Self::Exception(status) => AnswerBody::Whole(
                format!(r#"{{"RestException":{{"Status":{status},"Message":"{MEMBER}"}}}}"#).into(),
            ),
            Self::Garbage => AnswerBody::Whole("<html>code: 1002</html>".into()),
            Self::Text => AnswerBody::Whole("Bad Request".into()),
            Self::Empty => AnswerBody::Whole("".into()),
            Self::Cut => AnswerBody::Cut,
            Self::TooLarge => AnswerBody::TooLarge,
        }
    }

    pub(super) fn id(self) -> bool {
        matches!(self, Self::Bare | Self::Item(_, Holds::Id | Holds::Both))
    }
}
