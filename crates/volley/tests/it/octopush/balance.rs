//! `volley octopush balance`: free, and in the provider's own members.

use super::octopush;
use crate::support::Sandbox;

#[test]
fn the_balance_is_told_in_euros_or_in_sms_of_a_product_to_a_country() {
    let sandbox = Sandbox::with_mock("octopush.credit = '100'");
    let end = octopush(&sandbox, &["balance"]).run();
    let told = end.expect(0).summary();
    assert_eq!((&told["amount"], &told["unit"]), (&100.into(), &"euro".into()));
    let end = octopush(
        &sandbox,
        &["balance", "--country", "FR", "--product", "sms_premium"],
    )
    .run();
    let told = end.expect(0).summary();
    assert_eq!(
        (&told["amount"], &told["unit"]),
        (&2216.into(), &"sms_premium".into())
    );
    let alone = octopush(&sandbox, &["balance", "--country", "FR"]).run();
    alone.expect(2);
    let unknown = octopush(&sandbox, &["balance", "--country", "FR", "--product", "pigeon"]).run();
    assert_eq!(unknown.expect(5).summary()["code"], 100);
    assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 0);
}

#[test]
fn people_are_told_in_one_line() {
    let sandbox = Sandbox::with_mock("octopush.credit = '94.995'");
    let base_url = format!("octopush.base_url={}/v1/public", sandbox.mock().base_url());
    let end = sandbox.volley(["octopush", "balance", "--set", &base_url]).run();
    end.expect(0);
    assert_eq!(end.stdout, "balance 94.995 euro\n");
}

#[test]
fn wrong_credentials_are_11_a_silent_host_8_and_none_3() {
    let sandbox = Sandbox::with_mock("octopush.accounts = [{ login = 'you@example.org', key = 'secret' }]");
    let end = octopush(&sandbox, &["balance"]).run();
    assert_eq!(end.expect(11).summary()["code"], 101);
    assert!(!end.stderr.contains(crate::support::KEY), "{end}");
    octopush(&sandbox, &["balance"])
        .env_remove("OCTOPUSH_API_KEY")
        .run()
        .expect(3);
    let nobody = format!(
        "octopush.base_url=http://{}/v1/public",
        crate::support::closed_port()
    );
    let end = sandbox
        .volley(["--json", "octopush", "balance", "--set", &nobody])
        .run();
    end.expect(8);
    assert!(end.stderr.contains("cannot be reached"), "{end}");
}

#[test]
fn a_provider_that_puts_it_off_is_asked_again_and_in_the_end_is_8() {
    let sandbox = Sandbox::new();
    let refuse = |times: u32| {
        sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"after_read","do":"status","status":429,"retry_after":"0","times":{times}}}]}}"#
        ));
    };
    refuse(4);
    octopush(&sandbox, &["balance"]).run().expect(0);
    refuse(5);
    octopush(&sandbox, &["balance"]).run().expect(8);
    assert_eq!(sandbox.mock().stats().octopush.requests, 10);
}
