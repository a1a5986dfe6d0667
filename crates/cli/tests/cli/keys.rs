//! Keys from the command line: made narrow, listed, rotated, revoked.

use serde_json::Value;

use crate::support::{Client, Installation, Key};

const CREATE: [&str; 5] = ["keys", "create", "--environment", "sandbox", "--json"];
const LIST: [&str; 5] = ["keys", "list", "--environment", "sandbox", "--json"];
const NOBODYS: &str = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";

fn key(made: &Value) -> Key {
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    Key { id: text("secret_id"), password: text("secret_password") }
}

fn listed(installation: &Installation) -> Vec<Value> {
    installation.run(&LIST).json_lines()
}

async fn status(base: &str, key: &Key, path: &str) -> u16 {
    Client::new(base, key.clone()).get(path).await.0
}

async fn through_the_life_of_a_key(installation: Installation) {
    let (_server, base) = installation.serve().await;
    let terms = ["--name", "scoring", "--scope", "links:read,tokens", "--scope", "owners:read"];
    let more = ["--allow", "127.0.0.1,2001:DB8::1/32", "--expires", "2999-01-01T00:00:00Z"];
    let old = key(&installation.run(&[&CREATE[..], &terms, &more].concat()).json());
    assert_eq!(status(&base, &old, "/api/links/").await, 200);
    assert_eq!(status(&base, &old, "/api/co/employments/").await, 403);
    let mut shown = listed(&installation);
    assert_eq!(shown[0]["id"], old.id.as_str());
    for changing in ["id", "created_at"] {
        shown[0][changing] = "[changes]".into();
    }
    insta::allow_duplicates! {
        insta::assert_json_snapshot!(shown, @r#"
        [
          {
            "id": "[changes]",
            "name": "scoring",
            "scopes": [
              "links:read",
              "owners:read",
              "tokens"
            ],
            "allow_list": [
              "127.0.0.1/32",
              "2001:db8::/32"
            ],
            "expires_at": "2999-01-01T00:00:00.000000Z",
            "created_at": "[changes]",
            "last_used_at": null,
            "passwords": 1,
            "old_password_until": null
          }
        ]
        "#);
    }
    let new = key(&installation.run(&["keys", "rotate", &old.id, "--json"]).json());
    assert_eq!((&new.id, new.password == old.password), (&old.id, false));
    for password in [&old, &new] {
        assert_eq!(status(&base, password, "/api/").await, 200);
    }
    let told = installation.run(&["keys", "list", "--environment", "sandbox"]).accepted();
    let words = "  links:read owners:read tokens  from 127.0.0.1/32 2001:db8::/32  until ";
    assert!(told.contains(words) && told.contains("  passwords 2  name scoring\n"), "{told}");
    let third = installation.run(&["keys", "rotate", &old.id]).refused();
    assert!(third.ends_with("retire the old one first."), "{third}");
    installation.run(&["keys", "retire", &old.id]).accepted();
    assert_eq!(status(&base, &old, "/api/").await, 401);
    assert_eq!(status(&base, &new, "/api/").await, 200);
    installation.run(&["keys", "revoke", &old.id]).accepted();
    assert_eq!(status(&base, &new, "/api/").await, 401);
    assert!(listed(&installation).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_life_of_a_key_on_sqlite() {
    through_the_life_of_a_key(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_life_of_a_key_on_postgres() {
    through_the_life_of_a_key(Installation::postgres()).await;
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let installation = Installation::sqlite();
    installation.make();
    for (arguments, said) in [
        (&["--scope", "links:fly"][..], "links:fly"),
        (&["--allow", "10.0.0.0/33"], "10.0.0.0/33"),
        (&["--expires", "tomorrow"], "tomorrow"),
        (&["--expires", "2020-01-01T00:00:00Z"], "--expires: 2020-01-01T00:00:00Z is over"),
        (&["--name", "one\nother"], "name: Ensure this field is one line"),
    ] {
        let done = installation.run(&[&CREATE[..], arguments].concat());
        assert!(matches!(done.code, Some(1 | 2)) && done.stdout.is_empty(), "{done:?}");
        assert!(done.stderr.contains(said), "{done:?}");
    }
    for command in ["rotate", "retire", "revoke"] {
        let refused = installation.run(&["keys", command, NOBODYS]).refused();
        assert_eq!(refused, format!("there is no key {NOBODYS}"));
    }
}
