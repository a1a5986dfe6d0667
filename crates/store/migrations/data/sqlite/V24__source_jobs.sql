-- Jobs of sources about many people at once: handed in by a cohort, looked at, and fetched before they expire.
-- reference is the source's own name of a job, null until the source has given it. reserved is what the job
-- may still cost: what its people cost is in source_calls once they are answered.
create table source_jobs (
    id           integer primary key autoincrement,
    workspace_id integer not null references workspaces (id),
    cohort_id    integer not null references cohorts (id),
    source       text    not null,
    reference    text,
    people       integer not null,
    reserved     integer not null,
    months_ahead integer not null,
    looks        integer not null,
    finished     integer not null,
    submitted_at integer not null,
    expires_at   integer,
    due_at       integer not null,
    ended_at     integer
) strict;
create index source_jobs_open on source_jobs (workspace_id, due_at) where ended_at is null;
create index source_jobs_reserved on source_jobs (source, submitted_at) where reserved > 0;
create index source_jobs_cohort on source_jobs (cohort_id);

-- The job that asks about a row, how many jobs did, and whether it is to be asked about alone.
alter table cohort_rows add column source_job_id integer;
alter table cohort_rows add column submissions integer not null default 0;
alter table cohort_rows add column alone integer not null default 0;
create index cohort_rows_job on cohort_rows (source_job_id, line) where source_job_id is not null;
