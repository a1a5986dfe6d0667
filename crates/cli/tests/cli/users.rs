//! Organizations and users from the command line, and the link of the first start.

use crate::support::Installation;

async fn status(url: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    http.get(url).send().await.expect("an answer").status().as_u16()
}

async fn through_the_life_of_a_user(installation: Installation) {
    let (_server, base) = installation.serve().await;
    let made = installation.run(&["organizations", "create", "Ejemplo", "--json"]).json();
    assert_eq!(made["name"], "Ejemplo");
    let listed = installation.run(&["organizations", "list", "--json"]).json_lines();
    assert_eq!(listed[1], made);
    let create = ["users", "create", "Ana@Example.com", "--role", "developer"];
    let more = ["--organization", "Ejemplo", "--public-url", &base, "--json"];
    let invited = installation.run(&[&create[..], &more].concat()).json();
    assert_eq!(invited["email"], "ana@example.com");
    let link = invited["link"].as_str().expect("a link").to_owned();
    assert!(link.starts_with(&format!("{base}/dashboard/welcome/")), "{link}");
    // The server began before the organization was made.
    assert_eq!(status(&link).await, 200);
    let refused = installation.run(&create).refused();
    assert!(refused.contains("There is a user with this address already."), "{refused}");
    let reset = ["users", "reset", "ana@example.com", "--public-url", &base, "--json"];
    let again = installation.run(&reset).json();
    assert_eq!(status(&link).await, 404);
    assert_eq!(status(again["link"].as_str().expect("a link")).await, 200);
    let disabled = installation.run(&["users", "disable", "ana@example.com"]).accepted();
    assert!(disabled.contains("signs in no more"), "{disabled}");
    let listed = installation.run(&["users", "list", "--json"]).json_lines();
    assert_eq!(
        (&listed[0]["state"], &listed[0]["role"]),
        (&"disabled".into(), &"developer".into())
    );
    let told = installation.run(&["users", "list"]).accepted();
    assert_eq!(told.trim(), "ana@example.com  developer  disabled  Ejemplo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_life_of_a_user_on_sqlite() {
    through_the_life_of_a_user(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_life_of_a_user_on_postgres() {
    through_the_life_of_a_user(Installation::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_users_says_where_the_first_one_is_set_up() {
    let installation = Installation::sqlite();
    let (mut server, base) = installation.serve().await;
    let path = server.says(&format!("{base}/dashboard/welcome/")).await;
    assert_eq!(status(&format!("{base}/dashboard/welcome/{path}")).await, 200);
}

#[test]
fn an_address_that_nobody_gave_is_said() {
    let installation = Installation::sqlite();
    let create = ["users", "create", "ana@example.com", "--role", "owner", "--json"];
    let done = installation.run(&create);
    assert!(done.stderr.contains("the link begins with http://127.0.0.1:8080: "), "{done:?}");
    let link = done.json()["link"].clone();
    assert!(link.as_str().is_some_and(|link| link.starts_with("http://127.0.0.1:8080/")), "{link}");
    let given = ["users", "reset", "ana@example.com", "--public-url", "https://pila.example.com"];
    assert_eq!(installation.run(&given).stderr, "");
}

#[test]
fn what_is_wrong_with_a_user_is_said() {
    let installation = Installation::sqlite();
    installation.make();
    for (arguments, said) in [
        (&["users", "create", "ana@example.com", "--role", "boss"][..], "expected one of owner"),
        (&["users", "create", "ana", "--role", "owner"], "email: Expected an address"),
        (
            &["users", "create", "a@b.c", "--role", "owner", "--public-url", "https://b.c/pila"],
            "https://b.c/pila is no base URL",
        ),
        (&["users", "reset", "ana@example.com"], "There is no such user."),
        (&["users", "disable", "ana@example.com"], "There is no such user."),
        (&["organizations", "create", "default"], "There is an organization"),
        (&["organizations", "create", ""], "1 to 100"),
        (
            &["users", "create", "a@b.c", "--role", "owner", "--organization", "Nadie"],
            "There is no organization \"Nadie\".",
        ),
    ] {
        let done = installation.run(arguments);
        assert!(matches!(done.code, Some(1 | 2)) && done.stdout.is_empty(), "{done:?}");
        assert!(done.stderr.contains(said), "{done:?}");
    }
}
