//! Who lives in the made-up country, as data. Nobody here exists, and no number belongs to anybody.

use vinculo_pila::{Document, DocumentKind};

/// A person the operator can be asked about.
#[derive(Debug)]
pub struct Persona {
    /// Kind of the identity document.
    pub kind: DocumentKind,
    /// Number of the identity document.
    pub number: &'static str,
    /// What asking about this person shows, in one line.
    pub description: &'static str,
    /// First and second given name, first and second surname.
    pub(crate) names: [&'static str; 4],
    /// PILA code of the health provider.
    pub(crate) health_provider: &'static str,
    /// PILA code of the pension fund.
    pub(crate) pension_fund: &'static str,
    /// First try that is answered; earlier ones get 503.
    pub(crate) answers_from_try: u32,
    /// What the person does; nobody knows a person without work.
    pub(crate) work: &'static [Work],
}

impl Persona {
    /// The identity document.
    #[must_use]
    pub fn document(&self) -> Document {
        Document::new(self.kind, self.number)
    }
}

/// A payer with a NIT.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) nit: &'static str,
    pub(crate) name: &'static str,
    /// CIIU class.
    pub(crate) activity: &'static str,
    /// Class by size.
    pub(crate) class: &'static str,
    pub(crate) headcount: i64,
}

/// One way in which a person contributes.
#[derive(Debug)]
pub(crate) enum Work {
    /// Employed by a company.
    Job(Job),
    /// Pays alone, as payer of herself or himself.
    SelfEmployed {
        /// CIIU class.
        activity: &'static str,
        /// Income per calendar month, in thousandths of the minimum wage.
        income: [i64; 12],
    },
}

/// An employment.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) company: &'static Company,
    /// Monthly salary in thousandths of the minimum wage.
    pub(crate) salary: i64,
    /// Whether the salary is integral.
    pub(crate) integral: bool,
    pub(crate) stint: Stint,
    /// Calendar months with overtime.
    pub(crate) overtime: &'static [u32],
    /// Calendar month with two weeks of holiday.
    pub(crate) holiday: Option<u32>,
    /// Calendar month with three days of sick leave.
    pub(crate) sick_leave: Option<u32>,
}

/// When an employment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stint {
    /// From before the oldest month to after the newest.
    Always,
    /// In turns of 21 months, 19 of work and two without, with the other parity.
    EvenTurns,
    /// The turns in between.
    OddTurns,
}

/// Everybody, in the order of their documents.
#[must_use]
pub fn personas() -> &'static [Persona] {
    &PERSONAS
}

const fn company(
    nit: &'static str,
    name: &'static str,
    activity: &'static str,
    class: &'static str,
    headcount: i64,
) -> Company {
    Company { nit, name, activity, class, headcount }
}

static SHOP: Company = company("999500201", "COMERCIALIZADORA EJEMPLO S.A.S.", "4711", "A", 260);
static CLEANING: Company = company("999500202", "SERVICIOS DE PRUEBA LTDA", "8121", "B", 34);
static TRANSPORT: Company = company("999500203", "TRANSPORTES MODELO S.A.", "4921", "A", 410);
static CONSULTING: Company = company("999500204", "CONSULTORA MUESTRA S.A.S.", "7020", "B", 45);
static PHARMA: Company = company("999500205", "LABORATORIOS FICTICIOS S.A.", "2100", "A", 520);

/// Every payer with a NIT.
pub(crate) static COMPANIES: [&Company; 5] = [&SHOP, &CLEANING, &TRANSPORT, &CONSULTING, &PHARMA];

const fn job(company: &'static Company, salary: i64) -> Job {
    Job {
        company,
        salary,
        integral: false,
        stint: Stint::Always,
        overtime: &[3, 9],
        holiday: Some(7),
        sick_leave: None,
    }
}

static PERSONAS: [Persona; 7] = [
    Persona {
        kind: DocumentKind::Cc,
        number: "1999000001",
        description: "one employer for 24 months, with raises, overtime and a holiday",
        names: ["PERSONA", "", "EJEMPLO", "UNO"],
        health_provider: "EPS010",
        pension_fund: "230301",
        answers_from_try: 1,
        work: &[Work::Job(job(&SHOP, 2100))],
    },
    Persona {
        kind: DocumentKind::Cc,
        number: "1999000002",
        description: "two employers at once, one at the minimum wage with sick leave in April",
        names: ["PERSONA", "SEGUNDA", "EJEMPLO", "DOS"],
        health_provider: "EPS037",
        pension_fund: "25-14",
        answers_from_try: 1,
        work: &[
            Work::Job(Job { overtime: &[], sick_leave: Some(4), ..job(&CLEANING, 1000) }),
            Work::Job(Job { holiday: Some(12), ..job(&TRANSPORT, 1800) }),
        ],
    },
    Persona {
        kind: DocumentKind::Cc,
        number: "1999000003",
        description: "self-employed, pays alone, some months at the floor",
        names: ["PERSONA", "", "EJEMPLO", "TRES"],
        health_provider: "EPS005",
        pension_fund: "231001",
        answers_from_try: 1,
        work: &[Work::SelfEmployed {
            activity: "7490",
            income: [2000, 4200, 4200, 4600, 4600, 5200, 2400, 5200, 4800, 4800, 6100, 3900],
        }],
    },
    Persona {
        kind: DocumentKind::Cc,
        number: "1999000004",
        description: "changed jobs with a gap of two months",
        names: ["PERSONA", "", "EJEMPLO", "CUATRO"],
        health_provider: "EPS010",
        pension_fund: "230201",
        answers_from_try: 1,
        work: &[
            Work::Job(Job { stint: Stint::OddTurns, ..job(&CLEANING, 1400) }),
            Work::Job(Job { stint: Stint::EvenTurns, ..job(&CONSULTING, 1900) }),
        ],
    },
    Persona {
        kind: DocumentKind::Cc,
        number: "1999000005",
        description: "integral salary of 16 minimum wages, base 70 %",
        names: ["PERSONA", "", "EJEMPLO", "CINCO"],
        health_provider: "EPS037",
        pension_fund: "230301",
        answers_from_try: 1,
        work: &[Work::Job(Job { integral: true, overtime: &[], ..job(&PHARMA, 16_000) })],
    },
    Persona {
        kind: DocumentKind::Cc,
        number: "1999000404",
        description: "unknown to the operator",
        names: ["", "", "", ""],
        health_provider: "",
        pension_fund: "",
        answers_from_try: 1,
        work: &[],
    },
    Persona {
        kind: DocumentKind::Cc,
        number: "1999000503",
        description: "the operator is busy for two tries, then one employer",
        names: ["PERSONA", "", "EJEMPLO", "PACIENTE"],
        health_provider: "EPS005",
        pension_fund: "25-14",
        answers_from_try: 3,
        work: &[Work::Job(job(&TRANSPORT, 1500))],
    },
];
