//! Where somebody goes on after signing in or choosing a language: to pages of this dashboard, and
//! nowhere else.

use url::{Url, form_urlencoded};

/// Stands for this server.
const HERE: &str = "http://here";

/// The page of the dashboard that an address of this server names, in its canonical form; `None` for
/// one of elsewhere, and for the pages of who is not signed in.
pub(super) fn page(address: &str) -> Option<String> {
    let here = Url::parse(HERE).ok()?;
    let url = here.join(address).ok().filter(|url| url.origin() == here.origin())?;
    let path = url.path();
    let rest = path.strip_prefix("/dashboard").filter(|it| it.is_empty() || it.starts_with('/'))?;
    let strangers = ["/sign-in", "/welcome"].iter().any(|it| rest.starts_with(it));
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    (!strangers).then(|| format!("{path}{query}"))
}

/// The page of the dashboard that a browser was at, by its `Referer`; `base` is this server.
pub(super) fn before(referer: &str, base: &Url) -> Option<String> {
    let url = Url::parse(referer).ok().filter(|url| url.authority() == base.authority())?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    page(&format!("{}{query}", url.path()))
}

/// Where somebody signs in who goes on to a page afterwards.
pub(super) fn sign_in_for(next: &str) -> String {
    match page(next).filter(|next| next != "/dashboard") {
        Some(next) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            format!("/dashboard/sign-in?{}", query.append_pair("next", &next).finish())
        }
        None => "/dashboard/sign-in".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_of_this_dashboard() {
        for (address, expected) in [
            ("/dashboard", Some("/dashboard")),
            ("/dashboard/production/links/1?page=2", Some("/dashboard/production/links/1?page=2")),
            ("/dashboard/a/../b", Some("/dashboard/b")),
            ("/dashboard/../api/links/", None),
            ("/dashboard/%2e%2e/api/links/", None),
            ("/dashboardx", None),
            ("//elsewhere.example/dashboard", None),
            ("/\\elsewhere.example/dashboard", None),
            ("https://elsewhere.example/dashboard", None),
            ("javascript:alert(1)", None),
            ("/dashboard/sign-in", None),
            ("/dashboard/welcome/token", None),
            ("", None),
        ] {
            assert_eq!(page(address).as_deref(), expected, "{address}");
        }
        let base = Url::parse("https://vinculo.example/").unwrap();
        let before = |referer| before(referer, &base);
        let ours = before("https://vinculo.example/dashboard/sandbox/keys?page=1");
        assert_eq!(ours.as_deref(), Some("/dashboard/sandbox/keys?page=1"));
        assert_eq!(before("https://elsewhere.example/dashboard/sandbox"), None);
        assert_eq!(before("https://vinculo.example/docs"), None);
    }

    #[test]
    fn signing_in_leads_on() {
        assert_eq!(sign_in_for("/dashboard"), "/dashboard/sign-in");
        assert_eq!(sign_in_for("/docs"), "/dashboard/sign-in");
        assert_eq!(
            sign_in_for("/dashboard/sandbox/links?status=valid"),
            "/dashboard/sign-in?next=%2Fdashboard%2Fsandbox%2Flinks%3Fstatus%3Dvalid"
        );
    }
}
