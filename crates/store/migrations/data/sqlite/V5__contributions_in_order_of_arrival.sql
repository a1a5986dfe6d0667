-- Lines are kept in the order in which they arrive, so that an import writes them side by side
-- however much is known about its people. Whom they are about is an index.
create table arriving (
    workspace_id  integer not null,
    subject_id    integer not null,
    origin        text   not null check (origin in ('planilla', 'ach')),
    batch_id      integer not null,
    line          integer not null,
    payer_index   blob   not null,
    period        integer not null,
    planilla_type text,
    sealed        blob   not null,
    primary key (origin, batch_id, line, subject_id)
) strict, without rowid;
insert into arriving select workspace_id, subject_id, origin, batch_id, line, payer_index, period,
    planilla_type, sealed from contributions order by origin, batch_id, line, subject_id;
drop table contributions;
alter table arriving rename to contributions;
create index contributions_subject on contributions (subject_id);

-- All lines of a planilla have one payer, which is that of the import.
create index contributions_payer on contributions (workspace_id, payer_index) where origin = 'ach';
create index imports_payer on imports (workspace_id, payer_index);
