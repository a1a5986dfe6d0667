//! Pages (contract 2.2): `count`, absolute `next` and `previous`, `results`.

use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use url::form_urlencoded;
use vinculo_store::PageRequest;

use super::body::shown;
use super::query::Query;
use crate::App;
use crate::client::Base;
use crate::error::{ApiError, ErrorItem};

const DEFAULT_SIZE: i64 = 100;
const LARGEST_SIZE: i64 = 1000;

/// Which page of which list is asked for, and how to name its neighbours.
#[derive(Debug, Clone)]
pub(crate) struct PageQuery {
    page: i64,
    size: i64,
    /// Where the list is, as the client addressed it.
    base: Option<Base>,
    path: String,
    /// Every parameter of the request.
    pub(crate) query: Query,
}

impl FromRequestParts<App> for PageQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let original = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        Self::read(query, Base::of(parts, app), original.path().to_owned())
    }
}

impl PageQuery {
    fn read(query: Query, base: Option<Base>, path: String) -> Result<Self, ApiError> {
        // PostgreSQL compares no text with a NUL in it.
        if let Some((name, _)) = query.pairs().iter().find(|(_, value)| value.contains('\0')) {
            let message = "Null characters are not allowed.";
            let item = ErrorItem::field("invalid", shown(name), message);
            return Err(ApiError::bad_request(vec![item]));
        }
        let number =
            |name| query.get(name).and_then(|value: &str| value.trim().parse::<i64>().ok());
        let size = number("page_size").filter(|size| *size > 0).unwrap_or(DEFAULT_SIZE);
        let page = match query.get("page") {
            None => 1,
            Some(_) => number("page").filter(|page| *page > 0).ok_or_else(invalid_page)?,
        };
        Ok(Self { page, size: size.min(LARGEST_SIZE), base, path, query })
    }

    /// The slice to read.
    pub(crate) fn request(&self) -> PageRequest {
        PageRequest { limit: self.size, offset: (self.page - 1).saturating_mul(self.size) }
    }

    /// The answer: `items` are JSON documents, in order.
    ///
    /// # Errors
    /// 404 for a page past the end.
    pub(crate) fn answer(
        &self,
        count: i64,
        items: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Response, ApiError> {
        self.write(count, 0, |body| {
            for (place, item) in items.into_iter().enumerate() {
                if place > 0 {
                    body.push(b',');
                }
                body.extend_from_slice(item.as_ref());
            }
            Ok(())
        })
    }

    /// The answer for a list that is at hand in full.
    ///
    /// # Errors
    /// 404 for a page past the end.
    pub(crate) fn answer_all(&self, items: &[Vec<u8>]) -> Result<Response, ApiError> {
        self.answer(i64::try_from(items.len()).unwrap_or(i64::MAX), self.slice(items))
    }

    /// The items of this page, of a list that is at hand in full.
    pub(crate) fn slice<T>(&self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let place = |at: i64| usize::try_from(at).unwrap_or(usize::MAX);
        let PageRequest { limit, offset } = self.request();
        items.into_iter().skip(place(offset)).take(place(limit)).collect()
    }

    /// The answer, whose `results`, with commas between them, `write` adds to the body; they take
    /// about `room` bytes.
    ///
    /// # Errors
    /// 404 for a page past the end, and what `write` gives.
    pub(crate) fn write(
        &self,
        count: i64,
        room: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), ApiError>,
    ) -> Result<Response, ApiError> {
        let [next, previous] = self.neighbours(count)?;
        let mut body = Vec::with_capacity(room + 256);
        body.extend_from_slice(b"{\"count\":");
        serde_json::to_writer(&mut body, &count)?;
        for (name, page) in [(",\"next\":", next), (",\"previous\":", previous)] {
            body.extend_from_slice(name.as_bytes());
            serde_json::to_writer(&mut body, &page)?;
        }
        body.extend_from_slice(b",\"results\":[");
        write(&mut body)?;
        body.extend_from_slice(b"]}");
        Ok(json(StatusCode::OK, body))
    }

    /// The addresses of the next and the previous page of a list of this length.
    ///
    /// # Errors
    /// 404 for a page past the end.
    pub(crate) fn neighbours(&self, count: i64) -> Result<[Option<String>; 2], ApiError> {
        if self.page > 1 && self.request().offset >= count {
            return Err(invalid_page());
        }
        let last = (self.page.saturating_mul(self.size)) >= count;
        let next = (!last).then(|| self.neighbour(self.page + 1));
        let previous = (self.page > 1).then(|| self.neighbour(self.page - 1));
        Ok([next, previous])
    }

    /// Which page this is of a list of this length, and how many there are.
    pub(crate) fn place(&self, count: i64) -> (i64, i64) {
        (self.page, count.div_euclid(self.size) + i64::from(count % self.size > 0))
    }

    /// The address of another page; a relative one for a client that wrote no host, which HTTP/1.0
    /// allows.
    fn neighbour(&self, page: i64) -> String {
        let others = self.query.pairs().iter().filter(|(name, _)| name != "page");
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(others).append_pair("page", &page.to_string()).finish();
        // A path that begins with two slashes would name another host.
        let path = format!("/{}", self.path.trim_start_matches('/'));
        let Some(mut url) = self.base.as_ref().and_then(Base::url) else {
            return format!("{path}?{query}");
        };
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&(prefix + &path));
        url.set_query(Some(&query));
        url.into()
    }
}

fn invalid_page() -> ApiError {
    ApiError::status(StatusCode::NOT_FOUND, "not_found", "Invalid page.")
}

/// A response whose body is a JSON document already.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // With those that every answer has, which come later.
    headers.reserve(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn page(query: &str) -> Result<PageQuery, ApiError> {
        let base = Base::Written("http", "h:1".to_owned());
        PageQuery::read(Query::parse(query), Some(base), "/api/links/".to_owned())
    }

    #[test]
    fn sizes_are_clamped_and_nonsense_means_the_default() {
        for (query, size) in [
            ("", 100),
            ("page_size=7", 7),
            ("page_size=5000", 1000),
            ("page_size=0", 100),
            ("page_size=-3", 100),
            ("page_size=many", 100),
        ] {
            assert_eq!(page(query).unwrap().size, size, "{query}");
        }
    }

    proptest! {
        /// Walking `next` from the first page visits every row once and ends.
        #[test]
        fn next_walks_the_whole_list(count in 0_i64..400, size in 1_i64..50) {
            let mut seen = 0;
            let mut query = format!("status=valid&page_size={size}");
            loop {
                let current = page(&query).unwrap();
                let request = current.request();
                seen += (count - request.offset).clamp(0, request.limit);
                prop_assert!(current.answer(count, Vec::<Vec<u8>>::new()).is_ok());
                let last = current.page * current.size >= count;
                if last { break; }
                let next = Url::parse(&current.neighbour(current.page + 1)).unwrap();
                query = next.query().unwrap().to_owned();
                prop_assert!(query.contains("status=valid"));
            }
            prop_assert_eq!(seen, count);
        }
    }
}
