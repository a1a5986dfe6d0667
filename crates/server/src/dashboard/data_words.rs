//! What the pages about data and its terms say, in Spanish and in English: planillas, cohorts, what
//! became of a link, settings.

use super::words::{Language, words};

words! {
    imports: "Planillas", "Planillas";
    import: "Planilla", "Planilla";
    cohorts: "Cohortes", "Cohorts";
    cohort: "Cohorte", "Cohort";
    upload: "Subir", "Upload";
    file: "Archivo", "File";
    file_missing: "Elige un archivo.", "Choose a file.";
    import_new: "Subir planilla", "Upload planilla";
    import_hint: "Un archivo plano tipo 1 o 2 de la PILA, hasta 512 MB.", "A flat file of type 1 or 2 of PILA, up to 512 MB.";
    allow: "Dejar pasar", "Let pass";
    allow_hint: "Solo si sabes por qué el total del encabezado no coincide con el detalle.", "Only if you know why the header's total differs from the detail.";
    imports_none: "Aún no hay planillas. Sube una, o impórtalas con «vinculo pila import».", "There are no planillas yet. Upload one, or import them with “vinculo pila import”.";
    known: "Este archivo ya se había recibido: esta es su importación.", "This file was received before: this is its import.";
    kind: "Clase", "Kind";
    lines: "Líneas", "Lines";
    loaded: "Guardadas", "Stored";
    errors: "Errores", "Errors";
    warnings: "Advertencias", "Warnings";
    progress: "Avance", "Progress";
    working: "En proceso: la página se actualiza sola.", "Under way: the page renews itself.";
    period: "Período", "Period";
    paid_on: "Pagada el", "Paid on";
    workers: "Cotizantes", "Workers";
    payroll_total: "Total de la nómina", "Payroll total";
    findings: "Hallazgos por línea", "Findings by line";
    findings_none: "Sin hallazgos.", "No findings.";
    report_gone: "El informe ya no se guarda.", "The report is no longer kept.";
    report_waits: "El informe aparece cuando el archivo se haya revisado.", "The report appears once the file was checked.";
    line: "Línea", "Line";
    whole_file: "archivo", "file";
    rule: "Regla", "Rule";
    error: "error", "error";
    warning: "advertencia", "warning";
    allowed: "permitido", "allowed";
    field: "Campo", "Field";
    positions: "Posiciones", "Positions";
    found: "Encontrado", "Found";
    expected: "Esperado", "Expected";
    article: "Norma", "Regulation";
    cohort_new: "Subir cohorte", "Upload cohort";
    cohort_hint: "CSV con una columna «document» y, si quieres, «external_id», «access_mode», «fetch_resources».", "CSV with a column “document” and, if you like, “external_id”, “access_mode”, “fetch_resources”.";
    cohorts_none: "Aún no hay cohortes. Sube un CSV con las cédulas: de cada una se crea un link.", "There are no cohorts yet. Upload a CSV with the cédulas: a link is made of each.";
    tell: "Webhooks", "Webhooks";
    tell_each: "de cada link", "of every link";
    tell_end: "solo el final", "the end alone";
    people: "Personas", "People";
    results: "Resultados", "Results";
    results_none: "Aún no hay resultados, o ya no se guardan.", "There are no results yet, or they are no longer kept.";
    results_file: "Descargar CSV", "Download CSV";
    first_page: "Desde el comienzo", "From the beginning";
    finished_at: "Terminó", "Ended";
    cancel: "Cancelar lo que espera", "Cancel what waits";
    cancel_text: "Los links que ya existen se quedan; las filas que esperan se cancelan.", "Links that exist stay; rows that wait are cancelled.";
    steps: "Línea de tiempo", "Timeline";
    steps_text: "Lo más reciente primero; hasta cien pasos de cada clase.", "The newest first; up to a hundred steps of each kind.";
    step_created: "Link creado", "Link created";
    step_asked: "Pregunta a una fuente", "Question to a source";
    step_load: "Carga pedida", "Load asked for";
    step_loaded: "Carga terminada", "Load ended";
    step_event: "Evento", "Event";
    step_delivery: "Entrega del evento", "Delivery of the event";
    step_consent: "Consentimiento dado", "Consent given";
    step_revoked: "Consentimiento revocado", "Consent revoked";
    step_expired: "Consentimiento vencido", "Consent expired";
    calls: "Preguntas a fuentes", "Questions to sources";
    calls_text: "Sobre esta persona, por este link o por otro.", "About this person, for this link or another one.";
    calls_none: "Todavía no se ha preguntado nada.", "Nothing has been asked yet.";
    source: "Fuente", "Source";
    why: "Para", "For";
    outcome: "Resultado", "Outcome";
    cost: "Costo", "Cost";
    refresh: "Cargar otra vez", "Refresh";
    refresh_text: "Pide los datos otra vez. Solo una vez cada diez minutos.", "Asks for the data again. Once in ten minutes only.";
    refreshed: "La carga está en camino: sus pasos aparecen abajo, en la línea de tiempo.", "The load is on its way: its steps appear below, in the timeline.";
    loaded_again: "La carga terminó: sus pasos están abajo, en la línea de tiempo.", "The load has ended: its steps are below, in the timeline.";
    delete_link: "Eliminar link", "Delete link";
    delete_link_text: "Se eliminan el link, su documento y todos los datos que se cargaron por él. No se puede deshacer.", "The link, its document and all data that was loaded through it are deleted. This cannot be undone.";
    delete_link_keep: "No, volver", "No, go back";
    deleted: "El link se eliminó.", "The link was deleted.";
    provenance: "Procedencia", "Provenance";
    provenance_of: "De dónde sale cada mes", "Where every month comes from";
    provenance_text: "PILA demuestra aportes, no desprendibles de pago: los valores se reconstruyen con estas líneas.", "PILA proves contributions, not payslips: amounts are reconstructed from these lines.";
    provenance_differs: "Algo cambió desde que se cargó el empleo: estas líneas ya no dan exactamente lo que muestra.", "Something has changed since the employment was loaded: these lines no longer give exactly what it shows.";
    provenance_none: "Ninguna línea demuestra ya este empleo.", "No line proves this employment any more.";
    marks: "Marcas", "Marks";
    days: "Días", "Days";
    paid: "Pagado", "Paid";
    paid_day_unknown: "pagada; la fuente no dice cuándo", "paid; the source does not say when";
    planilla_type: "Tipo", "Type";
    planilla_number: "N.º de planilla", "Planilla #";
    role: "Papel", "Role";
    counts: "suma al bruto", "adds to gross";
    base_pension: "IBC pensión", "Pension base";
    base_health: "IBC salud", "Health base";
    read_at: "Leída", "Read";
    worker_type: "Tipo de cotizante", "Worker type";
    filled_by: "completado por", "filled by";
    settings: "Ajustes", "Settings";
    save: "Guardar ajustes", "Save settings";
    saved: "Los ajustes se guardaron. Valen desde ahora.", "The settings were saved. They hold from now on.";
    settings_look: "Tu rol permite mirar los ajustes, no cambiarlos.", "Your role allows you to look at the settings, not to change them.";
    settings_links: "Links y actualización", "Links and refresh";
    settings_consent: "Consentimiento", "Consent";
    settings_webhooks: "Webhooks", "Webhooks";
    settings_kept: "Retención, en días", "Retention, in days";
    allow_duplicate_links: "Varios links de la misma persona", "Several links of the same person";
    accept_unknown_people: "Link sin empleos para quien ninguna fuente conoce", "A link without employments for people whom no source knows";
    include_drafts: "Mostrar meses de planillas sin pagar", "Show months of planillas that were not paid";
    refresh_rate: "Ritmo de los links recurrentes nuevos", "Pace of new recurrent links";
    fetch_resources: "Qué cargan los links que no lo dicen", "What links load that do not say it";
    source_policy: "Fuentes: hasta la primera que tenga todo, o todas", "Sources: until the first that has everything, or all";
    require_consent: "No consultar nada sin un consentimiento vigente", "Look up nothing without a consent that holds";
    lender_name: "Nombre legal de quien pregunta", "Legal name of who asks";
    lender_contact: "Dónde ejerce la persona sus derechos", "Where people exercise their rights";
    consent_purpose: "Para qué son los datos", "What the data is for";
    consent_months: "Meses que vale un consentimiento", "Months that a consent holds";
    frame_ancestors: "Sitios que pueden enmarcar la página de consentimiento", "Sites that may frame the consent page";
    webhook_retry_seconds: "Esperas entre intentos, en segundos", "Waits between tries, in seconds";
    keep_lines_months: "Renglones de planillas, en meses de trabajo; 0 es siempre", "Lines of planillas, in months of work; 0 is for ever";
    keep_source_answers_days: "Respuestas de las fuentes", "Answers of sources";
    keep_delivery_answers_days: "Respuestas de los receptores de webhooks", "Answers of webhook receivers";
    keep_events_days: "Eventos", "Events";
    keep_import_reports_days: "Informes de planillas", "Reports of planillas";
    keep_loads_days: "Cargas terminadas", "Ended loads";
    keep_cohort_rows_days: "Filas de cohortes", "Rows of cohorts";
    limits: "Límites del servidor", "Limits of the server";
    limits_text: "Los fija quien administra la instalación.", "Whoever runs the installation sets them.";
    no_limit: "sin límite", "no limit";
    per_minute: "por minuto", "a minute";
    limit_requests: "Solicitudes de una llave", "Requests of a key";
    limit_deletions: "Eliminaciones de una clase", "Deletions of a kind";
    limit_logins: "Intentos fallidos desde una dirección", "Failed tries from an address";
    limit_cohort: "Filas de una cohorte", "Rows of a cohort";
    sources: "Fuentes", "Sources";
    sources_text: "En el orden en que se les pregunta, desde este proceso.", "In the order they are asked, by this process.";
    source_closed: "en servicio", "in service";
    source_open: "en pausa: no se le pregunta", "paused: not asked";
    source_half_open: "a prueba: una pregunta a la vez", "on trial: one question at a time";
    source_refuses: "Rechaza las credenciales desde", "Refuses the credentials since";
    source_paused_until: "en pausa hasta", "paused until";
    last_outcomes: "Últimos resultados", "Last outcomes";
    price: "Precio", "Price";
    budget: "Presupuesto del mes", "Budget of the month";
    in_flight: "Preguntas en curso", "Questions on their way";
    egress: "Direcciones de salida", "Egress addresses";
    egress_text: "De aquí vienen los webhooks; tu cortafuegos las puede dejar pasar.", "Webhooks come from here; your firewall can let them pass.";
    egress_none: "No están configuradas. Quien administra el servidor las nombra con VINCULO_EGRESS_ADDRESSES.", "They are not configured. Whoever runs the server names them with VINCULO_EGRESS_ADDRESSES.";
    times_to_data: "Del link a los datos", "From link to data";
    times_text: "Links nuevos de los últimos 30 días.", "New links of the last 30 days.";
    times_none: "Aún no hay links cargados en los últimos 30 días.", "No links were loaded in the last 30 days yet.";
    half: "la mitad tarda menos de", "half take less than";
    most: "95 de cada 100, menos de", "95 of 100, less than";
    outcomes: "Preguntas del mes por resultado", "Questions of the month by outcome";
    outcomes_none: "Este mes no se ha preguntado nada todavía.", "Nothing has been asked this month yet.";
    spent: "Gasto del mes", "Spend of the month";
    share_ok: "con respuesta", "answered";
    account: "Tu cuenta", "Your account";
    password_change: "Cambiar contraseña", "Change password";
    password_now: "Contraseña actual", "Present password";
    password_new: "Contraseña nueva", "New password";
    password_text: "Tus otras sesiones terminan.", "Your other sessions end.";
    password_wrong: "Esa no es tu contraseña actual.", "That is not your present password.";
    password_changed: "La contraseña se cambió, y tus otras sesiones terminaron.", "The password was changed, and your other sessions have ended.";
    factor_begin_hint: "Cuando lo confirmes terminan tus otras sesiones.", "When you confirm it your other sessions end.";
    factor: "Segundo factor", "Second factor";
    factor_off: "Al iniciar sesión se te pide solo la contraseña.", "You are asked for your password alone when you sign in.";
    factor_on: "Al iniciar sesión se te pide también un código de tu aplicación.", "You are asked for a code of your app too when you sign in.";
    factor_left: "Códigos de recuperación que quedan:", "Recovery codes left:";
    factor_begin: "Activar", "Turn on";
    factor_scan: "Escanea este código con tu aplicación, o escribe el secreto en ella. No se muestra otra vez.", "Scan this code with your app, or type the secret into it. It is not shown again.";
    factor_qr: "Código QR con el secreto", "QR code with the secret";
    factor_secret: "Secreto", "Secret";
    factor_uri: "Dirección", "Address";
    factor_code: "Código de seis dígitos", "Six-digit code";
    factor_any_code: "Código, o código de recuperación", "Code, or recovery code";
    factor_confirm: "Confirmar", "Confirm";
    factor_wrong: "El código no es válido, o ya se usó. Espera el siguiente.", "The code is wrong, or was used before. Wait for the next one.";
    factor_made: "Segundo factor activo", "Second factor on";
    factor_recovery: "Códigos de recuperación", "Recovery codes";
    factor_recovery_text: "Cada uno sirve una vez en lugar de un código. Guárdalos ahora: no se muestran otra vez.", "Each works once in place of a code. Keep them now: they are not shown again.";
    factor_drop: "Desactivar", "Turn off";
    factor_lost: "¿Perdiste la aplicación y los códigos? Quien administra el servidor quita el segundo factor con «vinculo users reset».", "Lost the app and the codes? Whoever runs the server removes the second factor with “vinculo users reset”.";
}

impl Language {
    /// The texts of pages about data.
    pub(super) const fn data_words(self) -> &'static Words {
        of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_text_is_there_in_both_languages() {
        super::super::check(ALL);
    }
}
