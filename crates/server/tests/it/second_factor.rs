//! Codes beside the password: set up, asked for, used once, lost.

use std::time::Duration;

use aws_lc_rs::hmac;
use vinculo_server::reset_user;
use vinculo_store::UserRole;

use crate::dashboard_sessions::{PASSWORD, signed_in};
use crate::support::{Browser, Shown, TestApp, TestDatabase, between, on_both_databases};

on_both_databases!(
    a_second_factor_is_set_up_asked_for_and_removed,
    a_code_is_used_once_and_guesses_are_limited,
    a_reset_removes_the_second_factor,
);

const ACCOUNT: &str = "/dashboard/sandbox/account";
const EMAIL: &str = "analyst@default.example";

/// An authenticator.
struct Authenticator(Vec<u8>);

impl Authenticator {
    fn of(text: &str) -> Self {
        let letters = text.chars().map(|c| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap());
        let bits: Vec<_> =
            letters.flat_map(|five| (0..5).rev().map(move |at| five >> at & 1)).collect();
        Self(
            bits.chunks_exact(8)
                .map(|byte| byte.iter().fold(0, |all, bit| all << 1 | *bit as u8))
                .collect(),
        )
    }

    /// The code that is shown now.
    fn code(&self, app: &TestApp) -> String {
        let step = app.now().as_second() / 30;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let four: [u8; 4] = tag.as_ref()[at..at + 4].try_into().unwrap();
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }
}

async fn sign_in(app: &TestApp, code: &str) -> Shown {
    let mut browser = app.browser();
    browser.get("/dashboard/sign-in").await.page();
    let fields = [("email", EMAIL), ("password", PASSWORD), ("code", code)];
    browser.submit("/dashboard/sign-in", &fields).await
}

async fn begin(browser: &mut Browser, password: &str) -> Shown {
    browser.submit(&format!("{ACCOUNT}/begin"), &[("password", password)]).await
}

/// Turns the second factor on; the authenticator and the recovery codes.
async fn turn_on(app: &TestApp, browser: &mut Browser) -> (Authenticator, Vec<String>) {
    browser.get(ACCOUNT).await.page();
    let page = begin(browser, PASSWORD).await.page();
    let secret = between(&page, "<code id=\"secret\">", "<").to_owned();
    assert_eq!(secret.len(), 32);
    let uri = format!("otpauth://totp/vinculo:{EMAIL}?secret={secret}&#38;issuer=vinculo");
    assert!(page.contains(&uri) && page.contains("<svg class=\"qr\""), "{page}");
    let authenticator = Authenticator::of(&secret);
    let code = authenticator.code(app);
    let page = browser.submit(&format!("{ACCOUNT}/confirm"), &[("code", &code)]).await.page();
    let list = between(&page, "<ul class=\"codes card\">", "</ul>");
    let codes: Vec<_> = list.split("<code>").skip(1).map(|it| it[..16].to_owned()).collect();
    assert_eq!(codes.len(), 10, "{page}");
    (authenticator, codes)
}

