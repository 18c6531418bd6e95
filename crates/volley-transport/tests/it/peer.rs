//! A peer that owns its socket and writes HTTP/2 frame by frame (RFC 9113, 4.1), to do what no server library does.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const END_STREAM: u8 = 1;
const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;
pub(crate) const STREAM_ID_MAX: u32 = (1 << 31) - 1;

/// `:status: 200`, indexed in HPACK's static table.
pub(crate) const STATUS_200: &[u8] = &[0x88];

pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) struct Peer(TcpStream);

impl Peer {
    /// Accepts a connection and sends SETTINGS, with a limit of streams or without.
    pub(crate) async fn accept(listener: &TcpListener, streams_max: Option<u32>) -> Self {
        let mut peer = Self::accept_silently(listener).await;
        peer.settings(streams_max).await;
        peer
    }

    /// Accepts a connection, reads the preface and says nothing.
    pub(crate) async fn accept_silently(listener: &TcpListener) -> Self {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut preface = [0; 24];
        tcp.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        Self(tcp)
    }

    pub(crate) async fn settings(&mut self, streams_max: Option<u32>) {
        let mut payload = Vec::new();
        if let Some(most) = streams_max {
            payload.extend_from_slice(&3_u16.to_be_bytes());
            payload.extend_from_slice(&most.to_be_bytes());
        }
        self.write(SETTINGS, 0, 0, &payload).await;
    }

    pub(crate) async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        // A client that has left already is a case of its own in some tests.
        let _ = self.0.write_all(&frame).await;
    }

    /// The next frame of a stream; answers SETTINGS and PING meanwhile. `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = self.frame().await?;
            if frame.stream != 0 {
                return Some(frame);
            }
        }
    }

    /// Waits until the client acknowledges the latest SETTINGS. None but control frames may come before.
    pub(crate) async fn settings_acknowledged(&mut self) {
        loop {
            let frame = self.frame().await.unwrap();
            assert_eq!(frame.stream, 0);
            if frame.kind == SETTINGS && frame.flags & ACK != 0 {
                return;
            }
        }
    }

    async fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        let (kind, flags) = (head[3], head[4]);
        match kind {
            SETTINGS if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[]).await,
            PING if flags & ACK == 0 => self.write(PING, ACK, 0, &payload).await,
            _ => {}
        }
        Some(Frame { kind, flags, stream })
    }

    /// Reads one whole request; its stream. `None` at the end.
    pub(crate) async fn request(&mut self) -> Option<u32> {
        loop {
            let frame = self.next().await?;
            if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
                return Some(frame.stream);
            }
        }
    }

    pub(crate) async fn head(&mut self, stream: u32) {
        self.write(HEADERS, END_HEADERS, stream, STATUS_200).await;
    }

    pub(crate) async fn answer(&mut self, stream: u32, body: &str) {
        self.head(stream).await;
        self.write(DATA, END_STREAM, stream, body.as_bytes()).await;
    }

    pub(crate) async fn reset(&mut self, stream: u32, code: u32) {
        self.write(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    pub(crate) async fn go_away(&mut self, last_stream: u32, code: u32) {
        let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
        self.write(GOAWAY, 0, 0, &payload).await;
    }

    /// Ends our half, and reads on until the client ends its own: nothing that is on the way is reset.
    pub(crate) async fn close(mut self) {
        let _ = self.0.shutdown().await;
        while self.next().await.is_some() {}
    }
}
