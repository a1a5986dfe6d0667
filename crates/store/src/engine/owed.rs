//! What of a transaction was not sent yet. It travels with the next statement: each exchange with the server
//! costs two changes of process.

use crate::text::moved_on;
use crate::value::Value;
use bytes::BytesMut;
use futures_util::future::{LocalBoxFuture, try_join, try_join_all};
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Client, Error as Refusal, Statement};

/// Statements that may be owed at once: what is joined beyond a few is not sent in the order in which it came.
const MOST: usize = 16;

/// How a transaction begins.
pub(super) const BEGIN: &str = "begin";

/// The name of what a statement does beside itself.
const BESIDE: &str = "done_beside";

/// What stands in a `select` that does more than read: it locks rows, or calls a function that may do something.
const DOES_MORE: [&str; 5] = [" for ", "pg_", "nextval", "setval", "set_config"];

/// What was not sent yet.
#[derive(Default)]
pub(super) struct Owed {
    /// How the transaction begins.
    pub(super) begin: Option<&'static str>,
    /// Statements whose answers nobody waits for, in their order.
    pub(super) later: Vec<Later>,
    /// Whether the connection has answered something that what is owed may build upon.
    pub(super) looked: bool,
}

/// A statement whose answer nobody waits for.
pub(super) struct Later {
    pub(super) sql: Box<str>,
    params: Vec<Kept>,
}

