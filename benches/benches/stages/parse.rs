//! Reading a record: whole lines, all of one number, so that each but the first ends where it is recognised.

use divan::counter::{BytesCount, ItemsCount};

use crate::support;

/// The same five keys in the same order, as most files have them.
pub(crate) const COMMON: &str = r#"{"phone_number":"+33612345678","first_name":"Axelle","last_name":"Durand","param1":"Tuesday 9:30","param2":null}"#;
/// Escapes, another order, a field that is no string, keys of others.
pub(crate) const LIFELIKE: &str = r#"{"id":17,"first_name":"Zo\u00e9 \"Z\"","tags":["a",{"b":1.5e3}],"param2":864.50,"phone_number":"+33612345678"}"#;

#[divan::bench]
fn common_shape(bencher: divan::Bencher<'_, '_>) {
    read(bencher, COMMON);
}

#[divan::bench]
fn lifelike_shape(bencher: divan::Bencher<'_, '_>) {
    read(bencher, LIFELIKE);
}

fn read(bencher: divan::Bencher<'_, '_>, line: &str) {
    let bytes = repeated(line);
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .counter(ItemsCount::new(support::RECIPIENTS))
        .bench(|| assert_eq!(support::read_through(divan::black_box(&bytes)), 1));
}

pub(crate) fn repeated(line: &str) -> Vec<u8> {
    format!("{line}\n").repeat(support::RECIPIENTS).into_bytes()
}
