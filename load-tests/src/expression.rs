//! What a figure is made of: `CASE.METRIC`, numbers, `+ - * /` and parentheses.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The measured of one run: metrics by case.
pub(crate) type Measured = BTreeMap<String, BTreeMap<String, f64>>;

/// A figure's formula.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Expression(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Metric { case: String, metric: String },
    Pair(Box<Node>, char, Box<Node>),
}

impl Expression {
    /// The cases it names.
    pub(crate) fn cases(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.0.cases(&mut found);
        found
    }

    /// Its value; `None` if something was not measured, or is divided by nothing.
    pub(crate) fn value(&self, measured: &Measured) -> Option<f64> {
        self.0.value(measured).filter(|value| value.is_finite())
    }
}

impl Node {
    fn cases<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Number(_) => {}
            Self::Metric { case, .. } => found.push(case),
            Self::Pair(left, _, right) => {
                left.cases(found);
                right.cases(found);
            }
        }
    }

    fn value(&self, measured: &Measured) -> Option<f64> {
        Some(match self {
            Self::Number(number) => *number,
            Self::Metric { case, metric } => *measured.get(case)?.get(metric)?,
            Self::Pair(left, operator, right) => {
                let (left, right) = (left.value(measured)?, right.value(measured)?);
                match operator {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    _ => left / right,
                }
            }
        })
    }
}

impl TryFrom<String> for Expression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut reader = Reader { words: &words };
        let node = reader.sum()?;
        match reader.words.first() {
            None => Ok(Self(node)),
            Some(word) => Err(format!("`{word}` is too much in `{text}`")),
        }
    }
}

/// Words that are still to be read. Operators stand apart from their operands, since case names have hyphens.
struct Reader<'a> {
    words: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn sum(&mut self) -> Result<Node, String> {
        let mut left = self.product()?;
        while let Some(operator) = self.take_operator("+-") {
            left = Node::Pair(Box::new(left), operator, Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, String> {
        let mut left = self.factor()?;
        while let Some(operator) = self.take_operator("*/") {
            left = Node::Pair(Box::new(left), operator, Box::new(self.factor()?));
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Node, String> {
        let word = self.take().ok_or("something is missing at the end")?;
        if word == "(" {
            let inner = self.sum()?;
            return match self.take() {
                Some(")") => Ok(inner),
                _ => Err("a parenthesis is not closed".to_owned()),
            };
        }
        if let Ok(number) = word.parse() {
            return Ok(Node::Number(number));
        }
        match word.split_once('.') {
            Some((case, metric)) => Ok(Node::Metric {
                case: case.to_owned(),
                metric: metric.to_owned(),
            }),
            None => Err(format!("`{word}` is neither a number nor CASE.METRIC")),
        }
    }

    fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take_operator(&mut self, operators: &str) -> Option<char> {
        let word = *self.words.first()?;
        let operator = word.chars().next().filter(|_| word.len() == 1)?;
        operators.contains(operator).then(|| {
            self.words = &self.words[1..];
            operator
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Expression, String> {
        Expression::try_from(text.to_owned())
    }

    #[test]
    fn products_bind_closer_than_sums_and_parentheses_closest() {
        let case = |value: f64| BTreeMap::from([("cpu".to_owned(), value)]);
        let measured = Measured::from([("a-b".to_owned(), case(6.0)), ("c".to_owned(), case(3.0))]);
        for (text, value) in [
            ("a-b.cpu", Some(6.0)),
            ("a-b.cpu / c.cpu", Some(2.0)),
            ("1 + a-b.cpu / c.cpu", Some(3.0)),
            ("64 / (1 + c.cpu) - 6", Some(10.0)),
            ("a-b.wall", None),
            ("1 / 0", None),
        ] {
            assert_eq!(read(text).unwrap().value(&measured), value, "{text}");
        }
        assert_eq!(read("(a-b.cpu - c.cpu) / 2").unwrap().cases(), ["a-b", "c"]);
    }

    #[test]
    fn what_is_no_formula_is_refused() {
        for text in ["", "a", "a.cpu /", "(a.cpu", "a.cpu b.cpu", "a.cpu )"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
