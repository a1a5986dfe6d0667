//! What the page says beside the text that is agreed to, in Spanish and in English.

use http::HeaderMap;

use crate::dashboard::{Language, words};

words! {
    lang: "es", "en";
    other: "en", "es";
    switch: "English", "Español";
    sandbox: "Prueba: aquí no hay datos de personas reales.", "Test: there is no data of real people here.";
    title: "{lender} pide permiso para consultar tus datos laborales", "{lender} asks for permission to look up your employment data";
    title_update: "{lender} pide que confirmes tu permiso otra vez", "{lender} asks you to confirm your permission again";
    legal: "Nombre legal:", "Legal name:";
    terms: "Términos de {lender}", "Terms of {lender}";
    problem: "Hay un problema", "There is a problem";
    problem_title: "Error:", "Error:";
    document_type: "Tipo de documento", "Kind of document";
    document_number: "Número de documento", "Document number";
    number_hint: "Sin puntos ni espacios, como aparece en tu documento.", "Without dots or spaces, as on your document.";
    kind_cc: "Cédula de ciudadanía", "Cédula de ciudadanía";
    kind_ce: "Cédula de extranjería", "Cédula de extranjería";
    kind_pa: "Pasaporte", "Passport";
    kind_ti: "Tarjeta de identidad", "Tarjeta de identidad";
    kind_pt: "Permiso por protección temporal", "Permiso por protección temporal";
    kind_pe: "Permiso especial de permanencia", "Permiso especial de permanencia";
    authorize: "Autorizar y continuar", "Authorize and continue";
    refuse: "No autorizo", "I do not authorize";
    type_missing: "Elige el tipo de documento.", "Choose the kind of document.";
    number_missing: "Escribe el número de tu documento.", "Write the number of your document.";
    number_wrong: "Ese número no es de un documento de ese tipo. Revisa los dígitos.", "That is not the number of such a document. Check the digits.";
    accept_missing: "Marca la casilla si autorizas la consulta. Si no, elige «No autorizo».", "Tick the box if you authorize the look-up. If not, choose “I do not authorize”.";
    text_changed: "El texto cambió mientras lo leías. Léelo otra vez.", "The text changed while you were reading. Read it again.";
    unknown_person: "La PILA no tiene aportes con ese documento. Revisa el tipo y el número.", "PILA has no contributions under that document. Check kind and number.";
    other_person: "Ese documento no es el del permiso que se va a confirmar.", "That document is not the one of the permission to be confirmed.";
    down: "La fuente de los datos no responde en este momento. No se obtuvo ningún dato. Inténtalo otra vez en unos minutos.", "The source of the data does not answer now. No data was obtained. Try again in some minutes.";
    duplicated: "Ya hay una consulta de este documento. No se registró nada nuevo.", "There is a query of this document already. Nothing new was recorded.";
    not_possible: "Esta consulta no se puede hacer ahora. No se guardó ninguna autorización.", "This cannot be looked up now. No authorization was stored.";
    wait: "Consultando", "Looking up";
    wait_text: "Preguntamos a la PILA. Puede tardar hasta un minuto; no cierres esta página.", "PILA is being asked. It can take up to a minute; do not close this page.";
    look_again: "Ver si ya terminó", "See whether it has ended";
    done: "Listo", "Done";
    done_text: "Tu autorización quedó registrada y {lender} recibirá tus datos.", "Your authorization is recorded and {lender} will get your data.";
    done_close: "Ya puedes cerrar esta página.", "You can close this page now.";
    left: "No autorizaste", "You did not authorize";
    left_text: "No se consultó ningún dato y no quedó ninguna autorización.", "No data was looked up and no authorization was recorded.";
    left_tried: "No quedó ninguna autorización.", "No authorization was recorded.";
    onward: "Volver a {lender}", "Go back to {lender}";
    back: "Volver", "Go back";
    over: "Este enlace ya no sirve", "This link is no longer good";
    over_text: "Venció o ya se usó. Pide uno nuevo a quien te lo envió.", "It has ended or was used already. Ask whoever sent it for a new one.";
    enough: "No hay más intentos", "There are no more tries";
    enough_text: "Con este enlace ya se preguntó cinco veces. No quedó ninguna autorización. Pide otro a quien te lo envió.", "This link was used to ask five times. No authorization was recorded. Ask whoever sent it for another one.";
    unknown: "Este enlace no es válido", "This link is not valid";
    unknown_text: "Está incompleto, venció, o se abrió en otro navegador. Pide uno nuevo a quien te lo envió.", "It is incomplete, has ended, or was opened in another browser. Ask whoever sent it for a new one.";
    stale: "La página es vieja", "The page is old";
    stale_text: "Vuelve atrás, recarga la página e inténtalo otra vez.", "Go back, reload the page and try again.";
    often: "Demasiados intentos", "Too many tries";
    often_text: "Espera un minuto, o pide un enlace nuevo a quien te lo envió.", "Wait a minute, or ask whoever sent the link for a new one.";
    not_ready: "Esta página no está lista", "This page is not ready";
    not_ready_text: "A quien te envió le falta configurarla. No se consultó nada.", "Whoever sent you has not set it up. Nothing was looked up.";
    failed: "Algo falló", "Something failed";
    failed_text: "No es tu culpa. Inténtalo otra vez en unos minutos. Número para quien te envió:", "It is not your fault. Try again in some minutes. Number for whoever sent you:";
}

/// The language somebody reads: the one asked for, or the browser's, or Spanish.
pub(super) fn language(asked: Option<&str>, headers: &HeaderMap) -> Language {
    let asked = asked.and_then(Language::parse).or_else(|| Language::asked(headers));
    asked.unwrap_or(Language::Es)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        crate::dashboard::check(ALL);
        for (name, es, en) in ALL {
            assert_eq!(es.matches("{lender}").count(), en.matches("{lender}").count(), "{name}");
        }
    }
}
