//! The calling codes, as far as the fast path has to know them.
//!
//! For each: the lengths a national number may have, the digits with which a national prefix may begin, and the
//! region where there is but one. A number in international form whose national part has such a length and
//! begins with none of those digits is left unchanged by libphonenumber: its pattern of national prefixes either
//! does not match or matches nothing.
//!
//! Sources: the metadata in rlibphonenumber 2.2.15 (`general_desc.possible_length` with the local ones, and the first
//! digits that `national_prefix_for_parsing` can match, of each code's main country). The tests compare both with
//! the library over every code, so that an update of it cannot pass unnoticed.

/// One calling code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallingCode {
    pub(crate) code: u16,
    /// Bit n: national numbers of n digits are possible.
    lengths: u32,
    /// Bit n: numbers of n digits are possible, if dialled within a place only.
    local: u32,
    /// Bit d: a national prefix may begin with the digit d.
    prefixes: u16,
    /// ISO 3166 alpha-2; empty where several countries share the code, or none has it.
    pub(crate) region: &'static str,
}

impl CallingCode {
    /// Whether numbers of this many digits are possible from anywhere.
    pub(super) fn takes_length(&self, length: usize) -> bool {
        length < 32 && self.lengths >> length & 1 == 1
    }

    /// Whether a national number of this many digits, beginning with this one, is possible and left unchanged.
    pub(super) fn leaves_unchanged(&self, length: usize, first_digit: u8) -> bool {
        length < 32 && (self.lengths | self.local) >> length & 1 == 1 && self.prefixes >> first_digit & 1 == 0
    }
}

const fn code(
    code: u16,
    lengths: &[u32],
    local: &[u32],
    prefixes: &str,
    region: &'static str,
) -> CallingCode {
    CallingCode {
        code,
        lengths: bits(lengths),
        local: bits(local),
        prefixes: digits(prefixes),
        region,
    }
}

const fn bits(numbers: &[u32]) -> u32 {
    let mut set = 0;
    let mut at = 0;
    while at < numbers.len() {
        set |= 1 << numbers[at];
        at += 1;
    }
    set
}

/// The set of the digits in a text.
pub(super) const fn digits(text: &str) -> u16 {
    let mut set = 0;
    let mut at = 0;
    while at < text.len() {
        set |= 1 << (text.as_bytes()[at] - b'0');
        at += 1;
    }
    set
}

