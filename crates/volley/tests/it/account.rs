//! The account of a run against the mock's own record.

use crate::support::Sandbox;

#[test]
fn the_summary_agrees_with_the_provider() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 25)]);
}
