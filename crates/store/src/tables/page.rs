//! Pages of a list, and the growing `where` clause behind them.

use std::fmt::Write as _;

use super::Micros;
use crate::Value;

/// A span of time, both ends open when `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeSpan {
    /// First moment inside.
    pub from: Option<Micros>,
    /// First moment after it.
    pub before: Option<Micros>,
}

/// Which slice of a list to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows at most.
    pub limit: i64,
    /// Rows to skip.
    pub offset: i64,
}

/// One slice of a list and the length of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Matches over all pages.
    pub count: i64,
    /// The rows of this page.
    pub rows: Vec<T>,
}

/// A `where` clause that starts with the workspace and grows by conditions.
pub(crate) struct Where<'a> {
    sql: String,
    params: Vec<Value<'a>>,
}

impl<'a> Where<'a> {
    /// `where <column> = $1`. A `+` before the name of a column keeps both databases from looking
    /// it up in an index: SQLite knows little of how many rows a value has, and may prefer the
    /// index of a whole workspace to the one of an id.
    pub(crate) fn equals(column: &str, value: impl Into<Value<'a>>) -> Self {
        Self { sql: format!(" where {column} = $1"), params: vec![value.into()] }
    }

    /// `where <column> > $1`, for a walk in the order of the column.
    pub(crate) fn beyond(column: &str, value: impl Into<Value<'a>>) -> Self {
        Self { sql: format!(" where {column} > $1"), params: vec![value.into()] }
    }

    /// `and <column> in (…)`; an empty list matches nothing.
    pub(crate) fn and_in<V: Into<Value<'a>>>(
        &mut self,
        column: &str,
        values: impl IntoIterator<Item = V>,
    ) {
        let marks = self.marks(values);
        let _ = write!(self.sql, " and {column} in ({marks})");
    }

    /// `and <template>` where `{}` stands for the list of placeholders.
    pub(crate) fn and_list<V: Into<Value<'a>>>(
        &mut self,
        template: &str,
        values: impl IntoIterator<Item = V>,
    ) {
        let marks = self.marks(values);
        let _ = write!(self.sql, " and {}", template.replace("{}", &marks));
    }

    /// `and <column>` lies in the span.
    pub(crate) fn and_span(&mut self, column: &str, span: TimeSpan) {
        for (comparison, at) in [(">=", span.from), ("<", span.before)] {
            if let Some(at) = at {
                self.params.push(at.into());
                let _ = write!(self.sql, " and {column} {comparison} ${}", self.params.len());
            }
        }
    }

    /// `and` two columns, one after the other, come behind (`>`) two numbers, or before (`<`) them. The
    /// first leads to the rows by an index.
    pub(crate) fn and_pair(
        &mut self,
        [first, second]: [&str; 2],
        comparison: &str,
        numbers: [i64; 2],
    ) {
        self.params.extend(numbers.map(Value::from));
        let (one, two) = (self.params.len() - 1, self.params.len());
        let _ = write!(
            self.sql,
            " and {first} {comparison}= ${one} \
             and ({first} {comparison} ${one} or {second} {comparison} ${two})"
        );
    }

    /// `and <column> not in (…)`; an empty list excludes nothing.
    pub(crate) fn and_not_in<V: Into<Value<'a>>>(
        &mut self,
        column: &str,
        values: impl IntoIterator<Item = V>,
    ) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            let marks = self.marks(values);
            let _ = write!(self.sql, " and {column} not in ({marks})");
        }
    }

    /// `and <column> is null`.
    pub(crate) fn and_null(&mut self, column: &str) {
        let _ = write!(self.sql, " and {column} is null");
    }

    /// `and <column> is not null`.
    pub(crate) fn and_not_null(&mut self, column: &str) {
        let _ = write!(self.sql, " and {column} is not null");
    }

    fn marks<V: Into<Value<'a>>>(&mut self, values: impl IntoIterator<Item = V>) -> String {
        let mut marks = String::new();
        for value in values {
            self.params.push(value.into());
            let separator = if marks.is_empty() { "" } else { ", " };
            let _ = write!(marks, "{separator}${}", self.params.len());
        }
        if marks.is_empty() { "null".to_owned() } else { marks }
    }

    /// The clause, for a statement that counts.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// The values behind the clause.
    pub(crate) fn params(&self) -> &[Value<'a>] {
        &self.params
    }

    /// The clause followed by `order` and the slice.
    pub(crate) fn sliced(&self, order: &str, page: PageRequest) -> (String, Vec<Value<'a>>) {
        let mut params = self.params.clone();
        params.push(page.limit.into());
        params.push(page.offset.into());
        let (limit, offset) = (params.len() - 1, params.len());
        (format!("{} order by {order} limit ${limit} offset ${offset}", self.sql), params)
    }
}
