//! What the transport concludes from each way of losing a request.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::AsyncWriteExt;
use volley_model::{Answer, AnswerBody, Evidence, Lost, NotProcessed, Unsent};
use volley_transport::{BODY_BYTES_MAX, Pool};

use crate::client::{PATIENCE, answered, attempt, attempt_within, pool, post};
use crate::peer::{
    self, CANCEL, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, NO_ERROR, Peer, REFUSED_STREAM,
    STATUS_200, STREAM_ID_MAX, WINDOW_UPDATE,
};

/// Sends one request to a peer that does `then` with it.
async fn one<F>(then: impl FnOnce(Peer, u32) -> F + Send + 'static) -> Evidence
where
    F: Future<Output = ()> + Send,
{
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, None).await;
        let stream = peer.request().await.unwrap();
        then(peer, stream).await;
    });
    let evidence = attempt(&pool(address, 1)).await;
    server.await.unwrap();
    evidence
}

/// Two requests on one connection, whose peer does `then` when it has both (streams 1 and 3).
async fn two<F>(then: impl FnOnce(Peer) -> F + Send + 'static) -> (Evidence, Evidence, Pool)
where
    F: Future<Output = ()> + Send,
{
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, None).await;
        let streams = (peer.request().await, peer.request().await);
        assert_eq!(streams, (Some(1), Some(3)));
        then(peer).await;
    });
    let pool = pool(address, 1);
    let (first, second) = (pool.ready().await.unwrap(), pool.ready().await.unwrap());
    let (first, second) = futures::future::join(
        first.send(post("/a", "one"), PATIENCE),
        second.send(post("/b", "two"), PATIENCE),
    )
    .await;
    server.await.unwrap();
    (first.evidence, second.evidence, pool)
}

fn cut(status: u16) -> Evidence {
    Evidence::Answered(Answer {
        status,
        retry_after: None,
        date: None,
        body: AnswerBody::Cut,
    })
}

const GONE: Evidence = Evidence::NotProcessed(NotProcessed::GoAway);

#[tokio::test]
async fn goaway_is_proof_above_its_last_stream_only() {
    let (at, above, _) = two(async |mut peer: Peer| {
        peer.go_away(1, NO_ERROR).await;
        peer.close().await;
    })
    .await;
    assert!(matches!(at, Evidence::Lost(Lost::Eof(_))), "{at:?}");
    assert_eq!(above, GONE);
}

#[tokio::test]
async fn goaway_with_an_error_is_the_same_proof() {
    let (at, above, _) = two(async |mut peer: Peer| {
        peer.go_away(1, ENHANCE_YOUR_CALM).await;
        peer.close().await;
    })
    .await;
    assert!(matches!(at, Evidence::Lost(_)), "{at:?}");
    assert_eq!(above, GONE);
}

#[tokio::test]
async fn goaway_of_stream_zero_frees_everything() {
    let (first, second, _) = two(async |mut peer: Peer| {
        peer.go_away(0, NO_ERROR).await;
        peer.close().await;
    })
    .await;
    assert_eq!((first, second), (GONE, GONE));
}

#[tokio::test]
async fn goaway_at_the_last_stream_proves_nothing() {
    for last in [3, STREAM_ID_MAX] {
        let (first, second, _) = two(async move |mut peer: Peer| {
            peer.go_away(last, NO_ERROR).await;
            peer.close().await;
        })
        .await;
        assert!(matches!(first, Evidence::Lost(Lost::Eof(_))), "{last}: {first:?}");
        assert!(
            matches!(second, Evidence::Lost(Lost::Eof(_))),
            "{last}: {second:?}"
        );
    }
}

#[tokio::test]
async fn a_graceful_shutdown_answers_what_it_took() {
    let (first, second, pool) = two(async |mut peer: Peer| {
        peer.go_away(STREAM_ID_MAX, NO_ERROR).await;
        peer.go_away(1, NO_ERROR).await;
        peer.answer(1, "ok").await;
        peer.close().await;
    })
    .await;
    assert_eq!((first, second), (answered(200, "ok"), GONE));
    assert_eq!(pool.stats().open, 0);
}

