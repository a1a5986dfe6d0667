//! What makes a planilla the one it is, as look-up values; and those that an earlier version did not
//! store.

use jiff::civil::Date;
use vinculo_pila::{Document, Month};
use vinculo_store::{ImportId, Job, Origin, PlanillaIdentity, Tx, WorkspaceId};
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

/// Stores what planillas settle that an earlier version accepted, and projects again whom a draft
/// names that they settle.
pub(super) async fn place_older(app: &App) -> Result<(), ApiError> {
    while !app.store().read(|tx| tx.unplaced_imports(1)).await?.is_empty() {
        let worker = app.clone();
        let placed = app.store().write(move |tx| {
            for (import, workspace) in tx.unplaced_imports(BATCH)? {
                place(tx, &worker, import, workspace)?;
            }
            Ok::<_, ApiError>(())
        });
        placed.await?;
    }
    Ok(())
}

fn place(
    tx: &mut Tx<'_>,
    app: &App,
    import: ImportId,
    workspace: WorkspaceId,
) -> Result<(), ApiError> {
    let slot = match tx.unplaced_line(import)? {
        // Everybody was erased.
        None => None,
        Some(kept) => {
            let key = app.all_secrets().vault().unwrap_key(&kept.key)?;
            let line = open_line(&key, (Origin::Planilla, import.0, kept.line), &kept.sealed)?;
            let place = Place {
                payer: &line.payer.document.normal(),
                period: line.period,
                planilla_type: line.planilla.kind,
                branch: line.planilla.branch,
            };
            let slot = place.slot(app.secrets(workspace)?.indexes());
            if !line.paid {
                return Ok(tx.make_draft(import, &slot)?);
            }
            Some(slot)
        }
    };
    if tx.place_import(import, slot.as_ref())? {
        let now = app.now_micros();
        tx.enqueue(Job::ImportFile(import), now, now)?;
    }
    Ok(())
}
