//! Who comes in to the dashboard, for how long, and how.

use std::time::Duration;

use serde_json::Value;
use vinculo_server::config::Config;
use vinculo_server::{
    InvitedUser, create_organization, create_user, disable_user, list_organizations, list_users,
    reset_user, set_up_link,
};
use vinculo_store::UserRole;

use crate::support::{Browser, Setup, Shown, TestApp, TestDatabase, between, on_both_databases};

on_both_databases!(
    the_first_user_sets_up_the_dashboard,
    who_was_only_invited_does_not_end_the_first_link,
    signing_in_leads_to_what_was_asked_for,
    a_form_that_comes_after_its_session_is_kept,
    an_invitation_works_once_and_ends,
    what_is_wrong_with_a_password_is_said,
    a_password_is_changed_by_who_knows_it,
    users_are_made_reset_and_disabled,
    nobody_is_told_which_users_there_are,
    guesses_are_limited_by_user_and_by_address,
    a_session_ends_by_itself_and_by_hand,
    forms_of_other_sites_are_refused,
    a_cookie_is_for_tls_where_there_is_tls,
    who_signs_in_is_noted,
    pages_are_in_the_language_of_the_browser_until_one_is_chosen,
);

pub(crate) const PASSWORD: &str = "una frase bastante larga";

/// A user of an organization, who has been invited.
pub(crate) async fn invite(app: &TestApp, organization: &str, role: UserRole) -> InvitedUser {
    let email = format!("{role}@{organization}.example");
    create_user(&app.app, organization, &email, role).await.expect("no user")
}

/// Sets a password by an invitation.
pub(crate) async fn accept(browser: &mut Browser, link: &str) -> Shown {
    browser.get(link).await.page();
    let fields = [("password", PASSWORD), ("again", PASSWORD), ("email", "first@example.com")];
    browser.submit(link, &fields).await
}

/// A browser that a user of an organization has signed in with.
pub(crate) async fn signed_in(app: &TestApp, organization: &str, role: UserRole) -> Browser {
    let invited = invite(app, organization, role).await;
    let mut browser = app.browser();
    assert_eq!(accept(&mut browser, &invited.link).await.location(), "/dashboard");
    browser.get("/dashboard/sandbox").await.page();
    browser
}

async fn sign_in(browser: &mut Browser, email: &str, password: &str) -> Shown {
    browser.get("/dashboard/sign-in").await.page();
    browser.submit("/dashboard/sign-in", &[("email", email), ("password", password)]).await
}

async fn is_in(browser: &mut Browser) -> bool {
    let shown = browser.get("/dashboard/sandbox").await;
    if shown.status == 200 {
        return true;
    }
    assert_eq!(shown.location(), "/dashboard/sign-in?next=%2Fdashboard%2Fsandbox");
    false
}

async fn the_first_user_sets_up_the_dashboard(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let earlier = set_up_link(&app.app).await.unwrap().expect("there is no user");
    let link = set_up_link(&app.app).await.unwrap().expect("there is no user");
    let mut browser = app.browser();
    assert_eq!(browser.get(&earlier).await.status, 404, "a later link replaces it");
    let page = browser.get(&link).await.page();
    assert!(page.contains("Nobody can sign in yet"), "{page}");
    let fields = [("password", PASSWORD), ("again", PASSWORD), ("email", "no address")];
    let refused = browser.submit(&link, &fields).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("Write an address"), "{}", refused.body);
    assert_eq!(accept(&mut browser, &link).await.location(), "/dashboard");
    assert_eq!(browser.get("/dashboard").await.location(), "/dashboard/sandbox");
    let page = browser.get("/dashboard/sandbox").await.page();
    assert!(page.contains(">first@example.com</a> · owner · default"), "{page}");
    assert_eq!(app.browser().get(&link).await.status, 404);
    assert_eq!(set_up_link(&app.app).await.unwrap(), None);
    let mut again = app.browser();
    let shown = sign_in(&mut again, " First@Example.com ", PASSWORD).await;
    assert_eq!(shown.location(), "/dashboard");
    app.finish().await;
}