/// A parameter of its own.
#[derive(Debug)]
enum Kept {
    Plain(Value<'static>),
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

impl Owed {
    /// Whether nothing is owed.
    pub(super) fn is_none(&self) -> bool {
        self.begin.is_none() && self.later.is_empty()
    }

    /// Whether no more statements may be owed.
    pub(super) fn is_full(&self) -> bool {
        self.later.len() >= MOST
    }

    /// Adds a statement whose answer nobody waits for. One that puts a row somewhere is done by the same statement as
    /// the one behind it, which is asked and answered once.
    pub(super) fn add(&mut self, sql: &str, params: &[Value<'_>]) {
        let mut next = Later::new(sql, params);
        if let Some(last) = self.later.pop_if(|last| last.may_be_beside(&next)) {
            next = last.beside(next);
        }
        self.later.push(next);
    }

    /// Whether this statement may go before all that is owed, alone. A transaction sees what is committed when each of
    /// its statements starts: what only reads sees the same before its beginning as behind it.
    pub(super) fn lets_pass(&self, sql: &str) -> bool {
        self.begin == Some(BEGIN) && self.later.is_empty() && only_reads(sql)
    }

    /// The statement that is the whole transaction, if one is: nothing is owed then, and it commits itself. Only behind a
    /// look: a connection that rested may have died, and of what commits itself nobody knows whether it was done.
    pub(super) fn take_whole(&mut self) -> Option<Later> {
        let is_one = self.begin == Some(BEGIN) && self.looked && self.later.len() == 1;
        if is_one { std::mem::take(self).later.pop() } else { None }
    }

    /// Sends it, and `work` behind it in the same breath: the answer to `work`, or the first refusal. What was
    /// `prepared` is a statement for each that is owed.
    pub(super) async fn before<T>(
        &self,
        client: &Client,
        prepared: &[Statement],
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        if self.is_none() {
            return work.await;
        }
        let begin = self.begin.map(|sql| -> LocalBoxFuture<'_, Result<(), Refusal>> {
            Box::pin(client.batch_execute(sql))
        });
        let later = self.later.iter().zip(prepared).map(
            |(it, statement)| -> LocalBoxFuture<'_, Result<(), Refusal>> {
                Box::pin(async move { client.execute_raw(statement, &it.params).await.map(|_| ()) })
            },
        );
        // Both are polled in this order, and the driver sends when it is polled first.
        let (_, answer) = try_join(try_join_all(begin.into_iter().chain(later)), work).await?;
        Ok(answer)
    }
}

/// Whether a statement changes nothing and holds nothing, as far as its text tells.
fn only_reads(sql: &str) -> bool {
    sql.starts_with("select ") && !DOES_MORE.iter().any(|more| sql.contains(more))
}

/// The table to which a statement adds one row of parameters, if that is all that it does.
fn given_to(sql: &str) -> Option<&str> {
    let (table, row) = sql.strip_prefix("insert into ")?.split_once(' ')?;
    let (_, values) = row.split_once(" values (")?;
    let is_parameters = |values: &str| values.bytes().all(|it| b"$, 0123456789".contains(&it));
    values.strip_suffix(')').is_some_and(is_parameters).then_some(table)
}

impl Later {
    pub(super) fn new(sql: &str, params: &[Value<'_>]) -> Self {
        Self { sql: sql.into(), params: params.iter().map(Kept::of).collect() }
    }

    /// Whether it can be done beside another one, of which each finds nothing of what the other does.
    fn may_be_beside(&self, other: &Self) -> bool {
        let begins = ["insert into ", "update ", "delete from ", "with "];
        given_to(&self.sql).is_some_and(|table| !other.sql.contains(table))
            && begins.iter().any(|begin| other.sql.starts_with(begin))
            && !other.sql.starts_with("with recursive ")
            && !other.sql.contains(BESIDE)
    }

    /// Both as one statement; the parameters of the other keep their numbers.
    fn beside(self, other: Self) -> Self {
        let own = moved_on(&self.sql, other.params.len());
        let sql = match other.sql.strip_prefix("with ") {
            Some(rest) => format!("with {BESIDE} as ({own}), {rest}"),
            None => format!("with {BESIDE} as ({own}) {}", other.sql),
        };
        let params = other.params.into_iter().chain(self.params).collect();
        Self { sql: sql.into(), params }
    }

    /// The parameters, as they came.
    pub(super) fn params(&self) -> Vec<Value<'_>> {
        self.params.iter().map(Kept::value).collect()
    }
}

impl Kept {
    fn of(value: &Value<'_>) -> Self {
        match *value {
            Value::Null => Self::Plain(Value::Null),
            Value::Int(n) => Self::Plain(Value::Int(n)),
            Value::Bool(b) => Self::Plain(Value::Bool(b)),
            Value::Uuid(id) => Self::Plain(Value::Uuid(id)),
            Value::Text(text) => Self::Text(text.into()),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Plain(value) => *value,
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

impl ToSql for Kept {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.value().to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <Value<'_> as ToSql>::accepts(ty)
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

#[cfg(test)]
mod tests {
    use super::{Later, Owed, only_reads};
    use crate::value::Value;

    /// What is owed, as text.
    fn owed(statements: &[(&str, &[Value<'_>])]) -> Vec<String> {
        let mut owed = Owed::default();
        statements.iter().for_each(|(sql, params)| owed.add(sql, params));
        let text = |later: &Later| format!("{}: {:?}", later.sql, later.params());
        owed.later.iter().map(text).collect()
    }

    #[test]
    fn a_row_is_added_beside_what_follows() {
        let first = [Value::Int(1), Value::Text("one")];
        let (seven, eight) = ([Value::Int(7)], [Value::Int(8)]);
        let note = ("insert into notes (id, body) values ($1, $2)", &first[..]);
        let gone = ("delete from marks where id = $1", &seven[..]);
        let both = "with new as (insert into marks (id) values ($1) returning id) \
             insert into lists (mark) select id from new";
        let both = (both, &eight[..]);
        let beside = "with done_beside as (insert into notes (id, body) values ($2, $3))";
        assert_eq!(
            owed(&[note, gone, note, both, gone]),
            [
                format!(
                    "{beside} delete from marks where id = $1: {:?}",
                    [seven[0], first[0], first[1]]
                ),
                format!(
                    "{beside}, new as (insert into marks (id) values ($1) returning id) \
                     insert into lists (mark) select id from new: {:?}",
                    [eight[0], first[0], first[1]]
                ),
                format!("delete from marks where id = $1: {seven:?}"),
            ]
        );
    }

    #[test]
    fn what_may_be_found_is_added_before() {
        let params = [Value::Int(1)];
        for (first, second) in [
            ("insert into notes (id) values ($1)", "insert into notes (id) values ($1)"),
            (
                "insert into notes (id) values ($1)",
                "update marks set n = (select max(id) from notes)",
            ),
            ("insert into notes (id) values ($1) on conflict do nothing", "delete from marks"),
            ("insert into notes (id) select id from marks", "delete from marks"),
            ("insert into notes (id) values (1 + (select 1))", "delete from marks"),
            (
                "insert into notes (id) values ($1)",
                "with recursive a as (select 1) delete from marks",
            ),
            ("insert into notes (id) values ($1)", "select 1"),
            ("delete from notes", "delete from marks"),
        ] {
            let both = [(first, &params[..]), (second, &params[..])];
            assert_eq!(owed(&both).len(), 2, "{first}; {second}");
        }
    }

    #[test]
    fn what_locks_or_does_something_is_not_only_read() {
        assert!(only_reads("select id from webhook_endpoints where uuid = $2"));
        for sql in [
            "select id from events where id = $1 for update",
            "select id from deliveries for update of d skip locked",
            "select pg_advisory_xact_lock($1)",
            "select set_config('jit', 'off', true)",
            "update events set id = id returning id",
            "with gone as (delete from events returning id) select id from gone",
        ] {
            assert!(!only_reads(sql), "{sql}");
        }
    }
}
