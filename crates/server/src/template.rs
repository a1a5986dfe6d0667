//! Templates of routes, kept for ever: there are only as many as there are routes.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

/// A route as two of those who tell of it have it. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Template {
    /// With `{…}` where an id belongs, as the router has it.
    pub(crate) route: &'static str,
    /// With `*` there.
    pub(crate) shown: &'static str,
}

static KNOWN: LazyLock<RwLock<HashMap<&'static str, Template>>> = LazyLock::new(RwLock::default);

impl Template {
    /// That of a route. Its memory is never given back.
    pub(crate) fn of(route: &str) -> Self {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(route) {
            return *known;
        }
        drop(known);
        let mut all = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(route) {
            return *known;
        }
        let parts = route.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
        let shown = parts.collect::<Vec<_>>().join("/");
        let made = Self { route: Box::leak(route.into()), shown: Box::leak(shown.into()) };
        all.insert(made.route, made);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn a_template_is_made_once_and_shows_no_name_of_a_parameter() {
        for (route, shown) in [
            ("/api/links/", "/api/links/"),
            ("/api/links/{id}/refresh/", "/api/links/*/refresh/"),
            ("/files/{*path}", "/files/*"),
        ] {
            let made = Template::of(route);
            assert_eq!((made.route, made.shown), (route, shown));
            assert!(std::ptr::eq(made.shown, Template::of(route).shown));
        }
    }
}
