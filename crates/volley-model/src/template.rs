//! The text of a message with its placeholders: `{first_name}` or, with a default of ours, `{first_name|there}`.
//!
//! Output: the text for the wire (defaults taken out: the provider knows plain placeholders only), which fields
//! it needs, what stands in for a lacking one, how many segments the text has for one recipient, and which characters
//! of it, or of what stands in it, the GSM alphabet lacks.
//! Braces around anything that does not look like a name are literal text; around a name that no field has they
//! are an error, since a typing error would otherwise reach everybody.

use crate::segments::{Encoding, Foreign, Measure, Meter, UnitCount, foreign, septets};
use crate::{Field, FieldSet, Recipient};

/// A parsed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// As written in the campaign file.
    written: String,
    pieces: Vec<Piece>,
    wire: String,
    /// All that is the same for everyone.
    literals: UnitCount,
    gsm7: bool,
    /// Fields that have a placeholder.
    placeholders: FieldSet,
    required: FieldSet,
    defaults: [Option<String>; Field::COUNT],
    /// The whole measure where there is no placeholder: then it is the same for everyone.
    constant: Option<Measure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Placeholder(Field),
}

/// Why a text cannot be a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder that no field answers to.
    #[error(
        "{{{name}}} at character {at} is no field; there are first_name, last_name and param1 to param5, \
         each as {{field}} or {{field|default}}"
    )]
    UnknownField {
        /// What stands between the braces.
        name: String,
        /// Its place in the text, counted in characters from 1.
        at: usize,
    },
    /// One field with two defaults, or with and without one: the wire has one value a field.
    #[error(
        "{{{name}}} has a default in one place and another, or none, elsewhere; give it the same everywhere"
    )]
    TwoDefaults {
        /// The field.
        name: &'static str,
    },
    /// A default longer than the provider allows for a field.
    #[error("the default of {{{name}}} has more than 50 characters")]
    DefaultTooLong {
        /// The field.
        name: &'static str,
    },
}

