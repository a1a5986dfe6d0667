//! `vinculo pila check`, `import` and `show`.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Finished, Installation, Multiplied, finished, sample, vinculo};

/// Runs `pila check` in the folder of the samples, so that files have short names.
fn check(arguments: &[&str]) -> Finished {
    let folder = sample("bad");
    let folder = folder.parent().expect("a folder");
    finished(&mut vinculo(folder, ["pila", "check"].iter().chain(arguments).copied()))
}

#[test]
fn a_good_file_is_accepted() {
    let told = check(&["01-nandu-E-2025-10.txt", "type1/type1-nandu.txt"]).accepted();
    insta::assert_snapshot!(told, @r"
    01-nandu-E-2025-10.txt: accepted, 8 lines, 0 errors, 0 warnings
    type1/type1-nandu.txt: accepted, 1 lines, 0 errors, 0 warnings
    ");
}

#[test]
fn findings_name_file_line_and_columns() {
    let mut told = String::new();
    for file in ["04-long-detail", "09-check-digit", "16-utf8", "28-days", "31-correction-A-alone"]
    {
        let checked = check(&[&format!("bad/{file}.txt")]);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(1), ""), "{file}");
        told += &checked.stdout;
    }
    insta::assert_snapshot!(told);
}

#[test]
fn warnings_do_not_refuse() {
    let told = check(&["bad/ok-07-lower-case.txt", "bad/ok-01-lf.txt"]).accepted();
    insta::assert_snapshot!(told, @r#"
    bad/ok-07-lower-case.txt:3:87-106: warning[lower_case] field 13 name1 (Primer nombre): found "Aaaa", expected capital letters (Resolución 2388/2016, annex 2, 2.1.2.1)
    bad/ok-07-lower-case.txt: accepted, 10 lines, 0 errors, 1 warnings
    bad/ok-01-lf.txt: accepted, 10 lines, 0 errors, 0 warnings
    "#);
}

#[test]
fn one_refused_file_among_good_ones_is_enough() {
    let checked = check(&["01-nandu-E-2025-10.txt", "bad/01-empty.txt", "02-nandu-E-2025-11.txt"]);
    assert_eq!(checked.code, Some(1));
    insta::assert_snapshot!(checked.stdout, @r"
    01-nandu-E-2025-10.txt: accepted, 8 lines, 0 errors, 0 warnings
    bad/01-empty.txt:0: error[empty_file]: found no record, expected at least two records (Resolución 2388/2016, annex 2)
    bad/01-empty.txt: refused, 0 lines, 1 errors, 0 warnings
    02-nandu-E-2025-11.txt: accepted, 12 lines, 0 errors, 0 warnings
    ");
}

#[test]
fn many_files_are_told_of_in_their_order() {
    let samples = std::fs::read_dir(sample("bad")).expect("a folder");
    let mut names: Vec<_> = samples
        .map(|entry| entry.expect("a name").file_name().into_string().expect("a name"))
        .map(|name| format!("bad/{name}"))
        .collect();
    names.sort();
    // One that takes longer than those that follow it, and one that is not there.
    let installation = Installation::sqlite();
    let long = installation.folder().join("long.txt");
    std::fs::write(&long, Multiplied::new(400).bytes).expect("a writable folder");
    names.insert(0, long.to_str().expect("a path").to_owned());
    names.insert(names.len() / 2, "nowhere.txt".to_owned());
    let alone: Vec<_> = names.iter().map(|name| check(&[name])).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let together = check(&names);
    let told = |stream: fn(&Finished) -> &str| alone.iter().map(stream).collect::<String>();
    assert!(names.len() > 30, "more than wait for their turn");
    assert_eq!(together.code, Some(1));
    assert_eq!(together.stdout, told(|one| &one.stdout));
    assert_eq!(together.stderr, told(|one| &one.stderr));
}

#[test]
fn json_is_one_object_a_file() {
    let checked = check(&["01-nandu-E-2025-10.txt", "bad/09-check-digit.txt", "--json"]);
    assert_eq!(checked.code, Some(1));
    let objects: Vec<Value> =
        checked.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    insta::assert_json_snapshot!(objects);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let refused = check(&["nowhere.txt"]).refused();
    assert_eq!(refused, "nowhere.txt: No such file or directory (os error 2)");
}

fn import(installation: &Installation, file: &Path) -> Finished {
    let file = file.to_str().expect("a path");
    installation.run(&["pila", "import", file, "--environment", "production", "--json"])
}

fn show(installation: &Installation, document: &str, environment: &str) -> Finished {
    let show = ["pila", "show", "--document", document];
    installation.run(&[&show[..], &["--environment", environment]].concat())
}

#[test]
fn json_tells_how_far_an_import_has_come() {
    let installation = Installation::sqlite();
    let file = sample("02-nandu-E-2025-11.txt");
    let imported = import(&installation, &file);
    let told: Vec<Value> =
        imported.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let percent = |of: &Value| of["percent"].as_i64().expect("a number");
    assert!(told.windows(2).all(|pair| percent(&pair[0]) <= percent(&pair[1])), "{told:?}");
    let last = told.last().expect("lines are loaded");
    assert_eq!((&last["file"], percent(last)), (&file.to_str().into(), 100));
    let imported = imported.json();
    assert_eq!((&imported["percent"], &imported["loaded"]), (&100.into(), &last["loaded"]));
}

#[test]
fn an_imported_person_can_be_shown() {
    let installation = Installation::sqlite();
    let imported = import(&installation, &sample("02-nandu-E-2025-11.txt")).json();
    assert_eq!((&imported["state"], &imported["kind"]), (&"accepted".into(), &"planilla".into()));
    let again = import(&installation, &sample("02-nandu-E-2025-11.txt")).json();
    assert_eq!((&again["state"], &again["id"]), (&"repeated".into(), &imported["id"]));
    insta::assert_snapshot!(show(&installation, "cc:1.900.000.101", "production").accepted(), @r"
    MARÍA JOSÉ PEÑARANDA NIÑO CC 1900000101

    INDUSTRIAS ÑANDÚ DEL CAFÉ S.A.S. 1 months
    month      gross         net           type         notes
    2025-11        1138800       1047696  SALARIED     ON_LEAVE
    ");
    let elsewhere = show(&installation, "CC:1900000101", "sandbox");
    assert_eq!(elsewhere.code, Some(1), "planillas belong to their environment");
}

#[test]
fn nobody_is_shown_for_an_unknown_document() {
    let installation = Installation::sqlite();
    installation.make();
    let shown = show(&installation, "CC:1999000404", "production");
    assert_eq!(shown.code, Some(1));
    assert_eq!(shown.stdout, "nothing is known about this document\n");
    assert_eq!(shown.stderr, "");
}

#[test]
fn a_refused_file_leaves_nothing_but_its_report() {
    let installation = Installation::sqlite();
    let refused = import(&installation, &sample("bad/28-days.txt"));
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), ""));
    let report: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert_eq!((&report["state"], &report["loaded"]), (&"refused".into(), &0.into()));
    let spool = std::fs::read_dir(installation.data_dir().join("spool")).expect("a folder");
    assert_eq!(spool.count(), 1, "what names the spool");
    // A later file may be the same planilla, repaired.
    let repaired = import(&installation, &sample("01-nandu-E-2025-10.txt")).json();
    assert_eq!(repaired["state"], "accepted");
}

