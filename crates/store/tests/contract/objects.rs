use crate::fixture::{
    ALL, NOW, SECOND, add_link, index, person, read, sealed, uuid, workspaces, wrapped, write,
};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    KeptObject, LinkId, Micros, NewObject, ObjectFilter, PageRequest, Resource, SealedObject,
    SubjectId, TimeSpan, WorkspaceId,
};

on_both_databases! {
    objects_are_stored_and_found,
    the_same_object_keeps_its_id_and_birth,
    what_is_no_longer_named_goes,
    each_resource_has_its_own_objects,
    pages_are_newest_first,
    a_link_of_any_size_has_pages,
    a_walk_meets_every_object_once,
    filters_narrow,
    an_object_tells_what_it_was_made_from,
    an_object_is_removed_alone,
    what_is_withheld_is_read_by_name_alone,
    another_workspace_sees_nothing,
}

#[derive(Clone, Copy)]
struct Place {
    workspace: WorkspaceId,
    subject: SubjectId,
    link: LinkId,
}

/// Two links of one person, public ids 60 and 61, and a foreign workspace.
async fn places(db: &TestDatabase) -> (Place, Place, WorkspaceId) {
    let (workspace, there) = workspaces(db).await;
    write(db, move |tx| {
        let subject = person(tx, workspace, 50)?.id;
        let mut at = |n| {
            let link = add_link(tx, workspace, subject, n)?;
            Ok::<_, vinculo_store::Error>(Place { workspace, subject, link })
        };
        Ok((at(60)?, at(61)?, there))
    })
    .await
}

/// Object `n`, whose public id is `id`.
fn object(place: Place, n: u64, id: u64, at: Micros) -> NewObject {
    NewObject {
        uuid: uuid(id),
        workspace: place.workspace,
        subject: place.subject,
        link: place.link,
        object: index(n),
        created_at: at,
        collected_at: at,
        sealed: sealed(id),
    }
}

async fn what_is_withheld_is_read_by_name_alone(db: TestDatabase) {
    let (place, second, _) = places(&db).await;
    let workspace = place.workspace;
    let other = write(&db, move |tx| {
        let subject = person(tx, workspace, 51)?.id;
        Ok(Place { workspace, subject, link: add_link(tx, workspace, subject, 62)? })
    })
    .await;
    for resource in [Resource::Employments, Resource::Owners] {
        for (n, place) in [(1, place), (2, second), (3, other)] {
            put(&db, resource, place, vec![object(place, n, n, NOW)]).await;
        }
    }
    let subject = place.subject;
    let withhold =
        |withheld| write(&db, move |tx| tx.withhold(Resource::Employments, subject, withheld));
    let found = async |resource, links: Option<Vec<u64>>, ids: Option<Vec<u64>>| {
        let uuids = |all: Vec<u64>| all.into_iter().map(uuid).collect();
        let filter = ObjectFilter {
            links: links.map(uuids),
            ids: ids.map(uuids),
            ..ObjectFilter::default()
        };
        let page = read(&db, move |tx| {
            let first = PageRequest { limit: 1, offset: 0 };
            let count = tx.objects(resource, workspace, &filter, first)?.count;
            let page = tx.objects(resource, workspace, &filter, ALL)?;
            assert_eq!(page.count, count, "the first page counts the same");
            let walked = tx.objects_after(resource, workspace, &filter, None, 10)?;
            assert_eq!(walked.len(), page.rows.len());
            Ok(page)
        });
        let rows = page.await.rows.into_iter();
        rows.map(|object| (object.uuid.as_u128(), object.withheld)).collect::<Vec<_>>()
    };
    let jobs = Resource::Employments;
    let shown = |resource| read(&db, move |tx| tx.is_shown(resource, subject));
    assert_eq!(found(jobs, None, None).await, [(3, false), (2, false), (1, false)]);
    assert!(shown(jobs).await);
    withhold(true).await;
    assert_eq!((shown(jobs).await, shown(Resource::Owners).await), (false, true));
    assert_eq!(found(jobs, None, None).await, [(3, false)]);
    assert_eq!(found(jobs, Some(vec![60, 61, 62]), None).await, [(3, false)]);
    assert_eq!(found(jobs, Some(vec![60]), None).await, [(1, true)]);
    assert_eq!(found(jobs, None, Some(vec![2])).await, [(2, true)]);
    assert_eq!(found(jobs, None, Some(vec![2, 3])).await, [(3, false)]);
    assert_eq!(found(Resource::Owners, None, None).await.len(), 3, "the other resource is shown");
    let one = read(&db, move |tx| tx.object(jobs, workspace, uuid(1))).await;
    assert!(one.expect("not found").withheld);
    let traced = read(&db, move |tx| tx.traced_object(jobs, workspace, uuid(1))).await;
    assert!(traced.expect("not found").object.withheld);
    let everything = ObjectFilter { with_withheld: true, ..ObjectFilter::default() };
    let all = read(&db, move |tx| tx.objects(Resource::Employments, workspace, &everything, ALL));
    assert_eq!(
        all.await.rows.iter().map(|it| it.withheld).collect::<Vec<_>>(),
        [false, true, true]
    );
    withhold(false).await;
    assert_eq!(found(jobs, None, None).await.len(), 3);
}

