//! One request against receivers that behave, misbehave or attack.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use vinculo_webhook::{
    Addrs, Attempt, Failure, Name, Options, Request, Resolve, Resolving, RetryAfter, Rules, Sender,
    UrlError,
};

/// Long enough for a loaded machine; only tests of answers that come at once use it.
const PATIENT: Duration = Duration::from_secs(60);
/// For receivers that never finish.
const SHORT: Duration = Duration::from_millis(100);

/// A receiver that hands every connection to `behave`.
async fn receiver<F, B>(behave: B) -> SocketAddr
where
    B: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    receiver_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), behave)
}

fn receiver_on<F, B>(listener: TcpListener, behave: B) -> SocketAddr
where
    B: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A sender that hangs up early is what some tests are about.
            tokio::spawn(behave(stream));
        }
    });
    address
}

/// Reads one request, headers and body, and gives it back as text.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut request = Vec::new();
    loop {
        let read = stream.read_buf(&mut request).await?;
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Ok(text.into_owned());
            }
        }
        if read == 0 {
            return Ok(text.into_owned());
        }
    }
}

/// A receiver that answers every request with `answer` and closes.
async fn answering(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = Arc::new(answer.into());
    receiver(move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            read_request(&mut stream).await?;
            stream.write_all(&answer).await?;
            stream.shutdown().await
        }
    })
    .await
}

fn private() -> Rules {
    Rules { private: true, ..Rules::default() }
}

fn sender(timeout: Duration) -> Sender {
    Sender::new(Options { timeout, rules: private(), ..Options::default() }).unwrap()
}

async fn send_to(sender: &Sender, url: &str) -> Attempt {
    let body = Bytes::from_static(b"{\"webhook_id\":\"1\"}");
    sender.send(Request { url, authorization: None, body, headers: &[] }).await
}

async fn outcome(address: SocketAddr, timeout: Duration) -> Result<u16, Failure> {
    let attempt = send_to(&sender(timeout), &format!("http://{address}/hook")).await;
    attempt.result.map(|answer| answer.status)
}