async fn who_was_only_invited_does_not_end_the_first_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = set_up_link(&app.app).await.unwrap().expect("there is no user");
    let invited = invite(&app, "default", UserRole::Developer).await;
    let mut browser = app.browser();
    let page = browser.get(&link).await.page();
    assert!(page.contains("Nobody can sign in yet"), "{page}");
    let fields =
        [("password", PASSWORD), ("again", PASSWORD), ("email", "developer@default.example")];
    let taken = browser.submit(&link, &fields).await;
    assert_eq!(taken.status, 400);
    assert!(taken.body.contains("That address is a user"), "{}", taken.body);
    let restarted = set_up_link(&app.app).await.unwrap();
    let link = restarted.expect("nobody can sign in, so a start prints a link");
    let mut late = app.browser();
    late.get(&link).await.page();
    assert_eq!(accept(&mut browser, &link).await.location(), "/dashboard");
    let page = browser.get("/dashboard/sandbox").await.page();
    assert!(page.contains(">first@example.com</a> · owner · default"), "{page}");
    accept(&mut app.browser(), &invited.link).await.location();
    for over in [late.get(&link).await, late.submit(&link, &fields).await] {
        assert_eq!(over.status, 404);
        assert!(over.body.contains("vinculo users create … --role owner"), "{}", over.body);
    }
    // Whoever is disabled has set the server up all the same.
    disable_user(&app.app, "first@example.com").await.unwrap();
    assert_eq!(set_up_link(&app.app).await.unwrap(), None);
    app.finish().await;
}

/// What the page to sign in carries in a field.
fn carried(page: &str, name: &str) -> String {
    let value = between(page, &format!("name=\"{name}\" value=\""), "\"");
    value.replace("&#38;", "&").replace("&#34;", "\"")
}

async fn signing_in_leads_to_what_was_asked_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    signed_in(&app, "default", UserRole::Owner).await;
    let wanted = "/dashboard/production/deliveries?status=failed";
    let mut browser = app.browser();
    let asked = browser.get(wanted).await.location().to_owned();
    let page = browser.get(&asked).await.page();
    assert!(!page.contains("Your session has ended"), "there was none: {page}");
    let next = carried(&page, "next");
    let fields = |password| {
        [("email", "owner@default.example"), ("password", password), ("next", next.as_str())]
    };
    let wrong = browser.submit("/dashboard/sign-in", &fields("a wrong password")).await;
    assert_eq!(carried(&wrong.body, "next"), wanted);
    assert_eq!(browser.submit("/dashboard/sign-in", &fields(PASSWORD)).await.location(), wanted);
    browser.get(wanted).await.page();
    app.settled().await;
    app.advance(Duration::from_secs(2 * 60 * 60));
    let asked = browser.get(wanted).await.location().to_owned();
    let page = browser.get(&asked).await.page();
    assert!(page.contains("Your session has ended"), "{page}");
    for elsewhere in ["https://elsewhere.example/", "//elsewhere.example/", "/api/links/"] {
        let query: String = url::form_urlencoded::byte_serialize(elsewhere.as_bytes()).collect();
        let page = browser.get(&format!("/dashboard/sign-in?next={query}")).await.page();
        assert!(!page.contains("elsewhere") && !page.contains("/api/"), "{page}");
        let fields =
            [("email", "owner@default.example"), ("password", PASSWORD), ("next", elsewhere)];
        let shown = browser.submit("/dashboard/sign-in", &fields).await;
        assert_eq!(shown.location(), "/dashboard", "{elsewhere}");
    }
    assert_eq!(browser.get("/dashboard/").await.location(), "/dashboard");
    assert_eq!(
        browser.get("/dashboard/sandbox/links/").await.location(),
        "/dashboard/sandbox/links"
    );
    app.finish().await;
}

