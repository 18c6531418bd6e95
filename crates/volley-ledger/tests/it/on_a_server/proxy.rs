//! A listener between the ledger and its server that cuts the connection at a COMMIT: before the server has it, or after
//! the server has carried it out, and before the answer is heard. Or it keeps the connection, and passes nothing on any more.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use test_postgres::Database;

/// "Query" with the text COMMIT, as the protocol has it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Before = 1,
    After = 2,
    /// As `Before`, and the connection stays.
    HangBefore = 3,
    /// As `After`, and the connection stays.
    HangAfter = 4,
}

pub(super) struct Proxy {
    pub(super) path: PathBuf,
    armed: Arc<AtomicU8>,
}

impl Proxy {
    pub(super) fn of(database: &Database) -> Self {
        let url = database.url();
        let (_, rest) = url.rsplit_once(':').unwrap();
        let port: u16 = rest.split('/').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let armed = Arc::new(AtomicU8::new(0));
        let cuts = Arc::clone(&armed);
        thread::spawn(move || {
            for client in listener.incoming() {
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                join(client.unwrap(), server, &cuts);
            }
        });
        let path = url.replace(&format!(":{port}/"), &format!(":{own}/"));
        Self {
            path: path.into(),
            armed,
        }
    }

    /// Cuts the next COMMIT that comes along.
    pub(super) fn arm(&self, cut: Cut) {
        self.armed.store(cut as u8, Ordering::SeqCst);
    }

    /// Whether that has happened.
    pub(super) fn has_cut(&self) -> bool {
        self.armed.load(Ordering::SeqCst) == 0
    }
}

fn join(client: TcpStream, server: TcpStream, armed: &Arc<AtomicU8>) {
    let mute = Arc::new(AtomicU8::new(0));
    let (from_client, to_client) = (client.try_clone().unwrap(), client);
    let (from_server, to_server) = (server.try_clone().unwrap(), server);
    let (armed, muted) = (Arc::clone(armed), Arc::clone(&mute));
    thread::spawn(move || ask(from_client, to_server, &armed, &mute));
    thread::spawn(move || answer(from_server, to_client, &muted));
}

fn ask(mut from: TcpStream, mut to: TcpStream, armed: &AtomicU8, mute: &AtomicU8) {
    let mut piece = [0; 8192];
    let mut hangs = false;
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let piece = &piece[..length];
        if piece.windows(COMMIT.len()).any(|window| window == COMMIT) {
            match armed.swap(0, Ordering::SeqCst) {
                0 => {}
                cut if cut == Cut::Before as u8 => break,
                cut if cut == Cut::HangBefore as u8 => hangs = true,
                cut => mute.store(cut, Ordering::SeqCst),
            }
        }
        if hangs {
            continue;
        }
        if to.write_all(piece).is_err() {
            break;
        }
    }
    close(&from, &to);
}

fn answer(mut from: TcpStream, mut to: TcpStream, mute: &AtomicU8) {
    let mut piece = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        match mute.load(Ordering::SeqCst) {
            0 if to.write_all(&piece[..length]).is_ok() => {}
            cut if cut == Cut::HangAfter as u8 => {}
            _ => break,
        }
    }
    close(&from, &to);
}

fn close(from: &TcpStream, to: &TcpStream) {
    // The other half may have done so.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
