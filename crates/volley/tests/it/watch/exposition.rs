//! A strict reader of Prometheus' text format, version 0.0.4, as its page describes it; what the page leaves open and Prometheus
//! refuses (a family told twice, a sample outside of its family, a histogram that shrinks) is refused here too.

use std::collections::{BTreeMap, BTreeSet};

/// Labels in the order of their names.
pub(crate) type Labels = BTreeMap<String, String>;

/// One scrape.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    pub(crate) samples: BTreeMap<(String, Labels), f64>,
    /// Type by family.
    pub(crate) types: BTreeMap<String, String>,
    /// What it says of itself, by family.
    pub(crate) helps: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads it, or says which line is wrong.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let read = parse(text);
        read.unwrap_or_else(|why| panic!("{why}\n{text}"))
    }

    /// The value of one sample.
    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: Labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let value = self.samples.get(&(name.to_owned(), labels));
        *value.unwrap_or_else(|| panic!("no {name} {:?}", self.samples.keys()))
    }

    /// All samples of a name together.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let of_name = self.samples.iter().filter(|((found, _), _)| found == name);
        of_name.map(|(_, value)| value).sum()
    }

    /// The names of all samples.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.samples.keys().map(|(name, _)| name.as_str()).collect()
    }
}

fn parse(text: &str) -> Result<Scrape, String> {
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let mut scrape = Scrape::default();
    let mut family = String::new();
    for line in text.lines() {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or_else(|| wrong("no help"))?;
            let before = scrape.helps.insert(name.to_owned(), help.to_owned());
            if !is_name(name) || help.is_empty() || before.is_some() {
                return Err(wrong("HELP"));
            }
            name.clone_into(&mut family);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or_else(|| wrong("no type"))?;
            if name != family || !["counter", "gauge", "histogram"].contains(&kind) {
                return Err(wrong("TYPE"));
            }
            if kind == "counter" && !name.ends_with("_total") {
                return Err(wrong("a counter ends with _total"));
            }
            scrape.types.insert(name.to_owned(), kind.to_owned());
        } else {
            let (name, labels, value) = sample(line).ok_or_else(|| wrong("a sample"))?;
            let kind = scrape.types.get(&family).ok_or_else(|| wrong("no TYPE before"))?;
            let suffix = name
                .strip_prefix(&family)
                .ok_or_else(|| wrong("not its family"))?;
            let fits = match kind.as_str() {
                "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                _ => suffix.is_empty(),
            };
            let may_be = value.is_finite() && (kind == "gauge" || value >= 0.0);
            if !fits || !may_be || scrape.samples.insert((name, labels), value).is_some() {
                return Err(wrong("a sample"));
            }
        }
    }
    histograms(&scrape)?;
    Ok(scrape)
}

fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        None => (head, Labels::new()),
        Some((name, rest)) => (name, read_labels(rest.strip_suffix('}')?)?),
    };
    let plain = value.chars().all(|c| c.is_ascii_digit() || ".-e".contains(c));
    (is_name(name) && plain).then_some((name.to_owned(), labels, value.parse().ok()?))
}

fn read_labels(text: &str) -> Option<Labels> {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    _ => return None,
                }),
                (place, '"') => break place,
                (_, character) => value.push(character),
            }
        };
        if !is_name(name) || labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        match &quoted[end + 1..] {
            "" => return Some(labels),
            more => rest = more.strip_prefix(',')?,
        }
    }
}

fn is_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    first
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Buckets grow with their bounds, and the last is the count.
fn histograms(scrape: &Scrape) -> Result<(), String> {
    for (name, _) in scrape.types.iter().filter(|(_, kind)| *kind == "histogram") {
        let bucket = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = scrape
            .samples
            .iter()
            .filter(|((found, _), _)| *found == bucket)
            .map(|((_, labels), value)| (labels["le"].parse().expect("a bound"), *value))
            .collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let count = scrape.value(&format!("{name}_count"), &[]);
        let grows = buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1);
        let whole = buckets
            .last()
            .is_some_and(|(bound, all)| bound.is_infinite() && all.total_cmp(&count).is_eq());
        if !grows || !whole {
            return Err(format!("{name} is no histogram: {buckets:?}, {count}"));
        }
    }
    Ok(())
}

#[test]
fn what_prometheus_refuses_is_refused() {
    let good =
        "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"x,\\\"}\",c=\"\"} 1\na_total{b=\"y\"} 2\n";
    let scrape = Scrape::parse(good);
    assert_eq!(scrape.sum("a_total").to_string(), "3");
    for bad in [
        good.trim_end(),
        "a_total 1\n",
        "# HELP a_total A.\n# TYPE a_total counter\nb_total 1\n",
        "# HELP a A.\n# TYPE a counter\na 1\n",
        "# HELP a A.\n# TYPE a gauge\na 1\na 1\n",
        "# HELP a A.\n# TYPE a gauge\na NaN\n",
        "# HELP a A.\n# TYPE a gauge\na{b=x} 1\n",
        "# HELP a A.\n# TYPE a gauge\na{b=\"x\" 1\n",
        "# HELP a A.\n# TYPE a gauge\na 1\n# HELP a A.\n",
        "# HELP a_total A.\n# TYPE a_total counter\na_total -1\n",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
