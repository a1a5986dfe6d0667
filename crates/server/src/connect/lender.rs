//! Who asks: what the workspace has decided, and how the token calls it.

use vinculo_store::Environment;

use crate::error::ApiError;
use crate::settings::Settings;
use crate::tokens::{Claims, Widget};

/// Sites that may put the page into a frame.
pub(super) type Frames = Vec<String>;

/// Who asks.
pub(super) struct Lender {
    /// Legal name.
    pub(super) name: String,
    /// Where people exercise their rights.
    pub(super) contact: String,
    /// What the data is for.
    pub(super) purpose: String,
    /// Months that a consent holds.
    pub(super) months: u32,
    pub(super) frames: Frames,
    /// How it looks.
    pub(super) widget: Widget,
    /// Whether the people are made up.
    pub(super) sandbox: bool,
}

impl Lender {
    /// Who asks with a token. The sandbox makes up what nobody has decided.
    ///
    /// # Errors
    /// 503 `lender_not_configured` in production, where a setting is missing; the log says which.
    pub(super) fn of(
        settings: Settings,
        claims: &Claims,
        environment: Environment,
    ) -> Result<Self, ApiError> {
        let sandbox = environment == Environment::Sandbox;
        let widget = claims.widget.clone().unwrap_or_default();
        let called = widget.branding.company_name.clone();
        let decided = |name: &'static str, value: String, made_up: String| {
            if !value.is_empty() {
                return Ok(value);
            }
            if sandbox {
                return Ok(made_up);
            }
            tracing::warn!(setting = name, "the consent page of production needs this setting");
            let message = format!("The setting {name} is missing.");
            let status = http::StatusCode::SERVICE_UNAVAILABLE;
            Err(ApiError::status(status, "lender_not_configured", message))
        };
        let organization = claims.organization_name.clone();
        let name = called.filter(|_| sandbox).unwrap_or(organization);
        Ok(Self {
            name: decided("lender_name", settings.lender_name, name)?,
            contact: decided(
                "lender_contact",
                settings.lender_contact,
                "datos@example.com".to_owned(),
            )?,
            purpose: decided(
                "consent_purpose",
                settings.consent_purpose,
                "Estudio de una solicitud de crédito (prueba)".to_owned(),
            )?,
            months: settings.consent_months,
            frames: settings.frame_ancestors,
            widget,
            sandbox,
        })
    }

    /// What people call it.
    pub(super) fn called(&self) -> &str {
        self.widget.branding.company_name.as_deref().unwrap_or(&self.name)
    }
}
