//! One row of an answer (*PersonaNatural*) as a contribution.
//!
//! Every key is optional and unknown keys are ignored. Keys outside the published contract are
//! those of the simulated operator; an operator that leaves them out says nothing about them.

use serde_json::{Map, Value};
use vinculo_pila::{
    Administrator, Amounts, Contribution, Document, DocumentKind, Month, Names, Novelties,
    NoveltiesKnown, Origin, Payer, PerSystem, PlanillaRef,
};

use crate::DocumentCodes;
use crate::reading::fields::{Fields, same_number};
use crate::reading::notes::{Note, Notes};
use crate::reading::value::{self, Mark};

/// Marks outside the published contract. A row that has all of them reports every novelty a
/// month can show.
const OPTIONAL_MARKS: [&str; 6] = [
    "vacaciones",
    "licenciaNoRemunerada",
    "incapacidad",
    "licenciaMaternidad",
    "variacionPermanente",
    "variacionTransitoria",
];

/// A row and the place to note what is odd about it.
pub(super) struct Row<'a> {
    fields: Fields<'a>,
    notes: &'a mut Notes,
}

impl<'a> Row<'a> {
    pub(super) fn new(fields: &'a Map<String, Value>, notes: &'a mut Notes) -> Self {
        Self { fields: Fields(fields), notes }
    }

    /// Whether the row is about `person`; a row that does not say the number is not.
    pub(super) fn is_about(&self, person: &Document, documents: &DocumentCodes) -> bool {
        let kind = self.text("tipoDocumentoUsuario");
        let kind = kind.map(|kind| documents.kind_or_letters(&kind));
        let number = self.text("numeroDocumentoUsuario");
        kind.is_none_or(|kind| kind == Some(person.kind))
            && number.is_some_and(|number| same_number(&number, &person.number))
    }

    /// The number of the payer's document, whatever its kind.
    pub(super) fn payer_number(&self) -> Option<String> {
        self.text("numeroDocumentoAportante")
            .map(|number| value::document_number(&number))
            .filter(|number| !number.is_empty())
    }

    /// The kind of the payer's document, if the row says one that exists.
    pub(super) fn payer_kind(&self, documents: &DocumentCodes) -> Option<DocumentKind> {
        documents.kind_or_letters(&self.text("tipoDocumentoAportante")?)
    }

    /// The work month.
    pub(super) fn period(&self) -> Option<Month> {
        value::period(&self.text("periodoCotizacion")?)
    }

    /// The row in the normal form; `line` is its index in the answer.
    pub(super) fn contribution(
        mut self,
        person: &Document,
        payer: Document,
        period: Month,
        line: u32,
    ) -> Contribution {
        let base = self.base();
        Contribution {
            origin: Origin::Ach,
            person: person.clone(),
            names: self.names(),
            payer: self.payer(payer),
            period,
            planilla: PlanillaRef {
                kind: self.text("codTipoPlanilla").map(|kind| kind.to_uppercase()),
                ..PlanillaRef::default()
            },
            line,
            correction: None,
            worker_kind: self.code("codTipoCotizante", 2),
            worker_subtype: self.code("subtipoCotizante", 2),
            worker_scale: None,
            days: self.days(&base),
            base,
            income: None,
            basic_salary: self.amount("salarioBasico"),
            salary_kind: self.salary_kind(),
            novelties: self.novelties(),
            novelties_known: self.novelties_known(),
            started_on: None,
            ended_on: None,
            amounts: Amounts::default(),
            pension_fund: self.administrator("nombreAdministradoraPension"),
            health_provider: self.administrator("nombreAdministradoraSalud"),
            risk_class: None,
            arl_activity: None,
            // An operator lists what was paid through it, and has no mark for it.
            paid: true,
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.fields.text(key)
    }

    fn code(&self, key: &str, width: usize) -> Option<String> {
        self.text(key).map(|code| value::padded(code, width))
    }

    fn amount(&mut self, key: &str) -> Option<i64> {
        self.fields.amount(key, self.notes)
    }

    /// The mark as a planilla files it. `letters` are the planilla's other letters for it: they
    /// are kept, noted, and mean neither a start nor an end.
    fn mark(&mut self, key: &str, letters: &str) -> Option<char> {
        match value::mark(self.fields.0.get(key)) {
            Mark::Set => Some('X'),
            Mark::Unset => None,
            Mark::Other(text) => {
                self.notes.add(Note::MarkNotMapped);
                letters.chars().find(|letter| text == letter.to_string())
            }
        }
    }

    fn names(&self) -> Names {
        let part = |key| self.text(key).unwrap_or_default();
        Names {
            first: part("primerNombre"),
            second: part("segundoNombre"),
            surname: part("primerApellido"),
            second_surname: part("segundoApellido"),
        }
    }

    fn payer(&self, document: Document) -> Payer {
        Payer {
            document,
            name: self.text("razonSocial"),
            activity_code: self.code("codActividadEconomica", 4),
            activity_text: self.text("desActividadEconomica"),
            class_code: self.text("codClaseAportante").map(|code| code.to_uppercase()),
            class_text: self.text("desClaseAportante"),
            kind_code: self.code("codTipoAportante", 2),
            kind_text: self.text("desTipoAportante"),
        }
    }

    fn base(&mut self) -> PerSystem<i64> {
        PerSystem {
            pension: self.amount("ingresoBaseCotizacionPension"),
            health: self.amount("ingresoBaseCotizacionSalud"),
            arl: None,
            ccf: self.amount("ingresoBaseCotizacionSubFamiliar"),
        }
    }

    /// The days of the line, for the systems it has a base in.
    fn days(&mut self, base: &PerSystem<i64>) -> PerSystem<u8> {
        let Some(days) = self.fields.days("diasCotizados", self.notes) else {
            return PerSystem::default();
        };
        let of = |base: Option<i64>| base.filter(|pesos| *pesos > 0).map(|_| days);
        PerSystem {
            pension: of(base.pension),
            health: of(base.health),
            arl: None,
            ccf: of(base.ccf),
        }
    }

    fn salary_kind(&mut self) -> Option<char> {
        match value::mark(self.fields.0.get("salarioIntegral")) {
            Mark::Set => Some('X'),
            Mark::Unset => None,
            Mark::Other(code) if code == "F" => Some('F'),
            Mark::Other(code) if code == "V" => Some('V'),
            Mark::Other(_) => {
                self.notes.add(Note::MarkNotMapped);
                None
            }
        }
    }

    fn novelties(&mut self) -> Novelties {
        Novelties {
            ing: self.mark("ingreso", "RC"),
            ret: self.mark("retiro", "PRCT"),
            vac: self.mark("vacaciones", ""),
            sln: self.mark("licenciaNoRemunerada", ""),
            ige: self.mark("incapacidad", ""),
            lma: self.mark("licenciaMaternidad", ""),
            vsp: self.mark("variacionPermanente", ""),
            vst: self.mark("variacionTransitoria", ""),
            ..Novelties::default()
        }
    }

    fn novelties_known(&self) -> NoveltiesKnown {
        let says = |key: &&str| self.fields.0.get(*key).is_some_and(|value| !value.is_null());
        if OPTIONAL_MARKS.iter().all(says) {
            NoveltiesKnown::All
        } else {
            NoveltiesKnown::StartAndEnd
        }
    }

    fn administrator(&self, key: &str) -> Option<Administrator> {
        self.text(key).map(|name| Administrator { code: None, name: Some(name) })
    }
}
