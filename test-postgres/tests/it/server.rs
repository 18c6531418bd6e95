//! Starting, killing, bringing back, and what remains.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_postgres::{Database, Server, is_there, shared};

/// What psql says over TCP by this URL.
fn over_tcp(url: &str, sql: &str) -> Result<String, String> {
    let told = Command::new("psql")
        .args(["-XAtq", "-c", sql, url])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if told.status.success() {
        Ok(text(&told.stdout))
    } else {
        Err(text(&told.stderr))
    }
}

#[test]
fn each_database_is_its_own_and_its_role_is_no_superuser() {
    if !is_there() {
        return;
    }
    let [first, second] = [(); 2].map(|()| shared().database());
    first.psql("CREATE TABLE t (a bigint); INSERT INTO t VALUES (7), (8)");
    assert_eq!(
        first.psql("SELECT a, 'b' FROM t ORDER BY a; SELECT 9"),
        "7|b\n8|b\n9"
    );
    let refused = second.try_psql("SELECT a FROM t").unwrap_err();
    assert!(refused.contains("relation \"t\" does not exist"), "{refused}");
    assert_eq!(over_tcp(&first.url(), "SELECT sum(a) FROM t").unwrap(), "15");
    let wrong = first.url().replace(":pw@", ":wrong@");
    let refused = over_tcp(&wrong, "SELECT 1").unwrap_err();
    assert!(refused.contains("password authentication failed"), "{refused}");
    let who = "SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)";
    assert_eq!(over_tcp(&first.url(), who).unwrap(), "volley|f");
    assert_eq!(first.psql("SHOW server_version_num").get(..2), Some("15"));
}

#[test]
fn what_was_committed_is_there_again_after_a_kill_and_after_a_stop() {
    if !is_there() {
        return;
    }
    let server = Server::start();
    let database = server.database();
    assert_eq!(database.psql("SHOW fsync"), "on");
    database.psql("CREATE TABLE t (a bigint)");
    for (nth, take_away) in [Server::kill, Server::stop].into_iter().enumerate() {
        database.psql(&format!("INSERT INTO t VALUES ({nth})"));
        take_away(&server);
        let gone = TcpStream::connect(("127.0.0.1", server.port())).unwrap_err();
        assert_eq!(gone.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(database.try_psql("SELECT 1").is_err());
        server.start_again();
        let url = database.url();
        assert_eq!(
            over_tcp(&url, "SELECT count(*) - 1 FROM t").unwrap(),
            nth.to_string()
        );
    }
    assert!(
        server.log().contains("was not properly shut down"),
        "{}",
        server.log()
    );
}

#[test]
fn with_a_certificate_nobody_is_let_in_without_tls() {
    if !is_there() {
        return;
    }
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let server = Server::start_tls(&key.cert.pem(), &key.signing_key.serialize_pem());
    let database = server.database();
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(over_tcp(&database.url_tls("localhost"), encrypted).unwrap(), "t");
    let plain = database.url_with("127.0.0.1", "sslmode=disable");
    let refused = over_tcp(&plain, "SELECT 1").unwrap_err();
    assert!(refused.contains("no encryption"), "{refused}");
}

#[test]
fn a_server_that_is_dropped_takes_its_folder_along() {
    if !is_there() {
        return;
    }
    let server = Server::start_fast();
    let (folder, database) = (server.folder().to_owned(), server.database());
    assert!(folder.join("data").is_dir());
    server.kill();
    drop(server);
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port(&database))).is_err());
}

fn port(database: &Database) -> u16 {
    let url = database.url();
    let (_, behind) = url.rsplit_once(':').unwrap();
    behind.split('/').next().unwrap().parse().unwrap()
}

/// Fast is where its folder lies: Volley writes to no server that does not flush.
#[test]
fn a_fast_server_flushes_as_any_other_and_takes_other_settings_while_it_runs() {
    if !is_there() {
        return;
    }
    let server = Server::start_fast();
    let database = server.database();
    assert_eq!(database.psql("SHOW fsync"), "on");
    server.change_setting("fsync", "off");
    assert_eq!(database.psql("SHOW fsync"), "off");
    let found = rustix::fs::statvfs("/dev/shm");
    let has_room = found.is_ok_and(|found| found.f_bavail * found.f_frsize >= 3 << 30);
    assert!(
        !has_room || server.folder().starts_with("/dev/shm"),
        "{}",
        server.folder().display()
    );
}

const LEFT_ALONE: &str = "VOLLEY_TEST_POSTGRES_LEFT_ALONE";

/// This test runs itself once more, as a process that starts a server, and kills that process.
#[test]
fn a_test_process_that_is_killed_leaves_nothing_behind() {
    if !is_there() {
        return;
    }
    if std::env::var_os(LEFT_ALONE).is_some() {
        let server = Server::start_fast();
        eprintln!("folder={}", server.folder().display());
        eprintln!("postmaster={}", postmaster(server.folder()));
        std::thread::park();
        unreachable!("nobody wakes it");
    }
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("server::a_test_process_that_is_killed_leaves_nothing_behind")
        .env(LEFT_ALONE, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut next = |name: &str| loop {
        let line = told.next().expect("it goes on").unwrap();
        if let Some((_, value)) = line.split_once(name) {
            return value.to_owned();
        }
    };
    let (folder, postmaster) = (next("folder="), next("postmaster="));
    let alive = || {
        let asked = Command::new("kill").args(["-0", &postmaster]).output().unwrap();
        asked.status.success()
    };
    assert!(alive() && Path::new(&folder).is_dir());
    process.kill().unwrap();
    process.wait().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while alive() || Path::new(&folder).exists() {
        assert!(Instant::now() < deadline, "PostgreSQL is left behind in {folder}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn postmaster(folder: &Path) -> String {
    let file = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().to_owned()
}
