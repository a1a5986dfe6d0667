//! The text that a person agrees to. Everything it says is on the page, and every word of it is kept
//! with the consent. A change of its words is a new [`VERSION`].

use aws_lc_rs::digest;
use jiff::civil::Date;
use vinculo_store::Resource;

use crate::dashboard::{Language, words};
use crate::hex::hex;
use crate::terms::RefreshRate;

/// Version of the words below.
pub(super) const VERSION: &str = "connect-1";

words! {
    who: "Quién pregunta", "Who asks";
    who_text: "{lender}, responsable del tratamiento de tus datos.", "{lender}, the controller of your data.";
    data: "Qué datos", "Which data";
    employments: "Tus empleos: empleador, fechas, salario reportado cada mes, EPS y fondo de pensiones.", "Your jobs: employer, dates, pay reported each month, health insurer and pension fund.";
    owners: "Tu nombre y tu documento.", "Your name and your document.";
    source: "Se consultan en la PILA, la planilla con la que se paga tu seguridad social.", "They are looked up in PILA, the form by which your social security is paid.";
    purpose: "Para qué", "What for";
    time: "Por cuánto tiempo", "For how long";
    again: "Se consultan ahora y otra vez cada {pace}, hasta el {date}.", "They are looked up now and again every {pace}, until {date}.";
    once: "Se consultan ahora y, si hace falta, otra vez hasta el {date}.", "They are looked up now and, where needed, again until {date}.";
    rights: "Tus derechos", "Your rights";
    rights_text: "Puedes conocer, actualizar y corregir tus datos, pedir prueba de esta autorización, revocarla y pedir que se borren tus datos, gratis y cuando quieras. Escribe a {contact}. También puedes quejarte ante la Superintendencia de Industria y Comercio (Ley 1581 de 2012).", "You can see, update and correct your data, ask for proof of this authorization, revoke it and ask for your data to be erased, at no cost and whenever you want. Write to {contact}. You can also complain to the Superintendencia de Industria y Comercio (Ley 1581 de 2012).";
    free: "Autorizar es tu decisión. Si dices que no, no se consulta nada.", "To authorize is your decision. If you say no, nothing is looked up.";
    statement: "Autorizo a {lender}, de manera previa, expresa e informada, a consultar en la PILA los datos descritos aquí, para ese fin y por ese tiempo.", "I authorize {lender}, beforehand, expressly and informed, to look up in PILA the data described here, for that purpose and that time.";
    hours: "horas", "hours";
    days: "días", "days";
}

const MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

/// What a text depends on.
pub(super) struct Facts<'a> {
    pub(super) lender: &'a str,
    pub(super) contact: &'a str,
    pub(super) purpose: &'a str,
    pub(super) resources: &'a [Resource],
    /// How often it is asked again; `None` when nobody has planned to.
    pub(super) rate: Option<RefreshRate>,
    /// The last day it holds.
    pub(super) last: Date,
}

/// A part of a text.
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) lines: Vec<String>,
}

/// A text.
pub(super) struct ConsentText {
    pub(super) sections: Vec<Section>,
    /// What the person ticks.
    pub(super) statement: String,
}

/// Writes the text.
pub(super) fn write(language: Language, facts: &Facts<'_>) -> ConsentText {
    let w = of(language);
    let described = facts.resources.iter().map(|resource| match resource {
        Resource::Employments => w.employments.to_owned(),
        Resource::Owners => w.owners.to_owned(),
    });
    let date = date(language, facts.last);
    let time = match facts.rate {
        Some(rate) => w.again.replace("{pace}", &pace(w, rate)).replace("{date}", &date),
        None => w.once.replace("{date}", &date),
    };
    let section = |heading, lines| Section { heading, lines };
    let sections = vec![
        section(w.who, vec![w.who_text.replace("{lender}", facts.lender)]),
        section(w.data, described.chain([w.source.to_owned()]).collect()),
        section(w.purpose, vec![facts.purpose.to_owned()]),
        section(w.time, vec![time]),
        section(
            w.rights,
            vec![w.rights_text.replace("{contact}", facts.contact), w.free.to_owned()],
        ),
    ];
    ConsentText { sections, statement: w.statement.replace("{lender}", facts.lender) }
}

impl ConsentText {
    /// All of it.
    pub(super) fn whole(&self) -> String {
        let mut whole = String::new();
        for Section { heading, lines } in &self.sections {
            whole.extend([*heading, "\n", &lines.join("\n"), "\n\n"]);
        }
        whole + &self.statement
    }

    /// SHA-256 of all of it, in hexadecimal digits.
    pub(super) fn hash(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.whole().as_bytes()).as_ref())
    }
}

fn date(language: Language, day: Date) -> String {
    let month = usize::try_from(day.month() - 1).ok().and_then(|month| MONTHS.get(month));
    match (language, month) {
        (Language::Es, Some(month)) => format!("{} de {month} de {}", day.day(), day.year()),
        _ => day.strftime("%-d %B %Y").to_string(),
    }
}

fn pace(w: &Words, rate: RefreshRate) -> String {
    let (number, unit) = match rate.hours() {
        hours if hours > 24 => (hours / 24, w.days),
        hours => (hours, w.hours),
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(language: Language, resources: &[Resource], rate: Option<RefreshRate>) -> ConsentText {
        let last = "2027-11-24".parse().unwrap();
        let (lender, contact, purpose) = ("Ejemplo S.A.S.", "datos@example.com", "Crédito");
        write(language, &Facts { lender, contact, purpose, resources, rate, last })
    }

    /// A receipt names the version alone: other words must not hide behind it.
    #[test]
    fn the_words_of_a_version_stay() {
        let all: String = ALL.iter().map(|(_, es, en)| format!("{es}\n{en}\n")).collect();
        let hash = hex(digest::digest(&digest::SHA256, all.as_bytes()).as_ref());
        assert_eq!(
            (VERSION, hash.as_str()),
            ("connect-1", "7cb913c0dbda8e33d30a95ca2b3b178f528652e4b5fe1c7d6b540de091386cc5")
        );
    }

    #[test]
    fn a_text_says_who_what_why_and_how_long() {
        for (name, language) in [("es", Language::Es), ("en", Language::En)] {
            let all = text(language, Resource::ALL, Some(RefreshRate::Weekly)).whole();
            insta::assert_snapshot!(format!("all_{name}"), all);
            let less = text(language, &[Resource::Owners], None).whole();
            insta::assert_snapshot!(format!("less_{name}"), less);
        }
    }

    #[test]
    fn nothing_of_a_template_is_left() {
        for language in [Language::Es, Language::En] {
            for rate in RefreshRate::ALL {
                let whole = text(language, Resource::ALL, Some(rate)).whole();
                assert!(!whole.contains(['{', '}']), "{whole}");
            }
        }
    }
}