async fn a_form_that_comes_after_its_session_is_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let keys = "/dashboard/production/keys";
    let page = browser.get(keys).await.page();
    let before = page.matches("<li class=\"card\">").count();
    app.settled().await;
    app.advance(Duration::from_secs(2 * 60 * 60));
    let fields = [("name", "riesgo & <1>"), ("scopes", "read"), ("allow_list", "10.0.0.7")];
    let asked = browser.submit(keys, &fields).await;
    assert_eq!(asked.status, 403);
    assert!(asked.body.contains("nothing was done yet"), "{}", asked.body);
    let (kept_for, kept) = (carried(&asked.body, "kept_for"), carried(&asked.body, "kept"));
    let fields = [
        ("email", "owner@default.example"),
        ("password", PASSWORD),
        ("kept_for", &kept_for),
        ("kept", &kept),
    ];
    let page = browser.submit("/dashboard/sign-in", &fields).await.page();
    assert!(page.contains(&format!("<form method=\"post\" action=\"{keys}\">")), "{page}");
    let again: Vec<_> = ["name", "scopes", "allow_list"].map(|name| carried(&page, name)).into();
    assert_eq!(again, ["riesgo & &#60;1&#62;", "read", "10.0.0.7"]);
    let sent = [("name", "riesgo"), ("scopes", &*again[1]), ("allow_list", &*again[2])];
    assert!(browser.submit(keys, &sent).await.page().contains("Key generated"));
    let page = browser.get(keys).await.page();
    assert_eq!(page.matches("<li class=\"card\">").count(), before + 1);
    app.settled().await;
    app.advance(Duration::from_secs(2 * 60 * 60));
    // What has a password in it is not kept, nor a file.
    let account = "/dashboard/production/account/drop";
    let asked = browser.submit(account, &[("code", "123456")]).await;
    assert!(asked.body.contains("fill it in again") && !asked.body.contains("123456"));
    let file = browser.upload("/dashboard/production/imports", &[], ("a.txt", b"x")).await;
    assert_eq!(file.status, 403);
    assert!(file.body.contains("fill it in again"), "{}", file.body);
    // What another site has sent is not shown to anybody.
    let form = browser.form();
    let foreign = browser.submit_as(keys, &sent, Some("https://evil.example"), &form).await;
    assert_eq!(foreign.location(), "/dashboard/sign-in");
    app.finish().await;
}

async fn an_invitation_works_once_and_ends(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let invited = invite(&app, "default", UserRole::Analyst).await;
    let (mut one, mut two) = (app.browser(), app.browser());
    two.get(&invited.link).await.page();
    assert_eq!(accept(&mut one, &invited.link).await.location(), "/dashboard");
    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(two.submit(&invited.link, &fields).await.status, 404);
    assert!(is_in(&mut one).await);
    let invited = invite(&app, "default", UserRole::Auditor).await;
    app.settled().await;
    app.advance(Duration::from_secs(48 * 60 * 60));
    assert_eq!(app.browser().get(&invited.link).await.status, 404);
    for no_token in ["/dashboard/welcome/x", "/dashboard/welcome/%00", "/dashboard/welcome/%ff"] {
        let shown = app.browser().get(no_token).await;
        assert!((400..500).contains(&shown.status), "{no_token}");
    }
    app.finish().await;
}

async fn what_is_wrong_with_a_password_is_said(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let invited = invite(&app, "default", UserRole::Owner).await;
    let mut browser = app.browser();
    browser.get(&invited.link).await.page();
    let long = "x".repeat(201);
    for (password, again, told) in [
        ("elevenchars", "elevenchars", "must have 12 to 200"),
        (long.as_str(), long.as_str(), "must have 12 to 200"),
        ("", "", "must have 12 to 200"),
        (PASSWORD, "another sentence", "passwords differ"),
    ] {
        let fields = [("password", password), ("again", again)];
        let refused = browser.submit(&invited.link, &fields).await;
        assert_eq!(refused.status, 400, "{password}");
        assert!(refused.body.contains(told), "{password}: {}", refused.body);
        assert!(password.is_empty() || !refused.body.contains(password));
    }
    assert_eq!(accept(&mut browser, &invited.link).await.status, 303, "it is not used up");
    app.finish().await;
}