async fn a_second_factor_is_set_up_asked_for_and_removed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Analyst).await;
    assert_eq!(sign_in(&app, "whatever").await.location(), "/dashboard", "nobody asks for one");
    browser.get(ACCOUNT).await.page();
    let none = browser.submit(&format!("{ACCOUNT}/confirm"), &[("code", "000000")]).await;
    assert_eq!(none.status, 404, "there is nothing to confirm");
    browser.get(ACCOUNT).await.page();
    let stranger = begin(&mut browser, "another sentence").await;
    assert_eq!(stranger.status, 400, "whoever found the session has no password");
    assert!(stranger.body.contains("not your present password"), "{}", stranger.body);
    let begun = begin(&mut browser, PASSWORD).await.page();
    let secret = between(&begun, "<code id=\"secret\">", "<").to_owned();
    let again = begin(&mut browser, PASSWORD).await;
    assert_eq!(again.location(), format!("{ACCOUNT}?said=again"), "a reload makes no other secret");
    for (given, shown) in [(secret.as_str(), true), ("", false), (&secret[1..], false)] {
        let fields = [("code", "no"), ("secret", given)];
        let wrong = browser.submit(&format!("{ACCOUNT}/confirm"), &fields).await;
        assert_eq!(wrong.status, 400);
        assert!(wrong.body.contains("The code is wrong"), "{}", wrong.body);
        assert_eq!(wrong.body.contains(&secret), shown, "told to who knows it: {}", wrong.body);
        assert_eq!(wrong.body.contains("<svg class=\"qr\""), shown);
    }
    assert_eq!(sign_in(&app, "").await.location(), "/dashboard", "it is not asked for yet");

    app.advance(Duration::from_secs(60));
    let mut neighbour = app.browser();
    neighbour.get("/dashboard/sign-in").await.page();
    neighbour.submit("/dashboard/sign-in", &[("email", EMAIL), ("password", PASSWORD)]).await;
    neighbour.get(ACCOUNT).await.page();
    let (authenticator, codes) = turn_on(&app, &mut browser).await;
    neighbour.get(ACCOUNT).await.location();
    let page = browser.get(ACCOUNT).await.page();
    assert!(page.contains("Recovery codes left: <strong>10</strong>"), "{page}");
    let another = uuid::Uuid::from_u128(7).to_string();
    let fields = [("password", PASSWORD), ("once", &*another)];
    assert_eq!(browser.submit(&format!("{ACCOUNT}/begin"), &fields).await.status, 404);
    for wrong in ["", "123", "000000 "] {
        let shown = sign_in(&app, wrong).await;
        assert_eq!(shown.status, 403);
        assert!(shown.body.contains("do not belong together"), "{}", shown.body);
    }
    app.advance(Duration::from_secs(60));
    assert_eq!(sign_in(&app, &authenticator.code(&app)).await.location(), "/dashboard");
    assert_eq!(sign_in(&app, &codes[0].to_lowercase()).await.location(), "/dashboard");
    assert_eq!(sign_in(&app, &codes[0]).await.status, 403, "it was used");
    let page = browser.get(ACCOUNT).await.page();
    assert!(page.contains("<strong>9</strong>"), "{page}");

    app.advance(Duration::from_secs(60));
    assert_eq!(browser.submit(&format!("{ACCOUNT}/drop"), &[("code", "1")]).await.status, 400);
    let code = authenticator.code(&app);
    let dropped = browser.submit(&format!("{ACCOUNT}/drop"), &[("code", &code)]).await;
    assert_eq!(dropped.location(), ACCOUNT);
    assert_eq!(sign_in(&app, "").await.location(), "/dashboard");
    for action in ["user.second_factor_on", "user.second_factor_off"] {
        let noted = app.production().results(&format!("/manage/v1/audit/?action={action}")).await;
        assert_eq!((noted.len(), noted[0]["actor"].as_str()), (1, Some("user")), "{action}");
    }
    app.finish().await;
}

async fn a_code_is_used_once_and_guesses_are_limited(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Analyst).await;
    let (authenticator, _) = turn_on(&app, &mut browser).await;
    let code = authenticator.code(&app);
    assert_eq!(sign_in(&app, &code).await.status, 403, "it has confirmed already");
    app.advance(Duration::from_secs(30));
    let late = authenticator.code(&app);
    app.advance(Duration::from_secs(30));
    assert_eq!(sign_in(&app, &late).await.location(), "/dashboard", "a clock may be late");
    assert_eq!(sign_in(&app, &late).await.status, 403);
    assert_eq!(sign_in(&app, &authenticator.code(&app)).await.location(), "/dashboard");
    app.advance(Duration::from_secs(90));
    assert_eq!(sign_in(&app, &late).await.status, 403, "it is too old");
    app.advance(Duration::from_secs(120));
    browser.get(ACCOUNT).await.page();
    for _ in 0..10 {
        let wrong = browser.submit(&format!("{ACCOUNT}/drop"), &[("code", "1")]).await;
        assert_eq!(wrong.status, 400);
    }
    let right = [("code", &*authenticator.code(&app))];
    let shown = browser.submit(&format!("{ACCOUNT}/drop"), &right).await;
    assert_eq!(shown.status, 429);
    assert!(shown.headers.contains_key("retry-after"));
    assert_eq!(sign_in(&app, &authenticator.code(&app)).await.status, 429);
    app.finish().await;
}

async fn a_reset_removes_the_second_factor(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Analyst).await;
    let (_, codes) = turn_on(&app, &mut browser).await;
    let invited = reset_user(&app.app, EMAIL).await.unwrap();
    browser.get(&invited.link).await.page();
    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(browser.submit(&invited.link, &fields).await.location(), "/dashboard");
    assert_eq!(sign_in(&app, "").await.location(), "/dashboard");
    // The codes of before are gone too.
    turn_on(&app, &mut browser).await;
    assert_eq!(sign_in(&app, &codes[0]).await.status, 403);
    app.finish().await;
}
