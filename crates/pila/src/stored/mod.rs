//! The compact form in which a contribution is kept: a byte that names the form, then one message of
//! Protocol Buffers.

mod message;

use jiff::civil::Date;
use prost::Message;

use message::{Base, Days, Form, FourNames, Fund, Line, Marks, Paid, PaidBy, Paper};

use crate::{
    Administrator, Amounts, Contribution, Correction, Document, DocumentKind, Month, Names,
    Novelties, NoveltiesKnown, Origin, Payer, PerSystem, PlanillaRef, WorkerScale,
};

/// The first byte. JSON, which contributions were kept in before, starts with another.
const FORM: u8 = 1;

/// Bytes that [`Contribution::into_bytes`] did not make. Says nothing of what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kept contribution: {0}")]
pub struct UnreadableContribution(&'static str);

impl Contribution {
    /// The line in its compact form, about 250 bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        self.append_to(&mut bytes);
        bytes
    }

    /// Adds the line in its compact form to the end of `bytes`.
    pub fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.push(FORM);
        // Only a buffer of a fixed size can be too short.
        let _ = Line::of(self).encode(bytes);
    }

    /// The line in these bytes.
    ///
    /// # Errors
    /// When [`into_bytes`](Self::into_bytes) did not make them, or a newer version did in another form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnreadableContribution> {
        let Some((&FORM, message)) = bytes.split_first() else {
            return Err(UnreadableContribution("another form"));
        };
        let line = Line::decode(message).map_err(|_| UnreadableContribution("damaged"))?;
        line.contribution().ok_or(UnreadableContribution("a value has no meaning"))
    }
}

/// A value of another type with fields of the same names, each as it is or passed through `with`.
macro_rules! same {
    ($from:expr => $to:ident { $($field:ident),* }) => {
        $to { $($field: $from.$field),* }
    };
    ($from:expr => $to:ident { $($field:ident),* $(; $other:ident: $value:expr)? } with $with:expr) => {
        $to { $($field: $with($from.$field)),* $(, $other: $value)? }
    };
    ($from:expr => $to:ident { $($field:ident),* $(; $other:ident: $value:expr)? } try $with:expr) => {
        $to { $($field: $with($from.$field)?),* $(, $other: $value)? }
    };
}

impl Line {
    fn of(line: Contribution) -> Self {
        Self {
            origin: match line.origin {
                Origin::Planilla => 0,
                Origin::Ach => 1,
                Origin::AgilData => 2,
                Origin::Mareigua => 3,
                Origin::MareiguaReport => 4,
            },
            person: Paper::of(line.person),
            names: same!(line.names => FourNames { first, second, surname, second_surname }),
            payer: PaidBy::of(line.payer),
            period: u32::try_from(line.period.to_yyyymm()).unwrap_or_default(),
            planilla: Form::of(line.planilla),
            line: line.line,
            correction: match line.correction {
                None => 0,
                Some(Correction::AsPaid) => 1,
                Some(Correction::AsCorrected) => 2,
            },
            worker_kind: line.worker_kind,
            worker_subtype: line.worker_subtype,
            days: same!(line.days => Days { pension, health, arl, ccf } with |days: Option<u8>| {
                days.map(u32::from)
            }),
            base: same!(line.base => Base { pension, health, arl, ccf }),
            basic_salary: line.basic_salary,
            novelties: Marks::of(&line.novelties),
            amounts: Paid::of(&line.amounts),
            salary_kind: line.salary_kind.map(u32::from),
            novelties_known: match line.novelties_known {
                NoveltiesKnown::All => 0,
                NoveltiesKnown::StartAndEnd => 1,
                NoveltiesKnown::None => 2,
            },
            pension_fund: line.pension_fund.map(Fund::of),
            health_provider: line.health_provider.map(Fund::of),
            risk_class: line.risk_class.map(u32::from),
            arl_activity: line.arl_activity,
            paid: line.paid,
            income: line.income,
            worker_scale: match line.worker_scale {
                None => 0,
                Some(WorkerScale::Employee) => 1,
                Some(WorkerScale::SelfEmployed) => 2,
                Some(WorkerScale::Pensioner) => 3,
            },
            started_on: line.started_on.map(number_of),
            ended_on: line.ended_on.map(number_of),
        }
    }

