//! The objects of the contract, key by key.

use serde::Serialize;
use vinculo_pila::{Month, catalog};

use crate::ledger::{self, Line};
use crate::persona::{Company, Persona, Work};
use crate::wage;

/// `Error`.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) message: String,
}

/// The nine keys that describe a payer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payer {
    razon_social: String,
    tipo_documento_aportante: &'static str,
    numero_documento_aportante: &'static str,
    cod_actividad_economica: &'static str,
    des_actividad_economica: &'static str,
    cod_clase_aportante: &'static str,
    des_clase_aportante: &'static str,
    cod_tipo_aportante: &'static str,
    des_tipo_aportante: &'static str,
}

impl Payer {
    fn company(company: &Company) -> Self {
        Self {
            razon_social: company.name.to_owned(),
            tipo_documento_aportante: "NI",
            numero_documento_aportante: company.nit,
            cod_actividad_economica: company.activity,
            des_actividad_economica: activity_name(company.activity),
            cod_clase_aportante: company.class,
            des_clase_aportante: class_name(company.class),
            cod_tipo_aportante: "1",
            des_tipo_aportante: payer_type_name("01"),
        }
    }

    fn person(persona: &Persona, activity: &'static str) -> Self {
        Self {
            razon_social: full_name(persona),
            tipo_documento_aportante: persona.kind.code(),
            numero_documento_aportante: persona.number,
            cod_actividad_economica: activity,
            des_actividad_economica: activity_name(activity),
            cod_clase_aportante: "I",
            des_clase_aportante: class_name("I"),
            cod_tipo_aportante: "2",
            des_tipo_aportante: payer_type_name("02"),
        }
    }
}

/// `PersonaNatural`, with the operator's own further keys at the end.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonRow {
    #[serde(flatten)]
    payer: Payer,
    tipo_documento_usuario: &'static str,
    numero_documento_usuario: &'static str,
    primer_nombre: &'static str,
    segundo_nombre: &'static str,
    primer_apellido: &'static str,
    segundo_apellido: &'static str,
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

/// The rows of a person in one month.
pub(crate) fn person_rows(persona: &'static Persona, month: Month) -> Vec<PersonRow> {
    persona
        .work
        .iter()
        .flat_map(|work| {
            let payer = payer(persona, work);
            ledger::lines(work, month)
                .into_iter()
                .map(move |line| person_row(persona, work, payer.clone(), month, &line))
        })
        .collect()
}

fn payer(persona: &Persona, work: &Work) -> Payer {
    match work {
        Work::Job(job) => Payer::company(job.company),
        Work::SelfEmployed { activity, .. } => Payer::person(persona, activity),
    }
}

fn person_row(
    persona: &'static Persona,
    work: &Work,
    payer: Payer,
    month: Month,
    line: &Line,
) -> PersonRow {
    // Kinds of worker are sent without leading zero, as the real operator does.
    let (worker, worker_code, planilla, integral) = match work {
        Work::Job(job) => ("1", "01", "E", job.integral),
        Work::SelfEmployed { .. } => ("59", "59", "I", false),
    };
    let [first, second, surname, second_surname] = persona.names;
    PersonRow {
        payer,
        tipo_documento_usuario: persona.kind.code(),
        numero_documento_usuario: persona.number,
        primer_nombre: first,
        segundo_nombre: second,
        primer_apellido: surname,
        segundo_apellido: second_surname,
        periodo_cotizacion: month,
        cod_tipo_cotizante: worker,
        desc_tipo_cotizante: catalog::worker_type(worker_code).map_or("", |kind| kind.name_es),
        cod_tipo_planilla: planilla,
        desc_tipo_planilla: planilla_name(planilla),
        ingreso: mark(line.marks.start),
        retiro: mark(line.marks.end),
        salario_basico: line.salary,
        salario_integral: mark(integral),
        ingreso_base_cotizacion_pension: line.base,
        ingreso_base_cotizacion_salud: line.base,
        ingreso_base_cotizacion_sub_familiar: line.family_fund_base,
        nombre_administradora_pension: catalog::pension_fund(persona.pension_fund)
            .map_or(persona.pension_fund, |fund| fund.name),
        nombre_administradora_salud: catalog::health_provider(persona.health_provider)
            .map_or(persona.health_provider, |provider| provider.name),
        subtipo_cotizante: "0",
        dias_cotizados: line.days,
        vacaciones: mark(line.marks.holiday),
        licencia_no_remunerada: mark(false),
        incapacidad: mark(line.marks.sick_leave),
        licencia_maternidad: mark(false),
        variacion_permanente: mark(line.marks.lasting_change),
        variacion_transitoria: mark(line.marks.overtime),
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

/// The planilla of a company in one month: its people earn two minimum wages on average.
pub(crate) fn company_row(company: &Company, month: Month) -> PayerRow {
    let bases = company.headcount * 2 * wage::minimum_wage(month);
    PayerRow {
        payer: Payer::company(company),
        periodo_cotizacion_otros_sistemas: month,
        periodo_cotizacion_salud: month.plus(1),
        cod_tipo_planilla: "E",
        desc_tipo_planilla: planilla_name("E"),
        cantidad_cotizantes: company.headcount,
        valor_aproximado: approximate_value(bases),
    }
}

/// The planilla of a self-employed person in one month, if the person is.
pub(crate) fn self_employed_row(persona: &Persona, month: Month) -> Option<PayerRow> {
    persona.work.iter().find_map(|work| {
        let Work::SelfEmployed { activity, .. } = work else {
            return None;
        };
        let base = ledger::lines(work, month).iter().map(|line| line.base).sum();
        Some(PayerRow {
            payer: Payer::person(persona, activity),
            periodo_cotizacion_otros_sistemas: month,
            // The self-employed pay health for the same month (Resolución 3559 de 2018).
            periodo_cotizacion_salud: month,
            cod_tipo_planilla: "I",
            desc_tipo_planilla: planilla_name("I"),
            cantidad_cotizantes: 1,
            valor_aproximado: approximate_value(base),
        })
    })
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

fn class_name(code: &str) -> &'static str {
    catalog::contributor_class(code).map_or("", |class| class.name_es)
}

fn payer_type_name(code: &str) -> &'static str {
    catalog::contributor_type(code).map_or("", |kind| kind.name_es)
}

fn planilla_name(code: &str) -> &'static str {
    catalog::planilla_type(code).map_or("", |kind| kind.name_es)
}
