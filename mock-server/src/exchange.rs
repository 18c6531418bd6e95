//! One request on its way: counted, past the fault points, read, routed, answered.
//!
//! ```text
//! head ─► counted ─► before_read ─► body read ─► after_read ─► route (commit) ─► after_commit ─► answer
//! ```
//! *Not here*: control requests, which are neither counted nor faulted.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::fault::{At, Ending, Forgery, Sight};
use crate::mock::Mock;
use crate::provider::Provider;
use crate::record::OnConnection;
use crate::server::{End, Line};

/// Longest request body that is read: a hundred full batches.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Ends one exchange without an answer.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// When a request's head arrived, for the rate windows; handed to the routes as an extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived(pub(crate) Instant);

/// Answers one request of a connection.
pub(crate) async fn answer(
    mock: Arc<Mock>,
    router: Router,
    line: Arc<Line>,
    request: Request<Incoming>,
) -> Result<Response, Broken> {
    let Some(provider) = Provider::of(request.uri().path()) else {
        return route(router, request.map(Body::new)).await;
    };
    let arrived = Arrived(Instant::now());
    let version = request.version();
    let on_connection = line.count_request();
    let first = if on_connection == 1 {
        OnConnection::First
    } else {
        OnConnection::Later
    };
    let nth = mock.state().record.arrived(provider, version, first, arrived.0);
    let limit = mock.config.server.requests_per_connection;
    if limit.is_some_and(|limit| on_connection >= limit.get()) {
        line.order(End::Graceful);
    }

    let passage = Passage {
        mock,
        line,
        nth,
        version,
        provider,
        method: request.method().clone(),
        uri: request.uri().clone(),
    };
    let mut answer = passage.carry(router, request, arrived).await?;
    if version != Version::HTTP_2 && passage.line.end() == End::Graceful {
        answer
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = answer.status().as_u16();
    passage.mock.state().record.answered(provider, status);
    Ok(answer)
}

/// A provider request, as the fault points see it.
struct Passage {
    mock: Arc<Mock>,
    line: Arc<Line>,
    nth: u64,
    version: Version,
    provider: Provider,
    method: Method,
    uri: Uri,
}

impl Passage {
    async fn carry(
        &self,
        router: Router,
        request: Request<Incoming>,
        arrived: Arrived,
    ) -> Result<Response, Broken> {
        if let Some(forgery) = self.meet(At::BeforeRead, &[]).await? {
            return self.forge(forgery, None).await;
        }
        let (mut head, body) = request.into_parts();
        let Some(body) = read(body).await? else {
            return Ok(self.too_large());
        };
        if let Some(forgery) = self.meet(At::AfterRead, &body).await? {
            return self.forge(forgery, None).await;
        }
        head.extensions.insert(arrived);
        let answer = route(router, Request::from_parts(head, Body::from(body.clone()))).await?;
        let delay_ms = self.mock.config.server.answer_delay_ms;
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        match self.meet(At::AfterCommit, &body).await? {
            Some(forgery) => self.forge(forgery, Some(answer)).await,
            None => Ok(answer),
        }
    }

    /// Lets a forgery answer in the shape of the provider.
    async fn forge(&self, forgery: Forgery, real: Option<Response>) -> Result<Response, Broken> {
        let failure = |status: u16, code: u32| {
            let text = "A scripted fault.";
            self.provider
                .failure(&self.method, self.uri.path(), status, code, text)
        };
        let success = self.provider.success_status();
        forgery.answer(real, success, failure).await
    }

    fn too_large(&self) -> Response {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        let text = "The body is too large.";
        let body = self
            .provider
            .failure(&self.method, self.uri.path(), status.as_u16(), 100, text);
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = status;
        answer
    }

    /// Suffers what the script says for this point. Gives the answer to send instead, if there is one.
    async fn meet(&self, at: At, body: &[u8]) -> Result<Option<Forgery>, Broken> {
        let http2 = self.version == Version::HTTP_2;
        let sight = Sight {
            at,
            nth: self.nth,
            method: &self.method,
            path: self.uri.path_and_query().map_or("", PathAndQuery::as_str),
            body,
            http2,
        };
        let Some(plan) = self.mock.faults().plan(&sight) else {
            return Ok(None);
        };
        if plan.goaway {
            self.line.order(End::Graceful);
        }
        if !plan.delay.is_zero() {
            tokio::time::sleep(plan.delay).await;
        }
        match plan.ending {
            None => Ok(None),
            Some(Ending::Answer(forgery)) => Ok(Some(forgery)),
            Some(Ending::RefuseStream) => Err(h2::Error::from(h2::Reason::REFUSED_STREAM).into()),
            Some(Ending::Cut(end)) => {
                self.line.order(end);
                // The connection's task drops this exchange with the connection.
                pending().await
            }
        }
    }
}

/// Reads the whole body, or nothing if it is too large.
async fn read(body: Incoming) -> Result<Option<Bytes>, Broken> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(Some(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn route(router: Router, request: Request<Body>) -> Result<Response, Broken> {
    router.oneshot(request).await.map_err(|never| match never {})
}
