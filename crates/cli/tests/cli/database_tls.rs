//! A PostgreSQL on another machine is reached by TLS: the tests' own takes nothing else by TCP.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Database, Process, finished, in_the_end, look_again, vinculo};

const PASSWORD: &str = "never-to-be-shown";
const BY_CERTIFICATE: &str = "vinculo_by_certificate";

fn file(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cli/database_tls");
    folder.join(name).display().to_string()
}

/// A database whose owner comes by TCP with a password.
struct Remote {
    database: Database,
    owner: String,
    folder: TempDir,
}

impl Remote {
    fn create() -> Self {
        let database = Database::create();
        let owner = format!("{}_owner", database.name());
        database.query(&format!("drop role if exists {owner}"));
        database.query(&format!("create role {owner} login password '{PASSWORD}'"));
        database.query(&format!("alter database {} owner to {owner}", database.name()));
        Self { database, owner, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn url(&self, host: &str, options: &str) -> String {
        self.database.by_tcp(host, &format!("{}:{PASSWORD}", self.owner), options)
    }

    fn command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = vinculo(self.folder.path(), arguments.iter().copied());
        command.arg("--data-dir").arg(self.folder.path().join("data"));
        command.env("VINCULO_DATABASE_URL", url);
        command
    }

    /// What `vinculo migrate` says when it cannot begin.
    fn refused(&self, url: &str) -> String {
        let told = finished(&mut self.command(url, &["migrate"])).refused();
        assert!(!told.contains(PASSWORD), "{told}");
        told.replace(&self.database.query("show port"), "PORT")
            .replace(&self.owner, "OWNER")
            .replace(self.database.name(), "NAME")
            .replace(&file(""), "")
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.database.query(&format!("reassign owned by {} to vinculo", self.owner));
        self.database.query(&format!("drop owned by {}", self.owner));
        self.database.query(&format!("drop role {}", self.owner));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_is_encrypted_and_knows_who_answers() {
    let remote = Remote::create();
    // The password is bound to the certificate, or refused.
    let authority = file("authority.pem");
    let tls = format!("sslmode=verify-full&channel_binding=require&sslrootcert={authority}");
    let url = remote.url("localhost", &tls);
    finished(&mut remote.command(&url, &["migrate"])).accepted();
    let mut serve = remote.command(&url, &["serve", "--listen", "127.0.0.1:0"]);
    let (_server, base) = Process::start_listening(&mut serve).await;
    let ready = reqwest::get(format!("{base}/readyz")).await.expect("an answer");
    assert_eq!(ready.status(), 200);
    let of_ours = "from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'vinculo' \
                   and datname = current_database()";
    let count = |condition: &str| {
        remote.database.query(&format!("select count(*) {of_ours} and {condition}"))
    };
    // Lanes, leases, notifications: each is connected by a thread of its own, and none of them in another way.
    in_the_end("every connection", async {
        while count("true").parse::<u32>().expect("a number") < 4 {
            look_again().await;
        }
    })
    .await;
    assert_eq!(count("not ssl"), "0");
}

#[test]
fn a_server_that_cannot_be_trusted_is_not_spoken_to() {
    let remote = Remote::create();
    let authority = format!("sslrootcert={}", file("authority.pem"));
    let told = [
        remote.url("localhost", ""),
        remote.url("localhost", "sslmode=prefer"),
        // The client's certificate is no authority's.
        remote.url("localhost", &format!("sslmode=require&sslrootcert={}", file("client.pem"))),
        remote.url("127.0.0.1", &format!("sslmode=verify-ca&{authority}")),
        remote.url("localhost", &format!("sslmode=require&sslrootcert={}", file("README.md"))),
        remote.url(
            "localhost",
            &format!("sslmode=require&{authority}&sslcert={}", file("client.pem")),
        ),
        remote.url("localhost", &format!("sslmode=require&{authority}")).replace(PASSWORD, "wrong"),
    ]
    .map(|url| remote.refused(&url));
    insta::assert_snapshot!(told.join("\n"), @r#"
    database unavailable: no pg_hba.conf entry for host "127.0.0.1", user "OWNER", database "NAME", no encryption at localhost:PORT; sslmode=verify-full asks for TLS (28000)
    database unavailable: no pg_hba.conf entry for host "127.0.0.1", user "OWNER", database "NAME", no encryption at localhost:PORT; sslmode=verify-full asks for TLS (28000)
    database unavailable: error performing TLS handshake: invalid peer certificate: UnknownIssuer at localhost:PORT
    database unavailable: error performing TLS handshake: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("localhost") at 127.0.0.1:PORT
    database address: sslrootcert: README.md: no certificate
    database address: sslkey: client.pem: no private key
    database unavailable: password authentication failed for user "OWNER" at localhost:PORT (28P01)
    "#);
}

#[test]
fn a_certificate_is_enough_of_a_password() {
    let remote = Remote::create();
    // Tests of other runs share the role, which owns nothing.
    remote.database.query(&format!(
        "do $$ begin create role {BY_CERTIFICATE} login; exception when duplicate_object then null; end $$"
    ));
    remote.database.query(&format!("grant {} to {BY_CERTIFICATE}", remote.owner));
    let options = format!(
        "sslmode=verify-full&sslrootcert={}&sslcert={}&sslkey={}",
        file("authority.pem"),
        file("client.pem"),
        file("client.key")
    );
    let url = remote.database.by_tcp("localhost", BY_CERTIFICATE, &options);
    finished(&mut remote.command(&url, &["migrate"])).accepted();
    let applied = remote.database.query("select count(*) > 0 from refinery_schema_history");
    assert_eq!(applied, "t");
}
