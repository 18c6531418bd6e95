//! A well-behaved server on hyper, which notes what it saw.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

pub(crate) struct Seen {
    pub(crate) version: Version,
    pub(crate) target: String,
    pub(crate) host: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) content_length: Option<String>,
    pub(crate) body: Bytes,
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) connections: AtomicUsize,
    pub(crate) requests: Mutex<Vec<Seen>>,
}

impl Log {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn versions(&self) -> Vec<Version> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|seen| seen.version)
            .collect()
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Speaks {
    Both,
    Http1,
}

/// Answers 201 with the request's own body, for ever.
pub(crate) async fn start(speaks: Speaks) -> (SocketAddr, Arc<Log>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Arc::new(Log::default());
    let noted = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(tcp, speaks, Arc::clone(&noted)));
        }
    });
    (address, log)
}

pub(crate) async fn serve<T>(io: T, speaks: Speaks, log: Arc<Log>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    log.connections.fetch_add(1, Ordering::SeqCst);
    let service = service_fn(move |request| echo(request, Arc::clone(&log)));
    let io = TokioIo::new(io);
    // The client may leave in the middle: that is its business.
    match speaks {
        Speaks::Both => {
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(io, service)
                .await;
        }
        Speaks::Http1 => {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(io, service)
                .await;
        }
    }
}

async fn echo(request: Request<Incoming>, log: Arc<Log>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let header = |name: &str| {
        head.headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    log.requests.lock().unwrap().push(Seen {
        version: head.version,
        target: head.uri.path_and_query().unwrap().to_string(),
        host: header("host").or_else(|| head.uri.authority().map(ToString::to_string)),
        user_agent: header("user-agent"),
        content_length: header("content-length"),
        body: body.clone(),
    });
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = http::StatusCode::CREATED;
    Ok(response)
}
