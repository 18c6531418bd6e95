//! Four workers on four machines, as far as one machine has them: each in a network namespace of its own, from which the ledger's
//! server and the provider are reached over a wire, by TLS alone (invariants 1, 2, 10).
//!
//! Each wire is a pair of virtual devices. Server and provider listen at the host's end of the first; from the other namespaces
//! it is reached through the host's end of their own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread;

use test_postgres::{Database, Identity, Server, Settings};

use crate::skip::Need;
use crate::support::{Sandbox, Started, contacts, wait_until};
use crate::transport::authority::Authority;

const WORKERS: u8 = 4;
const PEOPLE_OF_A_PART: u32 = 500;

/// The namespaces, and their wires. They go when it is dropped.
struct Namespaces {
    names: Vec<String>,
    /// `198.18.NET.0/24`: of the range for trials between networks (RFC 2544), which is nobody's.
    net: u8,
}

impl Namespaces {
    fn new() -> Self {
        let mut namespaces = Self {
            names: Vec::new(),
            net: fastrand::u8(..),
        };
        for nth in 0..WORKERS {
            namespaces.add(nth);
        }
        namespaces
    }

    fn add(&mut self, nth: u8) {
        // The name of a device has at most 15 characters.
        let name = format!("vly{}-{nth}", std::process::id());
        ip(&["netns", "add", &name]);
        self.names.push(name.clone());
        let inside = |args: &[&str]| ip(&[&["-n", &name], args].concat());
        ip(&[
            "link", "add", &name, "type", "veth", "peer", "name", "wire", "netns", &name,
        ]);
        ip(&["address", "add", &format!("{}/30", self.host(nth)), "dev", &name]);
        ip(&["link", "set", &name, "up"]);
        inside(&[
            "address",
            "add",
            &format!("{}/30", self.worker(nth)),
            "dev",
            "wire",
        ]);
        inside(&["link", "set", "lo", "up"]);
        inside(&["link", "set", "wire", "up"]);
        inside(&["route", "add", "default", "via", &self.host(nth).to_string()]);
    }

    /// Our end of a wire.
    fn host(&self, nth: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.net, 4 * nth + 1)
    }

    /// The worker's end of it.
    fn worker(&self, nth: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.net, 4 * nth + 2)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            // Its end of the wire goes with it, and ours with that one.
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

#[track_caller]
fn ip(args: &[&str]) {
    let done = Command::new("ip").args(args).output().expect("ip");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {}: {told}", args.join(" "));
}

#[test]
fn workers_in_four_networks_send_once_over_tls() {
    if !test_postgres::is_there() || !Need::Namespaces.is_met() {
        return;
    }
    let namespaces = Namespaces::new();
    let address = namespaces.host(0);
    let authority = Authority::new();
    let identity = authority.server(&address.to_string(), 4_000);
    let server = Server::start_with(Settings {
        fast: true,
        tls: Some(Identity {
            certificate: text(&identity.certificates_pem),
            key: text(&identity.key_pem),
        }),
        listen: vec![address.to_string()],
        ..Settings::default()
    });
    let database = server.database();
    let mut config = mock_server::Config::from_toml("[server]\nanswer_delay_ms = 20\n").expect("settings");
    config.listen = SocketAddr::new(IpAddr::V4(address), 0);
    config.tls = Some(identity);
    let mock = mock_server::spawn_thread(config).expect("a mock");

    let sandbox = Sandbox::without_mock();
    sandbox.write("ca.pem", authority.pem());
    sandbox
        .campaign()
        .set("octopush.base_url", format!("{}/v1/public", mock.base_url()))
        .set("transport.ca_file", "ca.pem")
        .set("limits.batch_size", 5)
        .set("limits.requests_per_second", 100.0)
        .write();
    // Each part has a fifth of the next one's people too.
    for nth in 0..u32::from(WORKERS) {
        let from = nth * PEOPLE_OF_A_PART;
        let to = (from + PEOPLE_OF_A_PART + PEOPLE_OF_A_PART / 5).min(u32::from(WORKERS) * PEOPLE_OF_A_PART);
        sandbox.write(&format!("part-{nth}.ndjson"), contacts(from..to));
    }
    let ca = sandbox.path("ca.pem").display().to_string().replace('/', "%2F");
    let url = database.url_with(&address.to_string(), &format!("sslrootcert={ca}&silence=5"));
    in_network(&sandbox, &namespaces, 0, &["ledger", "init", "--ledger", &url])
        .wait()
        .expect(0);
    let send = |nth: u8| {
        let part = format!("part-{nth}.ndjson");
        let args = ["--json", "send", "campaign.toml", &part, "--ledger", &url];
        in_network(&sandbox, &namespaces, nth, &args)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|nth| {
                let send = &send;
                scope.spawn(move || {
                    let mut end = send(nth).wait();
                    // What another one had under way and gave back.
                    while end.code() == 10 {
                        end = send(nth).wait();
                    }
                    end.expect(0);
                })
            })
            .collect();
        expect_wires(&server, &database, &namespaces);
        for worker in workers {
            worker.join().expect("a worker");
        }
    });
    let stats = mock.stats().together;
    let people = u64::from(WORKERS) * u64::from(PEOPLE_OF_A_PART);
    assert_eq!((stats.distinct_recipients, stats.max_per_recipient), (people, 1));
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
    // The server of another authority is nobody's to speak to.
    sandbox.write("ca.pem", Authority::new().pem());
    let end = send(0).wait();
    assert_eq!(end.code(), 10, "{end}");
    assert_eq!(mock.stats().together.requests, stats.requests, "{end}");
}

/// `volley ARGS` in the network of that worker.
fn in_network(sandbox: &Sandbox, namespaces: &Namespaces, nth: u8, args: &[&str]) -> Started {
    let name = &namespaces.names[usize::from(nth)];
    let command = [&["netns", "exec", name, "volley"], args].concat();
    sandbox.program("ip", command).start()
}

/// That all are connected at once, each from its own network, and encrypted.
fn expect_wires(server: &Server, database: &Database, namespaces: &Namespaces) {
    let from = format!(
        "SELECT DISTINCT host(client_addr) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
         WHERE ssl AND datname = '{}' ORDER BY 1",
        database.name()
    );
    let mut expected: Vec<String> = (0..WORKERS)
        .map(|nth| namespaces.worker(nth).to_string())
        .collect();
    expected.sort();
    wait_until("a connection from each network", || {
        server.administer(&from).lines().eq(expected.iter())
    });
}

fn text(pem: &[u8]) -> String {
    String::from_utf8(pem.to_vec()).expect("PEM is text")
}