#[tokio::test]
async fn the_request_carries_exactly_what_was_given() {
    let (requests, mut received) = mpsc::unbounded_channel();
    let address = receiver(move |mut stream| {
        let requests = requests.clone();
        async move {
            requests.send(read_request(&mut stream).await?).unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await
        }
    })
    .await;
    let attempt = sender(PATIENT)
        .send(Request {
            url: &format!("http://{address}/hook?token=1"),
            authorization: Some("s3cret"),
            body: Bytes::from_static(b"{\"external_id\": null}"),
            headers: &[("webhook-id", "msg_1"), ("webhook-signature", "v1,abc")],
        })
        .await;
    assert!(attempt.delivered());

    let request = received.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{\"external_id\": null}");
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /hook?token=1 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {address}");
    let version = concat!("user-agent: vinculo/", env!("CARGO_PKG_VERSION"));
    let expected = [
        "accept: */*",
        "authorization: Bearer s3cret",
        "content-length: 21",
        "content-type: application/json",
        &host,
        version,
        "webhook-id: msg_1",
        "webhook-signature: v1,abc",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn any_2xx_is_a_delivery_and_nothing_else_is() {
    let statuses = [
        200, 201, 202, 204, 206, 299, 300, 301, 302, 304, 307, 308, 400, 401, 404, 408, 410, 429,
        500, 502, 503, 504, 599,
    ];
    for status in statuses {
        let address = answering(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n")).await;
        let attempt = send_to(&sender(PATIENT), &format!("http://{address}/")).await;
        assert_eq!(attempt.result.as_ref().unwrap().status, status);
        assert_eq!(attempt.delivered(), (200..300).contains(&status), "{status}");
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// How a receiver ends a connection.
#[derive(Clone, Copy)]
enum End {
    Reset,
    Closed,
}

#[tokio::test]
async fn a_used_connection_that_is_reset_in_place_of_an_answer_is_followed_by_a_new_one() {
    is_followed_by_a_new_one(End::Reset).await;
}

#[tokio::test]
async fn a_used_connection_that_is_closed_in_place_of_an_answer_is_followed_by_a_new_one() {
    is_followed_by_a_new_one(End::Closed).await;
}

/// A receiver that answers once on each connection, and ends it as the next request comes.
async fn is_followed_by_a_new_one(end: End) {
    let (requests, mut received) = mpsc::unbounded_channel();
    let address = receiver(move |mut stream| {
        let requests = requests.clone();
        async move {
            requests.send(read_request(&mut stream).await?).unwrap();
            stream.write_all(OK).await?;
            requests.send(read_request(&mut stream).await?).unwrap();
            match end {
                End::Reset => stream.set_zero_linger(),
                End::Closed => stream.shutdown().await,
            }
        }
    })
    .await;
    let (sender, url) = (sender(PATIENT), format!("http://{address}/hook"));
    for sent in 1..=3 {
        assert!(send_to(&sender, &url).await.delivered(), "{sent}");
    }
    let mut texts = Vec::new();
    for _ in 0..5 {
        texts.push(received.recv().await.unwrap());
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "the same, byte for byte: {texts:?}");
}

#[tokio::test]
async fn a_receiver_that_keeps_no_connection_takes_everything() {
    let address = answering(OK).await;
    let (sender, url) = (sender(PATIENT), format!("http://{address}/hook"));
    for sent in 0..100 {
        let attempt = send_to(&sender, &url).await;
        assert!(attempt.delivered(), "{sent}: {attempt:?}");
    }
}

#[tokio::test]
async fn a_new_connection_that_is_closed_in_place_of_an_answer_is_a_failed_try() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let address = receiver(move |mut stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            read_request(&mut stream).await?;
            stream.shutdown().await
        }
    })
    .await;
    assert_eq!(outcome(address, PATIENT).await, Err(Failure::InvalidResponse));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_new_connection_that_is_reset_is_a_failed_try() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let address = receiver(move |mut stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            read_request(&mut stream).await?;
            stream.set_zero_linger()
        }
    })
    .await;
    assert_eq!(outcome(address, PATIENT).await, Err(Failure::Reset));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_keeps_its_body_and_retry_after() {
    let address = answering(
        "HTTP/1.1 503 Busy\r\nretry-after: 120\r\ntransfer-encoding: chunked\r\n\r\n\
         4\r\nback\r\n5\r\n soon\r\n0\r\n\r\n",
    )
    .await;
    let answer = send_to(&sender(PATIENT), &format!("http://{address}/")).await.result.unwrap();
    assert_eq!(answer.excerpt, b"back soon");
    assert_eq!(answer.retry_after, Some(RetryAfter::Seconds(120)));
    assert!(!format!("{answer:?}").contains("back"));
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let followed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&followed);
    let elsewhere = receiver(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    })
    .await;
    for status in [301, 302, 303, 307, 308] {
        let address = answering(format!(
            "HTTP/1.1 {status} X\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        assert_eq!(outcome(address, PATIENT).await, Ok(status));
    }
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn old_and_interim_http_is_understood() {
    let old = answering("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    assert_eq!(outcome(old, PATIENT).await, Ok(200));
    let interim = answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    assert_eq!(outcome(interim, PATIENT).await, Ok(200));
}

#[tokio::test]
async fn answers_that_are_not_complete_http_are_failures() {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(100_000));
    let answers: [&str; 9] = [
        "",
        "hello",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnot a chunk",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        &many_headers,
    ];
    for answer in answers {
        let result = outcome(answering(answer).await, PATIENT).await;
        let shown = answer.get(..60).unwrap_or(answer);
        assert_eq!(result, Err(Failure::InvalidResponse), "{shown:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_from_a_bad_handshake() {
    // Nobody else gets the port, and nobody listens.
    let kept = TcpSocket::new_v4().unwrap();
    kept.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let nobody = kept.local_addr().unwrap();
    assert_eq!(outcome(nobody, PATIENT).await, Err(Failure::Connect));

    for not_tls in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let address = receiver(move |mut stream| async move {
            stream.write_all(not_tls.as_bytes()).await?;
            stream.shutdown().await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        })
        .await;
        let attempt = send_to(&sender(PATIENT), &format!("https://{address}/")).await;
        assert_eq!(attempt.result.unwrap_err(), Failure::Tls, "{not_tls}");
    }
}

#[tokio::test]
async fn silence_at_any_stage_ends_at_the_deadline() {
    let stages: [(&str, &[u8]); 4] = [
        ("before headers", b""),
        ("within headers", b"HTTP/1.1 200 OK\r\nx: "),
        ("before body", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
        ("within body", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"),
    ];
    for (stage, beginning) in stages {
        let address = receiver(move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(beginning).await?;
            std::future::pending().await
        })
        .await;
        assert_eq!(outcome(address, SHORT).await, Err(Failure::Timeout), "{stage}");
    }
    let stalled_handshake = receiver(|stream| async move {
        let _held = stream;
        std::future::pending().await
    })
    .await;
    let attempt = send_to(&sender(SHORT), &format!("https://{stalled_handshake}/")).await;
    assert_eq!(attempt.result.unwrap_err(), Failure::Timeout);
    assert!(attempt.duration >= SHORT);
}

#[tokio::test]
async fn dripping_never_outlives_the_deadline() {
    for beginning in ["HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n"]
    {
        let address = receiver(move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(beginning.as_bytes()).await?;
            let mut tick = tokio::time::interval(SHORT / 30);
            loop {
                tick.tick().await;
                stream.write_all(b"a").await?;
            }
        })
        .await;
        assert_eq!(outcome(address, SHORT).await, Err(Failure::Timeout), "{beginning:?}");
    }
}

#[tokio::test]
async fn once_64_kib_have_come_no_more_is_waited_for() {
    let limit = Options::default().read_limit;
    assert_eq!(limit, 64 * 1024);
    for (bytes, timeout, expected) in
        [(limit, PATIENT, Ok(200)), (limit - 1, SHORT, Err(Failure::Timeout))]
    {
        let address = receiver(move |mut stream| async move {
            read_request(&mut stream).await?;
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
            stream.write_all(&[head, &vec![b'a'; bytes][..]].concat()).await?;
            // Nothing more comes as long as somebody waits.
            stream.read_u8().await.map(drop)
        })
        .await;
        assert_eq!(outcome(address, timeout).await, expected, "{bytes}");
    }
}

#[tokio::test]
async fn an_endless_body_is_read_to_the_limit_and_hung_up_on() {
    let (written, mut hung_up) = mpsc::unbounded_channel();
    // Little room on the way, so that what can be written tells what is read. Connections have that of
    // the socket that listens.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = receiver_on(socket.listen(16).unwrap(), move |mut stream| {
        let written = written.clone();
        async move {
            read_request(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await?;
            let mut total = 0;
            while stream.write_all(&[b'a'; 8192]).await.is_ok() {
                total += 8192;
            }
            written.send(total).unwrap();
            Ok(())
        }
    });
    let attempt = send_to(&sender(PATIENT), &format!("http://{address}/")).await;
    assert!(attempt.delivered());
    assert_eq!(attempt.result.unwrap().excerpt, vec![b'a'; 4096]);
    // 64 KiB were read, and something is on its way in buffers.
    let total = hung_up.recv().await.unwrap();
    assert!((64 * 1024..1024 * 1024).contains(&total), "{total}");
}

#[tokio::test]
async fn public_mode_refuses_loopback_without_dialling_it() {
    let dialled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dialled);
    let address = receiver(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    })
    .await;
    let sender = Sender::new(Options { timeout: PATIENT, ..Options::default() }).unwrap();
    let result = send_to(&sender, &format!("https://{address}/")).await.result;
    assert!(matches!(result, Err(Failure::Refused(_))), "{result:?}");
    let result = send_to(&sender, &format!("http://{address}/")).await.result;
    assert_eq!(result.unwrap_err(), Failure::InvalidUrl(UrlError::Scheme));
    assert_eq!(dialled.load(Ordering::SeqCst), 0);
}

