//! Folders, locks and master keys.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Installation, Process, Receiver, finished};

/// Two master keys, as hexadecimal digits.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_look_inside() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    assert_eq!(mode(&installation.data_dir()), 0o700);
    for file in std::fs::read_dir(installation.data_dir()).expect("a folder") {
        let file = file.expect("a file").path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_master_key_is_made_once() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let file = installation.data_dir().join("master.key");
    let first = std::fs::read(&file).expect("a key");
    installation.key("sandbox");
    assert_eq!(std::fs::read(&file).expect("a key"), first);
    let entries = std::fs::read_dir(installation.data_dir()).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let keys = names.filter(|name| name.to_string_lossy().contains("key")).count();
    assert_eq!(keys, 1, "nothing temporary is left");
}

#[test]
fn processes_that_start_at_once_agree_on_a_key() {
    let installation = Installation::sqlite();
    installation.make();
    let create = ["keys", "create", "--environment", "sandbox", "--json"];
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..4).map(|_| scope.spawn(|| installation.run(&create))).collect();
        for done in started {
            done.join().expect("no panic").accepted();
        }
    });
    installation.key("sandbox");
}

#[test]
fn production_wants_a_key_and_makes_nothing_without() {
    let installation = Installation::sqlite();
    let mut command = installation.serve_command();
    let refused = finished(command.env("VINCULO_MODE", "production")).refused();
    insta::assert_snapshot!(refused, @"production needs a master key: give VINCULO_MASTER_KEY, VINCULO_MASTER_KEY_FILE or VINCULO_MASTER_KEY_COMMAND");
    assert!(!installation.data_dir().exists());
}

#[test]
fn production_takes_a_key_from_a_file_or_the_environment() {
    let installation = Installation::sqlite();
    installation.make();
    let file = installation.folder().join("given.key");
    std::fs::write(&file, format!("{KEY}\n")).expect("a file");
    let create = ["keys", "create", "--environment", "production"];
    let command = || {
        let mut command = installation.command(&create);
        command.env("VINCULO_MODE", "production");
        command
    };
    finished(command().env("VINCULO_MASTER_KEY", KEY)).accepted();
    finished(command().env("VINCULO_MASTER_KEY_FILE", &file)).accepted();
    assert!(!installation.data_dir().join("master.key").exists());
}

#[test]
fn a_lost_master_key_is_not_replaced() {
    for installation in [Installation::sqlite(), Installation::postgres()] {
        installation.key("sandbox");
        let file = installation.data_dir().join("master.key");
        let key = std::fs::read(&file).expect("a key");
        std::fs::remove_file(&file).expect("removed");
        let list = ["keys", "list", "--environment", "sandbox"];
        for mut command in [installation.serve_command(), installation.command(&list)] {
            let refused = finished(&mut command).refused();
            let why = "is missing, and no other key opens what is here";
            assert!(refused.contains(why), "{refused}");
        }
        assert!(!file.exists());
        let doctor = installation.run(&["doctor"]);
        assert!(doctor.stdout.contains("master.key: No such file"), "{}", doctor.stdout);
        std::fs::write(&file, key).expect("the copy of it");
        installation.run(&list).accepted();
    }
}

#[test]
fn a_command_that_finds_nothing_makes_nothing() {
    let document = ["--document", "CC:1999000001"];
    let sandbox = ["--environment", "sandbox"];
    let commands: [&[&str]; 12] = [
        &["keys", "list"],
        &["users", "list"],
        &["organizations", "list"],
        &["webhooks", "list"],
        &["deliveries", "list"],
        &["subjects", "report", document[0], document[1]],
        &["pila", "show", document[0], document[1]],
        &["audit", "verify"],
        &["consents", "verify"],
        &["vault", "status"],
        &["vault", "rotate-index"],
        &["retention", "report"],
    ];
    for installation in [Installation::sqlite(), Installation::postgres()] {
        let here = match installation.url().starts_with("sqlite:") {
            true => installation.data_dir().display().to_string(),
            false => "the database of VINCULO_DATABASE_URL".to_owned(),
        };
        for command in commands {
            let wanted: &[&str] = match command[0] {
                "users" | "organizations" | "audit" | "vault" | "retention" | "consents" => &[],
                _ => &sandbox,
            };
            let refused = installation.run(&[command, wanted].concat()).refused();
            let why = format!(
                "no installation in {here}: `vinculo serve` makes one, `vinculo migrate` an empty one"
            );
            assert_eq!(refused, why, "{command:?}");
            assert!(!installation.data_dir().exists(), "{command:?}");
        }
        let made = installation.run(&["migrate"]).accepted();
        assert!(made.contains("up to date"), "{made}");
        installation.run(&["keys", "list", "--environment", "sandbox"]).accepted();
    }
}

