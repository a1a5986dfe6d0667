//! The binary as a process.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::in_the_end;

/// A command line of the binary in `folder`, with nothing of the caller's environment: settings and
/// proxies of the person at the keyboard are not part of the tests.
pub(crate) fn vinculo<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = bare(Command::new(env!("CARGO_BIN_EXE_vinculo")), folder);
    command.args(arguments);
    command
}

/// A command in `folder`, with nothing of the caller's environment.
pub(crate) fn bare(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("TMPDIR", folder).env("HOME", folder);
    command
}

/// A process that ended by itself.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn finished(command: &mut Command) -> Finished {
    let output = command.output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Finished {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Finished {
    /// The standard output of a command that must have worked.
    pub(crate) fn accepted(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The standard output of a command that must have worked, as JSON.
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.accepted()).expect("JSON")
    }

    /// The lines of a command that must have worked, each JSON.
    pub(crate) fn json_lines(self) -> Vec<serde_json::Value> {
        let lines = self.accepted();
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The one line a command says that must have refused, and that says nothing else.
    pub(crate) fn refused(self) -> String {
        assert_ne!(self.code, Some(0), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let line = self.stderr.strip_suffix('\n').expect("a line");
        assert!(!line.contains('\n'), "{self:?}");
        line.strip_prefix("error: ").expect("a refusal").to_owned()
    }
}

/// A running process, killed when this value is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// What a process has said so far.
struct Output {
    text: watch::Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the binary starts");
        let stdout = Output::of(child.stdout.take().expect("a pipe"));
        let stderr = Output::of(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Starts a command that says where it listens; the answer holds the base URL.
    pub(crate) async fn start_listening(command: &mut Command) -> (Self, String) {
        let mut process = Self::start(command);
        let line = process.says("listening on ").await;
        (process, line)
    }

    /// As [`Self::start_listening`], with nobody who reads its log.
    pub(crate) async fn start_unheard(command: &mut Command) -> (Self, String) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut child = command.stdout(Stdio::piped()).stderr(writer).spawn().expect("it starts");
        let stdout = Output::of(child.stdout.take().expect("a pipe"));
        let mut process = Self { child, stdout, stderr: Output::of(std::io::empty()) };
        let base = process.says("listening on ").await;
        (process, base)
    }

    /// The rest of the first line on standard output that begins with `words`.
    pub(crate) async fn says(&mut self, words: &str) -> String {
        let line = |text: &str| {
            let whole = text.split_inclusive('\n').find(|line| line.starts_with(words))?;
            whole.strip_prefix(words)?.strip_suffix('\n').map(str::to_owned)
        };
        let said = self.stdout.text.wait_for(|text| line(text).is_some());
        let said = in_the_end(words, said).await.map(|text| line(&text).unwrap_or_default());
        said.unwrap_or_else(|_| panic!("it ended:\n{}", self.stderr.text.borrow().as_str()))
    }

    /// Waits until its log has `words`.
    pub(crate) async fn logs(&mut self, words: &str) {
        let said = self.stderr.text.wait_for(|text| text.contains(words));
        let said = in_the_end(words, said).await.is_ok();
        assert!(said, "it ended without saying {words:?}");
    }

    /// `kill -9`; returns when the process is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `TERM`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.expect("a shell").success());
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        for output in [&mut self.stdout, &mut self.stderr] {
            in_the_end("its end", async { while output.text.changed().await.is_ok() {} }).await;
        }
        // Whoever closed both outputs is about to be gone.
        self.child.wait().expect("it ends")
    }

    /// Everything said on both outputs by a process that has ended.
    pub(crate) fn everything_said(&mut self) -> String {
        assert!(self.child.try_wait().expect("a child").is_some(), "it is still running");
        self.stdout.all() + &self.stderr.all()
    }

    /// Fails when a process that has ended said any of these.
    pub(crate) fn assert_silent<'a>(&mut self, secrets: impl IntoIterator<Item = &'a str>) {
        let said = self.everything_said();
        for secret in secrets {
            assert!(!said.contains(secret), "{secret:?} was said:\n{said}");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let (sender, text) = watch::channel(String::new());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = pipe.read(&mut bytes) {
                // A character that two reads share is damaged; nobody looks for one.
                sender.send_modify(|text| text.push_str(&String::from_utf8_lossy(&bytes[..read])));
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
        self.text.borrow().clone()
    }
}
