//! That the Spanish pages are in Spanish, and where a form says what is wrong with it.

use serde_json::json;
use vinculo_store::UserRole;

use crate::dashboard_sessions::signed_in;
use crate::support::{Browser, TestApp, TestDatabase, between, on_both_databases};

on_both_databases!(
    what_is_wrong_with_a_form_is_told_in_its_language_and_leads_to_the_field,
    what_cannot_be_done_is_told_in_spanish,
    what_is_wrong_with_a_planilla_is_told_in_spanish,
    states_have_a_word_and_their_code,
);

const REFUSED: &[u8] = include_bytes!("../../../pila/tests/samples/bad/09-check-digit.txt");
const ARCHIVE: &[u8] = include_bytes!("../../../pila/tests/samples/bad/19-zip.txt");

async fn spanish(app: &TestApp) -> Browser {
    let mut browser = signed_in(app, "default", UserRole::Owner).await;
    browser.language = "es";
    browser
}

async fn what_is_wrong_with_a_form_is_told_in_its_language_and_leads_to_the_field(
    database: TestDatabase,
) {
    let app = TestApp::start(database).await;
    let mut browser = spanish(&app).await;
    let webhooks = "/dashboard/sandbox/webhooks";
    let long = format!("https://example.com/{}", "x".repeat(3000));
    for (url, authorization, told) in [
        ("ejemplo", "", "No es una URL completa"),
        ("ftp://example.com", "", "La URL debe empezar por https://."),
        ("https://user:word@example.com", "", "usa el campo de autorización"),
        (&long, "", "La URL tiene 3020 bytes, más de 2048."),
        ("https://example.com", "a\nb", "no cabe en un encabezado HTTP"),
    ] {
        browser.get(webhooks).await.page();
        let fields = [("url", url), ("authorization", authorization)];
        let refused = browser.submit(webhooks, &fields).await;
        assert_eq!(refused.status, 400);
        let summary = between(&refused.body, "<div class=\"problem\"", "</div>");
        assert!(summary.contains(told), "{told}: {summary}");
        let name = if authorization.is_empty() { "url" } else { "authorization" };
        assert!(summary.contains("tabindex=\"-1\" autofocus"), "{summary}");
        assert!(summary.contains(&format!("<li id=\"{name}-wrong\">")), "{summary}");
        assert!(summary.contains(&format!("<a href=\"#{name}\">")), "{summary}");
        let described =
            format!(" aria-invalid=\"true\" aria-describedby=\"{name}-wrong {name}-hint\"");
        assert!(refused.body.contains(&described), "{described}: {}", refused.body);
        assert_eq!(refused.body.matches("aria-invalid").count(), 1);
    }
    let cohorts = "/dashboard/sandbox/cohorts";
    for (file, told) in [
        ("cedula\n1\n", "«cedula» no es una columna. Las que hay son document, username,"),
        ("document\n", "No hay ninguna fila después del encabezado."),
        ("document,external_id\n1\n", "La línea 2 tiene 1 campos, y el encabezado 2."),
    ] {
        browser.get(cohorts).await.page();
        let refused = browser.upload(cohorts, &[], ("x.csv", file.as_bytes())).await;
        assert_eq!(refused.status, 400);
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    browser.get(cohorts).await.page();
    let refused = browser.upload(cohorts, &[], ("x.csv", b"document\n\xff\n")).await;
    assert!(refused.body.contains("La línea 2 no es UTF-8."), "{}", refused.body);
    app.finish().await;
}

async fn what_cannot_be_done_is_told_in_spanish(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = spanish(&app).await;
    let endpoint = json!({ "url": "http://127.0.0.1:9/hook" });
    let made = app.sandbox().post("/manage/v1/webhook-endpoints/", &endpoint).await.json();
    let here = format!("/dashboard/sandbox/webhooks/{}", made["id"].as_str().unwrap());
    browser.get(&here).await.page();
    browser.submit(&format!("{here}/disable"), &[]).await.location();
    let page = browser.get(&here).await.page();
    assert!(page.contains("a mano <code class=\"code\">manual</code>"), "{page}");
    let refused = browser.submit(&format!("{here}/test"), &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("actívalo en su página"), "{}", refused.body);
    let refused = browser.get("/dashboard/sandbox/links?status=foo").await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("&#34;foo&#34; no es válido."), "{}", refused.body);
    app.finish().await;
}

async fn what_is_wrong_with_a_planilla_is_told_in_spanish(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = spanish(&app).await;
    let imports = "/dashboard/production/imports";
    let check_digit = "El dígito de verificación del NIT no corresponde.";
    for (file, told) in [
        (REFUSED, [check_digit, "anexo 2, 2.1.1.1", "rechazada"]),
        (ARCHIVE, ["un archivo de texto", "un archivo ZIP o un documento de Office", "rechazada"]),
    ] {
        browser.get(imports).await.page();
        let here = browser.upload(imports, &[], ("x.txt", file)).await.location().to_owned();
        app.settled().await;
        let page = browser.get(&here).await.page();
        for told in told {
            assert!(page.contains(told), "{told}: {page}");
        }
    }
    // What is kept, and what the API answers, stays as it was.
    let kept = app.production().results("/manage/v1/imports/").await;
    let path = format!("/manage/v1/imports/{}/", kept[0]["id"].as_str().unwrap());
    let kept = app.production().get(&path).await.json();
    assert_eq!(kept["report"]["findings"][0]["expected"], "a text file");
    app.finish().await;
}

async fn states_have_a_word_and_their_code(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = spanish(&app).await;
    let link = app.sandbox().create_link("1999000003", json!({})).await;
    app.settled().await;
    let here = format!("/dashboard/sandbox/links/{}", link["id"].as_str().unwrap());
    let page = browser.get(&here).await.page();
    for told in [
        "<span class=\"tag valid\">válido <code class=\"code\">valid</code></span>",
        "respondió con datos <code class=\"code\">resolved</code>",
        "antes de crear el link <code class=\"code\">check</code>",
        "link nuevo <code class=\"code\">creation</code>",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let home = browser.get("/dashboard/sandbox").await.page();
    assert!(home.contains("<span class=\"tag valid\">en servicio</span>"), "{home}");
    app.finish().await;
}