#[test]
fn the_first_key_may_come_before_the_first_start_and_says_where_it_was_made() {
    for create in [
        &["keys", "create", "--environment", "sandbox"][..],
        &["organizations", "create", "Second"],
        &["users", "create", "first@example.com", "--role", "owner"],
    ] {
        let installation = Installation::sqlite();
        let made = installation.run(create);
        let told = format!("made a new installation in {}", installation.data_dir().display());
        assert!(made.stderr.contains(&told), "{create:?}");
        made.accepted();
        let again = installation.run(&["keys", "create", "--environment", "sandbox"]);
        assert!(!again.stderr.contains("made a new installation"));
        again.accepted();
    }
}

#[test]
fn another_key_opens_nothing() {
    for installation in [Installation::sqlite(), Installation::postgres()] {
        installation.make();
        let create = ["keys", "create", "--environment", "sandbox"];
        let command = |key| {
            let mut command = installation.command(&create);
            command.env("VINCULO_MASTER_KEY", key);
            command
        };
        finished(&mut command(KEY)).accepted();
        let refused = finished(&mut command(OTHER)).refused();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"master key version 1 does not open this installation's key");
        }
        assert!(!refused.contains(OTHER));
        finished(&mut command(KEY)).accepted();
    }
}

#[test]
fn a_data_folder_that_cannot_be_one_is_named() {
    let installation = Installation::sqlite();
    std::fs::write(installation.data_dir(), "a file").expect("a file");
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let refused = installation.run(&serve).refused();
    let data_dir = installation.data_dir().display().to_string();
    assert_eq!(refused, format!("data folder {data_dir}: File exists (os error 17)"));
    let mut inside = crate::support::vinculo(installation.folder(), serve);
    let refused = finished(inside.arg("--data-dir").arg(installation.data_dir().join("x")));
    let refused = refused.refused();
    assert_eq!(refused, format!("data folder {data_dir}/x: Not a directory (os error 20)"));
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    let installation = Installation::sqlite();
    // Nobody can make a folder there, not even root.
    let mut command = crate::support::vinculo(
        installation.folder(),
        ["serve", "--listen", "127.0.0.1:0", "--data-dir", "/proc/vinculo"],
    );
    let refused = finished(&mut command).refused();
    assert!(refused.starts_with("data folder /proc/vinculo: "), "{refused}");
}

#[test]
fn a_data_folder_that_is_missing_is_made_with_what_it_is_in() {
    let installation = Installation::sqlite();
    let inside = installation.folder().join("a/b");
    let mut migrate = crate::support::vinculo(installation.folder(), ["migrate"]);
    finished(migrate.arg("--data-dir").arg(&inside)).accepted();
    assert_eq!((mode(&inside), mode(&installation.folder().join("a"))), (0o700, 0o700));
}

/// A command that is let do what its user is, and not what root is let do everywhere.
fn as_anybody(command: &Command) -> Command {
    let mut setpriv = Command::new("setpriv");
    if is_root() {
        setpriv.arg("--bounding-set=-dac_override,-dac_read_search,-fowner");
    }
    within(setpriv, command)
}

/// A command that finds a folder on a file system that is read only.
fn read_only(folder: &Path, command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    if !is_root() {
        unshare.arg("--map-root-user");
    }
    let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
    unshare.args(["sh", "-c", mount]).arg(folder);
    within(unshare, command)
}

fn within(mut outer: Command, inner: &Command) -> Command {
    outer.arg(inner.get_program()).args(inner.get_args()).env_clear().stdin(Stdio::null());
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("a process").uid() == 0
}

/// Names and contents of all that is in a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect()
}

#[test]
fn a_data_folder_on_a_read_only_file_system_is_named_and_left_alone() {
    let (installation, empty) = (Installation::sqlite(), Installation::sqlite());
    installation.key("sandbox");
    std::fs::create_dir(empty.data_dir()).expect("a folder");
    let (there, before) = (installation.data_dir(), contents(&installation.data_dir()));
    let refused = finished(&mut read_only(&there, &installation.serve_command())).refused();
    let lock = there.join("migrate.lock").display().to_string();
    let why = "Read-only file system (os error 30)";
    assert_eq!(refused, format!("database unavailable: {lock}: {why}"));
    assert_eq!(contents(&there), before);
    let refused = finished(&mut read_only(&empty.data_dir(), &empty.serve_command())).refused();
    let file = format!("master key file {}/master.key", empty.data_dir().display());
    assert!(refused.starts_with(&file) && refused.ends_with(why), "{refused}");
    assert!(contents(&empty.data_dir()).is_empty());
    installation.run(&["keys", "list", "--environment", "sandbox"]).accepted();
}