/// Answers each look-up with the next list, like a name server that changes its mind.
struct Rebinding(Mutex<std::vec::IntoIter<Vec<SocketAddr>>>);

impl Resolve for Rebinding {
    fn resolve(&self, _: Name) -> Resolving {
        let next = self.0.lock().unwrap().next();
        Box::pin(async move {
            let found = next.ok_or("no more answers")?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn public_sender(timeout: Duration, answers: Vec<Vec<SocketAddr>>) -> Sender {
    let resolver = Arc::new(Rebinding(Mutex::new(answers.into_iter())));
    Sender::with_resolver(Options { timeout, ..Options::default() }, resolver).unwrap()
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused_whatever_it_said_before() {
    let dialled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dialled);
    let inside = receiver(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    })
    .await;
    let port = inside.port();
    let public: SocketAddr = "93.184.216.34:0".parse().unwrap();
    let answers = vec![vec![public], vec![inside], vec![inside, inside], vec![]];
    let resolver = Arc::new(Rebinding(Mutex::new(answers.into_iter())));
    let rules = Rules { ports: vec![port], ..Rules::default() };
    let options = Options { timeout: PATIENT, rules, ..Options::default() };
    let sender = Sender::with_resolver(options, resolver).unwrap();
    let url = format!("https://rebind.example.com:{port}/");
    // A look-up without a connection: to dial a public address would leave the machine.
    assert_eq!(sender.check(&url).await, Ok(()));
    for _ in 0..2 {
        match send_to(&sender, &url).await.result.unwrap_err() {
            Failure::Refused(refusal) => assert_eq!(refusal.range, "127.0.0.0/8"),
            other => panic!("{other}"),
        }
    }
    for _ in 0..2 {
        assert_eq!(send_to(&sender, &url).await.result.unwrap_err(), Failure::Unresolved);
    }
    assert_eq!(dialled.load(Ordering::SeqCst), 0);
}

/// An endpoint that was registered when more ports were allowed is judged by where it leads, not by its port,
/// unless the installation lists ports.
#[tokio::test]
async fn what_is_registered_goes_on_at_its_port_until_others_are_listed() {
    let inside: SocketAddr = "10.0.0.1:0".parse().unwrap();
    let url = "https://hooks.example.com:9443/";
    let sender = public_sender(PATIENT, vec![vec![inside]]);
    assert_eq!(sender.check(url).await, Err(UrlError::Port(9443)));
    let result = send_to(&sender, url).await.result;
    assert!(matches!(result, Err(Failure::Refused(_))), "{result:?}");
    let rules = Rules { ports: vec![443], ..Rules::default() };
    let listed = Sender::new(Options { timeout: PATIENT, rules, ..Options::default() }).unwrap();
    let result = send_to(&listed, url).await.result;
    assert_eq!(result.unwrap_err(), Failure::InvalidUrl(UrlError::Port(9443)));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_registered() {
    let inside: SocketAddr = "10.0.0.1:0".parse().unwrap();
    let outside: SocketAddr = "93.184.216.34:0".parse().unwrap();
    let sender = public_sender(PATIENT, vec![vec![inside], vec![outside], vec![]]);
    let url = "https://hooks.example.com/";
    match sender.check(url).await.unwrap_err() {
        UrlError::Refused(refusal) => assert_eq!(refusal.range, "10.0.0.0/8"),
        other => panic!("{other}"),
    }
    for _ in 0..3 {
        assert_eq!(sender.check(url).await, Ok(()), "public, or nowhere");
    }
    assert_eq!(sender.check("http://hooks.example.com/").await, Err(UrlError::Scheme));
}

/// Never answers for a name that begins with `hang`, until it is let go; every other is at one address.
struct Hanging {
    healthy: SocketAddr,
    /// Look-ups under way that hang, and the most of them there were.
    counts: Arc<Mutex<(usize, usize)>>,
    let_go: watch::Receiver<bool>,
}

impl Resolve for Hanging {
    fn resolve(&self, name: Name) -> Resolving {
        if !name.as_str().starts_with("hang") {
            return Box::pin(ready(Ok(Box::new(std::iter::once(self.healthy)) as Addrs)));
        }
        let (counts, mut let_go) = (Arc::clone(&self.counts), self.let_go.clone());
        Box::pin(async move {
            {
                let mut counts = counts.lock().unwrap();
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
            }
            // As a thread of the operating system, it goes on whoever waits.
            let _ = let_go.wait_for(|let_go| *let_go).await;
            counts.lock().unwrap().0 -= 1;
            Err("the name server does not answer".into())
        })
    }
}

/// Makes a try to each of so many names that hang, some times, all at once: all end at their deadline.
async fn hang(sender: &Sender, names: usize, times: usize) {
    let mut tries = JoinSet::new();
    for n in 0..names * times {
        let (sender, url) = (sender.clone(), format!("http://hang{}.example.com/", n % names));
        tries.spawn(async move { send_to(&sender, &url).await });
    }
    let tried = tries.join_all().await;
    assert!(tried.iter().all(|tried| tried.result == Err(Failure::Timeout)), "{tried:?}");
}

/// Tries a name that resolves, until it is delivered to: the deadline is short.
async fn deliver(sender: &Sender, healthy: SocketAddr) {
    let url = format!("http://healthy.example.com:{}/", healthy.port());
    while !send_to(sender, &url).await.delivered() {}
}

#[tokio::test]
async fn names_whose_look_up_hangs_take_no_more_than_their_share() {
    let (healthy, counts) = (answering(OK).await, Arc::new(Mutex::new((0, 0))));
    let (let_go, hangs) = watch::channel(false);
    let resolver = Hanging { healthy, counts: Arc::clone(&counts), let_go: hangs };
    let options = Options { timeout: SHORT, rules: private(), ..Options::default() };
    let sender = Sender::with_resolver(options, Arc::new(resolver)).unwrap();
    let most = || counts.lock().unwrap().1;

    // However often they are tried, each has one look-up, in which later tries share.
    while most() < 20 {
        hang(&sender, 20, 20).await;
    }
    hang(&sender, 20, 20).await;
    deliver(&sender, healthy).await;
    assert_eq!(most(), 20);

    // However many names there are, they have 128 at once. Who found no place is forgotten.
    while most() < 128 {
        hang(&sender, 400, 1).await;
    }
    hang(&sender, 400, 1).await;
    assert_eq!(*counts.lock().unwrap(), (128, 128));
    let_go.send_replace(true);
    deliver(&sender, healthy).await;
    assert_eq!(most(), 128);
}

#[tokio::test]
async fn development_mode_dials_what_the_resolver_says() {
    let address = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let resolver = Arc::new(Rebinding(Mutex::new(vec![vec![address]].into_iter())));
    let options = Options { timeout: PATIENT, rules: private(), ..Options::default() };
    let sender = Sender::with_resolver(options, resolver).unwrap();
    let url = format!("http://receiver.example.com:{}/", address.port());
    assert!(send_to(&sender, &url).await.delivered());
}

#[tokio::test]
async fn headers_that_cannot_be_sent_fail_without_a_request() {
    let sender = sender(PATIENT);
    let plain = Request {
        url: "http://127.0.0.1:1/",
        authorization: None,
        body: Bytes::new(),
        headers: &[],
    };
    let bad = [
        Request { authorization: Some("a\nb"), ..plain.clone() },
        Request { headers: &[("bad name", "x")], ..plain.clone() },
        Request { headers: &[("x", "a\r\nb")], ..plain },
    ];
    for request in bad {
        assert_eq!(sender.send(request).await.result.unwrap_err(), Failure::InvalidHeader);
    }
}

#[tokio::test]
async fn failures_show_neither_url_nor_secret() {
    let address = answering("nonsense").await;
    let request = Request {
        url: &format!("http://{address}/s3cret?s3cret"),
        authorization: Some("s3cret"),
        body: Bytes::new(),
        headers: &[],
    };
    let failure = sender(PATIENT).send(request).await.result.unwrap_err();
    assert_eq!(failure.to_string(), "answer is not complete and valid http");
    assert_eq!(failure.code(), "invalid_response");
    assert!(!format!("{failure:?}").contains("s3cret"));
}