async fn a_password_is_changed_by_who_knows_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Analyst).await;
    let (email, account) = ("analyst@default.example", "/dashboard/sandbox/account");
    let mut neighbour = app.browser();
    sign_in(&mut neighbour, email, PASSWORD).await.location();
    browser.get(account).await.page();
    let new = "otra frase tambien larga";
    for (present, first, second, field, told) in [
        ("not what it was", new, new, "present", "not your present password"),
        (PASSWORD, "short", "short", "new", "must have 12 to 200"),
        (PASSWORD, new, PASSWORD, "again", "passwords differ"),
    ] {
        let fields = [("password", present), ("new", first), ("again", second)];
        let refused = browser.submit(&format!("{account}/password"), &fields).await;
        assert_eq!(refused.status, 400, "{told}");
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
        let input = between(&refused.body, &format!("<input id=\"{field}\""), ">");
        assert!(input.contains(&format!("aria-describedby=\"{field}-wrong")), "{input}");
        assert!(!refused.body.contains(new) && !refused.body.contains(PASSWORD));
    }
    assert!(is_in(&mut neighbour).await);
    browser.get(account).await.page();
    let fields = [("password", PASSWORD), ("new", new), ("again", new)];
    let changed = browser.submit(&format!("{account}/password"), &fields).await;
    assert_eq!(changed.location(), format!("{account}?said=password"));
    let page = browser.get(&format!("{account}?said=password")).await.page();
    assert!(page.contains("The password was changed"), "{page}");
    assert!(!is_in(&mut neighbour).await, "the other session has ended");
    assert_eq!(sign_in(&mut neighbour, email, PASSWORD).await.status, 403);
    assert_eq!(sign_in(&mut neighbour, email, new).await.location(), "/dashboard");
    browser.get(account).await.page();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let fields = [("password", "a guess of twelve"), ("new", new), ("again", new)];
        let guess = browser.submit(&format!("{account}/password"), &fields).await;
        statuses.push(guess.status);
    }
    assert!(statuses.ends_with(&[429]), "guesses count as tries to sign in: {statuses:?}");
    let path = "/manage/v1/audit/?action=user.password_set";
    assert_eq!(app.production().results(path).await.len(), 2);
    app.finish().await;
}

async fn users_are_made_reset_and_disabled(database: TestDatabase) {
    let app = TestApp::start(database).await;
    create_organization(&app.app, " Ejemplo ").await.unwrap();
    for wrong in ["Ejemplo", "", "  ", &"n".repeat(101), "a\nb"] {
        assert!(create_organization(&app.app, wrong).await.is_err(), "{wrong:?}");
    }
    let names: Vec<_> = list_organizations(&app.app).await.unwrap();
    assert_eq!(names.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["default", "Ejemplo"]);
    let made = create_user(&app.app, "Ejemplo", "Ana@Example.com", UserRole::Developer).await;
    let made = made.unwrap();
    assert_eq!((&*made.user.email, made.user.state), ("ana@example.com", "invited"));
    for (organization, email) in
        [("Ejemplo", "ana@example.com "), ("Nadie", "b@example.com"), ("Ejemplo", "no address")]
    {
        let refused = create_user(&app.app, organization, email, UserRole::Owner).await;
        assert!(refused.is_err(), "{organization} {email}");
    }
    let mut browser = app.browser();
    accept(&mut browser, &made.link).await;
    assert!(is_in(&mut browser).await);
    let again = reset_user(&app.app, "ANA@example.com").await.unwrap();
    assert!(!is_in(&mut browser).await, "a reset ends sessions");
    let refused = sign_in(&mut browser, "ana@example.com", PASSWORD).await;
    assert_eq!(refused.status, 403, "and the password");
    accept(&mut browser, &again.link).await;
    disable_user(&app.app, "ana@example.com").await.unwrap();
    assert!(!is_in(&mut browser).await);
    assert_eq!(sign_in(&mut browser, "ana@example.com", PASSWORD).await.status, 403);
    let listed = list_users(&app.app).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|it| (&*it.email, &*it.organization, it.state)).collect();
    assert_eq!(shown, [("ana@example.com", "Ejemplo", "disabled")]);
    assert!(disable_user(&app.app, "nobody@example.com").await.is_err());
    let back = reset_user(&app.app, "ana@example.com").await.unwrap();
    accept(&mut browser, &back.link).await;
    assert!(is_in(&mut browser).await);
    app.finish().await;
}

