//! The providers that are played, told apart by their paths.
//!
//! *Not here*: what either of them answers.

use http::{Method, StatusCode};
use serde::Deserialize;

use crate::{exotel, octopush};

/// One of the providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Provider {
    Octopush,
    Exotel,
}

impl Provider {
    /// Whose path it is, known or not: such requests are recorded and suffer faults. Nothing for the mock's own.
    pub(crate) fn of(path: &str) -> Option<Self> {
        if octopush::serves(path) {
            Some(Self::Octopush)
        } else if exotel::serves(path) {
            Some(Self::Exotel)
        } else {
            None
        }
    }

    /// The status of a send that went well.
    pub(crate) fn success_status(self) -> StatusCode {
        match self {
            Self::Octopush => StatusCode::CREATED,
            Self::Exotel => StatusCode::OK,
        }
    }

    /// A failure in the provider's own shape, for what the mock and not the provider thought of.
    pub(crate) fn failure(
        self,
        method: &Method,
        path: &str,
        status: u16,
        code: u32,
        message: &str,
    ) -> String {
        match self {
            Self::Octopush => serde_json::json!({ "code": code, "message": message }).to_string(),
            Self::Exotel => exotel::failure(method, path, status, code, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_its_provider_and_the_mocks_own_to_none() {
        let check =
            |path: &str, expected: Option<Provider>| assert_eq!(Provider::of(path), expected, "{path}");
        check("/v1/public/sms-campaign/send", Some(Provider::Octopush));
        check("/v1/public/unknown", Some(Provider::Octopush));
        check("/v2/accounts/acme1/campaigns", Some(Provider::Exotel));
        check("/v1/Accounts/acme1/Calls.json", Some(Provider::Exotel));
        check("/v1/accounts/acme1/Calls.json", None);
        check("/v2/Accounts/acme1/campaigns", None);
        check("/__mock/stats", None);
        check("/v1/", None);
    }
}