/// A folder with one planilla in the clear and two in an archive.
fn folder_with_archive(folder: &Path) {
    std::fs::copy(sample("01-nandu-E-2025-10.txt"), folder.join("a.txt"))
        .expect("a writable folder");
    let mut archive = zip::ZipWriter::new(
        std::fs::File::create(folder.join("b.zip")).expect("a writable folder"),
    );
    for name in ["02-nandu-E-2025-11.txt", "03-nandu-E-2025-12.txt"] {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .expect("a writable folder");
        archive
            .write_all(&std::fs::read(sample(name)).expect("a writable folder"))
            .expect("a writable folder");
    }
    archive.finish().expect("a writable folder");
}

#[test]
fn folders_and_archives_are_as_good_as_files() {
    let installation = Installation::sqlite();
    let folder = installation.folder().join("files");
    std::fs::create_dir(&folder).unwrap();
    folder_with_archive(&folder);
    let path = folder.to_str().unwrap();
    let import = ["pila", "import", path, "--environment", "production", "--json"];
    let told = installation.run(&import).accepted();
    let imports: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<_> = imports
        .iter()
        .map(|import| {
            json!([import["name"], import["state"], import["report"]["summary"]["period"]])
        })
        .collect();
    assert_eq!(
        shown,
        [
            json!(["a.txt", "accepted", "2025-10"]),
            json!(["02-nandu-E-2025-11.txt", "accepted", "2025-11"]),
            json!(["03-nandu-E-2025-12.txt", "accepted", "2025-12"]),
        ]
    );

    let archive = std::fs::read(folder.join("b.zip")).unwrap();
    std::fs::write(folder.join("c.zip"), &archive[..archive.len() / 2]).unwrap();
    let cut = folder.join("c.zip");
    let import = ["pila", "import", cut.to_str().unwrap(), "--environment", "production"];
    let refused = installation.run(&import).refused();
    assert!(refused.contains("c.zip"), "{refused}");
}