async fn nobody_is_told_which_users_there_are(database: TestDatabase) {
    let app = TestApp::start(database).await;
    signed_in(&app, "default", UserRole::Owner).await;
    invite(&app, "default", UserRole::Analyst).await;
    let mut answers = Vec::new();
    // Known, invited, unknown, no address at all.
    for email in ["owner@default.example", "analyst@default.example", "nobody@x.example", "x"] {
        let mut browser = app.browser();
        let shown = sign_in(&mut browser, email, "a wrong password").await;
        let form = browser.form();
        let written = format!("value=\"{email}\"");
        answers.push((shown.status, shown.body.replace(&form, "").replace(&written, "")));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, 403);
    app.finish().await;
}

async fn guesses_are_limited_by_user_and_by_address(database: TestDatabase) {
    let app = Setup::new(database).configure(|it: &mut Config| it.login_failures_per_minute = 12);
    let app = app.start().await;
    signed_in(&app, "default", UserRole::Owner).await;
    let (known, unknown) = ("owner@default.example", "nobody@default.example");
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(sign_in(&mut app.browser(), known, "a wrong password").await.status);
    }
    assert_eq!(statuses, [vec![403; 10], vec![429]].concat(), "ten for a user");
    let right = sign_in(&mut app.browser(), known, PASSWORD).await;
    assert_eq!(right.status, 429, "whatever the password");
    let other = sign_in(&mut app.browser(), unknown, PASSWORD).await;
    assert_eq!(other.status, 429, "twelve from an address");
    app.settled().await;
    app.advance(Duration::from_secs(60));
    assert_eq!(sign_in(&mut app.browser(), unknown, PASSWORD).await.status, 403);
    assert_eq!(sign_in(&mut app.browser(), known, PASSWORD).await.status, 303);
    app.finish().await;
}

async fn a_session_ends_by_itself_and_by_hand(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    app.settled().await;
    let hour = Duration::from_secs(60 * 60);
    app.advance(hour + hour / 2);
    assert!(is_in(&mut browser).await);
    app.advance(hour + hour / 2);
    assert!(is_in(&mut browser).await, "it was used meanwhile");
    app.advance(hour);
    assert_eq!(browser.renew("/dashboard/sandbox").await.status, 200);
    app.advance(hour);
    assert!(!is_in(&mut browser).await, "nobody used it: a page that renews itself is nobody");
    sign_in(&mut browser, "owner@default.example", PASSWORD).await;
    for _ in 0..11 {
        app.advance(hour);
        assert!(is_in(&mut browser).await);
    }
    app.advance(hour);
    assert!(!is_in(&mut browser).await, "twelve hours are the longest");
    sign_in(&mut browser, "owner@default.example", PASSWORD).await;
    let mut neighbour = app.browser();
    sign_in(&mut neighbour, "owner@default.example", PASSWORD).await;
    browser.get("/dashboard/sandbox").await.page();
    let shown = browser.submit("/dashboard/sign-out", &[]).await;
    assert_eq!(shown.location(), "/dashboard/sign-in");
    assert_eq!(browser.forget(), None, "the cookie is gone");
    assert!(is_in(&mut neighbour).await, "the other session goes on");
    let cookie = neighbour.forget().expect("a session");
    let mut thief = app.browser();
    thief.take_session(&cookie[..cookie.len() - 1]);
    assert!(!is_in(&mut thief).await);
    app.finish().await;
}

async fn forms_of_other_sites_are_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let keys = "/dashboard/sandbox/keys";
    let page = browser.get(keys).await.page();
    let (form, count) = (browser.form(), page.matches("<li class=\"card\">").count());
    let base = app.base().to_owned();
    let mut other = app.browser();
    other.get("/dashboard/sign-in").await.page();
    let strangers = other.form();
    for (origin, carried) in [
        (None, form.as_str()),
        (Some("https://elsewhere.example"), &form),
        (Some("null"), &form),
        (Some(""), &form),
        (Some(&*base), ""),
        (Some(&*base), &form[1..]),
        (Some(&*base), &strangers),
    ] {
        for path in [keys, "/dashboard/sign-out", "/dashboard/language"] {
            let refused = browser.submit_as(path, &[("language", "es")], origin, carried).await;
            assert_eq!(refused.status, 403, "{path} {origin:?} {carried}");
            assert!(refused.body.contains("comes from another site"), "{}", refused.body);
        }
        let fields = [("email", "owner@default.example"), ("password", PASSWORD)];
        if carried != strangers {
            let refused = other.submit_as("/dashboard/sign-in", &fields, origin, carried).await;
            assert_eq!(refused.status, 403, "{origin:?} {carried}");
        }
    }
    let page = browser.get(keys).await.page();
    assert_eq!(page.matches("<li class=\"card\">").count(), count);
    assert!(page.contains("lang=\"en\""));
    app.finish().await;
}

