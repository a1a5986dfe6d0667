-- Entries are added in the order of their time: behind one another, not each before all others.
drop index audit_entries_newest;
create index audit_entries_newest on audit_entries (workspace_id, created_at, id);