/// All calling codes: code, lengths, lengths that are dialled locally only, first digits of prefixes, region.
#[rustfmt::skip]
pub(crate) const CALLING_CODES: &[CallingCode] = &[
    code(1, &[10], &[7], "1", ""),
    code(7, &[10, 14], &[7], "8", ""),
    code(20, &[8, 9, 10], &[6, 7], "0", "EG"),
    code(27, &[5, 6, 7, 8, 9, 10], &[], "0", "ZA"),
    code(30, &[10, 11, 12], &[], "", "GR"),
    code(31, &[5, 6, 7, 8, 9, 10, 11], &[], "0", "NL"),
    code(32, &[8, 9], &[], "0", "BE"),
    code(33, &[9], &[], "0", "FR"),
    code(34, &[9], &[], "", "ES"),
    code(36, &[8, 9], &[6, 7], "0", "HU"),
    code(39, &[6, 7, 8, 9, 10, 11, 12], &[], "", ""),
    code(40, &[6, 9], &[], "0", "RO"),
    code(41, &[9, 12], &[], "0", "CH"),
    code(43, &[4, 5, 6, 7, 8, 9, 10, 11, 12, 13], &[3], "0", "AT"),
    code(44, &[7, 9, 10], &[4, 5, 6, 8], "01", ""),
    code(45, &[8], &[], "", "DK"),
    code(46, &[6, 7, 8, 9, 10, 12], &[], "0", "SE"),
    code(47, &[5, 8], &[], "", ""),
    code(48, &[6, 7, 8, 9, 10], &[], "", "PL"),
    code(49, &[4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], &[2, 3], "0", "DE"),
    code(51, &[8, 9], &[6, 7], "0", "PE"),
    code(52, &[10], &[7, 8], "", "MX"),
    code(53, &[6, 7, 8, 10], &[4, 5], "0", "CU"),
    code(54, &[10, 11], &[6, 7, 8], "0123", "AR"),
    code(55, &[8, 9, 10, 11], &[], "09", "BR"),
    code(56, &[9, 10, 11], &[], "", "CL"),
    code(57, &[8, 10, 11], &[4, 7], "0", "CO"),
    code(58, &[10], &[7], "0", "VE"),
    code(60, &[8, 9, 10], &[6, 7], "0", "MY"),
    code(61, &[5, 6, 7, 8, 9, 10, 12], &[], "01", ""),
    code(62, &[7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17], &[5, 6], "0", "ID"),
    code(63, &[6, 8, 9, 10, 11, 12, 13], &[4, 5, 7], "0", "PH"),
    code(64, &[5, 6, 7, 8, 9, 10], &[], "0", "NZ"),
    code(65, &[8, 10, 11], &[], "", "SG"),
    code(66, &[8, 9, 10, 13], &[], "0", "TH"),
    code(81, &[8, 9, 10, 11, 12, 13, 14, 15, 16, 17], &[], "0", "JP"),
    code(82, &[5, 6, 8, 9, 10, 11, 12, 13, 14], &[3, 4, 7], "0", "KR"),
    code(84, &[7, 8, 9, 10], &[], "0", "VN"),
    code(86, &[7, 8, 9, 10, 11, 12], &[5, 6], "01", "CN"),
    code(90, &[7, 10, 12, 13], &[], "0", "TR"),
    code(91, &[8, 9, 10, 11, 12, 13], &[6, 7], "0", "IN"),
    code(92, &[8, 9, 10, 11, 12], &[5, 6, 7], "0", "PK"),
    code(93, &[9], &[7], "0", "AF"),
    code(94, &[9], &[7], "0", "LK"),
    code(95, &[6, 7, 8, 9, 10], &[5], "0", "MM"),
    code(98, &[4, 5, 6, 7, 10], &[8], "0", "IR"),
    code(211, &[9], &[], "0", "SS"),
    code(212, &[9], &[], "0", ""),
    code(213, &[8, 9], &[], "0", "DZ"),
    code(216, &[8], &[], "", "TN"),
    code(218, &[9], &[7], "0", "LY"),
    code(220, &[7, 9], &[], "", "GM"),
    code(221, &[9], &[], "", "SN"),
    code(222, &[8], &[], "", "MR"),
    code(223, &[8], &[], "", "ML"),
    code(224, &[8, 9], &[], "", "GN"),
    code(225, &[10], &[], "", "CI"),
    code(226, &[8], &[], "", "BF"),
    code(227, &[8], &[], "", "NE"),
    code(228, &[8], &[], "", "TG"),
    code(229, &[8, 10], &[], "", "BJ"),
    code(230, &[7, 8, 10], &[], "", "MU"),
    code(231, &[7, 8, 9], &[], "0", "LR"),
    code(232, &[8], &[6], "0", "SL"),
    code(233, &[8, 9], &[7], "0", "GH"),
    code(234, &[10, 11, 12, 13, 14], &[6, 7], "0", "NG"),
    code(235, &[8], &[], "", "TD"),
    code(236, &[8], &[], "", "CF"),
    code(237, &[8, 9], &[], "", "CM"),
    code(238, &[7], &[], "", "CV"),
    code(239, &[7], &[], "", "ST"),
    code(240, &[9], &[], "", "GQ"),
    code(241, &[7, 8], &[], "0", "GA"),
    code(242, &[9], &[], "", "CG"),
    code(243, &[7, 8, 9, 10], &[], "0", "CD"),
    code(244, &[9], &[], "", "AO"),
    code(245, &[7, 9], &[], "", "GW"),
    code(246, &[7], &[], "", "IO"),
    code(247, &[5, 6], &[], "", "AC"),
    code(248, &[7], &[], "", "SC"),
    code(249, &[9], &[], "0", "SD"),
    code(250, &[8, 9], &[], "0", "RW"),
    code(251, &[9], &[7], "0", "ET"),
    code(252, &[6, 7, 8, 9], &[], "0", "SO"),
    code(253, &[8], &[], "", "DJ"),
    code(254, &[7, 8, 9, 10], &[], "0", "KE"),
    code(255, &[9], &[], "0", "TZ"),
    code(256, &[9], &[5, 6, 7], "0", "UG"),
    code(257, &[8], &[], "", "BI"),
    code(258, &[8, 9], &[], "", "MZ"),
    code(260, &[9], &[6], "0", "ZM"),
    code(261, &[9], &[7], "02456789", "MG"),
    code(262, &[9], &[], "0", ""),
    code(263, &[7, 9, 10], &[3, 4, 5, 6], "0", "ZW"),
    code(264, &[8, 9], &[], "0", "NA"),
    code(265, &[7, 9], &[], "0", "MW"),
    code(266, &[8], &[], "", "LS"),
    code(267, &[7, 8, 10], &[], "", "BW"),
    code(268, &[8, 9], &[], "", "SZ"),
    code(269, &[7], &[4], "", "KM"),
    code(290, &[4, 5], &[], "", ""),
    code(291, &[7], &[6], "0", "ER"),
    code(297, &[7], &[], "", "AW"),
    code(298, &[6], &[], "1", "FO"),
    code(299, &[6], &[], "", "GL"),
    code(350, &[8], &[], "", "GI"),
    code(351, &[9], &[], "", "PT"),
    code(352, &[4, 5, 6, 7, 8, 9, 10, 11], &[], "1", "LU"),
    code(353, &[7, 8, 9, 10], &[5, 6], "0", "IE"),
    code(354, &[7, 9], &[], "", "IS"),
    code(355, &[6, 7, 8, 9], &[5], "0", "AL"),
    code(356, &[8], &[], "", "MT"),
    code(357, &[8], &[], "", "CY"),
    code(358, &[5, 6, 7, 8, 9, 10, 11, 12], &[], "0", ""),
    code(359, &[6, 7, 8, 9, 12], &[4, 5], "0", "BG"),
    code(370, &[8], &[], "08", "LT"),
    code(371, &[8], &[], "", "LV"),
    code(372, &[7, 8, 10], &[], "", "EE"),
    code(373, &[8], &[], "0", "MD"),
    code(374, &[8], &[5, 6], "0", "AM"),
    code(375, &[6, 7, 8, 9, 10, 11], &[5], "08", "BY"),
    code(376, &[6, 8, 9], &[], "", "AD"),
    code(377, &[8, 9], &[], "0", "MC"),
    code(378, &[8, 10], &[6], "89", "SM"),
    code(380, &[9, 10], &[5, 6, 7], "0", "UA"),
    code(381, &[6, 7, 8, 9, 10, 11, 12], &[4, 5], "0", "RS"),
    code(382, &[8, 9], &[6], "0", "ME"),
    code(383, &[8, 9, 10, 11, 12], &[], "0", "XK"),
    code(385, &[7, 8, 9], &[6], "0", "HR"),
    code(386, &[5, 6, 7, 8], &[], "0", "SI"),
    code(387, &[8, 9], &[6], "0", "BA"),
    code(389, &[8], &[6, 7], "0", "MK"),
    code(420, &[9, 10, 11, 12], &[], "", "CZ"),
    code(421, &[6, 7, 9], &[], "0", "SK"),
    code(423, &[7, 9], &[], "01", "LI"),
    code(500, &[5], &[], "", "FK"),
    code(501, &[7, 11], &[], "", "BZ"),
    code(502, &[8, 11], &[], "", "GT"),
    code(503, &[7, 8, 11], &[], "", "SV"),
    code(504, &[8, 11], &[], "", "HN"),
    code(505, &[8], &[], "", "NI"),
    code(506, &[8, 10], &[], "1", "CR"),
    code(507, &[7, 8, 10, 11], &[], "", "PA"),
    code(508, &[6, 9], &[], "0", "PM"),
    code(509, &[8], &[], "", "HT"),
    code(590, &[9], &[], "0", ""),
    code(591, &[8, 9], &[7], "0", "BO"),
    code(592, &[7], &[], "", "GY"),
    code(593, &[8, 9, 10, 11], &[7], "0", "EC"),
    code(594, &[9], &[], "0", "GF"),
    code(595, &[6, 7, 8, 9, 10, 11], &[5], "0", "PY"),
    code(596, &[9], &[], "0", "MQ"),
    code(597, &[6, 7], &[], "", "SR"),
    code(598, &[4, 5, 6, 7, 8, 9, 10, 11, 12, 13], &[], "0", "UY"),
    code(599, &[7, 8], &[], "", ""),
    code(670, &[7, 8], &[], "", "TL"),
    code(672, &[6], &[5], "01258", "NF"),
    code(673, &[7], &[], "", "BN"),
    code(674, &[7], &[], "", "NR"),
    code(675, &[7, 8], &[], "", "PG"),
    code(676, &[5, 7], &[], "", "TO"),
    code(677, &[5, 7], &[], "", "SB"),
    code(678, &[5, 7], &[], "", "VU"),
    code(679, &[7, 11], &[], "", "FJ"),
    code(680, &[7], &[], "", "PW"),
    code(681, &[6, 9], &[], "", "WF"),
    code(682, &[5], &[], "", "CK"),
    code(683, &[4, 7], &[], "", "NU"),
    code(685, &[5, 6, 7, 10], &[], "", "WS"),
    code(686, &[5, 8], &[], "0", "KI"),
    code(687, &[6], &[], "", "NC"),
    code(688, &[5, 6, 7], &[], "", "TV"),
    code(689, &[6, 8, 9], &[], "", "PF"),
    code(690, &[4, 5, 6, 7], &[], "", "TK"),
    code(691, &[7], &[], "", "FM"),
    code(692, &[7], &[], "1", "MH"),
    code(800, &[8], &[], "", ""),
    code(808, &[8], &[], "", ""),
    code(850, &[8, 10], &[6, 7], "0", "KP"),
    code(852, &[5, 6, 7, 8, 9, 11], &[], "", "HK"),
    code(853, &[7, 8], &[], "", "MO"),
    code(855, &[8, 9, 10], &[6, 7], "0", "KH"),
    code(856, &[8, 9, 10], &[6], "0", "LA"),
    code(870, &[9, 12], &[], "", ""),
    code(878, &[12], &[], "", ""),
    code(880, &[6, 7, 8, 9, 10], &[], "0", "BD"),
    code(881, &[9, 10], &[], "", ""),
    code(882, &[7, 8, 9, 10, 11, 12], &[], "", ""),
    code(883, &[8, 9, 10, 11, 12], &[], "", ""),
    code(886, &[7, 8, 9, 10, 11], &[], "0", "TW"),
    code(888, &[11], &[], "", ""),
    code(960, &[7, 10], &[], "", "MV"),
    code(961, &[7, 8], &[], "0", "LB"),
    code(962, &[8, 9], &[], "0", "JO"),
    code(963, &[8, 9], &[6, 7], "0", "SY"),
    code(964, &[8, 9, 10], &[6, 7], "0", "IQ"),
    code(965, &[7, 8], &[], "", "KW"),
    code(966, &[9, 10], &[7], "0", "SA"),
    code(967, &[7, 8, 9], &[6], "0", "YE"),
    code(968, &[7, 8, 9], &[], "", "OM"),
    code(970, &[8, 9, 10], &[7], "0", "PS"),
    code(971, &[5, 6, 7, 8, 9, 10, 11, 12], &[], "0", "AE"),
    code(972, &[7, 8, 9, 10, 11, 12], &[], "0", "IL"),
    code(973, &[8], &[], "", "BH"),
    code(974, &[7, 8, 9, 11], &[], "", "QA"),
    code(975, &[7, 8], &[6], "", "BT"),
    code(976, &[8, 9, 10], &[4, 5, 6], "0", "MN"),
    code(977, &[8, 10, 11], &[6, 7], "0", "NP"),
    code(979, &[9], &[8], "", ""),
    code(992, &[9], &[3, 5, 6, 7], "", "TJ"),
    code(993, &[8], &[], "8", "TM"),
    code(994, &[9], &[7], "0", "AZ"),
    code(995, &[9], &[6, 7], "0", "GE"),
    code(996, &[9, 10], &[5, 6], "0", "KG"),
    code(998, &[9], &[], "", "UZ"),
];
