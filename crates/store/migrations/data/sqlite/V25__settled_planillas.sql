-- A planilla that was paid and has its number settles its payer, month, type and branch: slot_index, which is
-- what draft_index is of a planilla that lacks either. Zeros stand for what cannot be told any more.
alter table imports add column slot_index blob;
alter table imports add column paid integer not null default 0;
create index imports_slot on imports (workspace_id, slot_index) where slot_index is not null;
create index imports_unplaced on imports (id)
    where state = 'accepted' and number_index is not null and slot_index is null;
create index imports_drafts on imports (workspace_id, draft_index) where draft_index is not null;
drop index imports_superseded;
