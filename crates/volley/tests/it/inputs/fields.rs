//! The section `[input]`: which keys are read, which numbers are never contacted, which countries are allowed.

use crate::support::{Sandbox, contacts};

#[test]
fn fields_are_found_under_the_keys_they_are_mapped_to() {
    let sandbox = Sandbox::new();
    let fields = toml::Table::from_iter([
        ("phone_number".to_owned(), "mobile".into()),
        ("first_name".to_owned(), "prenom".into()),
    ]);
    sandbox
        .campaign()
        .set("octopush.text", "Hello {first_name} STOP au 30101")
        .set("input.fields", fields)
        .write();
    sandbox.write(
        "in.ndjson",
        "{\"mobile\":\"+33612345678\",\"prenom\":\"Axelle\",\"phone_number\":7}\n\
         {\"phone_number\":\"+33612345679\",\"prenom\":\"Axelle\"}\n\
         {\"mobile\":\"+33612345670\",\"first_name\":\"Axelle\"}\n",
    );
    let end = sandbox.send(&["in.ndjson", "--rejects", "rejects.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 1), ("invalid", 2)]);
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    assert_eq!(rejects[0]["reason"], "phone_number_missing");
    assert_eq!(rejects[1]["reason"], "placeholder_missing");
}

#[test]
fn suppressed_numbers_are_never_contacted_however_they_are_spelled() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("input.default_region", "FR")
        .set("input.suppress", vec!["optouts.txt", "more.txt"])
        .write();
    sandbox.write("optouts.txt", "+33600000003\n06 00 00 00 04\r\n\n0033600000005");
    sandbox.write("more.txt", "+33 6 00 00 00 06\n");
    sandbox.write("contacts.ndjson", contacts(0..10));
    // Suppressed comes before duplicate.
    sandbox.append("contacts.ndjson", contacts(3..4));
    sandbox.append("contacts.ndjson", contacts(0..1));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0)
        .expect_lines(&[("accepted", 6), ("suppressed", 5), ("duplicate", 1)]);
    let reached = sandbox.mock().recipients();
    assert!(
        reached
            .iter()
            .all(|recipient| !("+33600000003"..="+33600000006").contains(&recipient.number.as_str()))
    );
}

#[test]
fn a_suppress_file_that_cannot_be_read_sends_nothing() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("input.suppress", vec!["missing.txt"])
        .write();
    sandbox.write("contacts.ndjson", contacts(0..10));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert!(
        [3, 4].contains(&end.code()),
        "a file of the campaign, or an input\n{end}"
    );
    assert!(
        end.summary()["error"].to_string().contains("missing.txt"),
        "{end}"
    );
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn a_suppress_file_with_a_line_that_is_no_number_does_not_pass_unnoticed() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("input.suppress", vec!["optouts.txt"])
        .write();
    sandbox.write("optouts.txt", "+33600000003\n06 00 00 00 04\n");
    sandbox.write("contacts.ndjson", contacts(0..10));
    // Without a region the second line cannot be read: whom it means could be contacted.
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert!(
        end.code() != 0 || end.stderr.contains("optouts.txt"),
        "neither refused nor told\n{end}"
    );
}

#[test]
fn other_countries_than_the_allowed_ones_are_rejected() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("input.allowed_countries", vec!["FR", "BE"])
        .write();
    sandbox.write(
        "in.ndjson",
        "{\"phone_number\":\"+33612345678\"}\n{\"phone_number\":\"+32470123456\"}\n\
         {\"phone_number\":\"+447911123456\"}\n{\"phone_number\":\"+882161234567\"}\n",
    );
    let end = sandbox.send(&["in.ndjson", "--rejects", "rejects.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 2), ("invalid", 2)]);
    for rejected in sandbox.read_ndjson("rejects.ndjson") {
        assert_eq!(rejected["reason"], "country_not_allowed", "{rejected}");
    }
}
