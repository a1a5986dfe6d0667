//! A rotation of the index keys that is killed with signal 9 goes on where it was. The moment is
//! looked for in the files of SQLite: whoever opens a store has to share it, and is in the way.

use crate::support::{Installation, Multiplied, Process, in_the_end, look_again};

/// Copies of the largest sample: enough for several batches of people.
const COPIES: usize = 100;

const ROTATE: [&str; 3] = ["vault", "rotate-index", "--json"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on() {
    let installation = Installation::sqlite();
    let planilla = Multiplied::new(COPIES);
    std::fs::write(installation.folder().join("planilla.txt"), &planilla.bytes).expect("a file");
    let import = ["pila", "import", "--environment", "production", "--json", "planilla.txt"];
    assert_eq!(installation.run(&import).json()["state"], "accepted");
    let shown = |document: &String| {
        let of = format!("CC:{document}");
        let show = ["pila", "show", "--environment", "production", "--json", "--document", &of];
        installation.run(&show).accepted()
    };
    let people: Vec<_> = planilla.documents.iter().step_by(COPIES / 4).collect();
    let before: Vec<_> = people.iter().map(|document| shown(document)).collect();

    let mut rotation = Process::start(&mut installation.command(&ROTATE));
    let data = installation.data_dir().join("vinculo.db");
    let data = rusqlite::Connection::open(data).expect("the data");
    let number = |sql: &str| data.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    in_the_end("the moment", async {
        while number("select coalesce(sum(rotated), 0) from index_rotation") == 0 {
            look_again().await;
        }
    })
    .await;
    rotation.kill();
    let done = number("select coalesce(sum(rotated), 0) from index_rotation");
    println!("killed with {done} values rotated");
    assert_eq!(number("select rotating from index_keys"), 1, "too fast to be killed");
    let refused = installation.run(&["vault", "status"]).refused();
    assert!(refused.contains("run `vinculo vault rotate-index` again"), "{refused}");

    let ended = installation.run(&ROTATE).json();
    assert_eq!(ended["version"], 2);
    let values = |column: &str| {
        let columns = ended["columns"].as_array().expect("columns");
        let of = columns.iter().find(|it| it["column"] == column).expect(column);
        of["values"].as_u64().and_then(|values| usize::try_from(values).ok())
    };
    assert_eq!(values("contributions.payer_index of planillas"), Some(planilla.lines));
    let after: Vec<_> = people.iter().map(|document| shown(document)).collect();
    assert_eq!(after, before, "everybody is found as before");
}
