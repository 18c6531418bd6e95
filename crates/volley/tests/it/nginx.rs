//! nginx in front of the provider: TLS, HTTP/2, and every connection closed after fifty requests. That is ordinary: no
//! doubts, no loss, an exact account.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use rcgen::CertifiedKey;

use crate::books::expect_all_agree;
use crate::skip::Need;
use crate::support::{Kept, Over, Provider, Sandbox, closed_port, contacts, for_all, wait_until};

const BATCH_SIZE: u32 = 5;
const REQUESTS_PER_CONNECTION: u32 = 50;

/// Over a server enough for every connection to be closed, twice at least.
fn batches(kept: Kept) -> u32 {
    match kept {
        Kept::File => 1000,
        Kept::Server => 300,
    }
}

/// Our own nginx, one process. It is ended when it is dropped.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// Starts it in the sandbox's folder, in front of its mock; returns once it listens.
    fn start(sandbox: &Sandbox) -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        sandbox.write("cert.pem", cert.pem());
        sandbox.write("key.pem", signing_key.serialize_pem());
        let address = closed_port();
        sandbox.write("nginx.conf", config(sandbox, address));
        let mut child = Command::new("nginx")
            .arg("-p")
            .arg(sandbox.path(""))
            .arg("-c")
            .arg(sandbox.path("nginx.conf"))
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx");
        wait_until("nginx to listen", || {
            let ended = child.try_wait().expect("a child");
            assert_eq!(ended, None, "{}", sandbox.read("error.log"));
            TcpStream::connect(address).is_ok()
        });
        Self { child, address }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Both fail where it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(sandbox: &Sandbox, address: SocketAddr) -> String {
    let mock = sandbox.mock().base_url();
    let folder = sandbox.path("nginx-");
    let folder = folder.display();
    format!(
        "daemon off;
         master_process off;
         pid nginx.pid;
         error_log error.log info;
         events {{ worker_connections 512; }}
         http {{
             log_format requests '$connection $connection_requests $server_protocol $status $request_method';
             access_log access.log requests;
             client_body_temp_path {folder}body;
             proxy_temp_path {folder}proxy;
             fastcgi_temp_path {folder}fastcgi;
             uwsgi_temp_path {folder}uwsgi;
             scgi_temp_path {folder}scgi;
             server {{
                 listen {address} ssl http2;
                 ssl_certificate cert.pem;
                 ssl_certificate_key key.pem;
                 keepalive_requests {REQUESTS_PER_CONNECTION};
                 location / {{ proxy_pass {mock}; }}
             }}
         }}"
    )
}

#[test]
fn many_batches_through_nginx_leave_no_doubt() {
    if !Need::Nginx.is_met() {
        return;
    }
    for_all(send_through_nginx);
}

fn send_through_nginx(over: Over) {
    let sandbox = Sandbox::new().of(over);
    let batches = batches(over.kept);
    let recipients = batches * BATCH_SIZE;
    let nginx = Nginx::start(&sandbox);
    sandbox
        .campaign()
        .at(&format!("https://localhost:{}", nginx.address.port()))
        .set("limits.batch_size", BATCH_SIZE)
        .set("limits.connections", 3)
        .set("limits.unit_price", "0.0495")
        .set("transport.ca_file", "cert.pem")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..recipients));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", recipients.into())]);
    expect_all_agree(&sandbox, &end);
    let summary = end.summary();
    let stats = sandbox.mock().stats().together;
    assert_eq!(summary["tickets"], batches, "{end}");
    assert_eq!(summary["batches"]["in_doubt"], 0, "{end}");
    assert_eq!(
        (
            stats.accepted_requests,
            stats.distinct_recipients,
            stats.max_per_recipient
        ),
        (batches.into(), recipients.into(), 1)
    );
    // Exotel's answers tell no cost.
    let success = match over.provider {
        Provider::Octopush => {
            let cost = summary["cost"]["total"].as_str().expect("a decimal");
            assert_eq!(cost.parse().ok(), Some(stats.total_cost), "{end}");
            "201"
        }
        Provider::Exotel => "200",
    };
    drop(nginx);
    expect_closed_often(&sandbox.read("access.log"), batches, success);

    let again = sandbox.send(&["contacts.ndjson"]).run();
    again
        .expect(0)
        .expect_lines(&[("already_sent", recipients.into())]);
}

/// That nginx did as it was told: HTTP/2, and never more than fifty requests over one connection.
#[track_caller]
fn expect_closed_often(log: &str, batches: u32, success: &str) {
    let mut requests: HashMap<&str, u32> = HashMap::new();
    for line in log.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        if let [connection, _, protocol, status, "POST"] = fields[..] {
            assert_eq!((protocol, status), ("HTTP/2.0", success), "{line}");
            *requests.entry(connection).or_default() += 1;
        }
    }
    assert_eq!(requests.values().sum::<u32>(), batches);
    let connections = u32::try_from(requests.len()).expect("few");
    assert!(
        connections >= batches / REQUESTS_PER_CONNECTION,
        "{connections} connections"
    );
    assert!(requests.values().all(|count| *count <= REQUESTS_PER_CONNECTION));
}
