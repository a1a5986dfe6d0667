//! What the pages say, in Spanish and in English: one table, so that no text is there in one language
//! alone.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Spanish.
    Es,
    /// English.
    En,
}

impl Language {
    /// The language of this code.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        match code {
            "es" => Some(Self::Es),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Its code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    /// The first one a browser asks for that there is; English when it asks for none.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::asked(headers).unwrap_or(Self::En)
    }

    /// The first one a browser asks for that there is.
    pub(crate) fn asked(headers: &HeaderMap) -> Option<Self> {
        let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
        let codes = wanted.unwrap_or_default().split(',').map(|part| {
            part.split([';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase()
        });
        codes.filter_map(|code| Self::parse(&code)).next()
    }

    /// Its texts.
    pub(crate) const fn words(self) -> &'static Words {
        of(self)
    }
}

/// A table of texts: `Words`, those `of` a language, and for tests `ALL`.
macro_rules! words {
    ($($name:ident: $es:literal, $en:literal;)+) => {
        /// Every text of the pages.
        pub(crate) struct Words {
            $(pub(crate) $name: &'static str,)+
        }

        static ES: Words = Words { $($name: $es,)+ };
        static EN: Words = Words { $($name: $en,)+ };

        /// The texts in a language.
        pub(crate) const fn of(language: $crate::dashboard::Language) -> &'static Words {
            match language {
                $crate::dashboard::Language::Es => &ES,
                $crate::dashboard::Language::En => &EN,
            }
        }

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $es, $en),)+];
    };
}

pub(crate) use words;