#[test]
fn what_came_before_a_file_that_cannot_be_read_is_imported_and_told() {
    let installation = Installation::sqlite();
    let files = ["01-nandu-E-2025-10.txt", "02-nandu-E-2025-11.txt"].map(sample);
    let files = files.each_ref().map(|file| file.to_str().expect("a path"));
    let options = ["nowhere.txt", "--environment", "production", "--json"];
    let import = [&["pila", "import"], &files[..], &options];
    let imported = installation.run(&import.concat());
    assert_eq!(imported.code, Some(1));
    assert!(imported.stderr.contains("nowhere.txt"), "{}", imported.stderr);
    let told: Vec<_> = imported
        .stdout
        .lines()
        .map(|line| {
            let import: Value = serde_json::from_str(line).expect("JSON");
            json!([import["name"], import["state"], import["percent"]])
        })
        .collect();
    let expected = ["01-nandu-E-2025-10.txt", "02-nandu-E-2025-11.txt"];
    assert_eq!(told, expected.map(|name| json!([name, "accepted", 100])));
}

/// A folder with two planillas and with everything else that folders have.
fn odd_folder(folder: &Path) {
    std::fs::create_dir(folder).expect("a writable folder");
    let put = |name: &str| {
        let place = folder.join(name);
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("a writable folder");
        std::fs::copy(sample("01-nandu-E-2025-10.txt"), place).expect("a writable folder");
    };
    for name in ["a.txt", "z.txt", "._a.txt", ".DS_Store", "thumbs.db", ".git/config"] {
        put(name);
    }
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, folder.join(name)).expect("a writable folder");
    };
    link("nowhere", "broken.txt");
    link(".", "circle");
    link("itself", "itself");
    let fifo = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status();
    assert!(fifo.expect("mkfifo").success());
}

