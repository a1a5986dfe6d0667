//! Why something is refused, in Spanish. The functions of the management API say it in English.

use super::phrases::{Phrase, in_spanish};
use super::words::Language;

/// Why something is refused, in the reader's language; as it is when it is no known sentence.
pub(super) fn told(message: &str, language: Language) -> String {
    let spanish = match language {
        Language::Es => in_spanish(message, PHRASES),
        Language::En => None,
    };
    spanish.unwrap_or_else(|| message.to_owned())
}

/// What is more particular comes first.
static PHRASES: &[Phrase] = &[
    ("This field is required.", "Falta este dato."),
    ("This field may not be blank.", "Falta este dato."),
    ("This list may not be empty.", "Falta al menos uno."),
    ("Null characters are not allowed.", "No puede tener caracteres nulos."),
    ("Ensure this field has no more than {} characters.", "Tiene más de {} caracteres."),
    ("Ensure this list has no more than {} entries.", "Tiene más de {} entradas."),
    (
        "Ensure this field is one line without control characters.",
        "Debe ser una sola línea, sin caracteres de control.",
    ),
    ("Ensure this is a whole number from {} to {}.", "Debe ser un número entero de {} a {}."),
    (
        "Ensure this is a list of at most {} whole numbers from {} to {}.",
        "Debe ser una lista de hasta {} números enteros de {} a {}.",
    ),
    (
        "{} is not one of at most {} sites such as https://app.example.com.",
        "{} no es uno de hasta {} sitios como https://app.example.com.",
    ),
    ("{} is not a valid choice.", "{} no es válido."),
    ("{} is not a valid UUID.", "{} no es un UUID."),
    (
        "{} is not a time, such as 2027-01-31T00:00:00Z.",
        "{} no es una fecha como 2027-01-31, ni una hora como 2027-01-31T00:00:00Z.",
    ),
    ("{} is not a day, such as 2026-11-24.", "{} no es un día como 2026-11-24."),
    ("{} is over.", "{} ya pasó."),
    (
        "{} is no address or network, such as 10.0.0.7 or 10.0.0.0/8.",
        "{} no es una dirección ni una red como 10.0.0.7 o 10.0.0.0/8.",
    ),
    ("{} cannot be allowed: only {} and {} can", "{} no se puede dejar pasar: solo {} y {}."),
    // Webhooks.
    ("url of {} bytes is longer than {}", "La URL tiene {} bytes, más de {}."),
    (
        "url holds white space, a control character or a backslash",
        "La URL tiene espacios, caracteres de control o una barra inversa.",
    ),
    (
        "url is not valid: relative URL without a base",
        "No es una URL completa, como https://example.com/webhooks.",
    ),
    ("url is not valid: {}", "No es una URL válida, como https://example.com/webhooks."),
    ("url must start with https://", "La URL debe empezar por https://."),
    (
        "url holds a user name or password; use the authorization value instead",
        "La URL tiene usuario o contraseña: usa el campo de autorización.",
    ),
    ("url holds a fragment", "La URL tiene un fragmento (#), que nunca se envía."),
    ("url has no host", "La URL no nombra ningún servidor."),
    ("host name is local, not public", "El nombre del servidor es local, no público."),
    ("port {} is refused", "El puerto {} no está permitido."),
    (
        "address is in the refused range {} ({})",
        "La dirección está en el rango {}, que no es público.",
    ),
    ("authorization value is empty", "El valor de autorización está vacío."),
    (
        "authorization value of {} bytes is longer than {}",
        "El valor de autorización tiene {} bytes, más de {}.",
    ),
    (
        "authorization value holds a character that a header cannot carry",
        "El valor de autorización tiene un carácter que no cabe en un encabezado HTTP.",
    ),
    (
        "authorization value holds a space but does not start with a scheme",
        "El valor de autorización tiene un espacio, pero no empieza por un esquema como Bearer.",
    ),
    (
        "The endpoint is disabled.",
        "El webhook está desactivado: actívalo en su página y luego envía otra vez.",
    ),
    // Keys.
    (
        "Two passwords open this key already: retire the old one first.",
        "Dos contraseñas abren ya esta llave: retira primero la vieja.",
    ),
    // Cohorts.
    ("\"{}\" is no column. There are {}.", "«{}» no es una columna. Las que hay son {}."),
    ("The header names it twice.", "El encabezado la nombra dos veces."),
    (
        "The header must name the column document.",
        "El encabezado debe nombrar la columna document.",
    ),
    (
        "Line {} has {} fields, and the header {}.",
        "La línea {} tiene {} campos, y el encabezado {}.",
    ),
    ("Line {} is not UTF-8.", "La línea {} no es UTF-8."),
    ("More than {} rows are not taken.", "No se reciben más de {} filas."),
    ("There is no row after the header.", "No hay ninguna fila después del encabezado."),
    ("The file cannot be read: {}", "El archivo no se puede leer."),
    ("Not a parameter of a cohort. There are {}", "No es un parámetro de una cohorte."),
    // Links.
    (
        "The link has already been refreshed. Please wait {} minutes before trying again.",
        "El link ya se cargó otra vez hace poco. Espera {} minutos antes de intentarlo.",
    ),
    // What was sent.
    ("The form was cut off.", "El formulario llegó incompleto."),
    (
        "The form was cut off, or is not one with a file.",
        "El formulario llegó incompleto, o no trae un archivo.",
    ),
    ("Not a form.", "No es un formulario."),
    ("Not a form with a file.", "No es un formulario con un archivo."),
    ("The form is no text.", "El formulario no es texto."),
    ("Too many requests, try again later.", "Demasiadas solicitudes: inténtalo más tarde."),
];

#[cfg(test)]
mod tests {
    use vinculo_webhook::{Rules, check_url};

    use super::*;

    #[test]
    fn every_refusal_of_a_url_is_told_in_spanish() {
        let long = format!("https://example.com/{}", "x".repeat(3000));
        for url in [
            "ejemplo",
            "https://",
            "https://exa mple.com",
            "http://example.com",
            &long,
            "https://user:word@example.com",
            "https://example.com/#x",
            "https://localhost",
            "https://example.com:22",
            "https://10.0.0.7",
            "https://[::1]",
            "data:x",
            "https://a:b",
        ] {
            let refused = check_url(url, &Rules::default()).expect_err(url).to_string();
            assert_ne!(told(&refused, Language::Es), refused, "{refused}");
            assert_eq!(told(&refused, Language::En), refused);
        }
    }

    #[test]
    fn values_are_repeated() {
        let refused = "\"cedula\" is no column. There are document, username.";
        let spanish = "«cedula» no es una columna. Las que hay son document, username.";
        assert_eq!(told(refused, Language::Es), spanish);
    }
}
