//! What the audit log can say was done.

use super::ids::text_enum;

text_enum! {
    /// What was done. The words are part of what is chained and never change.
    AuditAction in "audit_entries" {
        /// Employments were shown.
        EmploymentsRead = "employments.read",
        /// A source was asked while the caller waited, and the employments shown.
        EmploymentsRetrieved = "employments.retrieved",
        /// An employment was deleted.
        EmploymentDeleted = "employment.deleted",
        /// It was shown which lines made an employment.
        ProvenanceRead = "provenance.read",
        /// Questions to sources were shown, one of them maybe with its answer.
        SourceCallsRead = "source_calls.read",
        /// The body of an event was shown.
        EventsRead = "events.read",
        /// A delivery was shown, with what its receiver answered.
        DeliveriesRead = "deliveries.read",
        /// Owners were shown.
        OwnersRead = "owners.read",
        /// A source was asked while the caller waited, and the owner shown.
        OwnersRetrieved = "owners.retrieved",
        /// An owner was deleted.
        OwnerDeleted = "owner.deleted",
        /// Links were shown.
        LinksRead = "links.read",
        /// A link was registered.
        LinkCreated = "link.created",
        /// A source was asked about a person, and no link made or restored.
        LinkRefused = "link.refused",
        /// The source was asked again, and the link is valid.
        LinkUpdated = "link.updated",
        /// Mode, resources, retention or pace were changed.
        LinkChanged = "link.changed",
        /// A load was asked for.
        LinkRefreshed = "link.refreshed",
        /// The document is no longer stored.
        LinkExpired = "link.expired",
        /// What was loaded grew too old and was erased.
        LinkEmptied = "link.emptied",
        /// A link was deleted.
        LinkDeleted = "link.deleted",
        /// An answer kept for an `Idempotency-Key` was given again.
        AnswerRepeated = "answer.repeated",
        /// Tokens for a widget were made.
        TokenCreated = "token.created",
        /// Imports were shown, maybe with reports that quote lines.
        ImportsRead = "imports.read",
        /// A file was received.
        ImportCreated = "import.created",
        /// Cohorts were shown, or what became of the rows of one.
        CohortsRead = "cohorts.read",
        /// A cohort was received.
        CohortCreated = "cohort.created",
        /// The rows of a cohort that waited, if any, were cancelled.
        CohortCancelled = "cohort.cancelled",
        /// The settings of the workspace were changed.
        SettingsChanged = "settings.changed",
        /// The calendar of the sandbox was moved.
        CalendarMoved = "sandbox.calendar_moved",
        /// What is known about a person was shown on a command line.
        SubjectShown = "subject.shown",
        /// A report of everything about a person was made.
        SubjectReported = "subject.reported",
        /// A person was erased.
        SubjectErased = "subject.erased",
        /// Imports may take lines about a person again.
        SubjectAdmitted = "subject.admitted",
        /// Consents were shown.
        ConsentsRead = "consents.read",
        /// What proves the consents of a person was shown.
        ConsentsEvidenced = "consents.evidenced",
        /// A consent was recorded.
        ConsentRecorded = "consent.recorded",
        /// Somebody was asked for a consent, and said no.
        ConsentRefused = "consent.refused",
        /// A consent was taken back.
        ConsentRevoked = "consent.revoked",
        /// An API key was made.
        KeyCreated = "key.created",
        /// What a key is called, opens, and may be used from and until was changed.
        KeyChanged = "key.changed",
        /// A key was given another password.
        KeyRotated = "key.rotated",
        /// The old password of a key opens it no more.
        PasswordRetired = "key.password_retired",
        /// A key opens nothing any more.
        KeyRevoked = "key.revoked",
        /// A receiver of webhooks was added.
        WebhookCreated = "webhook.created",
        /// Address, types or state of a receiver were changed.
        WebhookChanged = "webhook.changed",
        /// A receiver was disabled because it failed for days, or said that it is gone.
        WebhookDisabled = "webhook.disabled",
        /// A receiver was given another signing secret.
        WebhookSecretRotated = "webhook.secret_rotated",
        /// A test event was sent to a receiver.
        WebhookTested = "webhook.tested",
        /// A receiver was removed.
        WebhookDeleted = "webhook.deleted",
        /// Events were sent again.
        WebhooksReplayed = "webhooks.replayed",
        /// A key came, with its password, from an address that it may not be used from.
        KeyFromElsewhere = "key.refused_address",
        /// A key came, with its password, for what it may not do.
        KeyWithoutScope = "key.refused_scope",
        /// An organization was made.
        OrganizationCreated = "organization.created",
        /// Somebody was made a user.
        UserCreated = "user.created",
        /// A user was invited anew, and every session of the user ended.
        UserReset = "user.reset",
        /// A user can no longer sign in.
        UserDisabled = "user.disabled",
        /// A user set a password by an invitation.
        PasswordSet = "user.password_set",
        /// A user signed in.
        SignedIn = "user.signed_in",
        /// Somebody tried to sign in as a user, and failed.
        SignInFailed = "user.sign_in_failed",
        /// A user signed out.
        SignedOut = "user.signed_out",
        /// A user is asked for codes beside the password.
        SecondFactorOn = "user.second_factor_on",
        /// A user is asked for codes no more.
        SecondFactorOff = "user.second_factor_off",
        /// Keys were wrapped by a newer master key.
        VaultRotated = "vault.rotated",
        /// Look-up values were put on another derivation.
        IndexesRotated = "vault.indexes_rotated",
        /// What had grown old was removed.
        OldRemoved = "retention.removed",
        /// Requests came without a right key.
        AuthenticationFailed = "authentication.failed",
        /// The audit log was shown.
        AuditRead = "audit.read",
        /// The audit log was exported.
        AuditExported = "audit.exported",
    }
}
