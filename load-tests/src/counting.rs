//! `load-tests count`: a server that only counts, beside which the sender is all that costs.
//!
//! It reads each body, counts the recipients in it, and answers as Octopush does. It checks nothing and remembers
//! nothing: what was sent is the mock's to say. With `--record` it keeps the recipients as they came, for the bare
//! sender.
//! Not here: faults, credentials, any other route.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use memchr::memmem::Finder;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::error::LoadError;
use crate::record::Recorder;

/// As the mock's: a whole body without waiting for us, and many of them.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
const FRAME_BYTES_MAX: u32 = 1 << 20;
const STREAMS_MAX: u32 = 256;

/// Answers each batch as Octopush does, and only counts.
#[derive(Debug, Clone, Args)]
pub struct Count {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep the recipients here, as they came, for `load-tests bare`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// What was counted, and where it is kept.
struct Counter {
    requests: Cell<u64>,
    recipients: Cell<u64>,
    recorder: Option<RefCell<Recorder>>,
    key: Finder<'static>,
}

impl Count {
    /// Serves until SIGTERM.
    ///
    /// # Errors
    /// The address cannot be had; the record cannot be written.
    pub fn run(&self) -> Result<(), LoadError> {
        let failed = |error: io::Error| LoadError::Server(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let recorder = self.record.as_deref().map(Recorder::create).transpose()?;
        let counter = Rc::new(Counter {
            requests: Cell::new(0),
            recipients: Cell::new(0),
            recorder: recorder.map(RefCell::new),
            key: Finder::new(br#""phone_number":"#),
        });
        let served = LocalSet::new().block_on(&runtime, serve(self.listen, Rc::clone(&counter)));
        served.map_err(failed)?;
        match &counter.recorder {
            Some(recorder) => recorder.borrow_mut().finish(),
            None => Ok(()),
        }
    }
}

async fn serve(listen: SocketAddr, counter: Rc<Counter>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(listen).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    out.flush()?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let counter = Rc::clone(&counter);
                tokio::task::spawn_local(async move {
                    let service = service_fn(move |request| answer(Rc::clone(&counter), request));
                    let mut server = auto::Builder::new(LocalExecutor);
                    server
                        .http2()
                        .initial_stream_window_size(STREAM_WINDOW_BYTES)
                        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
                        .max_frame_size(FRAME_BYTES_MAX)
                        .max_concurrent_streams(STREAMS_MAX);
                    // A connection that breaks is the sender's to tell.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }
    }
}

/// Runs hyper's futures on the one thread there is.
#[derive(Clone)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

async fn answer(
    counter: Rc<Counter>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let post = request.method() == Method::POST;
    let asked = request.uri().path() == "/__mock/stats";
    let body = request.into_body().collect().await?.to_bytes();
    let (status, text) = match (post, asked) {
        (true, _) => counter.batch(&body),
        (false, true) => (StatusCode::OK, counter.stats()),
        (false, false) => (StatusCode::OK, r#"{"amount":999999.0,"unit":"EUR"}"#.to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

impl Counter {
    fn batch(&self, body: &Bytes) -> (StatusCode, String) {
        let contacts = self.key.find_iter(body).count() as u64;
        self.requests.set(self.requests.get() + 1);
        self.recipients.set(self.recipients.get() + contacts);
        if let Some(recorder) = &self.recorder
            && let Err(error) = recorder.borrow_mut().add(body)
        {
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        }
        let ticket = self.requests.get();
        let text = format!(
            r#"{{"sms_ticket":"sms_count{ticket}","number_of_contacts":{contacts},"number_of_sms_needed":{contacts},"residual_credit":999999.0,"total_cost":1}}"#
        );
        (StatusCode::CREATED, text)
    }

    /// What of the mock's stats can be told by counting alone.
    fn stats(&self) -> String {
        let (requests, recipients) = (self.requests.get(), self.recipients.get());
        format!(r#"{{"requests":{requests},"accepted_requests":{requests},"recipients":{recipients}}}"#)
    }
}