async fn put(db: &TestDatabase, resource: Resource, place: Place, objects: Vec<NewObject>) {
    write(db, move |tx| tx.put_objects(resource, place.link, &objects)).await;
}

async fn kept(db: &TestDatabase, resource: Resource, place: Place) -> Vec<KeptObject> {
    let mut kept = read(db, move |tx| tx.kept_objects(resource, place.link)).await;
    kept.sort_by_key(|it| it.object);
    kept
}

fn uuids(objects: &[SealedObject]) -> Vec<u128> {
    objects.iter().map(|object| object.uuid.as_u128()).collect()
}

async fn objects_are_stored_and_found(db: TestDatabase) {
    let (place, _, _) = places(&db).await;
    for resource in Resource::ALL.iter().copied() {
        assert!(kept(&db, resource, place).await.is_empty());
        put(&db, resource, place, vec![object(place, 1, 71, NOW)]).await;
        let expected = KeptObject { uuid: uuid(71), object: index(1), created_at: NOW };
        assert_eq!(kept(&db, resource, place).await, [expected]);
        let find = move |n| {
            move |tx: &mut vinculo_store::Tx<'_>| tx.object(resource, place.workspace, uuid(n))
        };
        let found = read(&db, find(71)).await.expect("not found");
        assert_eq!((found.uuid, found.sealed), (uuid(71), sealed(71)));
        assert!(found.key == wrapped(50));
        assert!(read(&db, find(72)).await.is_none());
    }
}

async fn the_same_object_keeps_its_id_and_birth(db: TestDatabase) {
    let (place, other, _) = places(&db).await;
    put(&db, Resource::Employments, place, vec![object(place, 1, 71, NOW)]).await;
    put(&db, Resource::Employments, other, vec![object(other, 1, 81, NOW)]).await;
    let later = vec![object(place, 1, 72, NOW + SECOND), object(place, 2, 73, NOW + SECOND)];
    put(&db, Resource::Employments, place, later).await;
    let expected = [
        KeptObject { uuid: uuid(71), object: index(1), created_at: NOW },
        KeptObject { uuid: uuid(73), object: index(2), created_at: NOW + SECOND },
    ];
    assert_eq!(kept(&db, Resource::Employments, place).await, expected);
    let find = move |tx: &mut vinculo_store::Tx<'_>| {
        tx.object(Resource::Employments, place.workspace, uuid(71))
    };
    let found = read(&db, find).await.expect("not found");
    assert_eq!(found.sealed, sealed(72), "the new document under the old id");
    let read_at = raw::rows(&db, "select collected_at from employments order by id");
    assert_eq!(read_at, [NOW + SECOND, NOW, NOW + SECOND].map(|at| at.to_string()));
    assert_eq!(kept(&db, Resource::Employments, other).await[0].uuid, uuid(81));
}

