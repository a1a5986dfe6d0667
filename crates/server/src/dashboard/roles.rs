//! What each role may do in the dashboard: one table of roles, and one of routes.

use http::Method;
use vinculo_store::UserRole;

/// What a page shows, or a form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Counts, and one's own session.
    Look,
    /// Links, employments and owners: who people are and what they earn.
    SeePeople,
    /// Planillas and cohorts are brought, links filled again and deleted.
    ChangePeople,
    /// Keys without their passwords.
    SeeKeys,
    /// Keys are made, rotated and revoked.
    ChangeKeys,
    /// Endpoints, and what became of events.
    SeeWebhooks,
    /// Who read and changed what.
    SeeAudit,
    /// Settings are changed.
    ChangeSettings,
    /// Endpoints are made and changed, events sent again.
    ChangeWebhooks,
}

use Action::{
    ChangeKeys, ChangePeople, ChangeSettings, ChangeWebhooks, Look, SeeAudit, SeeKeys, SeePeople,
    SeeWebhooks,
};

/// The table of roles.
pub(crate) const fn may(role: UserRole, action: Action) -> bool {
    match role {
        UserRole::Owner => true,
        UserRole::Developer => !matches!(action, SeeAudit),
        UserRole::Analyst => matches!(action, Look | SeePeople),
        UserRole::Auditor => matches!(action, Look | SeeAudit | SeeKeys | SeeWebhooks),
    }
}

/// What a route for people who are signed in asks of them. A route without a row is open to nobody.
pub(crate) fn needed(method: &Method, route: &str) -> Option<Action> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let route = route.strip_prefix("/dashboard")?;
    Some(match (method, route) {
        ("GET", "" | "/{environment}") | ("POST", "/sign-out" | "/language") => Look,
        ("GET", "/{environment}/links" | "/{environment}/links/{id}") => SeePeople,
        ("POST", "/{environment}/links") => SeePeople,
        ("GET", "/{environment}/links/{id}/provenance/{employment}") => SeePeople,
        ("GET" | "POST", "/{environment}/links/{id}/delete") => ChangePeople,
        ("POST", "/{environment}/links/{id}/refresh") => ChangePeople,
        ("GET", "/{environment}/imports" | "/{environment}/imports/{id}") => SeePeople,
        ("GET", "/{environment}/cohorts" | "/{environment}/cohorts/{id}") => SeePeople,
        ("GET", "/{environment}/cohorts/{id}/results.csv") => SeePeople,
        ("POST", "/{environment}/imports" | "/{environment}/cohorts") => ChangePeople,
        ("POST", "/{environment}/cohorts/{id}/cancel") => ChangePeople,
        ("GET", "/{environment}/keys") => SeeKeys,
        ("POST", "/{environment}/keys" | "/{environment}/keys/{id}/{change}") => ChangeKeys,
        ("GET", "/{environment}/webhooks" | "/{environment}/webhooks/{id}") => SeeWebhooks,
        ("GET", "/{environment}/deliveries" | "/{environment}/deliveries/{id}") => SeeWebhooks,
        ("GET", "/{environment}/settings" | "/{environment}/account") => Look,
        ("POST", "/{environment}/account/{change}") => Look,
        ("POST", "/{environment}/settings") => ChangeSettings,
        ("GET", "/{environment}/audit") => SeeAudit,
        ("POST", "/{environment}/webhooks") => ChangeWebhooks,
        ("POST", "/{environment}/webhooks/{id}/{change}") => ChangeWebhooks,
        ("POST", "/{environment}/deliveries/{id}/replay") => ChangeWebhooks,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_may_what_the_table_says() {
        let (yes, no) = (true, false);
        for (action, owner, developer, analyst, auditor) in [
            (Look, yes, yes, yes, yes),
            (SeePeople, yes, yes, yes, no),
            (ChangePeople, yes, yes, no, no),
            (SeeKeys, yes, yes, no, yes),
            (ChangeKeys, yes, yes, no, no),
            (SeeWebhooks, yes, yes, no, yes),
            (ChangeWebhooks, yes, yes, no, no),
            (ChangeSettings, yes, yes, no, no),
            (SeeAudit, yes, no, no, yes),
        ] {
            let allowed =
                [UserRole::Owner, UserRole::Developer, UserRole::Analyst, UserRole::Auditor]
                    .map(|role| may(role, action));
            assert_eq!(allowed, [owner, developer, analyst, auditor], "{action:?}");
        }
    }

    #[test]
    fn a_route_without_a_row_is_open_to_nobody() {
        assert_eq!(needed(&Method::GET, "/dashboard/{environment}/secrets"), None);
        assert_eq!(needed(&Method::DELETE, "/dashboard/{environment}/keys"), None);
        assert_eq!(needed(&Method::GET, "/manage/v1/keys/"), None);
    }
}
