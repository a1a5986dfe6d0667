//! Where settings come from, and what happens to wrong ones.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use reqwest::Method;

use crate::support::{Client, Finished, Installation, Key, Process, Receiver, finished};

/// A value that nobody may repeat.
const SECRET: &str = "s3cret-of-the-test";

fn with_file(installation: &Installation, text: &str) {
    std::fs::write(installation.folder().join("vinculo.toml"), text).expect("a file");
}

fn serve(installation: &Installation, variables: &[(&str, &str)]) -> Finished {
    let mut command = installation.serve_command();
    command.envs(variables.iter().copied());
    finished(&mut command)
}

/// What a refused start says, one line each; nothing of it is secret.
fn refusals(starts: &[&[(&str, &str)]]) -> String {
    let mut told = Vec::new();
    for variables in starts {
        let installation = Installation::sqlite();
        let refused = serve(&installation, variables);
        assert!(matches!(refused.code, Some(1 | 2)), "{variables:?} {refused:?}");
        assert_eq!(refused.stdout, "", "{variables:?}");
        assert!(!refused.stderr.contains(SECRET), "{refused:?}");
        let mut lines = refused.stderr.lines();
        told.push(lines.next().expect("a line").to_owned());
        // The command line adds what it would have taken, and where help is.
        let more = [
            "  [possible values: ",
            "  tip: the value is that of",
            "For more information, try '--help'.",
        ];
        assert!(lines.all(|line| line.is_empty() || more.iter().any(|m| line.starts_with(m))));
    }
    told.join("\n")
}

#[test]
fn the_reference_is_what_the_program_knows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = finished(&mut crate::support::vinculo(folder.path(), ["reference"])).accepted();
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/REFERENCE.md");
    let kept = std::fs::read_to_string(kept).expect("a document");
    assert!(printed == kept, "make it anew: cargo run -- reference > docs/REFERENCE.md");
}

