//! From accepted records to the normal form.

use super::view::{Detail, Header, PayerRecord};
use crate::{
    Administrator, Amounts, Contribution, Correction, Month, Names, Novelties, NoveltiesKnown,
    Origin, Payer, PayerProfile, PerSystem, PlanillaRef,
};

/// What all lines of a planilla share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    payer: Payer,
    period: Month,
    planilla: PlanillaRef,
    paid: bool,
}

impl Shared {
    /// What an accepted header says of its lines.
    pub(super) fn of(header: &Header<'_>) -> Option<Self> {
        let paid_on = header.paid_on();
        Some(Self {
            payer: Payer {
                kind_code: header.filled::<21>(),
                ..Payer::named(header.payer()?, header.filled::<4>())
            },
            period: header.period()?,
            planilla: PlanillaRef {
                kind: header.filled::<8>(),
                number: header.planilla_number(),
                branch: header.branch(),
                paid_on,
                operator: header.filled::<22>(),
            },
            paid: paid_on.is_some(),
        })
    }

    /// The contribution of one accepted line.
    pub(super) fn contribution(&self, detail: &Detail<'_>) -> Option<Contribution> {
        Some(Contribution {
            origin: Origin::Planilla,
            person: detail.person()?,
            names: names(detail),
            payer: self.payer.clone(),
            period: self.period,
            planilla: self.planilla.clone(),
            line: detail.sequence()?,
            correction: correction(detail),
            worker_kind: detail.filled::<5>(),
            worker_subtype: detail.filled::<6>(),
            worker_scale: None,
            days: PerSystem {
                pension: detail.days::<36>(),
                health: detail.days::<37>(),
                arl: detail.days::<38>(),
                ccf: detail.days::<39>(),
            },
            base: PerSystem {
                pension: detail.pesos::<42>(),
                health: detail.pesos::<43>(),
                arl: detail.pesos::<44>(),
                ccf: detail.pesos::<45>(),
            },
            income: None,
            basic_salary: detail.pesos::<40>(),
            salary_kind: detail.mark::<41>(),
            novelties: novelties(detail),
            novelties_known: NoveltiesKnown::All,
            started_on: detail.date::<80>(),
            ended_on: detail.date::<81>(),
            amounts: amounts(detail),
            pension_fund: administrator(detail.filled::<31>()),
            health_provider: administrator(detail.filled::<33>()),
            risk_class: detail.mark::<78>(),
            arl_activity: detail.filled::<98>(),
            paid: self.paid,
        })
    }
}

/// The profile in an accepted type-1 record.
pub(super) fn payer_profile(record: &PayerRecord<'_>) -> Option<PayerProfile> {
    Some(PayerProfile {
        document: record.payer()?,
        name: record.text::<1>().into_owned(),
        activity_code: record.filled::<14>(),
        class_code: record.filled::<7>(),
        legal_nature: record.filled::<8>(),
        kind_code: record.contributor_type(),
    })
}

fn names(detail: &Detail<'_>) -> Names {
    Names {
        first: detail.text::<13>().into_owned(),
        second: detail.text::<14>().into_owned(),
        surname: detail.text::<11>().into_owned(),
        second_surname: detail.text::<12>().into_owned(),
    }
}

fn correction(detail: &Detail<'_>) -> Option<Correction> {
    match detail.raw::<22>() {
        b"A" => Some(Correction::AsPaid),
        b"C" => Some(Correction::AsCorrected),
        _ => None,
    }
}

fn novelties(detail: &Detail<'_>) -> Novelties {
    Novelties {
        ing: detail.mark::<15>(),
        ret: detail.mark::<16>(),
        tde: detail.mark::<17>(),
        tae: detail.mark::<18>(),
        tdp: detail.mark::<19>(),
        tap: detail.mark::<20>(),
        vsp: detail.mark::<21>(),
        vst: detail.mark::<23>(),
        sln: detail.mark::<24>(),
        ige: detail.mark::<25>(),
        lma: detail.mark::<26>(),
        vac: detail.mark::<27>(),
        avp: detail.mark::<28>(),
        vct: detail.mark::<29>(),
        irl_days: detail.days::<30>().unwrap_or_default(),
    }
}

fn amounts(detail: &Detail<'_>) -> Amounts {
    Amounts {
        pension: detail.pesos::<47>(),
        voluntary_worker: detail.pesos::<48>(),
        fsp_solidarity: detail.pesos::<51>(),
        fsp_subsistence: detail.pesos::<52>(),
        health: detail.pesos::<55>(),
        arl: detail.pesos::<63>(),
        ccf: detail.pesos::<65>(),
        sena: detail.pesos::<67>(),
        icbf: detail.pesos::<69>(),
    }
}

fn administrator(code: Option<String>) -> Option<Administrator> {
    code.map(|code| Administrator { code: Some(code), name: None })
}
