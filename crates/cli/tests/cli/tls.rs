//! HTTPS from the binary itself.

use std::process::Command;

use crate::support::{Installation, Process, finished};

const AUTHORITY: &[u8] = include_bytes!("../../../server/tests/it/tls_files/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../../server/tests/it/tls_files/first.pem");
const KEY: &[u8] = include_bytes!("../../../server/tests/it/tls_files/first.key");

fn serve(installation: &Installation, options: &[&str]) -> Command {
    std::fs::write(installation.folder().join("tls.pem"), CERTIFICATE).expect("a file");
    std::fs::write(installation.folder().join("tls.key"), KEY).expect("a file");
    let mut command = installation.serve_command();
    command.args(options);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_certificate_speaks_tls() {
    let installation = Installation::sqlite();
    let mut command = serve(&installation, &["--tls-cert", "tls.pem", "--tls-key", "tls.key"]);
    let (mut server, base) = Process::start_listening(&mut command).await;
    assert!(base.starts_with("https://127.0.0.1:"), "{base}");
    let authority = reqwest::Certificate::from_pem(AUTHORITY).expect("a certificate");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build();
    let answer = client.expect("a client").get(format!("{base}/livez")).send().await;
    assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
}

#[test]
fn half_a_certificate_stops_the_start() {
    let mut told = Vec::new();
    for options in [
        &["--tls-cert", "tls.pem"][..],
        &["--tls-key", "tls.key"],
        &["--tls-cert", "tls.key", "--tls-key", "tls.key"],
        &["--tls-cert", "tls.pem", "--tls-key", "tls.pem"],
        &["--tls-cert", "gone.pem", "--tls-key", "tls.key"],
    ] {
        let installation = Installation::sqlite();
        told.push(finished(&mut serve(&installation, options)).refused());
        assert!(!installation.data_dir().exists(), "nothing was made");
    }
    insta::assert_snapshot!(told.join("\n"));
}