#[tokio::test]
async fn refused_stream_is_proof() {
    let evidence = one(async |mut peer: Peer, stream| peer.reset(stream, REFUSED_STREAM).await).await;
    assert_eq!(evidence, Evidence::NotProcessed(NotProcessed::RefusedStream));
}

#[tokio::test]
async fn any_other_reset_is_none() {
    for code in [NO_ERROR, CANCEL, ENHANCE_YOUR_CALM] {
        let evidence = one(async move |mut peer: Peer, stream| peer.reset(stream, code).await).await;
        assert!(
            matches!(evidence, Evidence::Lost(Lost::Reset(_))),
            "{code}: {evidence:?}"
        );
    }
}

#[tokio::test]
async fn a_head_and_then_a_reset_is_an_answer_cut_off() {
    for code in [CANCEL, REFUSED_STREAM] {
        let evidence = one(async move |mut peer: Peer, stream| {
            peer.head(stream).await;
            peer.reset(stream, code).await;
        })
        .await;
        assert_eq!(evidence, cut(200));
    }
}

#[tokio::test]
async fn a_head_and_then_the_end_is_an_answer_cut_off() {
    let evidence = one(async |mut peer: Peer, stream| {
        peer.head(stream).await;
        peer.write(DATA, 0, stream, b"half").await;
    })
    .await;
    assert_eq!(evidence, cut(200));
}

#[tokio::test]
async fn the_end_of_the_connection_proves_nothing() {
    let evidence = one(async |peer: Peer, _| drop(peer)).await;
    assert!(matches!(evidence, Evidence::Lost(Lost::Eof(_))), "{evidence:?}");
}

#[tokio::test]
async fn frames_that_make_no_sense_prove_nothing() {
    let evidence = one(async |mut peer: Peer, _| {
        // DATA on a stream that nobody opened.
        peer.write(DATA, END_STREAM, 99, b"?").await;
        peer.close().await;
    })
    .await;
    assert!(
        matches!(evidence, Evidence::Lost(Lost::Protocol(_))),
        "{evidence:?}"
    );
}

#[tokio::test]
async fn silence_is_a_timeout_and_resets_the_stream() {
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, None).await;
        let stream = peer.request().await.unwrap();
        let frame = peer.next().await.unwrap();
        assert_eq!((frame.kind, frame.stream), (3, stream), "RST_STREAM");
        let stream = peer.request().await.unwrap();
        peer.answer(stream, "ok").await;
    });
    let pool = pool(address, 1);
    let evidence = attempt_within(&pool, Duration::from_millis(50)).await;
    assert_eq!(evidence, Evidence::Lost(Lost::Timeout));
    assert_eq!(attempt(&pool).await, answered(200, "ok"));
    assert_eq!(pool.stats().opened, 1);
    server.await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_abandoned_is_reset_and_gives_its_place_back() {
    let (listener, address) = peer::listen().await;
    let (taken, has_taken) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, Some(1)).await;
        let stream = peer.request().await.unwrap();
        taken.send(()).unwrap();
        let frame = peer.next().await.unwrap();
        assert_eq!((frame.kind, frame.stream), (3, stream), "RST_STREAM");
        let stream = peer.request().await.unwrap();
        peer.answer(stream, "ok").await;
    });
    let pool = pool(address, 1);
    let abandoned = tokio::select! {
        _ = attempt(&pool) => false,
        _ = has_taken => true,
    };
    assert!(abandoned);
    assert_eq!(attempt(&pool).await, answered(200, "ok"));
    server.await.unwrap();
}