impl Template {
    /// Parses a text as written in the campaign file.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut template = Self {
            written: text.to_owned(),
            pieces: Vec::new(),
            wire: String::new(),
            literals: UnitCount::default(),
            gsm7: true,
            placeholders: FieldSet::default(),
            required: FieldSet::default(),
            defaults: Default::default(),
            constant: None,
        };
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some((name, default, length)) = placeholder(&rest[open..]) else {
                template.literal(&rest[..=open]);
                rest = &rest[open + 1..];
                continue;
            };
            template.literal(&rest[..open]);
            let field = Field::named(name).ok_or_else(|| TemplateError::UnknownField {
                name: name.to_owned(),
                at: text[..text.len() - rest.len() + open].chars().count() + 1,
            })?;
            template.placeholder(field, default)?;
            rest = &rest[open + length..];
        }
        template.literal(rest);
        for piece in &template.pieces {
            if let Piece::Literal(text) = piece {
                template.literals.add(text);
            }
        }
        let measure = Meter::of(&template.wire);
        template.gsm7 = measure.encoding == Encoding::Gsm7;
        if template.placeholders.is_empty() {
            template.constant = Some(measure);
        }
        Ok(template)
    }

    fn literal(&mut self, text: &str) {
        self.wire.push_str(text);
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Literal(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Literal(text.to_owned())),
        }
    }

    fn placeholder(&mut self, field: Field, default: Option<&str>) -> Result<(), TemplateError> {
        let name = field.name();
        let again = self.placeholders.contains(field);
        self.placeholders.insert(field);
        if again && self.defaults[field.index()].as_deref() != default {
            return Err(TemplateError::TwoDefaults { name });
        }
        match default {
            Some(text) if text.chars().count() > Field::CHARS_MAX => {
                return Err(TemplateError::DefaultTooLong { name });
            }
            Some(text) => self.defaults[field.index()] = Some(text.to_owned()),
            None => self.required.insert(field),
        }
        self.wire.push('{');
        self.wire.push_str(name);
        self.wire.push('}');
        self.pieces.push(Piece::Placeholder(field));
        Ok(())
    }

    /// The text for the wire: placeholders without their defaults.
    pub fn wire(&self) -> &str {
        &self.wire
    }

    /// The fields that a recipient must have: those with a placeholder without a default.
    pub fn required(&self) -> FieldSet {
        self.required
    }

    /// What stands in the place of a field that is lacking, if the text says so.
    pub fn default(&self, field: Field) -> Option<&str> {
        self.defaults[field.index()].as_deref()
    }

    /// What the recipient's field says in this text: its own, else the default, which may be empty: `{param1|}`.
    pub fn value<'a>(&'a self, recipient: &Recipient<'a>, field: Field) -> Option<&'a str> {
        match recipient.field(field) {
            Some(own) => Some(own.as_str()),
            None => self.default(field),
        }
    }

    /// The characters of the text as it is written, defaults included, that the GSM alphabet lacks.
    pub fn foreign(&self) -> Vec<Foreign> {
        foreign(&self.written)
    }

    /// Whether the text is GSM-7 as long as what stands in its placeholders is.
    pub fn is_gsm7(&self) -> bool {
        self.gsm7
    }

    /// Tells what the fields of this recipient's message have outside GSM-7, each character once a field. Nothing where
    /// the text itself is UCS-2: then no field changes that.
    pub fn foreign_in_fields(&self, recipient: &Recipient<'_>, found: &mut dyn FnMut(Field, char)) {
        if !self.gsm7 {
            return;
        }
        for field in Field::ALL
            .into_iter()
            .filter(|field| self.placeholders.contains(*field))
        {
            let text = self.value(recipient, field).unwrap_or_default();
            for (at, character) in text.char_indices() {
                if septets(character).is_none() && !text[..at].contains(character) {
                    found(field, character);
                }
            }
        }
    }

    /// Whether any of it is the recipient's own.
    pub fn has_placeholders(&self) -> bool {
        !self.placeholders.is_empty()
    }

    /// Encoding and segments of the text as somebody gets it of whom nothing is known but the number.
    pub fn measure_of_defaults(&self) -> Measure {
        let mut meter = Meter::default();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => meter.push(text),
                Piece::Placeholder(field) => meter.push(self.default(*field).unwrap_or_default()),
            }
        }
        meter.finish()
    }

    /// Encoding and segments of the text as this recipient gets it.
    pub fn measure(&self, recipient: &Recipient<'_>) -> Measure {
        if let Some(measure) = self.constant {
            return measure;
        }
        let mut units = self.literals;
        for piece in &self.pieces {
            if let Piece::Placeholder(field) = piece {
                units.add(self.value(recipient, *field).unwrap_or_default());
            }
        }
        units.measure().unwrap_or_else(|| self.lay_out(recipient))
    }

    /// The same for a text of which it matters where its pairs stand.
    #[cold]
    fn lay_out(&self, recipient: &Recipient<'_>) -> Measure {
        let mut meter = Meter::default();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => meter.push(text),
                Piece::Placeholder(field) => meter.push(self.value(recipient, *field).unwrap_or_default()),
            }
        }
        meter.finish()
    }
}

