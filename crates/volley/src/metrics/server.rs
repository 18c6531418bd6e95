//! Answers scrapers, over HTTP/1.1, on a thread and a runtime of its own.
//!
//! Bounds: [`CONNECTIONS_MAX`] at a time (more wait in the kernel's queue, and take no file descriptor of ours), one request
//! a connection, [`HEAD_BYTES_MAX`] of head within [`HEAD_TIME_MAX`], no body read, [`CONNECTION_TIME_MAX`] from accepting to the
//! last byte taken.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Span;

use super::{Board, exposition, families, health};

/// A Prometheus or two, a probe, and somebody who looks.
const CONNECTIONS_MAX: usize = 8;
/// The least that hyper takes; a scraper's head has a few hundred bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// A scraper sends its head as soon as it is connected; whoever does not must not keep a probe waiting.
const HEAD_TIME_MAX: Duration = Duration::from_secs(1);
/// Prometheus gives a scrape ten seconds; what we send fits into one window.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(5);
/// After a failure to accept, which lasts (no file descriptors): the loop must not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Starts to answer, until `stopped`.
///
/// # Errors
/// The system gives no runtime or no thread.
pub(super) fn start(
    listener: TcpListener,
    board: Arc<Board>,
    stopped: oneshot::Receiver<()>,
    span: Span,
) -> io::Result<JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let listener = {
        let _guard = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || span.in_scope(|| run(&runtime, &listener, &board, stopped)))
}

fn run(
    runtime: &Runtime,
    listener: &tokio::net::TcpListener,
    board: &Arc<Board>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        tokio::select! {
            // Sent, or dropped with the exporter: both are the end.
            _ = stopped => {}
            () = accept(listener, board) => {}
        }
    });
}

/// Never ends by itself.
async fn accept(listener: &tokio::net::TcpListener, board: &Arc<Board>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(timeout(CONNECTION_TIME_MAX, serve(stream, Arc::clone(board))));
            }
            Err(error) => {
                tracing::debug!(%error, "metrics: a connection cannot be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, board: Arc<Board>) {
    let service = service_fn(|request| {
        let answer = answer(&request, &board);
        async { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "metrics: a connection ended early");
    }
}

fn answer<B>(request: &Request<B>, board: &Board) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match request.uri().path() {
        "/metrics" => {
            let mut answer = plain(StatusCode::OK, families::text(board));
            let format = HeaderValue::from_static(exposition::CONTENT_TYPE);
            answer.headers_mut().insert(CONTENT_TYPE, format);
            answer
        }
        "/healthz" => match health::health(board.latest().as_ref()) {
            Ok(what) => plain(StatusCode::OK, format!("ok: {what}\n")),
            Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        _ => plain(
            StatusCode::NOT_FOUND,
            "there are /metrics and /healthz\n".to_owned(),
        ),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