/// As on a disk that was made read only because it failed: what is open stays so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_folders_take_no_writes_is_not_ready() {
    for installation in [Installation::sqlite(), Installation::postgres()] {
        let data = installation.data_dir();
        let mut command = as_anybody(&installation.serve_command());
        let (mut server, base) = Process::start_listening(&mut command).await;
        let spool = data.join("spool");
        std::fs::create_dir_all(&spool).expect("a folder");
        let ready = async || {
            let answer = reqwest::get(format!("{base}/readyz")).await.expect("an answer");
            let status = answer.status().as_u16();
            let body: serde_json::Value = answer.json().await.expect("JSON");
            let checks = body["checks"].as_array().expect("checks").iter();
            let wrong = checks.filter(|check| check["ready"] == false);
            (status, wrong.map(|check| check["message"].clone()).collect::<Vec<_>>())
        };
        assert_eq!(ready().await, (200, vec![]));
        for (folder, name) in [(&data, "data folder"), (&spool, "spool")] {
            std::fs::set_permissions(folder, Permissions::from_mode(0o500)).expect("another mode");
            let message = format!("the {name} takes no writes: Permission denied (os error 13)");
            assert_eq!(ready().await, (503, vec![message.into()]));
            std::fs::set_permissions(folder, Permissions::from_mode(0o700)).expect("another mode");
        }
        assert_eq!(ready().await, (200, vec![]));
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0));
    }
}

#[test]
fn a_data_folder_of_another_owner_is_named_and_left_alone() {
    const NOBODY: u32 = 65_534;
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let (there, before) = (installation.data_dir(), contents(&installation.data_dir()));
    if is_root() {
        for path in before.keys().chain([&there]) {
            std::os::unix::fs::chown(path, Some(NOBODY), None).expect("another owner");
        }
    } else {
        // Nobody else can give a folder away: one that its owner may not enter is closed to him too.
        std::fs::set_permissions(&there, Permissions::from_mode(0o000)).expect("another mode");
    }
    let refused = finished(&mut as_anybody(&installation.serve_command())).refused();
    let key = there.join("master.key").display().to_string();
    assert_eq!(refused, format!("master key file {key}: Permission denied (os error 13)"));
    std::fs::set_permissions(&there, Permissions::from_mode(0o700)).expect("another mode");
    assert_eq!(contents(&there), before);
}

#[test]
fn a_data_folder_whose_files_cannot_be_changed_is_refused() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let (there, before) = (installation.data_dir(), contents(&installation.data_dir()));
    for file in before.keys() {
        std::fs::set_permissions(file, Permissions::from_mode(0o400)).expect("another mode");
    }
    std::fs::set_permissions(&there, Permissions::from_mode(0o500)).expect("another mode");
    let refused = finished(&mut as_anybody(&installation.serve_command())).refused();
    let lock = there.join("migrate.lock").display().to_string();
    assert_eq!(refused, format!("database unavailable: {lock}: Permission denied (os error 13)"));
    assert_eq!(contents(&there), before);
    std::fs::set_permissions(&there, Permissions::from_mode(0o700)).expect("another mode");
}

#[test]
fn a_database_that_is_none_is_refused() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    std::fs::write(installation.data_dir().join("vinculo.db"), "not a database, long enough")
        .expect("a file");
    let refused = installation.run(&["keys", "create", "--environment", "sandbox"]).refused();
    assert!(refused.contains("not a database"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_works_off_the_jobs_of_a_data_folder() {
    let installation = Installation::sqlite();
    let (mut server, base) = installation.serve().await;
    let refused = finished(&mut installation.serve_command()).refused();
    insta::assert_snapshot!(refused, @"another process works off the jobs of this data folder, and only one may; beside it, serve with --no-worker");
    // Others may serve beside it, and leave the jobs to it.
    let receiver = Receiver::start().await;
    installation.webhook("sandbox", &receiver.url);
    let mut helper = installation.command(&["serve", "--listen", "127.0.0.1:0", "--no-worker"]);
    let (_helper, other_base) = Process::start_listening(&mut helper).await;
    let client = installation.client("sandbox", &other_base);
    let link = client.link("1999000001").await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    assert_eq!(client.at(&base).counts(&link).await, (1, 1));
    // The lock goes with its process, however that ends.
    server.kill();
    installation.serve().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let (one, other) = (Installation::sqlite(), Installation::sqlite());
    let (_server, base) = one.serve().await;
    let address = base.strip_prefix("http://").expect("a URL");
    let refused = other.run(&["serve", "--listen", address]).refused();
    assert_eq!(
        refused,
        format!("cannot listen on {address}: Address already in use (os error 98)")
    );
    assert!(!other.data_dir().exists());
}
