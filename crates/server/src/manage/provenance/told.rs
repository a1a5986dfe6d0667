//! From a projection and the lines it was made from to what is told about them.

use std::collections::HashMap;

use serde::Deserialize;
use uuid::Uuid;
use vinculo_history::{EmployerData, Employment, MonthDetail, MonthProvenance, TracedLine, trace};
use vinculo_store::{Batch, Origin, Tx, WorkspaceId};

use super::wire::{
    EmploymentProvenance, FilledField, ProvenanceLine, ProvenanceMonth, ProvenanceTenure,
};
use crate::clock::wire_time;
use crate::error::ApiError;
use crate::projection::{BatchKey, Traced};
use crate::sources::Source;

/// What is read of a stored employment.
#[derive(Deserialize)]
pub(super) struct StoredEmployment {
    id: Uuid,
    link: Uuid,
    collected_at: String,
    employer_data: EmployerData,
    salary_and_benefit_details: Vec<MonthDetail>,
}

/// A projection about to be told, beside the employment as it is stored.
pub(super) struct Telling<'a> {
    traced: &'a Traced,
    stored: &'a StoredEmployment,
    batches: HashMap<BatchKey, Batch>,
}

impl<'a> Telling<'a> {
    /// Finds out what brought each line.
    pub(super) fn new(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        traced: &'a Traced,
        stored: &'a StoredEmployment,
    ) -> Result<Self, ApiError> {
        let mut batches = HashMap::new();
        for &origin in Origin::ALL {
            let mut ids: Vec<_> =
                traced.batches.iter().filter(|key| key.origin == origin).collect();
            ids.dedup();
            let ids: Vec<_> = ids.into_iter().map(|key| key.id).collect();
            let found = tx.batches(workspace, origin, &ids)?.into_iter();
            batches.extend(found.map(|batch| (BatchKey { origin, id: batch.id }, batch)));
        }
        Ok(Self { traced, stored, batches })
    }

    /// What is told at `now`. `employment` is the projected one of the same payer, if there still
    /// is one. The months are those that the stored one reaches back to.
    pub(super) fn tell(
        &self,
        employment: Option<&Employment>,
        now: i64,
    ) -> Result<EmploymentProvenance, ApiError> {
        let shown = &self.stored.salary_and_benefit_details;
        let oldest = shown.iter().map(|detail| detail.month).min();
        let count = employment.map_or(0, |employment| {
            let months = employment.months.iter();
            months.take_while(|detail| oldest.is_none_or(|oldest| detail.month >= oldest)).count()
        });
        let matches_employment = employment.is_some_and(|employment| {
            employment.employer == self.stored.employer_data
                && employment.months[..count] == **shown
        });
        let months = match employment {
            Some(employment) => self.months(employment, count)?,
            None => Vec::new(),
        };
        Ok(EmploymentProvenance {
            employment: self.stored.id,
            link: self.stored.link,
            employer: self.stored.employer_data.name.clone(),
            collected_at: self.stored.collected_at.clone(),
            projected_at: wire_time(now),
            matches_employment,
            tenure: employment.map(tenure),
            months,
        })
    }

    fn months(
        &self,
        employment: &Employment,
        count: usize,
    ) -> Result<Vec<ProvenanceMonth>, ApiError> {
        let Traced { lines, replaced, options, .. } = self.traced;
        let mut traced = trace(lines, replaced, &employment.payer, options);
        let told = employment.months.iter().zip(&employment.provenance.months).take(count);
        told.map(|(detail, provenance)| {
            let traced = traced.remove(&detail.month).unwrap_or_default();
            let lines = traced.iter().map(|&line| self.line(line));
            let lines = lines.collect::<Result<_, _>>()?;
            Ok(month(detail, provenance, lines, |origin| self.source(&traced, origin)))
        })
        .collect()
    }

    /// The name of the source whose lines of a month have this origin.
    fn source(&self, traced: &[TracedLine], origin: vinculo_pila::Origin) -> String {
        let line = traced.iter().find(|line| self.traced.lines[line.index].origin == origin);
        let batch = line.and_then(|line| self.batches.get(&self.traced.batches[line.index]));
        let source = batch.and_then(|batch| batch.source.clone());
        source.unwrap_or_else(|| Source::Planillas.name().to_owned())
    }

    fn line(&self, TracedLine { index, role }: TracedLine) -> Result<ProvenanceLine, ApiError> {
        let (line, key) = (&self.traced.lines[index], self.traced.batches[index]);
        let batch = self.batches.get(&key);
        let batch = batch.ok_or_else(|| ApiError::unexpected("what brought a line is gone"))?;
        let of = |origin| (key.origin == origin).then_some(batch.uuid);
        let source = batch.source.clone();
        let planilla = &line.planilla;
        Ok(ProvenanceLine {
            source: source.unwrap_or_else(|| Source::Planillas.name().to_owned()),
            import: of(Origin::Planilla),
            source_call: of(Origin::Answer),
            read_at: wire_time(batch.at),
            line: line.line,
            planilla_number: planilla.number.clone(),
            planilla_type: planilla.kind.clone(),
            paid_on: planilla.paid_on.map(|day| day.to_string()),
            paid: line.paid,
            worker_type: line.worker_kind.clone(),
            days: line.days.into(),
            bases: line.base.into(),
            role: role.into(),
            counts_in_gross: role.counts_in_gross(),
        })
    }
}

fn tenure(employment: &Employment) -> ProvenanceTenure {
    let provenance = &employment.provenance;
    ProvenanceTenure {
        months: employment.employer.tenure,
        since: provenance.continuous_since.to_string(),
        is_lower_bound: provenance.tenure_is_lower_bound,
        months_contributed: provenance.months_contributed,
    }
}

fn month(
    detail: &MonthDetail,
    provenance: &MonthProvenance,
    lines: Vec<ProvenanceLine>,
    source: impl Fn(vinculo_pila::Origin) -> String,
) -> ProvenanceMonth {
    let filled = provenance
        .filled
        .iter()
        .map(|filled| FilledField { field: filled.field.into(), source: source(filled.origin) });
    ProvenanceMonth {
        month: detail.month.to_string(),
        gross_amount: detail.gross_amount,
        net_amount: detail.net_amount,
        days: provenance.days,
        paid: provenance.paid,
        source: source(provenance.origin),
        filled: filled.collect(),
        notes: provenance.notes.iter().map(|&note| note.into()).collect(),
        lines,
    }
}