async fn what_is_no_longer_named_goes(db: TestDatabase) {
    let (place, other, _) = places(&db).await;
    let three = |at: Place| (1..4).map(|n| object(at, n, 70 + n, NOW)).collect::<Vec<_>>();
    put(&db, Resource::Employments, place, three(place)).await;
    put(&db, Resource::Employments, other, three(other)).await;
    put(&db, Resource::Employments, place, vec![object(place, 2, 99, NOW)]).await;
    let left = kept(&db, Resource::Employments, place).await;
    assert_eq!(left, [KeptObject { uuid: uuid(72), object: index(2), created_at: NOW }]);
    put(&db, Resource::Employments, place, vec![]).await;
    assert!(kept(&db, Resource::Employments, place).await.is_empty());
    assert_eq!(kept(&db, Resource::Employments, other).await.len(), 3);
}

async fn each_resource_has_its_own_objects(db: TestDatabase) {
    let (place, _, _) = places(&db).await;
    put(&db, Resource::Owners, place, vec![object(place, 1, 71, NOW)]).await;
    put(&db, Resource::Employments, place, vec![object(place, 1, 72, NOW)]).await;
    put(&db, Resource::Employments, place, vec![]).await;
    assert_eq!(kept(&db, Resource::Owners, place).await.len(), 1);
    let wrong = move |tx: &mut vinculo_store::Tx<'_>| {
        tx.object(Resource::Employments, place.workspace, uuid(71))
    };
    assert!(read(&db, wrong).await.is_none());
}

async fn pages_are_newest_first(db: TestDatabase) {
    let (place, other, _) = places(&db).await;
    let times = [(1, 5), (2, 7), (3, 7), (4, 6)];
    let made = times.map(|(n, at)| object(place, n, n, NOW + at)).to_vec();
    put(&db, Resource::Employments, place, made).await;
    put(&db, Resource::Employments, other, vec![object(other, 5, 5, NOW + 7)]).await;
    for (limit, offset, expected) in [
        (100, 0, vec![5, 3, 2, 4, 1]),
        (5, 0, vec![5, 3, 2, 4, 1]),
        (2, 0, vec![5, 3]),
        (3, 1, vec![3, 2, 4]),
        (2, 4, vec![1]),
        (2, 9, vec![]),
        (0, 0, vec![]),
    ] {
        let slice = PageRequest { limit, offset };
        let page = read(&db, move |tx| {
            tx.objects(Resource::Employments, place.workspace, &ObjectFilter::default(), slice)
        })
        .await;
        assert_eq!((page.count, uuids(&page.rows)), (5, expected), "{limit} from {offset}");
        assert!(page.rows.iter().all(|row| row.key == wrapped(50)));
    }
}

async fn a_link_of_any_size_has_pages(db: TestDatabase) {
    let (place, other, _) = places(&db).await;
    put(&db, Resource::Employments, other, vec![object(other, 1, 99, NOW)]).await;
    for size in [0, 1, 7, 8, 9, 20] {
        // Stored in an order that is not theirs in the list.
        let at = |n| NOW + i64::try_from(n * 7 % 5).expect("a number");
        let made: Vec<_> = (1..=size).map(|n| object(place, n, n, at(n))).collect();
        put(&db, Resource::Employments, place, made).await;
        let mut all: Vec<_> = (1..=size).map(u128::from).collect();
        all.sort_by_key(|n| std::cmp::Reverse((n * 7 % 5, *n)));
        for (limit, offset) in [(1, 0), (3, 2), (8, 0), (8, 8), (9, 0), (100, 0), (0, 0), (2, 30)] {
            let links = Some(vec![uuid(60)]);
            let filter = ObjectFilter { links, ..ObjectFilter::default() };
            let page = read(&db, move |tx| {
                let slice = PageRequest { limit, offset };
                tx.objects(Resource::Employments, place.workspace, &filter, slice)
            })
            .await;
            let expected: Vec<_> =
                all.iter().copied().skip(offset as usize).take(limit as usize).collect();
            let found = (page.count, uuids(&page.rows));
            assert_eq!(found, (size as i64, expected), "{limit} from {offset} of {size}");
            assert!(page.rows.iter().all(|row| row.key == wrapped(50)));
        }
    }
}

