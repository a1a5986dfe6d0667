//! The objects of the contract, key by key.

use std::borrow::Cow;

use serde::Serialize;
use vinculo_pila::{Month, catalog};

use crate::ledger::{self, Line};
use crate::persona::{Company, Persona, Work, Worker};
use crate::wage;

/// A text of the tables here, or one that was made up.
pub(crate) type Text = Cow<'static, str>;

/// `Error`.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) message: String,
}

/// The nine keys that describe a payer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payer {
    razon_social: Text,
    tipo_documento_aportante: &'static str,
    numero_documento_aportante: Text,
    cod_actividad_economica: &'static str,
    des_actividad_economica: &'static str,
    cod_clase_aportante: Text,
    des_clase_aportante: &'static str,
    cod_tipo_aportante: &'static str,
    des_tipo_aportante: &'static str,
}

impl Payer {
    /// A payer by name, document, activity (CIIU), class, and kind with two digits.
    pub(crate) fn new(
        name: impl Into<Text>,
        document: (&'static str, impl Into<Text>),
        activity: &'static str,
        class: impl Into<Text>,
        kind: &'static str,
    ) -> Self {
        let class = class.into();
        Self {
            razon_social: name.into(),
            tipo_documento_aportante: document.0,
            numero_documento_aportante: document.1.into(),
            cod_actividad_economica: activity,
            des_actividad_economica: activity_name(activity),
            des_clase_aportante: catalog::contributor_class(&class).map_or("", |it| it.name_es),
            cod_clase_aportante: class,
            // Kinds are sent without leading zero, as the real operator does.
            cod_tipo_aportante: kind.trim_start_matches('0'),
            des_tipo_aportante: catalog::contributor_type(kind).map_or("", |it| it.name_es),
        }
    }

    fn company(company: &Company, worker: Worker) -> Self {
        let kind = if worker == Worker::Contractor { "15" } else { "01" };
        let Company { name, nit, activity, class, .. } = *company;
        Self::new(name, ("NI", nit), activity, class, kind)
    }

    fn person(persona: &Persona, activity: &'static str) -> Self {
        let document = (persona.kind.code(), persona.number);
        Self::new(full_name(persona), document, activity, "I", "02")
    }
}

/// `PersonaNatural`, with the operator's own further keys at the end.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonRow {
    #[serde(flatten)]
    payer: Payer,
    tipo_documento_usuario: &'static str,
    numero_documento_usuario: Text,
    primer_nombre: Text,
    segundo_nombre: Text,
    primer_apellido: Text,
    segundo_apellido: Text,
    periodo_cotizacion: Month,
    cod_tipo_cotizante: &'static str,
    desc_tipo_cotizante: &'static str,
    cod_tipo_planilla: &'static str,
    desc_tipo_planilla: &'static str,
    ingreso: &'static str,
    retiro: &'static str,
    salario_basico: i64,
    salario_integral: &'static str,
    ingreso_base_cotizacion_pension: i64,
    ingreso_base_cotizacion_salud: i64,
    ingreso_base_cotizacion_sub_familiar: i64,
    nombre_administradora_pension: &'static str,
    nombre_administradora_salud: &'static str,
    subtipo_cotizante: &'static str,
    dias_cotizados: u8,
    vacaciones: &'static str,
    licencia_no_remunerada: &'static str,
    incapacidad: &'static str,
    licencia_maternidad: &'static str,
    variacion_permanente: &'static str,
    variacion_transitoria: &'static str,
}

/// Who the rows are about.
#[derive(Debug, Clone)]
pub(crate) struct Insured {
    pub(crate) kind: &'static str,
    pub(crate) number: Text,
    pub(crate) names: [Text; 4],
    /// PILA codes; empty when nothing is owed.
    pub(crate) pension_fund: &'static str,
    pub(crate) health_provider: &'static str,
}

/// The rows of a persona in one month; `present` as in [`ledger::lines`].
pub(crate) fn person_rows(
    persona: &'static Persona,
    month: Month,
    present: Month,
) -> impl Iterator<Item = PersonRow> {
    let insured = Insured {
        kind: persona.kind.code(),
        number: persona.number.into(),
        names: persona.names.map(Text::Borrowed),
        pension_fund: persona.pension_fund,
        health_provider: persona.health_provider,
    };
    persona.work.iter().flat_map(move |work| {
        let (payer, integral) = match work {
            Work::Job(job) => (Payer::company(job.company, job.worker), job.integral),
            Work::SelfEmployed { activity, .. } => (Payer::person(persona, activity), false),
        };
        let insured = insured.clone();
        ledger::lines(work, month, present)
            .into_iter()
            .map(move |line| PersonRow::new(&insured, payer.clone(), month, integral, &line))
    })
}

