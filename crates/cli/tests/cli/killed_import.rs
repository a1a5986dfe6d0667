//! An import that is killed with signal 9 goes on where it was, and ends as if nothing had been.

use vinculo_store::{Import, ImportId, ImportState, Store};

use crate::support::{Installation, Multiplied, Process, in_the_end, look_again};

/// Copies of the largest sample: enough for many batches, and for people who are looked up apart.
const COPIES: usize = 100;
/// The only import of the installation.
const IMPORT: ImportId = ImportId(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    goes_on(&Installation::sqlite(), &[ImportState::Waiting, ImportState::Loading]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    goes_on(&Installation::postgres(), &[ImportState::Loading]).await;
}

fn arguments(command: &str) -> Vec<&str> {
    let all = ["pila", command, "--environment", "production", "--json"];
    let file = (command == "import").then_some("planilla.txt");
    all.into_iter().chain(file).collect()
}

async fn goes_on(installation: &Installation, kills: &[ImportState]) {
    let planilla = Multiplied::new(COPIES);
    let undisturbed = Installation::sqlite();
    for place in [installation, &undisturbed] {
        std::fs::write(place.folder().join("planilla.txt"), &planilla.bytes).expect("a file");
        place.run(&["migrate"]).accepted();
    }
    let store = installation.store();
    for &state in kills {
        let mut command = installation.command(&arguments("import"));
        let before = progress(&store).await;
        let mut process = Process::start(&mut command);
        in_the_end("the moment", moment(&store, state, before)).await;
        process.kill();
        let left = import(&store).await.expect("the import");
        println!("killed with {} of {} lines stored", left.loaded, planilla.lines);
        assert_eq!(left.state, state, "the import went on too fast to be killed");
    }
    assert_ne!(progress(&store).await, 0, "some lines were stored before the kill");
    let finished = installation.run(&arguments("import")).json();
    assert_eq!(finished["state"], "repeated", "it had been received before");
    assert_eq!(finished["loaded"], planilla.lines);
    assert_eq!(undisturbed.run(&arguments("import")).json()["state"], "accepted");
    let documents = &planilla.documents;
    for document in documents.iter().step_by(COPIES / 4).chain(documents.last()) {
        let of = format!("CC:{document}");
        let shown = |place: &Installation| {
            let show = [&arguments("show")[..], &["--document", &of]].concat();
            place.run(&show).accepted()
        };
        let whole = shown(&undisturbed);
        assert!(whole.contains("SERVICIOS TEMPORALES DEL ORIENTE"), "{whole}");
        assert_eq!(shown(installation), whole);
    }
    assert_eq!(store.read(|tx| tx.pending_work()).await.expect("a number"), 0);
    let spool = std::fs::read_dir(installation.data_dir().join("spool")).expect("a folder");
    assert_eq!(spool.count(), 1, "the received file is gone; what names the spool is there");
}

async fn import(store: &Store) -> Option<Import> {
    store.read(|tx| tx.import(IMPORT)).await.expect("the database answers")
}

/// Lines stored so far.
async fn progress(store: &Store) -> i64 {
    import(store).await.map_or(0, |import| import.loaded)
}

/// Ends when the import is in this state, and has stored something in it if it can have.
async fn moment(store: &Store, state: ImportState, before: i64) {
    loop {
        let loading = state == ImportState::Loading;
        let come = |import: &Import| import.state == state && (!loading || import.loaded > before);
        if import(store).await.as_ref().is_some_and(come) {
            return;
        }
        look_again().await;
    }
}
