//! Internal identifiers: one type per table, so that a link cannot be passed for a load.

use crate::Value;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl From<$name> for Value<'_> {
            fn from(id: $name) -> Self {
                Value::Int(id.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// A customer of this installation.
    OrganizationId;
    /// One organization's `sandbox` or `production`.
    WorkspaceId;
    /// Somebody who signs in to the dashboard.
    UserId;
    /// An API key of a workspace.
    ApiKeyId;
    /// One person inside one workspace.
    SubjectId;
    /// A subject connected to an institution.
    LinkId;
    /// One request to fill a link.
    LoadId;
    /// One question to a source.
    SourceCallId;
    /// One imported file.
    ImportId;
    /// Many people handed in at once.
    CohortId;
    /// A source's job about many people.
    SourceJobId;
    /// A receiver of webhooks.
    EndpointId;
    /// Something that happened.
    EventId;
    /// One event on its way to one endpoint.
    DeliveryId;
    /// A row that says what to do next.
    JobId;
}

impl SubjectId {
    /// Whom an event's column names; 0 is nobody.
    pub(crate) fn from_column(id: i64) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }
}

/// An enum stored as text: one word per variant, the same on the wire and in the column.
macro_rules! text_enum {
    ($(#[doc = $doc:literal])+ $name:ident in $table:literal {
        $($(#[doc = $vdoc:literal])+ $variant:ident = $text:literal,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $vdoc])+ $variant,)+
        }

        impl $name {
            /// Every variant, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word stored in the column.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The variant written as `text`, if any.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|variant| variant.as_str() == text)
            }

            /// The variant of a stored column.
            ///
            /// # Errors
            /// `Corrupt` when no variant is written so.
            pub fn from_column(text: &str) -> crate::Result<Self> {
                Self::parse(text).ok_or_else(|| crate::Error::Corrupt {
                    table: $table,
                    what: format!("{} {text:?}", stringify!($name)),
                })
            }
        }

        impl From<$name> for crate::Value<'_> {
            fn from(value: $name) -> Self {
                crate::Value::Text(value.as_str())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use text_enum;