impl PersonRow {
    /// A line of a planilla as the operator shows it.
    pub(crate) fn new(
        insured: &Insured,
        payer: Payer,
        month: Month,
        integral: bool,
        line: &Line,
    ) -> Self {
        let [first, second, surname, second_surname] = insured.names.clone();
        let (kind, marks) = (line.kind, line.marks);
        Self {
            payer,
            tipo_documento_usuario: insured.kind,
            numero_documento_usuario: insured.number.clone(),
            primer_nombre: first,
            segundo_nombre: second,
            primer_apellido: surname,
            segundo_apellido: second_surname,
            periodo_cotizacion: month,
            cod_tipo_cotizante: kind.worker.trim_start_matches('0'),
            desc_tipo_cotizante: catalog::worker_type(kind.worker).map_or("", |it| it.name_es),
            cod_tipo_planilla: kind.planilla,
            desc_tipo_planilla: planilla_name(kind.planilla),
            ingreso: mark(marks.start),
            retiro: mark(marks.end),
            salario_basico: line.salary,
            salario_integral: mark(integral),
            ingreso_base_cotizacion_pension: line.pension_base,
            ingreso_base_cotizacion_salud: line.health_base,
            ingreso_base_cotizacion_sub_familiar: line.family_fund_base,
            nombre_administradora_pension: catalog::pension_fund(insured.pension_fund)
                .map_or(insured.pension_fund, |fund| fund.name),
            nombre_administradora_salud: catalog::health_provider(insured.health_provider)
                .map_or(insured.health_provider, |provider| provider.name),
            subtipo_cotizante: kind.subtype,
            dias_cotizados: line.days,
            vacaciones: mark(marks.holiday),
            licencia_no_remunerada: mark(marks.unpaid_leave),
            incapacidad: mark(marks.sick_leave),
            licencia_maternidad: mark(marks.parental_leave),
            variacion_permanente: mark(marks.lasting_change),
            variacion_transitoria: mark(marks.overtime),
        }
    }
}

/// `PersonaJuridica`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PayerRow {
    #[serde(flatten)]
    payer: Payer,
    periodo_cotizacion_otros_sistemas: Month,
    periodo_cotizacion_salud: Month,
    cod_tipo_planilla: &'static str,
    desc_tipo_planilla: &'static str,
    cantidad_cotizantes: i64,
    valor_aproximado: i64,
}

/// The planilla of a company in one month.
pub(crate) fn company_row(company: &Company, month: Month) -> PayerRow {
    let payer = Payer::company(company, Worker::Employee);
    employer_row(payer, "E", company.headcount, month)
}

/// The planilla of a payer with so many people in one month: they earn two minimum wages on average.
pub(crate) fn employer_row(
    payer: Payer,
    planilla: &'static str,
    people: i64,
    month: Month,
) -> PayerRow {
    PayerRow {
        payer,
        periodo_cotizacion_otros_sistemas: month,
        periodo_cotizacion_salud: month.plus(1),
        cod_tipo_planilla: planilla,
        desc_tipo_planilla: planilla_name(planilla),
        cantidad_cotizantes: people,
        valor_aproximado: approximate_value(people * 2 * wage::minimum_wage(month)),
    }
}

/// The planilla of a self-employed person in one month, if the person is.
pub(crate) fn self_employed_row(
    persona: &Persona,
    month: Month,
    present: Month,
) -> Option<PayerRow> {
    persona.work.iter().find_map(|work| {
        let Work::SelfEmployed { activity, .. } = work else {
            return None;
        };
        let base = ledger::lines(work, month, present).iter().map(|line| line.health_base).sum();
        let payer = Payer::person(persona, activity);
        Some(self_employed_month(payer, base, month))
    })
}

/// The planilla of somebody who pays alone on this base.
pub(crate) fn self_employed_month(payer: Payer, base: i64, month: Month) -> PayerRow {
    PayerRow {
        payer,
        periodo_cotizacion_otros_sistemas: month,
        // The self-employed pay health for the same month (Resolución 3559 de 2018).
        periodo_cotizacion_salud: month,
        cod_tipo_planilla: "I",
        desc_tipo_planilla: planilla_name("I"),
        cantidad_cotizantes: 1,
        valor_aproximado: approximate_value(base),
    }
}

/// Pension and health of a sum of bases, 28.5 %, up to the next hundred pesos.
fn approximate_value(bases: i64) -> i64 {
    wage::divided_up(bases * 285, 100_000) * 100
}

fn full_name(persona: &Persona) -> String {
    let parts = persona.names.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

const fn mark(set: bool) -> &'static str {
    if set { "X" } else { "" }
}

fn activity_name(code: &str) -> &'static str {
    catalog::activity(code).map_or("", |activity| activity.name_es)
}

fn planilla_name(code: &str) -> &'static str {
    catalog::planilla_type(code).map_or("", |kind| kind.name_es)
}
