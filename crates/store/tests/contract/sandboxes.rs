use crate::fixture::{NOW, SECOND, new_link, person, read, sealed, workspaces, write};
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Due, NewLink, Sandbox, Trigger};

on_both_databases! {
    a_calendar_is_that_of_its_workspace,
    links_of_a_workspace_become_due_together,
}

async fn a_calendar_is_that_of_its_workspace(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    assert_eq!(read(&db, move |tx| tx.sandbox(here)).await, Sandbox::default());
    for (months_ahead, at) in [(3, NOW), (-1, NOW + 1)] {
        write(&db, move |tx| tx.move_sandbox(here, months_ahead, at)).await;
        let moved = Sandbox { months_ahead, moved_at: Some(at) };
        assert_eq!(read(&db, move |tx| tx.sandbox(here)).await, moved);
    }
    assert_eq!(read(&db, move |tx| tx.sandbox(there)).await, Sandbox::default());
}

async fn links_of_a_workspace_become_due_together(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let links = write(&db, move |tx| {
        let mut links = Vec::new();
        for (n, workspace, refresh) in [
            (1, here, Some(NOW + 9 * SECOND)),
            (2, here, Some(NOW - SECOND)),
            (3, here, None),
            (4, there, Some(NOW + 9 * SECOND)),
        ] {
            let subject = person(tx, workspace, n)?.id;
            let due = Due { refresh: refresh.map(|at| (at, Trigger::Refresh)), ..Due::default() };
            let sealed = sealed(n);
            let link = NewLink { due, ..new_link(workspace, subject, n, &sealed) };
            links.push(tx.insert_link(&link)?);
        }
        Ok(links)
    })
    .await;
    assert_eq!(write(&db, move |tx| tx.refresh_all_links(here, NOW)).await, 1);
    let mut due = Vec::new();
    for link in links {
        let link = read(&db, move |tx| tx.link_by_id(link)).await.expect("a link");
        due.push(link.due.refresh);
    }
    let at = |at| Some((at, Trigger::Refresh));
    assert_eq!(due, [at(NOW), at(NOW - SECOND), None, at(NOW + 9 * SECOND)]);
}
