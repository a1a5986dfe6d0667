//! Snapshots of what went over the wire, without what differs from run to run: ids. Times stay:
//! the clock stands still.

/// Compares a JSON value with the snapshot of this name.
macro_rules! assert_wire_snapshot {
    ($name:expr, $value:expr) => {
        insta::assert_json_snapshot!($name, $value, {
            ".**.id" => "[uuid]",
            ".**.link" => "[uuid]",
            ".**.link_id" => "[uuid]",
            ".**.created_by" => "[uuid]",
            ".**.webhook_id" => "[32 hex digits]",
            ".**.request_id" => "[request id]",
            ".**.institution_user_id" => "[pseudonym]",
        })
    };
}
pub(crate) use assert_wire_snapshot;
