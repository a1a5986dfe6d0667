//! What makes a planilla the one it is, as look-up values; and those that an earlier version did not
//! store.

use jiff::civil::Date;
use vinculo_pila::{Document, Month};
use vinculo_store::{ImportId, Job, Origin, PlanillaIdentity, Tx, UnplacedLine, WorkspaceId};
use vinculo_vault::{BlindIndex, WorkspaceKeys};

use crate::App;
use crate::error::ApiError;
use crate::projection::open_line;

/// Planillas that are looked at in one transaction.
const BATCH: i64 = 100;

/// Payer, month, type and branch of a planilla.
pub(super) struct Place<'a> {
    pub(super) payer: &'a Document,
    pub(super) period: Month,
    pub(super) planilla_type: Option<String>,
    pub(super) branch: Option<String>,
}

impl Place<'_> {
    /// The identity of a planilla in this place. It is settled once it was paid and has its number;
    /// until then it is a draft, whose number may still change.
    pub(super) fn identity(
        self,
        indexes: &WorkspaceKeys,
        number: Option<String>,
        paid_on: Option<Date>,
    ) -> PlanillaIdentity {
        let slot = Some(self.slot(indexes));
        let number = number.filter(|_| paid_on.is_some());
        let (slot, draft) = if number.is_some() { (slot, None) } else { (None, slot) };
        PlanillaIdentity {
            payer: indexes.payer(self.payer.kind.code(), &self.payer.number),
            number: number.map(|number| indexes.planilla_number("", &number)),
            slot,
            draft,
            paid: paid_on.is_some(),
            period: self.period.to_yyyymm(),
            planilla_type: self.planilla_type,
        }
    }

    fn slot(&self, indexes: &WorkspaceKeys) -> BlindIndex {
        let payer = (self.payer.kind.code(), self.payer.number.as_str());
        let letter = self.planilla_type.as_deref().unwrap_or_default();
        let branch = self.branch.as_deref().unwrap_or_default();
        indexes.draft(payer, &self.period.to_string(), letter, branch)
    }
}

/// Stores what planillas settle that an earlier version accepted, or makes them the drafts they are,
/// and projects again whom a draft names that counts no more.
pub(super) async fn place_older(app: &App) -> Result<(), ApiError> {
    let mut after = ImportId(0);
    loop {
        let page = app.store().read(move |tx| tx.unplaced_imports(after, BATCH)).await?;
        let Some(&(last, _)) = page.last() else { return Ok(()) };
        let worker = app.clone();
        let placed = app.store().write(move |tx| {
            page.iter().try_for_each(|&(import, workspace)| place(tx, &worker, import, workspace))
        });
        placed.await?;
        after = last;
    }
}

fn place(
    tx: &mut Tx<'_>,
    app: &App,
    import: ImportId,
    workspace: WorkspaceId,
) -> Result<(), ApiError> {
    let line = tx.unplaced_line(import)?;
    let place = match line.map(|line| place_of(app, import, workspace, &line)).transpose() {
        Ok(place) => place,
        // One damaged line is not to keep the others from their places.
        Err(error) => {
            tracing::warn!(
                import = import.0,
                cause = error.cause(),
                "a planilla of an earlier version does not open and has no place"
            );
            return Ok(());
        }
    };
    let counting = match place {
        Some((slot, false)) => tx.make_draft(import, &slot)?,
        // Without a place everybody was erased.
        settled => {
            let slot = settled.map(|(slot, _)| slot);
            tx.place_import(import, slot.as_ref())?.then_some(import)
        }
    };
    if let Some(import) = counting {
        let now = app.now_micros();
        tx.enqueue(Job::ImportFile(import), now, now)?;
    }
    Ok(())
}

/// The place of the planilla that has this line, and whether it was paid.
fn place_of(
    app: &App,
    import: ImportId,
    workspace: WorkspaceId,
    kept: &UnplacedLine,
) -> Result<(BlindIndex, bool), ApiError> {
    let key = app.all_secrets().vault().unwrap_key(&kept.key)?;
    let line = open_line(&key, (Origin::Planilla, import.0, kept.line), &kept.sealed)?;
    let place = Place {
        payer: &line.payer.document.normal(),
        period: line.period,
        planilla_type: line.planilla.kind,
        branch: line.planilla.branch,
    };
    Ok((place.slot(app.secrets(workspace)?.indexes()), line.paid))
}