async fn a_walk_meets_every_object_once(db: TestDatabase) {
    let (place, other, there) = places(&db).await;
    let times = [(1, 5), (2, 7), (3, 7), (4, 6), (5, 7)];
    let made = times.map(|(n, at)| object(place, n, n, NOW + at)).to_vec();
    put(&db, Resource::Owners, place, made).await;
    put(&db, Resource::Owners, other, vec![object(other, 6, 6, NOW + 9)]).await;
    let of_link = ObjectFilter { links: Some(vec![uuid(60)]), ..ObjectFilter::default() };
    for (filter, expected) in
        [(of_link.clone(), vec![5, 3, 2, 4, 1]), (ObjectFilter::default(), vec![6, 5, 3, 2, 4, 1])]
    {
        for limit in 1..7 {
            let (mut met, mut after) = (Vec::new(), None);
            loop {
                let filter = filter.clone();
                let slice = read(&db, move |tx| {
                    tx.objects_after(Resource::Owners, place.workspace, &filter, after, limit)
                })
                .await;
                let Some((last, _)) = slice.last() else { break };
                after = Some(*last);
                met.extend(slice.iter().map(|(_, object)| object.uuid.as_u128()));
                assert!(slice.iter().all(|(_, object)| object.key == wrapped(50)));
            }
            assert_eq!(met, expected, "slices of {limit}");
        }
    }
    let db = &db;
    let more = move |workspace, filter: ObjectFilter, limit| {
        read(db, move |tx| tx.more_objects_than(Resource::Owners, workspace, &filter, limit))
    };
    assert!(more(place.workspace, of_link.clone(), 4).await);
    assert!(!more(place.workspace, of_link, 5).await);
    assert!(more(place.workspace, ObjectFilter::default(), 5).await);
    assert!(!more(there, ObjectFilter::default(), 0).await);
}

async fn filters_narrow(db: TestDatabase) {
    let (place, other, _) = places(&db).await;
    let both = vec![object(place, 1, 1, NOW), object(place, 2, 2, NOW + 1)];
    put(&db, Resource::Owners, place, both).await;
    put(&db, Resource::Owners, other, vec![object(other, 1, 3, NOW + 2)]).await;
    let some = |ids: &[u64]| Some(ids.iter().copied().map(uuid).collect::<Vec<_>>());
    let ever = TimeSpan::default();
    let span = |from, before| TimeSpan { from, before };
    for (links, ids, created, expected) in [
        (None, None, ever, vec![3, 2, 1]),
        (some(&[60]), None, ever, vec![2, 1]),
        (some(&[61, 60]), None, ever, vec![3, 2, 1]),
        (some(&[99]), None, ever, vec![]),
        (some(&[]), None, ever, vec![]),
        (None, some(&[3, 1]), ever, vec![3, 1]),
        (None, some(&[]), ever, vec![]),
        (some(&[60]), some(&[3, 1]), ever, vec![1]),
        (None, None, span(Some(NOW + 1), None), vec![3, 2]),
        (None, None, span(None, Some(NOW + 1)), vec![1]),
        (some(&[60]), None, span(Some(NOW + 1), Some(NOW + 2)), vec![2]),
        (None, None, span(Some(NOW + 1), Some(NOW + 1)), vec![]),
    ] {
        let shown = format!("{links:?} {ids:?} {created:?}");
        let filter = ObjectFilter { links, ids, created, with_withheld: false };
        let (page, first) = read(&db, move |tx| {
            let list = |tx: &mut vinculo_store::Tx<'_>, slice| {
                tx.objects(Resource::Owners, place.workspace, &filter, slice)
            };
            Ok((list(tx, ALL)?, list(tx, PageRequest { limit: 1, offset: 0 })?))
        })
        .await;
        assert_eq!(uuids(&page.rows), expected, "{shown}");
        assert_eq!(page.count, expected.len() as i64, "{shown}");
        assert_eq!(first.count, page.count, "{shown}");
        assert_eq!(uuids(&first.rows), expected[..first.rows.len()], "{shown}");
    }
}