#[test]
fn one_odd_file_stops_no_other_and_what_a_desktop_leaves_is_passed_over() {
    let installation = Installation::sqlite();
    odd_folder(&installation.folder().join("odd"));
    let checked = finished(&mut vinculo(installation.folder(), ["pila", "check", "odd"]));
    assert_eq!(checked.code, Some(1));
    insta::assert_snapshot!(checked.stdout, @r"
    odd/a.txt: accepted, 8 lines, 0 errors, 0 warnings
    odd/z.txt: accepted, 8 lines, 0 errors, 0 warnings
    ");
    insta::assert_snapshot!(checked.stderr, @r"
    passed over: odd/.DS_Store
    passed over: odd/._a.txt
    passed over: odd/.git/
    error: odd/broken.txt: No such file or directory (os error 2)
    passed over: odd/circle/ (the same folder again)
    error: odd/itself: Too many levels of symbolic links (os error 40)
    error: odd/pipe: neither a file nor a folder
    passed over: odd/thumbs.db
    ");
    // Whoever names a file means it.
    let named = ["pila", "check", "odd/._a.txt", "odd/.git"];
    let told = finished(&mut vinculo(installation.folder(), named)).accepted();
    insta::assert_snapshot!(told, @r"
    odd/._a.txt: accepted, 8 lines, 0 errors, 0 warnings
    odd/.git/config: accepted, 8 lines, 0 errors, 0 warnings
    ");
}

/// An archive as a Mac packs it, its member `bad.txt` damaged.
fn odd_archive(place: &Path) {
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let contents = std::fs::read(sample("01-nandu-E-2025-10.txt")).expect("a sample");
    for name in
        ["./a.txt", "bad.txt", "__MACOSX/._a.txt", "__MACOSX/._bad.txt", "in/.DS_Store", "in/z.txt"]
    {
        archive.start_file(name, stored).expect("a member");
        archive.write_all(&contents).expect("a member");
    }
    let mut bytes = archive.finish().expect("an archive").into_inner();
    let damaged = bytes.windows(7).position(|at| at == b"bad.txt").expect("a name") + 1_000;
    bytes[damaged] ^= 1;
    std::fs::write(place, bytes).expect("a writable folder");
}

#[test]
fn one_damaged_member_stops_no_other() {
    let installation = Installation::sqlite();
    odd_archive(&installation.folder().join("mac.zip"));
    let checked = finished(&mut vinculo(installation.folder(), ["pila", "check", "mac.zip"]));
    assert_eq!(checked.code, Some(1));
    insta::assert_snapshot!(checked.stdout, @r"
    mac.zip!./a.txt: accepted, 8 lines, 0 errors, 0 warnings
    mac.zip!in/z.txt: accepted, 8 lines, 0 errors, 0 warnings
    ");
    insta::assert_snapshot!(checked.stderr, @r"
    error: mac.zip!bad.txt: Invalid checksum
    passed over: mac.zip!__MACOSX/
    passed over: mac.zip!in/.DS_Store
    ");

    let archive = installation.folder().join("mac.zip");
    let import = ["pila", "import", archive.to_str().expect("a path")];
    let imported = installation.run(&[&import[..], &["--environment", "production"]].concat());
    assert_eq!(imported.code, Some(1));
    let states: Vec<_> = imported.stdout.lines().map(|line| line.rsplit('!').next()).collect();
    assert_eq!(
        states,
        [
            Some("./a.txt: accepted 8 lines, 0 errors, 0 warnings"),
            Some("in/z.txt: repeated 8 lines, 0 errors, 0 warnings"),
        ]
    );
    assert!(imported.stderr.contains("mac.zip!bad.txt: "), "{}", imported.stderr);
}

#[test]
fn findings_that_are_not_listed_are_told() {
    let installation = Installation::sqlite();
    let planilla = Multiplied::new(15);
    let mut wrong = Vec::new();
    for (at, line) in planilla.bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let from = wrong.len();
        wrong.extend_from_slice(line);
        if at > 0 {
            wrong[from + 201] = b'O';
        }
    }
    std::fs::write(installation.folder().join("wrong.txt"), wrong).expect("a writable folder");
    let lines = planilla.lines;
    assert!(lines > 2_000);
    let check = ["pila", "check", "wrong.txt", "--json"];
    let checked = finished(&mut vinculo(installation.folder(), check));
    let told: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    assert_eq!(
        (&told["report"]["errors"], &told["report"]["unlisted"]),
        (&lines.into(), &(lines - 1_000).into())
    );
    let checked = finished(&mut vinculo(installation.folder(), check.into_iter().take(3)));
    let last: Vec<_> = checked.stdout.lines().skip(1_000).collect();
    assert_eq!(
        last,
        [
            format!(
                "wrong.txt: {} more are not listed: 1000 of a rule are, and all are counted",
                lines - 1_000
            ),
            format!("wrong.txt: refused, {} lines, {lines} errors, 0 warnings", lines + 1),
        ]
    );
    let path = installation.folder().join("wrong.txt");
    let import = ["pila", "import", path.to_str().expect("a path"), "--environment", "production"];
    let imported = installation.run(&import);
    let last = imported.stdout.lines().last().expect("a line");
    assert!(
        last.ends_with(&format!("refused {} lines, {lines} errors, 0 warnings", lines + 1)),
        "{last}"
    );
}

#[test]
fn planillas_in_the_sandbox_come_with_a_hint() {
    let installation = Installation::sqlite();
    let file = sample("01-nandu-E-2025-10.txt");
    let import = |environment: &str| {
        let file = file.to_str().expect("a path");
        installation.run(&["pila", "import", file, "--environment", environment])
    };
    let imported = import("sandbox");
    assert_eq!(imported.code, Some(0));
    assert!(imported.stderr.starts_with("hint: links of the sandbox"), "{}", imported.stderr);
    assert_eq!(import("production").stderr, "");
}

#[test]
fn rules_about_totals_can_be_allowed_by_name() {
    let wrong_total = "bad/15-header-total.txt";
    assert_eq!(check(&[wrong_total]).code, Some(1));
    check(&[wrong_total, "--allow", "header_payroll_total"]).accepted();
    let refused = check(&[wrong_total, "--allow", "record_length"]).refused();
    assert_eq!(
        refused,
        "\"record_length\" cannot be allowed: \
         only header_total_contributors and header_payroll_total can"
    );
}