words! {
    lang: "es", "en";
    skip: "Ir al contenido", "Skip to content";
    sandbox: "Sandbox", "Sandbox";
    production: "Producción", "Production";
    environment: "Ambiente", "Environment";
    home: "Inicio", "Home";
    links: "Links", "Links";
    link: "Link", "Link";
    keys: "Llaves API", "API keys";
    webhooks: "Webhooks", "Webhooks";
    webhook: "Webhook", "Webhook";
    deliveries: "Entregas", "Deliveries";
    delivery: "Entrega", "Delivery";
    audit: "Auditoría", "Audit log";
    actor: "Quién", "Who";
    action: "Qué", "What";
    about: "Sobre", "About";
    time: "Hora", "Time";
    times: "Cuántos", "How many";
    client_address: "Desde", "From";
    actor_kind: "Clase", "Kind";
    users: "Usuarios", "Users";
    from_day: "Desde el día", "From the day";
    until_day: "Hasta el día", "Until the day";
    audit_of_users: "Quién inició sesión y qué usuarios hay se anota en la auditoría del otro ambiente:", "Who signed in, and what users there are, is noted in the log of the other environment:";
    purpose: "Para qué", "What for";
    documentation: "Documentación", "Documentation";
    sign_in: "Iniciar sesión", "Sign in";
    sign_out: "Cerrar sesión", "Sign out";
    email: "Correo electrónico", "E-mail";
    password: "Contraseña", "Password";
    password_again: "Contraseña otra vez", "Password again";
    password_hint: "Al menos 12 caracteres. Una frase es buena.", "At least 12 characters. A sentence is good.";
    password_short: "La contraseña debe tener entre 12 y 200 caracteres.", "The password must have 12 to 200 characters.";
    password_differs: "Las dos contraseñas no son iguales.", "The two passwords differ.";
    email_wrong: "Escribe un correo como ana@example.com.", "Write an address such as ana@example.com.";
    sign_in_wrong: "El correo, la contraseña y el código no coinciden.", "E-mail, password and code do not belong together.";
    sign_in_code: "Código de verificación", "Verification code";
    sign_in_code_hint: "Solo si lo activaste. También sirve un código de recuperación.", "Only if you turned it on. A recovery code will do too.";
    sign_in_too_often: "Demasiados intentos. Espera un minuto.", "Too many tries. Wait a minute.";
    session_over: "Tu sesión terminó. Inicia sesión y sigues en la página donde estabas.", "Your session has ended. Sign in and you go on at the page where you were.";
    session_over_kept: "Tu sesión terminó antes de que llegara el formulario: no se hizo nada todavía. Inicia sesión y podrás enviarlo.", "Your session had ended before the form arrived: nothing was done yet. Sign in and you can send it.";
    session_over_lost: "Tu sesión terminó antes de que llegara el formulario: no se hizo nada. Inicia sesión y llénalo otra vez.", "Your session had ended before the form arrived: nothing was done. Sign in and fill it in again.";
    kept: "Tu formulario sigue aquí", "Your form is still here";
    kept_text: "La sesión había terminado cuando lo enviaste, y no se hizo nada. Ahora sí se puede enviar.", "Your session had ended when you sent it, and nothing was done. Now it can be sent.";
    kept_send: "Enviar ahora", "Send it now";
    kept_drop: "No enviar y volver", "Go back without sending";
    forgotten: "¿Olvidaste tu contraseña? Quien administra el servidor te da un enlace nuevo con «vinculo users reset».", "Forgot your password? Whoever runs the server gives you a new link with “vinculo users reset”.";
    welcome: "Te damos la bienvenida", "Welcome";
    welcome_text: "Elige tu contraseña. Este enlace sirve una sola vez.", "Choose your password. This link works once.";
    set_up_text: "Nadie puede iniciar sesión todavía. Serás el propietario de esta instalación.", "Nobody can sign in yet. You will be the owner of this installation.";
    email_taken: "Ese correo ya es de un usuario. Usa el enlace que se le dio, u otro correo.", "That address is a user's already. Use the link that was given to them, or another address.";
    welcome_over: "Este enlace ya no sirve", "This link is no longer good";
    welcome_over_text: "Venció o ya se usó. Quien administra el servidor hace otro con «vinculo users create … --role owner», o con «vinculo users reset» para quien ya es usuario.", "It has ended or was used. Whoever runs the server makes another with “vinculo users create … --role owner”, or with “vinculo users reset” for somebody who is a user.";
    set_password: "Guardar contraseña", "Set password";
    problem: "Hay un problema", "There is a problem";
    not_found: "No encontrado", "Not found";
    not_found_text: "Esta página no existe, o no es de tu organización.", "This page does not exist, or is not your organization's.";
    denied: "Sin permiso", "Not allowed";
    denied_text: "Tu rol no permite ver esta página o hacer esto.", "Your role does not allow you to see this page or to do this.";
    stale_form: "El formulario es viejo o viene de otro sitio. Vuelve atrás, recarga la página e inténtalo otra vez.", "The form is old, or comes from another site. Go back, reload the page and try again.";
    sent_again: "Este formulario ya se había enviado: se hizo una vez, y no otra. Lo que se mostró entonces no se muestra más.", "This form was sent before: it was done once, and not again. What was shown then is shown no more.";
    unexpected_text: "Algo falló en el servidor. El registro del servidor dice más bajo este número:", "Something failed in the server. The server's log says more under this number:";
    refused_text: "La solicitud no se pudo cumplir:", "The request cannot be met:";
    to_home: "Ir al inicio", "Go home";
    switch_language: "English", "Español";
    other_language: "en", "es";
    links_by_status: "Links por estado", "Links by status";
    last_imports: "Últimas planillas importadas", "Last planillas imported";
    first_steps: "Primeros pasos", "First steps";
    step_key: "Crea una llave API", "Make an API key";
    step_webhook: "Agrega un webhook", "Add a webhook";
    step_link: "Crea un link con la API", "Create a link with the API";
    file: "Archivo", "File";
    state: "Estado", "State";
    lines: "Líneas", "Lines";
    received: "Recibido", "Received";
    total: "Total", "Total";
    all: "Todos", "All";
    name: "Nombre", "Name";
    scopes: "Permisos", "Scopes";
    scopes_hint: "read lee los datos, write crea y cambia links, manage abre lo demás de /manage/v1/.", "read reads the data, write makes and changes links, manage opens the rest of /manage/v1/.";
    scopes_narrow: "Permisos más estrechos", "Narrower scopes";
    allow_list: "Redes permitidas", "Allowed networks";
    allow_list_hint: "Direcciones o redes separadas por espacios. Vacío: desde cualquier lugar.", "Addresses or networks with a space between them. Empty: from everywhere.";
    expires_at: "Vence", "Ends";
    expires_hint: "El último día, en hora de Bogotá. Vacío: nunca.", "The last day, in the time of Bogotá. Empty: never.";
    created_at: "Creado", "Created";
    last_used: "Último uso", "Last used";
    never: "nunca", "never";
    everywhere: "todas", "everywhere";
    key_new: "Generar llave API", "Generate API key";
    keys_none: "Aún no hay llaves. Genera una: con ella tu programa entra a la API.", "There are no keys yet. Generate one: your program calls the API with it.";
    key_made: "Llave generada", "Key generated";
    key_rotated: "Contraseña nueva", "New password";
    key_unnamed: "Sin nombre", "Without a name";
    old_opens: "La contraseña vieja también abre, hasta que la retires en «Llaves API».", "The old password opens too, until you retire it at “API keys”.";
    old_until: "La vieja abre hasta", "The old one opens until";
    postman: "Colección para Postman", "Collection for Postman";
    shown_once: "Cópialo ahora: no se muestra otra vez.", "Copy it now: it is not shown again.";
    secret_id: "Secret ID", "Secret ID";
    secret_password: "Secret Password", "Secret Password";
    try_it: "Pruébala", "Try it";
    copy: "Copiar", "Copy";
    copied: "Copiado", "Copied";
    back: "Volver", "Back";
    rotate: "Rotar", "Rotate";
    rotate_key_text: "Hace una contraseña nueva. La vieja también abre hasta que la retires.", "Makes a new password. The old one opens too until you retire it.";
    retire: "Retirar la vieja", "Retire the old one";
    retire_text: "La contraseña vieja deja de abrir.", "The old password opens no more.";
    revoke: "Revocar", "Revoke";
    revoke_text: "La llave deja de abrir de inmediato y para siempre.", "The key opens nothing from now on, for good.";
    two_passwords: "dos contraseñas", "two passwords";
    webhook_new: "Nuevo webhook", "New webhook";
    webhook_create: "Crear webhook", "Create webhook";
    webhooks_none: "Aún no hay webhooks. Agrega la dirección que debe recibir los eventos.", "There are no webhooks yet. Add the address that is to receive events.";
    url: "URL", "URL";
    url_hint: "Con https. Responde 2xx en menos de cinco segundos.", "With https. It answers 2xx within five seconds.";
    authorization: "Autorización", "Authorization";
    authorization_hint: "Opcional. Un token solo se envía como «Bearer token».", "Optional. A bare token is sent as “Bearer token”.";
    event_types: "Tipos de eventos", "Types of events";
    event_types_hint: "Sin marcar ninguno se envían todos.", "All are sent when none is ticked.";
    webhook_made: "Webhook creado", "Webhook created";
    webhook_changed: "El webhook cambió. Lo que se envía desde ahora sigue lo nuevo.", "The webhook was changed. What is sent from now on follows it.";
    webhook_gone: "eliminado", "deleted";
    webhook_open: "Abrir el webhook", "Open the webhook";
    change: "Cambiar", "Change";
    save: "Guardar", "Save";
    no_authorization: "Quitar la autorización", "Take the authorization away";
    authorization_kept: "Vacía, la autorización se queda como está.", "Left empty, the authorization stays as it is.";
    signing_secret: "Secreto de firma", "Signing secret";
    secret_rotated: "Secreto nuevo", "New secret";
    enabled: "activo", "enabled";
    disabled: "desactivado", "disabled";
    disabled_since: "Desactivado desde", "Disabled since";
    failing_since: "Falla desde", "Failing since";
    held_until: "Está ocupado: nada se envía hasta", "It is busy: nothing is sent until";
    webhooks_off: "Nada se envía más a webhooks que fallaron o que ya no existen:", "Nothing is sent any more to webhooks that failed or are gone:";
    enable: "Activar", "Enable";
    enable_replay: "Activar y enviar lo perdido", "Enable and send what was missed";
    disable: "Desactivar", "Disable";
    send_test: "Enviar evento de prueba", "Send test event";
    test_sent: "El evento de prueba está en camino. Su entrega aparece abajo.", "The test event is on its way. Its delivery appears below.";
    rotate_secret_text: "Hace un secreto nuevo. El viejo firma también por 24 horas.", "Makes a new secret. The old one signs too for 24 hours.";
    delete: "Eliminar", "Delete";
    delete_text: "Nada se envía más; lo que espera se cancela.", "Nothing is sent any more; what waits is cancelled.";
    signed: "Firmado", "Signed";
    yes: "sí", "yes";
    no: "no", "no";
    deliveries_none: "Ninguna entrega todavía. Envía un evento de prueba o crea un link.", "No deliveries yet. Send a test event or create a link.";
    nothing_matches: "Nada coincide con el filtro.", "Nothing matches the filter.";
    event: "Evento", "Event";
    kind: "Tipo", "Type";
    code: "Código", "Code";
    tries: "Intentos", "Tries";
    next_try: "Próximo intento", "Next try";
    finished: "Terminó", "Ended";
    started: "Empezó", "Began";
    duration: "Duración", "Duration";
    answer: "Respuesta", "Answer";
    no_tries: "Sin intentos todavía.", "No tries yet.";
    no_tries_made: "Terminó sin ningún intento.", "It ended without a try.";
    last_answer: "Última respuesta", "Last answer";
    event_body: "Cuerpo del evento", "Body of the event";
    replay: "Enviar otra vez", "Send again";
    replay_disabled: "El webhook está desactivado: actívalo, y luego podrás enviar otra vez.", "The webhook is disabled: enable it, and you can send again.";
    replayed_at: "Enviada otra vez desde", "Sent again since";
    delivered_at: "Llegó por primera vez", "Arrived first";
    replayed: "La entrega está en camino otra vez.", "The delivery is on its way again.";
    filter: "Filtrar", "Filter";
    status: "Estado", "Status";
    access_mode: "Modo", "Mode";
    external_id: "ID externo", "External id";
    document_number: "Cédula", "Cédula";
    search: "Buscar", "Search";
    search_hint: "La búsqueda no queda en la dirección de la página.", "What you search for does not become part of the page's address.";
    search_by: "Buscar por", "Search by";
    search_value: "Valor", "Value";
    search_found: "Resultado de la búsqueda", "What was found";
    search_none: "No hay links de esa persona o con ese ID.", "There are no links of that person or with that id.";
    links_none: "Aún no hay links. Créalos con la API: POST /api/links/", "There are no links yet. Create them with the API: POST /api/links/";
    last_accessed: "Último acceso", "Last accessed";
    owner: "Titular", "Owner";
    document: "Documento", "Document";
    employments: "Empleos", "Employments";
    employer: "Empleador", "Employer";
    tenure: "Meses", "Months";
    activity: "Actividad", "Activity";
    since: "desde", "since";
    since_or_before: "al menos desde", "since, at the latest,";
    last_month: "Último mes", "Last month";
    last_gross: "Ingreso bruto del último mes", "Gross of the last month";
    last_net: "Ingreso neto del último mes", "Net of the last month";
    last_paid: "Último mes pagado", "Last month that was paid";
    integral: "Salario integral", "Integral salary";
    integral_yes: "sí: las prestaciones van incluidas y se cotiza sobre el 70 %", "yes: benefits are included, and 70 % of it is contributed on";
    pension_fund: "Fondo de pensiones", "Pension fund";
    gross: "Ingreso bruto", "Gross";
    month: "Mes", "Month";
    changes: "Novedades", "Changes";
    employments_none: "Sin empleos: la carga no ha terminado, no encontró nada, o la persona revocó su consentimiento.", "No employments: the load has not ended, found nothing, or the person has revoked the consent.";
    owner_none: "Sin titular por ahora.", "No owner for now.";
    pay_chart: "Ingreso bruto por mes", "Gross pay by month";
    pay_table: "Los mismos números en una tabla", "The same numbers as a table";
    pay_gap: "sin aportes", "no contributions";
    pay_unpaid: "sin pagar", "not paid";
    pay_unpaid_key: "planilla presentada que nadie ha pagado", "planilla that was filed and that nobody has paid";
    pay_marks: "novedades del mes, del color de su empleador", "changes in the month, in the colour of their employer";
    pay_months: "meses", "months";
    json: "JSON como lo da la API", "JSON as the API gives it";
    previous: "Anterior", "Previous";
    next: "Siguiente", "Next";
    results: "resultados", "results";
    result: "resultado", "result";
    page: "página", "page";
    pages: "Páginas", "Pages";
    of: "de", "of";
    search_over: "Esa búsqueda ya no se puede abrir: es de otro usuario o de otro ambiente. Busca otra vez.", "That search cannot be opened any more: it is another user's, or of the other environment. Search again.";
    times_bogota: "Las horas son las de Bogotá (UTC−5).", "Times are those of Bogotá (UTC−5).";
    role_owner: "propietario", "owner";
    role_developer: "desarrollador", "developer";
    role_analyst: "analista", "analyst";
    role_auditor: "auditor", "auditor";
}

/// Every text is there in both languages, is trimmed, and ends alike.
#[cfg(test)]
pub(crate) fn check(all: &[(&str, &str, &str)]) {
    for (name, es, en) in all {
        for text in [es, en] {
            assert!(!text.trim().is_empty() && text.trim() == *text, "{name}");
        }
        let ends = |text: &str| text.ends_with(['.', ':']);
        assert_eq!(ends(es), ends(en), "{name}");
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        check(ALL);
        let parts = |text: &str| text.matches("vinculo").count();
        assert!(ALL.iter().all(|(_, es, en)| parts(es) == parts(en)));
    }

    #[test]
    fn a_browser_gets_the_first_language_that_there_is() {
        for (wanted, expected) in [
            ("es-CO,es;q=0.9,en;q=0.8", Language::Es),
            ("de, EN-gb;q=0.9, es", Language::En),
            ("fr", Language::En),
            ("", Language::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(wanted).unwrap());
            assert_eq!(Language::of(&headers), expected, "{wanted}");
        }
        assert_eq!(Language::of(&HeaderMap::new()), Language::En);
    }
}
