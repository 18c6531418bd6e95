//! Reading a record: whole lines, all of one number, so that each but the first ends where it is recognised.

use divan::counter::{BytesCount, ItemsCount};

use crate::support;

/// The same ten fields in the same order, as most files have them.
#[divan::bench]
fn common_shape(bencher: divan::Bencher<'_, '_>) {
    repeated(
        bencher,
        r#"{"phone_number":"+33612345678","first_name":"Axelle","last_name":"Durand","param1":"Tuesday 9:30","param2":null}"#,
    );
}

/// Escapes, another order, a number that is no string, keys of others.
#[divan::bench]
fn lifelike_shape(bencher: divan::Bencher<'_, '_>) {
    repeated(
        bencher,
        r#"{"id":17,"first_name":"Zo\u00e9 \"Z\"","tags":["a",{"b":1.5e3}],"param2":864.50,"phone_number":"+33612345678"}"#,
    );
}

fn repeated(bencher: divan::Bencher<'_, '_>, line: &str) {
    let bytes = format!("{line}\n").repeat(support::RECIPIENTS).into_bytes();
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .counter(ItemsCount::new(support::RECIPIENTS))
        .bench(|| support::read_through(divan::black_box(&bytes)));
}
