//! A provider that owns its socket and writes HTTP/2 frame by frame (RFC 9113, 4.1), to do what no server library does;
//! and its own record of what it accepted.
//!
//! It tells a send from a GET by the body alone, and the listing's first page by its path, and so needs no HPACK but for the
//! statuses that it writes.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use super::huffman::encoded;
use crate::by_hand::{self, Booked, FIRST_PAGE};
use crate::support::Provider;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const INITIAL_WINDOW_SIZE: u16 = 4;
const WINDOW_DEFAULT: u32 = 65_535;
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD_BYTES: usize = 9;

pub(super) const NO_ERROR: u32 = 0;
pub(super) const INTERNAL_ERROR: u32 = 2;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const CANCEL: u32 = 8;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// What befalls the second send. Every other request is served.
#[derive(Debug, Clone, Copy)]
pub(super) enum Script {
    /// The connection is reset once so many bytes of the request were taken, frame heads included.
    Cut { after_bytes: usize },
    /// A window of so many bytes for the body, until the client has given the stream up.
    Stall { window: u32 },
    /// The whole request is read, and accepted or not; then this.
    Read(Accepts, Then),
}

/// Whether the second send is accepted before something befalls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    /// Nothing more, on a connection that stays open.
    Silence,
    /// The connection is closed.
    Close,
    /// `RST_STREAM` with that code.
    Reset(u32),
    /// The answer's head with that status, and `RST_STREAM`.
    HeadAndReset(Status),
    /// The answer's head and half its body, and the connection is closed.
    HalfAndClose,
    /// The whole answer, each byte by itself, its head in two frames.
    Slices,
    /// GOAWAY with that code; the last stream id is ours, or the one before; then this.
    GoAway {
        last: Last,
        code: u32,
        then: AfterGoAway,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Last {
    Ours,
    Below,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum AfterGoAway {
    Silence,
    Close,
    Answer,
}

/// A status, as HPACK has it: indexed (RFC 7541, appendix A).
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Status {
    Success = 0x88,
    BadRequest = 0x8c,
}

/// What the peer knows by itself.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) provider: by_hand::Record,
    /// Sends that began, repeated ones included.
    pub(super) sends: u32,
    /// Whether the script has been carried out to its end.
    pub(super) struck: bool,
}

/// A listening peer. Its threads end with the test's process.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

impl Peer {
    pub(super) fn listen(provider: Provider, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let record = Arc::new(Mutex::new(Record {
            provider: by_hand::Record::new(provider),
            sends: 0,
            struck: false,
        }));
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let record = Arc::clone(&shared);
                thread::spawn(move || {
                    let mut connection = Connection { tcp, record, script };
                    // A client that has left is no fault of the peer.
                    let _ = connection.serve();
                });
            }
        });
        Self { address, record }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("no thread of the peer panics")
    }
}

impl Record {
    /// Books a send. The answer's status and body.
    fn book(&mut self, body: &[u8]) -> (Status, String) {
        match self.provider.book(body) {
            Booked::Accepted(answer) => (Status::Success, answer),
            Booked::Duplicate(answer) => (Status::BadRequest, answer),
        }
    }

    /// The answer to a GET with these headers.
    fn told(&self, headers: &[u8]) -> String {
        let path = encoded(FIRST_PAGE);
        let is_first_page = headers.windows(path.len()).any(|part| part == path);
        self.provider.told(is_first_page)
    }
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

struct Connection {
    tcp: TcpStream,
    record: Arc<Mutex<Record>>,
    script: Script,
}

impl Connection {
    fn serve(&mut self) -> io::Result<()> {
        self.tcp.set_nodelay(true)?;
        let mut preface = [0; 24];
        self.tcp.read_exact(&mut preface)?;
        assert_eq!(&preface, PREFACE);
        self.write(SETTINGS, 0, 0, &[])?;
        loop {
            let (kind, flags) = self.peek()?;
            if kind != HEADERS {
                self.frame()?;
            } else if flags & END_STREAM != 0 {
                let get = self.frame()?;
                let told = self.book().told(&get.payload);
                self.answer(get.stream, Status::Success, &told)?;
            } else {
                self.send()?;
            }
        }
    }