async fn an_object_tells_what_it_was_made_from(db: TestDatabase) {
    let (place, _, there) = places(&db).await;
    for resource in Resource::ALL.iter().copied() {
        put(&db, resource, place, vec![object(place, 1, 71, NOW), object(place, 2, 72, NOW)]).await;
        let find = move |workspace, n| {
            move |tx: &mut vinculo_store::Tx<'_>| tx.traced_object(resource, workspace, uuid(n))
        };
        let found = read(&db, find(place.workspace, 72)).await.expect("not found");
        assert_eq!((found.object.subject, found.index), (place.subject, index(2)));
        let object = &found.object;
        assert_eq!((object.uuid, &object.sealed), (uuid(72), &sealed(72)));
        assert!(object.key == wrapped(50));
        assert_eq!(object.link, place.link);
        assert!(read(&db, find(place.workspace, 73)).await.is_none());
        assert!(read(&db, find(there, 72)).await.is_none());
    }
}

async fn an_object_is_removed_alone(db: TestDatabase) {
    let (place, _, there) = places(&db).await;
    for resource in Resource::ALL.iter().copied() {
        put(&db, resource, place, vec![object(place, 1, 1, NOW), object(place, 2, 2, NOW)]).await;
    }
    let remove = move |resource, workspace, n| {
        move |tx: &mut vinculo_store::Tx<'_>| tx.delete_object(resource, workspace, uuid(n))
    };
    assert!(write(&db, remove(Resource::Owners, there, 1)).await.is_none());
    assert!(write(&db, remove(Resource::Owners, place.workspace, 3)).await.is_none());
    assert_eq!(kept(&db, Resource::Owners, place).await.len(), 2);
    let about = write(&db, remove(Resource::Owners, place.workspace, 1)).await;
    assert_eq!(about, Some(place.subject));
    assert!(write(&db, remove(Resource::Owners, place.workspace, 1)).await.is_none());
    let left = kept(&db, Resource::Owners, place).await;
    assert_eq!(left.iter().map(|it| it.uuid).collect::<Vec<_>>(), [uuid(2)]);
    assert_eq!(kept(&db, Resource::Employments, place).await.len(), 2);
}

async fn another_workspace_sees_nothing(db: TestDatabase) {
    let (place, _, there) = places(&db).await;
    for resource in Resource::ALL.iter().copied() {
        put(&db, resource, place, vec![object(place, 1, 1, NOW)]).await;
        assert!(read(&db, move |tx| tx.object(resource, there, uuid(1))).await.is_none());
        for (links, ids) in [(None, None), (Some(60), None), (None, Some(1)), (Some(60), Some(1))] {
            let only = |id: Option<u64>| id.map(|id| vec![uuid(id)]);
            let filter =
                ObjectFilter { links: only(links), ids: only(ids), ..ObjectFilter::default() };
            let page = read(&db, move |tx| tx.objects(resource, there, &filter, ALL)).await;
            assert_eq!((page.count, page.rows.len()), (0, 0));
        }
    }
}
