//! A browser without scripts: it keeps cookies, and sends the forms it was shown.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Method};
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::{Body, RequestBuilder};

use super::soon;

/// Stands between the parts of a form with a file.
const EDGE: &str = "edge-of-a-part";

/// Somebody's browser.
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    /// By path and name.
    cookies: BTreeMap<(String, String), String>,
    /// What the last page's forms carry.
    form: String,
    /// What makes those of them that do their work once another form on every page.
    once: String,
    /// `Accept-Language`.
    pub(crate) language: &'static str,
}

/// What it was shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(super) fn new(http: reqwest::Client, base: String) -> Self {
        let (form, once) = (String::new(), String::new());
        Self { http, base, cookies: BTreeMap::new(), form, once, language: "en" }
    }

    /// Another window of it, with the same cookies, at the same page.
    pub(crate) fn twin(&self) -> Self {
        let (http, base) = (self.http.clone(), self.base.clone());
        let (form, once) = (self.form.clone(), self.once.clone());
        Self { http, base, cookies: self.cookies.clone(), form, once, language: self.language }
    }

    /// Looks at a page.
    pub(crate) async fn get(&mut self, path: &str) -> Shown {
        let request = self.request(Method::GET, path);
        self.send(request).await
    }

    /// As a page that follows what is under way looks at itself again.
    pub(crate) async fn renew(&mut self, path: &str) -> Shown {
        let request = self.request(Method::GET, path).header("x-renewal", "1");
        self.send(request).await
    }

    /// Sends a form of the page that was shown last.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let form = self.form.clone();
        self.submit_as(path, fields, Some(&self.base.clone()), &form).await
    }

    /// Sends a form of this site, carrying this.
    pub(crate) async fn submit_as(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        origin: Option<&str>,
        form: &str,
    ) -> Shown {
        let carried = [("form", form), ("once", &self.once)];
        let pairs = carried.into_iter().chain(fields.iter().copied());
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut request = self.request(Method::POST, path).body(body);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        self.send(request).await
    }

    /// Sends a form with a file; without a name of one, none was chosen.
    pub(crate) async fn upload(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        (name, file): (&str, &[u8]),
    ) -> Shown {
        let form = self.form.clone();
        let mut body = Vec::new();
        for (name, value) in [("form", form.as_str())].iter().chain(fields) {
            let part = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"");
            body.extend_from_slice(format!("{part}\r\n\r\n{value}\r\n").as_bytes());
        }
        let part = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
        let head = format!("--{EDGE}\r\n{part}\r\nContent-Type: text/plain\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{EDGE}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={EDGE}");
        let request = self.request(Method::POST, path).header(ORIGIN, self.base.clone());
        self.send(request.header(CONTENT_TYPE, kind).body(body)).await
    }

    /// Begins to send a form with a file: so many bytes without an end of what comes before it, and
    /// then nothing.
    pub(crate) async fn upload_without_end(&mut self, path: &str, bytes: usize) -> Shown {
        let kind = format!("multipart/form-data; boundary={EDGE}");
        let head = format!("--{EDGE}\r\nContent-Disposition: form-data; x=").into_bytes();
        let pieces = std::iter::repeat_n(vec![b'x'; 64 * 1024], bytes / (64 * 1024));
        let pieces = std::iter::once(head).chain(pieces);
        let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece))));
        let body = stream::iter(frames).chain(stream::pending());
        let request = self.request(Method::POST, path).header(ORIGIN, self.base.clone());
        let request = request.header(CONTENT_TYPE, kind).body(Body::wrap(StreamBody::new(body)));
        soon("an answer before the end", self.send(request)).await
    }

    /// What the last page's forms carry.
    pub(crate) fn form(&self) -> String {
        self.form.clone()
    }

    /// Forgets its cookies; answers the cookie of the session, if there was one.
    pub(crate) fn forget(&mut self) -> Option<String> {
        std::mem::take(&mut self.cookies).remove(&session())
    }

    /// Carries what the forms of another browser carry.
    pub(crate) fn take_form_of(&mut self, other: &Self) {
        self.form.clone_from(&other.form);
    }

    /// Takes a cookie for the one of the session.
    pub(crate) fn take_session(&mut self, cookie: &str) {
        self.cookies.insert(session(), cookie.to_owned());
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.into() };
        let sent = self.cookies.iter().filter(|((of, _), _)| {
            let path = path.strip_prefix(self.base.as_str()).unwrap_or(path);
            let rest = path.strip_prefix(of.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        });
        let cookies = sent.map(|((_, name), value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let request = self.http.request(method, url).header("accept-language", self.language);
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies) }
    }

    async fn send(&mut self, request: RequestBuilder) -> Shown {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.expect("a page");
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie in ASCII");
            let (pair, attributes) = cookie.split_once(';').expect("a cookie with attributes");
            assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite="));
            let (name, value) = pair.split_once('=').expect("a cookie with a name");
            let path = attributes.split("; ").find_map(|it| it.trim().strip_prefix("Path="));
            let place = (path.expect("a cookie with a path").to_owned(), name.to_owned());
            match value {
                "" => self.cookies.remove(&place),
                value => self.cookies.insert(place, value.to_owned()),
            };
        }
        let carried = [("form", &mut self.form), ("once", &mut self.once)];
        for (name, kept) in carried {
            if let Some((_, rest)) = body.split_once(&format!(r#"name="{name}" value=""#)) {
                rest.split('"').next().unwrap_or_default().clone_into(kept);
            }
        }
        assert!(status < 500, "{status}: {body}");
        Shown { status, headers, body }
    }
}

/// Where the cookie of the dashboard is kept.
fn session() -> (String, String) {
    ("/dashboard".to_owned(), "vinculo_session".to_owned())
}

impl Shown {
    /// The page; fails the test when there is another answer.
    pub(crate) fn page(self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Where it sends the browser.
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.headers.get(LOCATION).and_then(|it| it.to_str().ok()).expect("an address")
    }
}

/// What stands between two texts of a page.
pub(crate) fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before:?}: {page}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?}: {rest}")).0
}