    /// A send, of which nothing has been taken yet.
    fn send(&mut self) -> io::Result<()> {
        let second = {
            let mut record = self.book();
            record.sends += 1;
            record.sends == 2
        };
        match self.script {
            Script::Cut { after_bytes } if second => {
                let mut taken = vec![0; after_bytes];
                self.tcp.read_exact(&mut taken)?;
                self.book().struck = true;
                // What was not read makes it a reset. An error ends the connection.
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Script::Stall { .. } if second => self.stall(),
            Script::Read(accepts, then) if second => {
                let (stream, body) = self.request()?;
                let answer = match accepts {
                    Accepts::Yes => Some(self.book().book(&body)),
                    Accepts::No => None,
                };
                let done = self.strike(stream, then, answer);
                self.book().struck = true;
                done
            }
            Script::Stall { window } if self.book().sends == 1 => {
                let (stream, body) = self.request()?;
                // In front of the answer, so that the client knows before it sends again.
                self.set_window(window)?;
                let (status, answer) = self.book().book(&body);
                self.answer(stream, status, &answer)
            }
            _ => {
                let (stream, body) = self.request()?;
                let (status, answer) = self.book().book(&body);
                self.answer(stream, status, &answer)
            }
        }
    }

    fn strike(&mut self, stream: u32, then: Then, answer: Option<(Status, String)>) -> io::Result<()> {
        let (status, answer) = answer.unwrap_or((Status::Success, "{}".to_owned()));
        match then {
            Then::Silence => Ok(()),
            Then::Close => self.close(),
            Then::Reset(code) => self.write(RST_STREAM, 0, stream, &code.to_be_bytes()),
            Then::HeadAndReset(status) => {
                self.write(HEADERS, END_HEADERS, stream, &[status as u8])?;
                self.write(RST_STREAM, 0, stream, &INTERNAL_ERROR.to_be_bytes())
            }
            Then::HalfAndClose => {
                self.write(HEADERS, END_HEADERS, stream, &[status as u8])?;
                self.write(DATA, 0, stream, &answer.as_bytes()[..answer.len() / 2])?;
                self.close()
            }
            Then::Slices => {
                let mut bytes = frame(HEADERS, 0, stream, &[]);
                bytes.extend(frame(CONTINUATION, END_HEADERS, stream, &[status as u8]));
                for byte in answer.as_bytes() {
                    bytes.extend(frame(DATA, 0, stream, &[*byte]));
                }
                bytes.extend(frame(DATA, END_STREAM, stream, &[]));
                bytes.iter().try_for_each(|byte| self.tcp.write_all(&[*byte]))
            }
            Then::GoAway { last, code, then } => {
                let last = match last {
                    Last::Ours => stream,
                    Last::Below => stream - 2,
                };
                self.write(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())?;
                match then {
                    AfterGoAway::Silence => Ok(()),
                    AfterGoAway::Close => self.close(),
                    AfterGoAway::Answer => self.answer(stream, status, &answer),
                }
            }
        }
    }

    /// Waits until the client gives the stream up, and opens the window again for those that come.
    fn stall(&mut self) -> io::Result<()> {
        loop {
            let frame = self.frame()?;
            if frame.kind == RST_STREAM {
                self.book().struck = true;
                return self.set_window(WINDOW_DEFAULT);
            }
        }
    }

    fn set_window(&mut self, bytes: u32) -> io::Result<()> {
        let mut payload = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        payload.extend_from_slice(&bytes.to_be_bytes());
        self.write(SETTINGS, 0, 0, &payload)
    }

    /// Reads a whole request: its stream and body.
    fn request(&mut self) -> io::Result<(u32, Vec<u8>)> {
        let mut body = Vec::new();
        loop {
            let frame = self.frame()?;
            if frame.kind == DATA {
                body.extend_from_slice(&frame.payload);
                if frame.flags & END_STREAM != 0 {
                    return Ok((frame.stream, body));
                }
            }
        }
    }

    /// The kind and flags of the next frame, which stays unread.
    fn peek(&self) -> io::Result<(u8, u8)> {
        let mut head = [0; HEAD_BYTES];
        loop {
            match self.tcp.peek(&mut head)? {
                HEAD_BYTES => return Ok((head[3], head[4])),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => thread::yield_now(),
            }
        }
    }

    /// The next frame; answers SETTINGS and PING.
    fn frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; HEAD_BYTES];
        self.tcp.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("24 bits")];
        self.tcp.read_exact(&mut payload)?;
        let (kind, flags) = (head[3], head[4]);
        match kind {
            SETTINGS if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => self.write(PING, ACK, 0, &payload)?,
            _ => {}
        }
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Frame {
            kind,
            flags,
            stream,
            payload,
        })
    }

    fn answer(&mut self, stream: u32, status: Status, body: &str) -> io::Result<()> {
        self.write(HEADERS, END_HEADERS, stream, &[status as u8])?;
        self.write(DATA, END_STREAM, stream, body.as_bytes())
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.tcp.write_all(&frame(kind, flags, stream, payload))
    }

    /// Ends our half; what the client sends is read on, so that nothing is reset.
    fn close(&mut self) -> io::Result<()> {
        self.tcp.shutdown(Shutdown::Write)
    }

    fn book(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("no thread of the peer panics")
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}
