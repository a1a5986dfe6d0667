-- PostgreSQL renews its statistics as tables grow.
select 1;
