//! Who lives in the made-up country, as data. Nobody here exists, and no number belongs to anybody.

use vinculo_pila::DocumentKind;

use crate::conduct::{Conduct, Fault, Until};
use crate::persona::{Company, Job, Persona, Raise, Stint, Work, Worker};

/// Everybody with a story, in the order of their documents.
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
        worker: Worker::Employee,
        salary,
        integral: false,
        raise: Raise::Never,
        stint: Stint::Always,
        overtime: &[3, 9],
        holiday: Some(7),
        sick_leave: None,
        unpaid_leave: None,
        parental_leave: None,
    }
}

/// A job in which nothing happens but what is said.
const fn plain(company: &'static Company, salary: i64, stint: Stint) -> Job {
    Job { stint, overtime: &[], holiday: None, ..job(company, salary) }
}

/// Somebody of whom nothing is said yet.
const SOMEBODY: Persona = Persona {
    kind: DocumentKind::Cc,
    number: "",
    description: "",
    names: ["PERSONA", "", "EJEMPLO", ""],
    health_provider: "EPS010",
    pension_fund: "230301",
    conduct: Conduct::PLAIN,
    work: &[],
};

static PERSONAS: [Persona; 34] = [
    Persona {
        number: "1999000001",
        description: "one employer for 24 months, with raises, overtime and a holiday",
        names: ["PERSONA", "", "EJEMPLO", "UNO"],
        work: &[Work::Job(job(&SHOP, 2100))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000002",
        description: "two employers at once, one at the minimum wage with sick leave in April",
        names: ["PERSONA", "SEGUNDA", "EJEMPLO", "DOS"],
        health_provider: "EPS037",
        pension_fund: "25-14",
        work: &[
            Work::Job(Job { overtime: &[], sick_leave: Some(4), ..job(&CLEANING, 1000) }),
            Work::Job(Job { holiday: Some(12), ..job(&TRANSPORT, 1800) }),
        ],
        ..SOMEBODY
    },
    Persona {
        number: "1999000003",
        description: "self-employed, pays alone, some months at the floor",
        names: ["PERSONA", "", "EJEMPLO", "TRES"],
        health_provider: "EPS005",
        pension_fund: "231001",
        work: &[Work::SelfEmployed {
            activity: "7490",
            income: [2000, 4200, 4200, 4600, 4600, 5200, 2400, 5200, 4800, 4800, 6100, 3900],
        }],
        ..SOMEBODY
    },
    Persona {
        number: "1999000004",
        description: "changed jobs with a gap of two months",
        names: ["PERSONA", "", "EJEMPLO", "CUATRO"],
        pension_fund: "230201",
        work: &[
            Work::Job(Job { stint: Stint::OddTurns, ..job(&CLEANING, 1400) }),
            Work::Job(Job { stint: Stint::EvenTurns, ..job(&CONSULTING, 1900) }),
        ],
        ..SOMEBODY
    },
    Persona {
        number: "1999000005",
        description: "integral salary of 16 minimum wages, base 70 %",
        names: ["PERSONA", "", "EJEMPLO", "CINCO"],
        health_provider: "EPS037",
        work: &[Work::Job(Job { integral: true, overtime: &[], ..job(&PHARMA, 16_000) })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000006",
        description: "a raise every May, beside that of the minimum wage in January",
        names: ["PERSONA", "", "EJEMPLO", "SEIS"],
        work: &[Work::Job(Job {
            raise: Raise::Yearly(5),
            ..plain(&CONSULTING, 2500, Stint::Always)
        })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000007",
        description: "pensioner who works: no contributions to pensions",
        names: ["PERSONA", "", "EJEMPLO", "SIETE"],
        pension_fund: "",
        work: &[Work::Job(Job {
            worker: Worker::Pensioner,
            ..plain(&CLEANING, 1300, Stint::Always)
        })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000008",
        description: "apprentice for nine months: six in class, then at work",
        names: ["PERSONA", "", "EJEMPLO", "OCHO"],
        pension_fund: "",
        work: &[Work::Job(Job {
            worker: Worker::Apprentice,
            ..plain(&PHARMA, 750, Stint::Between(-8, 3))
        })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000009",
        description: "contractor, whose contributions the company pays on 40 % of the income",
        names: ["PERSONA", "", "EJEMPLO", "NUEVE"],
        work: &[Work::Job(Job {
            worker: Worker::Contractor,
            ..plain(&CONSULTING, 4600, Stint::Always)
        })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000010",
        description: "ten days of unpaid leave every March",
        names: ["PERSONA", "", "EJEMPLO", "DIEZ"],
        work: &[Work::Job(Job { unpaid_leave: Some(3), ..plain(&TRANSPORT, 1600, Stint::Always) })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000011",
        description: "hired in the newest month",
        names: ["PERSONA", "", "EJEMPLO", "ONCE"],
        work: &[Work::Job(plain(&SHOP, 1500, Stint::Since(0)))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000012",
        description: "lost the job in the newest month",
        names: ["PERSONA", "", "EJEMPLO", "DOCE"],
        work: &[Work::Job(plain(&SHOP, 1500, Stint::Until(0)))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000013",
        description: "loses the job in two months",
        names: ["PERSONA", "", "EJEMPLO", "TRECE"],
        work: &[Work::Job(plain(&TRANSPORT, 2000, Stint::Until(2)))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000014",
        description: "gets a fifth more from the next month on",
        names: ["PERSONA", "", "EJEMPLO", "CATORCE"],
        work: &[Work::Job(Job {
            raise: Raise::Once(1),
            ..plain(&CONSULTING, 2500, Stint::Always)
        })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000015",
        description: "returned to the same employer after a gap of three months",
        names: ["PERSONA", "", "EJEMPLO", "QUINCE"],
        work: &[
            Work::Job(plain(&CLEANING, 1200, Stint::Until(-9))),
            Work::Job(plain(&CLEANING, 1300, Stint::Since(-5))),
        ],
        ..SOMEBODY
    },
    Persona {
        number: "1999000016",
        description: "four months of parental leave, back at work since three months",
        names: ["PERSONA", "", "EJEMPLO", "DIECISEIS"],
        work: &[Work::Job(Job {
            parental_leave: Some((-6, -3)),
            ..plain(&PHARMA, 3000, Stint::Always)
        })],
        ..SOMEBODY
    },
    Persona {
        number: "1999000017",
        description: "three employers at once",
        names: ["PERSONA", "", "EJEMPLO", "DIECISIETE"],
        work: &[
            Work::Job(plain(&SHOP, 1000, Stint::Always)),
            Work::Job(plain(&CLEANING, 1100, Stint::Always)),
            Work::Job(plain(&PHARMA, 1200, Stint::Always)),
        ],
        ..SOMEBODY
    },
    Persona {
        number: "1999000018",
        description: "a long history: four employers, one after the other",
        names: ["PERSONA", "", "EJEMPLO", "DIECIOCHO"],
        work: &[
            Work::Job(plain(&CLEANING, 1000, Stint::Until(-19))),
            Work::Job(plain(&SHOP, 1200, Stint::Between(-18, -13))),
            Work::Job(plain(&TRANSPORT, 1500, Stint::Between(-12, -6))),
            Work::Job(plain(&CONSULTING, 1900, Stint::Since(-5))),
        ],
        ..SOMEBODY
    },
    Persona {
        number: "1999000019",
        description: "the minimum wage, no more and no less",
        names: ["PERSONA", "", "EJEMPLO", "DIECINUEVE"],
        work: &[Work::Job(plain(&CLEANING, 1000, Stint::Always))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000020",
        description: "30 minimum wages: the bases end at 25",
        names: ["PERSONA", "", "EJEMPLO", "VEINTE"],
        work: &[Work::Job(plain(&PHARMA, 30_000, Stint::Always))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000021",
        description: "out of work for six months, finds a job next month",
        names: ["PERSONA", "", "EJEMPLO", "VEINTIUNO"],
        work: &[
            Work::Job(plain(&TRANSPORT, 1700, Stint::Until(-6))),
            Work::Job(plain(&SHOP, 1800, Stint::Since(1))),
        ],
        ..SOMEBODY
    },
    Persona {
        number: "1999000022",
        description: "employee with a business beside the job",
        names: ["PERSONA", "", "EJEMPLO", "VEINTIDOS"],
        work: &[
            Work::Job(plain(&CONSULTING, 2200, Stint::Always)),
            Work::SelfEmployed { activity: "7490", income: [3000; 12] },
        ],
        ..SOMEBODY
    },
    Persona {
        number: "1999000200",
        description: "slow: an answer after two seconds",
        names: ["PERSONA", "", "EJEMPLO", "LENTA"],
        conduct: Conduct { seconds: 2, fault: None },
        work: &[Work::Job(job(&SHOP, 1500))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000204",
        description: "known, and nothing contributed in 24 months",
        conduct: Conduct::always(Fault::Empty),
        ..SOMEBODY
    },
    Persona {
        number: "1999000400",
        description: "the operator takes the document for malformed",
        conduct: Conduct::always(Fault::Invalid),
        ..SOMEBODY
    },
    Persona {
        number: "1999000401",
        description: "the operator refuses our own credentials",
        conduct: Conduct::always(Fault::Unauthorized),
        ..SOMEBODY
    },
    Persona {
        number: "1999000404",
        description: "unknown to the operator",
        conduct: Conduct::always(Fault::Unknown),
        ..SOMEBODY
    },
    Persona {
        number: "1999000409",
        description: "the answer is about somebody else",
        conduct: Conduct::always(Fault::Stranger),
        ..SOMEBODY
    },
    Persona {
        number: "1999000429",
        description: "saturated until the calendar is moved a month, then one employer",
        names: ["PERSONA", "", "EJEMPLO", "ESPERADA"],
        conduct: Conduct { seconds: 0, fault: Some((Fault::Saturated, Until::Moved(1))) },
        work: &[Work::Job(job(&TRANSPORT, 1500))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000451",
        description: "withheld: the operator has an answer and does not show it",
        conduct: Conduct::always(Fault::Withheld),
        ..SOMEBODY
    },
    Persona {
        number: "1999000500",
        description: "the operator breaks over every question",
        conduct: Conduct::always(Fault::Broken),
        ..SOMEBODY
    },
    Persona {
        number: "1999000502",
        description: "malformed: the answer is cut off in the middle",
        names: ["PERSONA", "", "EJEMPLO", "CORTADA"],
        conduct: Conduct::always(Fault::Malformed),
        work: &[Work::Job(job(&SHOP, 1500))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000503",
        description: "the operator is busy for two tries, then one employer",
        names: ["PERSONA", "", "EJEMPLO", "PACIENTE"],
        health_provider: "EPS005",
        pension_fund: "25-14",
        conduct: Conduct { seconds: 0, fault: Some((Fault::Down, Until::Try(3))) },
        work: &[Work::Job(job(&TRANSPORT, 1500))],
        ..SOMEBODY
    },
    Persona {
        number: "1999000504",
        description: "silent: no answer for ten minutes, which nobody waits for",
        names: ["PERSONA", "", "EJEMPLO", "CALLADA"],
        conduct: Conduct { seconds: 600, fault: Some((Fault::Down, Until::Forever)) },
        work: &[Work::Job(job(&SHOP, 1500))],
        ..SOMEBODY
    },
];