#[test]
fn unknown_settings_stop_the_start() {
    let told = refusals(&[
        &[("VINCULO_LISTN", "127.0.0.1:0")],
        &[("VINCULO_", SECRET)],
        &[("VINCULO_ACH_PASWORD", SECRET)],
    ]);
    insta::assert_snapshot!(told, @r"
    error: unknown environment variable VINCULO_LISTN
    error: unknown environment variable VINCULO_
    error: unknown environment variable VINCULO_ACH_PASWORD
    ");
}

/// Kubernetes tells every container of the Services of its namespace, also of one that is called as this program.
#[test]
fn services_of_kubernetes_are_no_settings() {
    let installation = Installation::sqlite();
    installation.make();
    let with = |variables: &[(&str, &str)]| {
        let mut command = installation.command(&["keys", "list", "--environment", "sandbox"]);
        finished(command.envs(variables.iter().copied()))
    };
    let in_kubernetes = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let services = [
        ("VINCULO_SERVICE_HOST", "10.0.0.7"),
        ("VINCULO_SERVICE_PORT", "80"),
        ("VINCULO_SERVICE_PORT_HTTP", "80"),
        ("VINCULO_PORT", "tcp://10.0.0.7:80"),
        ("VINCULO_PORT_80_TCP", "tcp://10.0.0.7:80"),
        ("VINCULO_PORT_80_TCP_ADDR", "10.0.0.7"),
        ("VINCULO_WORKER_SERVICE_HOST", "10.0.0.8"),
        ("VINCULO_WORKER_PORT_9464_TCP_PROTO", "tcp"),
    ];
    with(&[&[in_kubernetes][..], &services].concat()).accepted();
    let refused = with(&services[..1]).refused();
    assert_eq!(refused, "unknown environment variable VINCULO_SERVICE_HOST");
    for unknown in ["VINCULO_LISTN", "VINCULO_WEBHOOK_PORT", "VINCULO_PORTS"] {
        let all = [&[in_kubernetes, (unknown, "80")][..], &services].concat();
        assert_eq!(with(&all).refused(), format!("unknown environment variable {unknown}"));
    }
}

#[test]
fn bad_values_stop_the_start() {
    let told = refusals(&[
        &[("VINCULO_MODE", "staging")],
        &[("VINCULO_NO_WORKER", "perhaps")],
        &[("VINCULO_PUBLIC_URL", "not a url")],
        &[("VINCULO_PUBLIC_URL", "ftp://example.com")],
        &[("VINCULO_PUBLIC_URL", "https://example.com/?y=1")],
        &[("VINCULO_PUBLIC_URL", "https://example.com/pila/")],
        &[("VINCULO_TRUSTED_PROXIES", "10.0.0.0/8,proxy")],
        &[("VINCULO_TRUSTED_PROXIES", "10.0.0.0/33")],
        &[("VINCULO_RATE_LIMIT_PER_MINUTE", "-1")],
        &[("VINCULO_DELETE_LIMIT_PER_MINUTE", "5.5")],
        &[("VINCULO_LOGIN_FAILURES_PER_MINUTE", "many")],
        &[("VINCULO_REFRESH_TOKEN_HOURS", "a day")],
        &[("VINCULO_REFRESH_TOKEN_HOURS", "0")],
        &[("VINCULO_SOURCE_AT_ONCE", "ach=0")],
        &[("VINCULO_SOURCE_BILLED_ON", "ach=always")],
        &[("VINCULO_ACH_IP", "notanip")],
        &[("VINCULO_SOURCE_PRODUCTION", "planillas,planillas")],
        &[("VINCULO_SOURCE_PRODUCTION", "planillas,else")],
        &[("VINCULO_LOG_FORMAT", "xml")],
        &[("VINCULO_LOG", "a=b=c")],
        &[("VINCULO_MASTER_KEY", SECRET)],
        &[("VINCULO_MASTER_KEY_FILE", "nowhere.key")],
        &[("VINCULO_CONFIG", "nowhere.toml")],
    ]);
    insta::assert_snapshot!(told, @r#"
    error: invalid value 'staging' for '--mode <MODE>'
    error: invalid value 'perhaps' for '--no-worker [<BOOL>]'
    error: invalid value 'not a url' for '--public-url <URL>': relative URL without a base
    error: VINCULO_PUBLIC_URL: ftp://example.com/ is no base URL: http or https and a host, without a path, ? and #
    error: VINCULO_PUBLIC_URL: https://example.com/?y=1 is no base URL: http or https and a host, without a path, ? and #
    error: VINCULO_PUBLIC_URL: https://example.com/pila/ is no base URL: http or https and a host, without a path, ? and #
    error: invalid value 'proxy' for '--trusted-proxies <NETWORK>': "proxy": expected an address or a network, such as 10.0.0.7 or 10.0.0.0/8
    error: invalid value '10.0.0.0/33' for '--trusted-proxies <NETWORK>': "10.0.0.0/33": expected an address or a network, such as 10.0.0.7 or 10.0.0.0/8
    error: invalid value '-1' for '--rate-limit-per-minute <NUMBER>': -1 is not in 0..=4294967295
    error: invalid value '5.5' for '--delete-limit-per-minute <NUMBER>': invalid digit found in string
    error: invalid value 'many' for '--login-failures-per-minute <NUMBER>': invalid digit found in string
    error: invalid value 'a day' for '--refresh-token-hours <HOURS>': invalid digit found in string
    error: invalid value '0' for '--refresh-token-hours <HOURS>': number would be zero for non-zero type
    error: invalid value 'ach=0' for '--source-at-once <SOURCE=NUMBER>': "ach=0": number would be zero for non-zero type
    error: invalid value 'ach=always' for '--source-billed-on <SOURCE=WORD>': "ach=always": expected call or hit
    error: invalid value 'notanip' for '--ach-ip <ADDRESS>': invalid IP address syntax
    error: VINCULO_SOURCE_PRODUCTION names planillas twice
    error: invalid value 'else' for '--source-production <SOURCE>'
    error: invalid value 'xml' for '--log-format <FORMAT>'
    error: log filter "a=b=c": error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
    error: VINCULO_MASTER_KEY: master key version 1 is neither 64 hexadecimal digits nor base64 of 32 bytes
    error: master key file nowhere.key: No such file or directory (os error 2)
    error: configuration file nowhere.toml: No such file or directory (os error 2)
    "#);
}

#[test]
fn sources_that_cannot_work_stop_the_start() {
    let ach = ("VINCULO_SOURCE_PRODUCTION", "ach");
    let url = ("VINCULO_ACH_BASE_URL", "https://operator.example");
    let holding_secret = format!("https://user:{SECRET}@operator.example");
    let told = refusals(&[
        &[ach],
        &[ach, ("VINCULO_ACH_BASE_URL", "operator.example")],
        &[ach, ("VINCULO_ACH_BASE_URL", "http://operator.example")],
        &[ach, ("VINCULO_ACH_BASE_URL", &holding_secret)],
        &[ach, url, ("VINCULO_ACH_MONTHS", "25")],
        &[ach, url, ("VINCULO_ACH_AUTH", "bearer")],
        &[ach, url, ("VINCULO_ACH_AUTH", "basic"), ("VINCULO_ACH_PASSWORD", SECRET)],
        &[ach, url, ("VINCULO_ACH_AUTH", "basic"), ("VINCULO_ACH_USERNAME", "user")],
        &[ach, url, ("VINCULO_ACH_AUTH", "mtls")],
        &[
            ach,
            ("VINCULO_ACH_BASE_URL", "http://127.0.0.1:9"),
            ("VINCULO_ACH_AUTH", "mtls"),
            ("VINCULO_ACH_CERTIFICATE_FILE", "nowhere.pem"),
        ],
        &[ach, url, ("VINCULO_ACH_AUTH", "oauth2"), ("VINCULO_ACH_CLIENT_SECRET", SECRET)],
        &[ach, url, ("VINCULO_ACH_CERTIFICATE_FILE", "nowhere.pem")],
        &[ach, url, ("VINCULO_ACH_KEY_FILE", "nowhere.key")],
        &[ach, url, ("VINCULO_ACH_CA_FILE", "nowhere.pem")],
        &[ach, url, ("VINCULO_ACH_HEADERS", SECRET)],
        &[ach, url, ("VINCULO_ACH_DOCUMENTS", "CC,XX=1")],
        &[ach, url, ("VINCULO_ACH_CHARSET", "klingon")],
        &[ach, url, ("VINCULO_ACH_TIMEOUT_SECONDS", "0")],
        &[("VINCULO_SANDBOX_OPERATOR_URL", &holding_secret)],
    ]);
    insta::assert_snapshot!(told, @r#"
    error: source ach needs VINCULO_ACH_BASE_URL
    error: source ach: the base URL is not usable: not an absolute URL
    error: source ach: the base URL is not usable: http would show people and secrets to the network
    error: source ach: the base URL is not usable: it holds credentials
    error: VINCULO_ACH_MONTHS is 25: ACH is asked for 1 to 24 months
    error: source ach needs VINCULO_ACH_TOKEN
    error: source ach needs VINCULO_ACH_USERNAME
    error: source ach needs VINCULO_ACH_PASSWORD
    error: source ach needs VINCULO_ACH_CERTIFICATE_FILE
    error: VINCULO_ACH_AUTH is mtls and VINCULO_ACH_BASE_URL is not https: a certificate is shown over TLS
    error: source ach needs VINCULO_ACH_CLIENT_ID
    error: VINCULO_ACH_CERTIFICATE_FILE nowhere.pem: No such file or directory (os error 2)
    error: VINCULO_ACH_KEY_FILE nowhere.key: No such file or directory (os error 2)
    error: VINCULO_ACH_CA_FILE nowhere.pem: No such file or directory (os error 2)
    error: VINCULO_ACH_HEADERS: a line is not `Name: value`
    error: VINCULO_ACH_DOCUMENTS: "XX=1" names no kind of document and its code: expected KIND or KIND=CODE, each kind once
    error: source ach: charset "klingon" is not known
    error: VINCULO_ACH_TIMEOUT_SECONDS is 0: a deadline has at least a second
    error: source sandbox: the base URL is not usable: it holds credentials
    "#);
}

#[test]
fn operators_without_what_they_need_stop_the_start() {
    let mareigua = ("VINCULO_SOURCE_PRODUCTION", "mareigua");
    let url = ("VINCULO_MAREIGUA_BASE_URL", "https://operator.example/v2/");
    let id = ("VINCULO_MAREIGUA_CLIENT_ID", "id");
    let secret = ("VINCULO_MAREIGUA_CLIENT_SECRET", SECRET);
    let product = ("VINCULO_MAREIGUA_PRODUCT", "7");
    let bus = ("VINCULO_MAREIGUA_BUS_SUCCESS", "00");
    let agil_data = ("VINCULO_SOURCE_PRODUCTION", "agil_data");
    let told = refusals(&[
        &[mareigua],
        &[mareigua, url],
        &[mareigua, url, id],
        &[mareigua, url, id, secret],
        &[mareigua, url, id, secret, ("VINCULO_MAREIGUA_PRODUCT", "seven")],
        &[mareigua, url, id, secret, product, bus, ("VINCULO_MAREIGUA_BUS_HEADER", SECRET)],
        &[mareigua, url, id, secret, product, ("VINCULO_MAREIGUA_TOKEN_URL", "token")],
        &[agil_data],
        &[agil_data, ("VINCULO_AGIL_DATA_BASE_URL", "https://operator.example")],
        &[
            agil_data,
            ("VINCULO_AGIL_DATA_BASE_URL", "https://operator.example"),
            ("VINCULO_AGIL_DATA_USERNAME", "user"),
            ("VINCULO_AGIL_DATA_PASSWORD", SECRET),
        ],
    ]);
    insta::assert_snapshot!(told, @r"
    error: source mareigua needs VINCULO_MAREIGUA_BASE_URL
    error: source mareigua needs VINCULO_MAREIGUA_CLIENT_ID
    error: source mareigua needs VINCULO_MAREIGUA_CLIENT_SECRET
    error: source mareigua needs VINCULO_MAREIGUA_PRODUCT
    error: invalid value 'seven' for '--mareigua-product <NUMBER>': invalid digit found in string
    error: source mareigua: the header for the bus is not a JSON object
    error: source mareigua: the token URL is not usable: not an absolute URL
    error: source agil_data needs VINCULO_AGIL_DATA_BASE_URL
    error: source agil_data needs VINCULO_AGIL_DATA_USERNAME
    error: source agil_data needs VINCULO_AGIL_DATA_CERTIFICATE_FILE
    ");
}

#[test]
fn databases_that_cannot_be_reached_stop_the_start() {
    let mut told = Vec::new();
    for url in [
        format!("mysql://user:{SECRET}@localhost/vinculo"),
        format!("postgres://user:{SECRET}@localhost:port/vinculo"),
        format!("postgres://user:{SECRET}@127.0.0.1:1/vinculo"),
        format!("postgres://user:{SECRET}@localhost/vinculo?sslmode=required"),
        format!("postgres://user:{SECRET}@localhost/vinculo?sslmode=require&sslrootcert=none.pem"),
        format!("postgres://user:{SECRET}@localhost/vinculo?sslmode=verify-full&sslkey="),
        SECRET.to_owned(),
        "sqlite://".to_owned(),
    ] {
        let installation = Installation::sqlite();
        let refused = serve(&installation, &[("VINCULO_DATABASE_URL", &url)]).refused();
        assert!(!refused.contains(SECRET), "{refused}");
        told.push(refused);
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    database URL: database address: neither sqlite://PATH nor postgres://USER@HOST/NAME
    database URL: database address: neither a PostgreSQL URL nor a list of key=value
    database unavailable: error connecting to server: connection refused at 127.0.0.1:1
    database URL: database address: sslmode: one of disable, require, verify-full
    database address: sslrootcert: none.pem: I/O error: No such file or directory (os error 2)
    database URL: database address: sslkey: no path of a file
    database URL: database address: neither sqlite://PATH nor postgres://USER@HOST/NAME
    database URL: database address: neither sqlite://PATH nor postgres://USER@HOST/NAME
    ");
}

#[test]
fn a_wrong_file_stops_the_start() {
    let mut told = Vec::new();
    for text in [
        "listn = \"127.0.0.1:0\"",
        "listen = 8080",
        "listen = \"nowhere\"",
        "no_worker = \"perhaps\"",
        &format!("mode = \"production\"\nmaster_key = \"{SECRET}"),
        // It begins where a line does.
        "mode = \"production\"\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n",
        &format!("master_key = [\"{SECRET}\"]"),
        &format!("master_key = \"{SECRET}\""),
        "source_production = [\"achh\"]",
        "rate_limit_per_minute = \"abc\"\ndelete_limit_per_minute = 7",
        &format!("json = true\nname = \"{SECRET}\""),
    ] {
        let installation = Installation::sqlite();
        with_file(&installation, text);
        let mut command = installation.command(&["serve"]);
        let refused = finished(&mut command).refused();
        assert!(!refused.contains(SECRET), "{refused}");
        told.push(refused);
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    configuration file vinculo.toml: unknown key "listn"
    configuration file vinculo.toml: listen = 8080: invalid type: integer `8080`, expected socket address
    configuration file vinculo.toml: listen = "nowhere": invalid socket address syntax
    configuration file vinculo.toml: no_worker = "perhaps": invalid type: string "perhaps", expected a boolean
    configuration file vinculo.toml: line 2: not TOML
    configuration file vinculo.toml: line 3: not TOML
    configuration file vinculo.toml: master_key: bad value
    VINCULO_MASTER_KEY: master key version 1 is neither 64 hexadecimal digits nor base64 of 32 bytes
    configuration file vinculo.toml: source_production = ["achh"]: unknown variant `achh`, expected one of `planillas`, `ach`, `mareigua`, `agil_data`
    configuration file vinculo.toml: rate_limit_per_minute = "abc": invalid type: string "abc", expected u32
    configuration file vinculo.toml: unknown key "json"
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_seldom_meant_is_told() {
    let installation = Installation::sqlite();
    let mut command = installation.serve_command();
    command
        .env("VINCULO_MODE", "production")
        .env("VINCULO_MASTER_KEY", "0123456789abcdef".repeat(4));
    command.env("VINCULO_ACH_BASE_URL", "https://operator.example");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::create_dir(installation.data_dir()).expect("a folder");
    std::fs::set_permissions(installation.data_dir(), open).expect("an open folder");
    let (mut server, _) = Process::start_listening(&mut command).await;
    server.logs("VINCULO_WEBHOOK_ALLOW_PRIVATE: receivers may be this network's own").await;
    let idle = "VINCULO_ACH_BASE_URL is given, and VINCULO_SOURCE_PRODUCTION does not name";
    server.logs(idle).await;
    server.logs("755: others may look inside").await;
}

#[test]
fn production_takes_no_placeholder_for_a_key() {
    let installation = Installation::sqlite();
    let (zeros, good) = ("00".repeat(32), "0123456789abcdef".repeat(4));
    let with = |keys: &str| {
        let mut command = installation.command(&["keys", "create", "--environment", "production"]);
        command.env("VINCULO_MODE", "production").env("VINCULO_MASTER_KEY", keys);
        finished(&mut command)
    };
    installation.run(&["migrate"]).accepted();
    let refused = with(&zeros).refused();
    assert!(refused.starts_with("the master key is a placeholder"), "{refused}");
    with(&format!("1:{zeros} 2:{good}")).accepted();
}

#[test]
fn a_bad_value_is_said_to_be_that_of_its_variable() {
    let installation = Installation::sqlite();
    let refused = serve(&installation, &[("VINCULO_RATE_LIMIT_PER_MINUTE", "abc")]);
    let tip = "tip: the value is that of the variable VINCULO_RATE_LIMIT_PER_MINUTE";
    assert!(refused.stderr.contains(tip), "{}", refused.stderr);
    let mut flagged = installation.serve_command();
    flagged.env("VINCULO_RATE_LIMIT_PER_MINUTE", "7").args(["--rate-limit-per-minute", "abc"]);
    let refused = finished(&mut flagged);
    assert!(refused.stderr.contains("invalid value 'abc'"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("variable"), "{}", refused.stderr);
}

#[test]
fn a_reader_who_has_gone_is_no_fault() {
    for arguments in [&["openapi"][..], &["openapi", "--postman"], &["completions", "bash"]] {
        let mut command = crate::support::vinculo(Path::new("/"), arguments.iter().copied());
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let done = command.stdout(writer).stderr(std::process::Stdio::piped()).output();
        let done = done.expect("the binary runs");
        assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(141), &b""[..]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_outlives_the_reader_of_its_log() {
    let installation = Installation::sqlite();
    let mut command = installation.serve_command();
    let (_server, base) = Process::start_unheard(command.env("VINCULO_LOG", "trace")).await;
    let client = installation.client("sandbox", &base);
    let link = client.link("1999000002").await;
    assert_eq!(client.links().await, [link]);
}

/// The data folder a command has used.
fn used(installation: &Installation, command: &mut Command) -> String {
    let before = folders(installation);
    finished(command.arg("migrate")).accepted();
    let mut made = folders(installation);
    made.retain(|name| !before.contains(name));
    made.pop().expect("a folder was made")
}

fn folders(installation: &Installation) -> Vec<String> {
    let entries = std::fs::read_dir(installation.folder()).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().into_string().expect("a name")).collect()
}

#[test]
fn flags_beat_the_environment_and_the_environment_the_file() {
    let installation = Installation::sqlite();
    let command = || crate::support::vinculo(installation.folder(), []);
    assert_eq!(used(&installation, &mut command()), "vinculo-data");
    with_file(&installation, "data_dir = \"from-file\"");
    assert_eq!(used(&installation, &mut command()), "from-file");
    let environment = ("VINCULO_DATA_DIR", "from-environment");
    assert_eq!(
        used(&installation, command().env(environment.0, environment.1)),
        "from-environment"
    );
    let mut flagged = command();
    flagged.env(environment.0, environment.1);
    finished(flagged.args(["migrate", "--data-dir", "from-flag"])).accepted();
    assert!(folders(&installation).contains(&"from-flag".to_owned()));
}

#[test]
fn the_file_can_be_named() {
    let installation = Installation::sqlite();
    let file = installation.folder().join("other.toml");
    std::fs::write(file, "data_dir = \"from-other\"").expect("a file");
    let named = ["--config", "other.toml"];
    let mut command = crate::support::vinculo(installation.folder(), named);
    assert_eq!(used(&installation, &mut command), "from-other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_value_can_stand_in_the_file() {
    let installation = Installation::sqlite();
    with_file(
        &installation,
        "listen = \"127.0.0.1:0\"\nno_worker = true\nlog = \"debug\"\nlog_format = \"json\"\n\
         source_production = [\"planillas\"]\npublic_url = \"https://vinculo.example\"\n",
    );
    let command = &mut installation.command(&["serve"]);
    let (mut server, base) = Process::start_listening(command).await;
    let client = installation.client("production", &base);
    let planilla = crate::support::sample("02-nandu-E-2025-11.txt");
    let planilla = planilla.to_str().expect("a path");
    installation.run(&["pila", "import", planilla, "--environment", "production"]).accepted();
    for document in ["1900000101", "1900000102"] {
        client.post_link(document).await.expect("an answer");
    }
    let (_, page) = client.get("/api/links/?page_size=1").await;
    let next = page["next"].as_str().unwrap_or("https://vinculo.example/");
    assert!(next.starts_with("https://vinculo.example/"), "{next}");
    server.terminate();
    assert!(server.ended().await.success());
    let said = server.everything_said();
    // Where it listens, and where the first user is set up, in two lines, are for people.
    let log = said.lines().skip(3).map(serde_json::from_str::<serde_json::Value>);
    assert!(log.into_iter().all(|line| line.is_ok()), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_and_limits_are_kept() {
    let installation = Installation::sqlite();
    with_file(
        &installation,
        "listen = \"127.0.0.1:0\"\nrate_limit_per_minute = 40\n\
         trusted_proxies = [\"10.0.0.0/8\", \"127.0.0.1\"]\n",
    );
    let mut command = installation.command(&["serve", "--login-failures-per-minute", "1"]);
    command.env("VINCULO_DELETE_LIMIT_PER_MINUTE", "2");
    let (mut server, base) = Process::start_listening(&mut command).await;
    let client = installation.client("sandbox", &base);
    let nobodys = "/api/links/3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b/";
    for (method, path, limit) in [(Method::GET, "/api/", "40"), (Method::DELETE, nobodys, "2")] {
        let answer = client.ask(method, path).send().await.expect("an answer");
        assert_eq!(answer.headers()["x-ratelimit-limit"], limit, "{path}");
    }
    // The proxy says that somebody else guessed; the second time nobody looks at the key.
    let guessed = Key { password: "guessed".to_owned(), ..installation.key("sandbox") };
    let guesser = Client::new(&base, guessed);
    let guess = || guesser.ask(Method::GET, "/api/").header("x-forwarded-for", "192.0.2.1").send();
    assert_eq!(guess().await.expect("an answer").status(), 401);
    assert_eq!(guess().await.expect("an answer").status(), 429);
    let answer = client.ask(Method::GET, "/api/").send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    server.terminate();
    assert!(server.ended().await.success());
}

/// Whoever runs a server may have these in the environment: a webhook that went that way would be sent
/// where the proxy says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_pass_by_the_proxies_of_the_environment() {
    let (installation, receiver) = (Installation::sqlite(), Receiver::start().await);
    installation.webhook("sandbox", &receiver.url);
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = format!("http://{}", proxy.local_addr().expect("an address"));
    let mut command = installation.serve_command();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, &address).env(name.to_lowercase(), &address);
    }
    let (_server, base) = Process::start_listening(&mut command).await;
    let link = installation.client("sandbox", &base).link("1999000001").await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    proxy.set_nonblocking(true).expect("a listener that does not wait");
    let asked = proxy.accept().expect_err("somebody asked the proxy");
    assert_eq!(asked.kind(), std::io::ErrorKind::WouldBlock);
}