    /// `None` when a value has no meaning.
    fn contribution(self) -> Option<Contribution> {
        let administrator = |fund: Fund| Administrator { code: fund.code, name: fund.name };
        Some(Contribution {
            origin: match self.origin {
                0 => Origin::Planilla,
                1 => Origin::Ach,
                2 => Origin::AgilData,
                3 => Origin::Mareigua,
                4 => Origin::MareiguaReport,
                _ => return None,
            },
            person: self.person.document()?,
            names: same!(self.names => Names { first, second, surname, second_surname }),
            payer: self.payer.payer()?,
            period: Month::from_yyyymm(self.period.into())?,
            planilla: self.planilla.planilla()?,
            line: self.line,
            correction: match self.correction {
                0 => None,
                1 => Some(Correction::AsPaid),
                2 => Some(Correction::AsCorrected),
                _ => return None,
            },
            worker_kind: self.worker_kind,
            worker_subtype: self.worker_subtype,
            days: same!(self.days => PerSystem { pension, health, arl, ccf } try days),
            base: same!(self.base => PerSystem { pension, health, arl, ccf }),
            basic_salary: self.basic_salary,
            salary_kind: mark(self.salary_kind)?,
            novelties: self.novelties.novelties()?,
            novelties_known: match self.novelties_known {
                0 => NoveltiesKnown::All,
                1 => NoveltiesKnown::StartAndEnd,
                2 => NoveltiesKnown::None,
                _ => return None,
            },
            amounts: self.amounts.amounts(),
            pension_fund: self.pension_fund.map(administrator),
            health_provider: self.health_provider.map(administrator),
            risk_class: mark(self.risk_class)?,
            arl_activity: self.arl_activity,
            paid: self.paid,
            income: self.income,
            worker_scale: match self.worker_scale {
                0 => None,
                1 => Some(WorkerScale::Employee),
                2 => Some(WorkerScale::SelfEmployed),
                3 => Some(WorkerScale::Pensioner),
                _ => return None,
            },
            started_on: day(self.started_on)?,
            ended_on: day(self.ended_on)?,
        })
    }
}

impl Paper {
    fn of(document: Document) -> Self {
        Self { kind: document.kind.code().to_owned(), number: document.number }
    }

    fn document(self) -> Option<Document> {
        Some(Document { kind: DocumentKind::from_code(&self.kind)?, number: self.number })
    }
}

impl PaidBy {
    fn of(payer: Payer) -> Self {
        Self {
            document: Paper::of(payer.document),
            name: payer.name,
            activity_code: payer.activity_code,
            activity_text: payer.activity_text,
            class_code: payer.class_code,
            class_text: payer.class_text,
            kind_code: payer.kind_code,
            kind_text: payer.kind_text,
        }
    }

    fn payer(self) -> Option<Payer> {
        Some(Payer {
            document: self.document.document()?,
            name: self.name,
            activity_code: self.activity_code,
            activity_text: self.activity_text,
            class_code: self.class_code,
            class_text: self.class_text,
            kind_code: self.kind_code,
            kind_text: self.kind_text,
        })
    }
}

impl Form {
    fn of(planilla: PlanillaRef) -> Self {
        Self {
            kind: planilla.kind,
            number: planilla.number,
            branch: planilla.branch,
            paid_on: planilla.paid_on.map(number_of),
            operator: planilla.operator,
        }
    }

    fn planilla(self) -> Option<PlanillaRef> {
        let paid_on = day(self.paid_on)?;
        let Self { kind, number, branch, operator, .. } = self;
        Some(PlanillaRef { kind, number, branch, paid_on, operator })
    }
}

impl Paid {
    fn of(paid: &Amounts) -> Self {
        same!(paid => Self {
            pension, voluntary_worker, fsp_solidarity, fsp_subsistence, health, arl, ccf, sena, icbf
        })
    }

    fn amounts(&self) -> Amounts {
        same!(self => Amounts {
            pension, voluntary_worker, fsp_solidarity, fsp_subsistence, health, arl, ccf, sena, icbf
        })
    }
}

impl Marks {
    fn of(novelties: &Novelties) -> Self {
        same!(novelties => Self {
            ing, ret, tde, tae, tdp, tap, vsp, vst, sln, ige, lma, vac, avp, vct;
            irl_days: novelties.irl_days.into()
        } with |mark: Option<char>| mark.map(u32::from))
    }

    fn novelties(&self) -> Option<Novelties> {
        Some(same!(self => Novelties {
            ing, ret, tde, tae, tdp, tap, vsp, vst, sln, ige, lma, vac, avp, vct;
            irl_days: u8::try_from(self.irl_days).ok()?
        } try mark))
    }
}

impl Fund {
    fn of(administrator: Administrator) -> Self {
        Self { code: administrator.code, name: administrator.name }
    }
}

fn number_of(day: Date) -> i32 {
    i32::from(day.year()) * 10_000 + i32::from(day.month()) * 100 + i32::from(day.day())
}

/// `None` when the number is no day.
fn day(number: Option<i32>) -> Option<Option<Date>> {
    let Some(number) = number else { return Some(None) };
    let (month, day) = (number / 100 % 100, number % 100);
    let year = i16::try_from(number / 10_000).ok()?;
    Some(Some(Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?))
}

fn days(days: Option<u32>) -> Option<Option<u8>> {
    days.map(u8::try_from).transpose().ok()
}

fn mark(mark: Option<u32>) -> Option<Option<char>> {
    mark.map(char::try_from).transpose().ok()
}
