-- All lines of a planilla have one payer, which is that of the import.
drop index contributions_payer;
create index contributions_payer on contributions (workspace_id, payer_index) where origin = 'ach';
create index imports_payer on imports (workspace_id, payer_index);