#[tokio::test]
async fn a_head_in_time_and_a_body_too_late_is_an_answer_cut_off() {
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, None).await;
        let stream = peer.request().await.unwrap();
        peer.head(stream).await;
        while peer.next().await.is_some() {}
    });
    let pool = pool(address, 1);
    assert_eq!(attempt_within(&pool, Duration::from_millis(200)).await, cut(200));
    drop(pool);
    server.await.unwrap();
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_read_and_one_byte_more_is_too_large() {
    for (excess, expected_whole) in [(0, true), (1, false)] {
        let evidence = one(async move |mut peer: Peer, stream| {
            peer.head(stream).await;
            let body = vec![b'x'; BODY_BYTES_MAX + excess];
            let mut parts = body.chunks(1 << 14).peekable();
            while let Some(part) = parts.next() {
                let flags = if parts.peek().is_none() { END_STREAM } else { 0 };
                if part.len() == excess {
                    // The client's window is one largest body; it opens further as the body is read.
                    assert_eq!(peer.next().await.unwrap().kind, WINDOW_UPDATE);
                }
                peer.write(DATA, flags, stream, part).await;
            }
            peer.close().await;
        })
        .await;
        let Evidence::Answered(answer) = evidence else {
            panic!("{evidence:?}")
        };
        match answer.body {
            AnswerBody::Whole(bytes) => assert!(expected_whole && bytes.len() == BODY_BYTES_MAX),
            other => assert!(!expected_whole && other == AnswerBody::TooLarge, "{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_place_whose_connection_died_sends_nothing() {
    let (listener, address) = peer::listen().await;
    let pool = pool(address, 1);
    let accepting = tokio::spawn(async move { Peer::accept(&listener, None).await });
    let ready = pool.ready().await.unwrap();
    drop(accepting.await.unwrap());
    while pool.stats().open > 0 {
        tokio::task::yield_now().await;
    }
    let evidence = ready.send(post("/a", "one"), PATIENCE).await.evidence;
    assert!(
        matches!(evidence, Evidence::Unsent(Unsent::Cancelled(_))),
        "{evidence:?}"
    );
}

#[tokio::test]
async fn a_connection_that_dies_before_it_took_the_body_sent_nothing() {
    // The peer lowers its limit to one stream, which is taken, while two places are out: the second request's
    // stream waits inside h2, beyond the queue that hyper gives requests back from.
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, Some(2)).await;
        peer.settings_acknowledged().await;
        peer.request().await.unwrap();
        peer.settings(Some(1)).await;
        peer.settings_acknowledged().await;
        peer
    });
    let pool = pool(address, 1);
    let (first, second) = (pool.ready().await.unwrap(), pool.ready().await.unwrap());
    let first = tokio::spawn(first.send(post("/a", "one"), PATIENCE));
    let peer = server.await.unwrap();
    let second = tokio::spawn(second.send(post("/b", "two"), PATIENCE));
    // One thread: the connection's task takes the request in one of these turns.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    drop(peer);
    let (first, second) = (first.await.unwrap().evidence, second.await.unwrap().evidence);
    assert!(matches!(first, Evidence::Lost(_)), "{first:?}");
    assert!(
        matches!(second, Evidence::Unsent(Unsent::Cancelled(_))),
        "{second:?}"
    );
}

#[tokio::test]
async fn retry_after_is_read_with_the_answers_own_date() {
    for (headers, expected_seconds) in [
        ("retry-after: 7\r\n", Some(7)),
        ("retry-after: -1\r\n", None),
        ("retry-after: 1e30\r\n", None),
        ("", None),
        (
            "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:57 GMT\r\n",
            Some(20),
        ),
        ("retry-after: Sun, 06 Nov 1994 08:49:57 GMT\r\n", None),
    ] {
        let (listener, address) = peer::listen().await;
        let server = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let head = format!("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n{headers}\r\n");
            tcp.write_all(head.as_bytes()).await.unwrap();
            tcp
        });
        let mut config = crate::client::config(address, 1);
        config.http2 = volley_transport::Http2::Never;
        let ready = Pool::new(config).unwrap().ready().await.unwrap();
        let request = Request::get("/a").body(Bytes::new()).unwrap();
        let evidence = ready.send(request, PATIENCE).await.evidence;
        let Evidence::Answered(answer) = evidence else {
            panic!("{evidence:?}")
        };
        assert_eq!(
            answer.retry_after,
            expected_seconds.map(Duration::from_secs),
            "{headers:?}"
        );
        drop(server);
    }
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let evidence = one(async |mut peer: Peer, stream| {
        // `:status: 103`, spelled out: a literal header field, name indexed 8.
        peer.write(HEADERS, END_HEADERS, stream, b"\x08\x03103").await;
        peer.write(HEADERS, END_HEADERS, stream, STATUS_200).await;
        peer.write(DATA, END_STREAM, stream, b"ok").await;
        peer.close().await;
    })
    .await;
    assert_eq!(evidence, answered(200, "ok"));
}