async fn a_cookie_is_for_tls_where_there_is_tls(database: TestDatabase) {
    let app = Setup::new(database).configure(|it: &mut Config| {
        it.public_url = Some("https://vinculo.example/".parse().unwrap());
    });
    let app = app.start().await;
    let mut browser = app.browser();
    let shown = browser.get("/dashboard/sign-in").await;
    let cookie = shown.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; Secure") && cookie.contains("; Path=/dashboard"), "{cookie}");
    let form = browser.form();
    for (origin, status) in [
        ("https://vinculo.example", 403),
        ("https://vinculo.example:444", 403),
        ("https://vinculo.example.elsewhere.example", 403),
    ] {
        let fields = [("email", "x@example.com"), ("password", "y")];
        let path = "/dashboard/sign-in";
        let shown = browser.submit_as(path, &fields, Some(origin), &form).await;
        assert_eq!(shown.status, status);
        let of_this_site = origin == "https://vinculo.example";
        assert_eq!(shown.body.contains("do not belong together"), of_this_site, "{origin}");
    }
    app.finish().await;
}

async fn who_signs_in_is_noted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    browser.submit("/dashboard/sign-out", &[]).await;
    sign_in(&mut browser, "owner@default.example", "a wrong password").await;
    sign_in(&mut browser, "owner@default.example", PASSWORD).await;
    app.settled().await;
    app.advance(Duration::from_secs(1));
    let user = list_users(&app.app).await.unwrap()[0].id;
    let mut noted = Vec::new();
    crate::support::soon("the failure's being written", async {
        while noted.iter().filter(|it: &&Value| it["action"] == "user.sign_in_failed").count() < 1 {
            let path = "/manage/v1/audit/?page_size=1000";
            noted = app.production().results(path).await;
            crate::support::look_again().await;
        }
    })
    .await;
    noted.retain(|it| it["object"] == user.to_string());
    noted.sort_by_key(|it| it["id"].as_i64());
    let told = |it: &Value| format!("{} {}", it["actor"], it["action"]).replace('"', "");
    let mut told: Vec<_> = noted.iter().map(told).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "console user.created",
            "stranger user.sign_in_failed",
            "user user.password_set",
            "user user.signed_in",
            "user user.signed_in",
            "user user.signed_out",
        ]
    );
    let failed = noted.iter().find(|it| it["actor"] == "stranger").unwrap();
    assert_eq!(failed["client_address"], "127.0.0.1");
    app.finish().await;
}

async fn pages_are_in_the_language_of_the_browser_until_one_is_chosen(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    browser.language = "es-CO,es;q=0.9";
    let page = browser.get("/dashboard/sandbox/keys").await.page();
    assert_eq!(between(&page, "<html lang=\"", "\""), "es");
    assert!(page.contains("Llaves API"));
    let page = browser.get("/dashboard/production/links?status=valid").await.page();
    let here = carried(&page, "next");
    let fields = [("language", "en"), ("next", here.as_str())];
    let shown = browser.submit("/dashboard/language", &fields).await;
    assert_eq!(shown.location(), "/dashboard/production/links?status=valid");
    let fields = [("language", "en"), ("next", "https://elsewhere.example/")];
    let shown = browser.submit("/dashboard/language", &fields).await;
    assert_eq!(shown.location(), "/dashboard");
    let page = browser.get("/dashboard/sandbox/keys").await.page();
    assert!(page.contains("API keys"), "{page}");
    assert_eq!(browser.submit("/dashboard/language", &[("language", "fr")]).await.status, 404);
    app.finish().await;
}
