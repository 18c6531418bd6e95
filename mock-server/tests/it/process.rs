//! The binary: its first line, its end, its exit codes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::client::{Client, Protocol, campaign};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-server"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Reads the first line; gives the process and what follows `listening on `.
fn started(command: &mut Command) -> (Child, String) {
    let mut child = command.spawn().expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout"))
        .read_line(&mut line)
        .expect("a line");
    let url = line
        .trim_end()
        .strip_prefix("listening on ")
        .expect("the documented line")
        .to_owned();
    (child, url)
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {}", child.id()))
        .status();
    assert!(sent.expect("a shell").success());
}

async fn client_of(url: &str) -> Client {
    let addr = url.strip_prefix("http://").expect("http");
    Client::connect(addr.parse().expect("an address"), Protocol::Http2).await
}

#[tokio::test]
async fn it_says_where_it_listens_serves_and_ends_with_0_on_a_signal() {
    for name in ["TERM", "INT"] {
        let (mut child, url) = started(command().args(["--listen", "127.0.0.1:0", "--seed", "3"]));
        let mut client = client_of(&url).await;
        client.reach("+33612345678").await;
        signal(&child, name);
        assert_eq!(child.wait().expect("an end").code(), Some(0), "SIG{name}");
    }
}

#[tokio::test]
async fn the_seed_repeats_the_tickets() {
    let mut tickets = Vec::new();
    for seed in ["3", "3", "4"] {
        let (mut child, url) = started(command().args(["--listen", "127.0.0.1:0", "--seed", seed]));
        let mut client = client_of(&url).await;
        let answer = client
            .send(&campaign(&["+33612345678"], ""))
            .await
            .expect("an answer");
        tickets.push(answer.json()["sms_ticket"].to_string());
        child.kill().expect("killed");
        child.wait().expect("an end");
    }
    assert_eq!(tickets[0], tickets[1]);
    assert_ne!(tickets[0], tickets[2]);
}

#[test]
fn with_a_certificate_it_says_https() {
    let folder = tempfile::tempdir().expect("a folder");
    let generated = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, generated.cert.pem()).expect("written");
    std::fs::write(&key, generated.signing_key.serialize_pem()).expect("written");
    let (mut child, url) = started(
        command()
            .args(["--listen", "127.0.0.1:0"])
            .arg("--tls-cert")
            .arg(&certificate)
            .arg("--tls-key")
            .arg(&key),
    );
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[test]
fn what_is_wrong_is_said_and_the_exit_code_tells() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mock.toml");
    let check = |settings: &str, arguments: &[&str], code: i32, said: &str| {
        std::fs::write(&file, settings).expect("written");
        let output = command()
            .args(["--listen", "127.0.0.1:0"])
            .arg("--config")
            .arg(&file)
            .args(arguments)
            .output();
        let output = output.expect("the binary runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    };
    check("[octopush]\nanswer_feilds = \"five\"", &[], 1, "answer_feilds");
    check(
        "[octopush]\nblacklist = [\"0612345678\"]",
        &[],
        1,
        "octopush.blacklist",
    );
    check(
        "[octopush]\nprices = { 33123 = \"0.05\" }",
        &[],
        1,
        "octopush.prices",
    );
    check("", &["--tls-cert", "cert.pem"], 2, "--tls-key");
    check(
        "",
        &["--tls-cert", "/nowhere/c.pem", "--tls-key", "/nowhere/k.pem"],
        1,
        "/nowhere/c.pem",
    );
}
