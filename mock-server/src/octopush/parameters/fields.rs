//! The parameters there are ("Modify configuration"). Other keys of an edit are ignored, as elsewhere (*assumed*).

use super::rule::Rule;

/// One of the objects that the parameters come in.
pub(super) struct Group {
    pub(super) name: &'static str,
    /// No two groups share the name of a field.
    pub(super) fields: &'static [(&'static str, Rule)],
}

/// In the order of the page.
pub(super) const GROUPS: [Group; 3] = [
    Group {
        name: "sms_campaign_alert_parameters",
        fields: &[
            ("alert_type", Rule::Text),
            ("alert_bound", Rule::Integer),
            ("alert_email_to", Rule::Email),
            ("alert_phone_number_to", Rule::PhoneNumber),
        ],
    },
    Group {
        name: "campaign_parameters",
        fields: &[
            ("sender_for_sms_premium", Rule::Sender),
            ("sender_for_vocal_sms", Rule::VoiceSender),
            ("phone_number_for_test_sms", Rule::PhoneNumber),
        ],
    },
    Group {
        name: "callbacks",
        fields: &[
            ("callback_url_for_sms_deliveries", Rule::Url),
            ("callback_url_for_blacklisted_numbers", Rule::Url),
            ("callback_url_for_vocal_sms_deliveries", Rule::Url),
            ("callback_url_for_inbounds", Rule::Url),
            ("email_for_inbounds", Rule::Email),
        ],
    },
];