/// Name, default and byte length of the placeholder that `text` begins with, if it looks like one.
fn placeholder(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let close = text.find('}')?;
    let inside = &text[1..close];
    let (name, default) = match inside.split_once('|') {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let looks_like_a_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    looks_like_a_name.then_some((name, default, close + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::segments::Encoding;
    use crate::{Excerpt, Msisdn};

    /// A recipient of that name, for a moment.
    fn with<T>(first_name: Option<&str>, ask: impl FnOnce(&Recipient<'_>) -> T) -> T {
        let mut fields = [Excerpt::EMPTY; Field::COUNT];
        fields[Field::FirstName.index()] = first_name.unwrap_or_default().into();
        ask(&Recipient {
            number: Msisdn::new(33_612_345_678).unwrap(),
            fields: &fields,
            verbatim: false,
        })
    }

    fn segments(template: &Template, first_name: Option<&str>) -> u32 {
        with(first_name, |recipient| template.measure(recipient)).segments
    }

    #[test]
    fn a_default_stays_with_us_and_the_placeholder_goes_on_the_wire() {
        let template = Template::parse("Hello {first_name|there}, {param1} a {b c} {").unwrap();
        assert_eq!(template.wire(), "Hello {first_name}, {param1} a {b c} {");
        assert!(template.required().contains(Field::Param1));
        assert!(!template.required().contains(Field::FirstName));
        for (own, said) in [(None, "there"), (Some(""), "there"), (Some("Zoë"), "Zoë")] {
            with(own, |recipient| {
                assert_eq!(template.value(recipient, Field::FirstName), Some(said));
                assert_eq!(template.value(recipient, Field::Param1), None);
                assert_eq!(template.required().first_lacking(recipient), Some(Field::Param1));
            });
        }
    }

    #[test]
    fn a_typing_error_in_a_placeholder_is_found_with_its_place() {
        let error = Template::parse("Hé {fist_name}").unwrap_err();
        assert_eq!(
            error,
            TemplateError::UnknownField {
                name: "fist_name".to_owned(),
                at: 4
            }
        );
        assert!(
            error.to_string().contains("{fist_name} at character 4"),
            "{error}"
        );
    }

    #[test]
    fn one_field_has_one_default() {
        assert!(Template::parse("{param1|a} {param1|a}").is_ok());
        for text in [
            "{param1|a} {param1|b}",
            "{param1} {param1|b}",
            "{param1|a} {param1}",
        ] {
            assert_eq!(
                Template::parse(text),
                Err(TemplateError::TwoDefaults { name: "param1" }),
                "{text}"
            );
        }
        let long = format!("{{param1|{}}}", "x".repeat(51));
        assert_eq!(
            Template::parse(&long),
            Err(TemplateError::DefaultTooLong { name: "param1" })
        );
    }

    fn check_fields(text: &str, first_name: Option<&str>, expected: &[char]) {
        let mut found = Vec::new();
        let template = Template::parse(text).unwrap();
        with(first_name, |recipient| {
            template.foreign_in_fields(recipient, &mut |field, character| {
                assert_eq!(field, Field::FirstName);
                found.push(character);
            });
        });
        assert_eq!(found, expected, "{text} {first_name:?}");
    }

    #[test]
    fn a_field_s_characters_count_once_and_only_while_the_text_is_gsm7() {
        check_fields("Hello {first_name}", Some("Zoë Ëë 😀"), &['ë', 'Ë', '😀']);
        check_fields("Hello {first_name}", Some("Zoé"), &[]);
        check_fields("Hellô {first_name}", Some("Zoë"), &[]);
        check_fields("Hello", Some("Zoë"), &[]);
        check_fields("{first_name|}, {first_name|}", Some("Zoë"), &['ë']);
        // A default stands in its placeholder as the recipient's own word does.
        check_fields("Hello {first_name|tête}", None, &['ê']);
        check_fields("Hello {first_name|tête}", Some("Zoé"), &[]);
    }

    #[test]
    fn places_are_those_of_the_text_as_written_with_its_defaults() {
        let template = Template::parse("Hi {first_name|tête}, it’s ê").unwrap();
        let found: Vec<_> = template
            .foreign()
            .into_iter()
            .map(|foreign| (foreign.character, foreign.position, foreign.count))
            .collect();
        assert_eq!(found, [('ê', 17, 2), ('’', 25, 1)]);
        assert!(!template.is_gsm7());
        assert!(Template::parse("Hi {first_name|tête}").unwrap().is_gsm7());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// However it is counted, it is what the filled-in text takes.
        #[test]
        fn a_measure_is_that_of_the_text_with_the_placeholders_filled_in(
            before in "[aé€ê😀]{0,90}", between in "[a€]{0,90}", name in "[aé€ê😀]{0,50}",
        ) {
            let template = Template::parse(&format!("{before}{{first_name|x}}{between}{{first_name|x}}")).unwrap();
            let said = if name.is_empty() { "x" } else { &name };
            let measure = with(Some(&name), |recipient| template.measure(recipient));
            prop_assert_eq!(measure, Meter::of(&format!("{before}{said}{between}{said}")));
        }
    }

    #[test]
    fn segments_are_counted_with_the_placeholders_filled_in() {
        let template = Template::parse(&format!("{}{{first_name|x}}", "a".repeat(158))).unwrap();
        assert_eq!(segments(&template, Some("ab")), 1);
        assert_eq!(segments(&template, Some("abc")), 2);
        assert_eq!(segments(&template, None), 1);
        let measure = with(Some("ê"), |recipient| template.measure(recipient));
        assert_eq!((measure.encoding, measure.segments), (Encoding::Ucs2, 3));
    }
}
