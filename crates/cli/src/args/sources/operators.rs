//! How each operator is reached.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::AuthKind;
use crate::args::Secret;

/// What is given about reaching an operator.
pub(crate) struct Reach<'a> {
    /// Middle of the names of its variables.
    pub(crate) prefix: &'static str,
    pub(crate) base_url: Option<&'a str>,
    pub(crate) auth: Option<AuthKind>,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: Option<&'a Secret>,
    pub(crate) token: Option<&'a Secret>,
    pub(crate) token_url: Option<&'a str>,
    pub(crate) client_id: Option<&'a str>,
    pub(crate) client_secret: Option<&'a Secret>,
    pub(crate) scope: Option<&'a str>,
    pub(crate) certificate_file: Option<&'a Path>,
    pub(crate) key_file: Option<&'a Path>,
    pub(crate) ca_file: Option<&'a Path>,
    pub(crate) headers: Option<&'a Secret>,
    pub(crate) documents: Option<&'a str>,
    pub(crate) charset: Option<&'a str>,
    pub(crate) timeout_seconds: Option<u32>,
    pub(crate) connect_timeout_seconds: Option<u32>,
}

/// Declares the options of an operator: those that each has, under its own prefix, and further ones.
macro_rules! operator {
    (
        $(#[$doc:meta])*
        $name:ident $prefix:literal $who:literal {
            $base_url:ident $auth:ident $username:ident $password:ident $token:ident
            $token_url:ident $client_id:ident $client_secret:ident $scope:ident
            $certificate_file:ident $key_file:ident $ca_file:ident $headers:ident
            $documents:ident $charset:ident $timeout:ident $connect_timeout:ident
        }
        $($(#[$attribute:meta])* $further:ident: $type:ty,)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
        #[serde(default)]
        #[command(next_help_heading = $who)]
        pub(crate) struct $name {
            /// Base URL
            #[arg(long, env = concat!("VINCULO_", $prefix, "_BASE_URL"), value_name = "URL")]
            $base_url: Option<String>,
            /// How it knows us [default: none for ach, oauth2 for mareigua, basic for agil_data]
            #[arg(long, env = concat!("VINCULO_", $prefix, "_AUTH"), value_name = "KIND")]
            $auth: Option<AuthKind>,
            /// User name for basic authentication, or for a token by password
            #[arg(long, env = concat!("VINCULO_", $prefix, "_USERNAME"), value_name = "NAME")]
            $username: Option<String>,
            /// Password
            #[arg(long, env = concat!("VINCULO_", $prefix, "_PASSWORD"))]
            #[arg(hide = true, hide_env_values = true)]
            $password: Option<Secret>,
            /// Bearer token
            #[arg(long, env = concat!("VINCULO_", $prefix, "_TOKEN"))]
            #[arg(hide = true, hide_env_values = true)]
            $token: Option<Secret>,
            /// Where tokens are given
            #[arg(long, env = concat!("VINCULO_", $prefix, "_TOKEN_URL"), value_name = "URL")]
            $token_url: Option<String>,
            /// Client id for a token by client credentials
            #[arg(long, env = concat!("VINCULO_", $prefix, "_CLIENT_ID"), value_name = "ID")]
            $client_id: Option<String>,
            /// Client secret
            #[arg(long, env = concat!("VINCULO_", $prefix, "_CLIENT_SECRET"))]
            #[arg(hide = true, hide_env_values = true)]
            $client_secret: Option<Secret>,
            /// Scope of tokens
            #[arg(long, env = concat!("VINCULO_", $prefix, "_SCOPE"), value_name = "SCOPE")]
            $scope: Option<String>,
            /// Client certificate and those above it, PEM
            #[arg(long, env = concat!("VINCULO_", $prefix, "_CERTIFICATE_FILE"), value_name = "FILE")]
            $certificate_file: Option<PathBuf>,
            /// Key of the client certificate, PEM [default: in the file of the certificate]
            #[arg(long, env = concat!("VINCULO_", $prefix, "_KEY_FILE"), value_name = "FILE")]
            $key_file: Option<PathBuf>,
            /// The only roots it may have a certificate of, PEM [default: those of the system]
            #[arg(long, env = concat!("VINCULO_", $prefix, "_CA_FILE"), value_name = "FILE")]
            $ca_file: Option<PathBuf>,
            /// Further headers, one `Name: value` a line
            #[arg(long, env = concat!("VINCULO_", $prefix, "_HEADERS"))]
            #[arg(hide = true, hide_env_values = true)]
            $headers: Option<Secret>,
            /// Kinds of documents it takes, and its codes for them, such as CC=1,CE=2
            #[arg(long, env = concat!("VINCULO_", $prefix, "_DOCUMENTS"), value_name = "CODES")]
            $documents: Option<String>,
            /// Charset of its answers [default: as they say]
            #[arg(long, env = concat!("VINCULO_", $prefix, "_CHARSET"), value_name = "NAME")]
            $charset: Option<String>,
            /// Deadline of a question, seconds [default: 60]
            #[arg(long, env = concat!("VINCULO_", $prefix, "_TIMEOUT_SECONDS"), value_name = "SECONDS")]
            $timeout: Option<u32>,
            /// Deadline of a connection, seconds [default: 5]
            #[arg(long, env = concat!("VINCULO_", $prefix, "_CONNECT_TIMEOUT_SECONDS"))]
            #[arg(value_name = "SECONDS")]
            $connect_timeout: Option<u32>,
            $(
                $(#[$attribute])*
                pub(crate) $further: Option<$type>,
            )*
        }

        impl $name {
            /// What is given about reaching it.
            pub(crate) fn reach(&self) -> Reach<'_> {
                Reach {
                    prefix: $prefix,
                    base_url: self.$base_url.as_deref(),
                    auth: self.$auth,
                    username: self.$username.as_deref(),
                    password: self.$password.as_ref(),
                    token: self.$token.as_ref(),
                    token_url: self.$token_url.as_deref(),
                    client_id: self.$client_id.as_deref(),
                    client_secret: self.$client_secret.as_ref(),
                    scope: self.$scope.as_deref(),
                    certificate_file: self.$certificate_file.as_deref(),
                    key_file: self.$key_file.as_deref(),
                    ca_file: self.$ca_file.as_deref(),
                    headers: self.$headers.as_ref(),
                    documents: self.$documents.as_deref(),
                    charset: self.$charset.as_deref(),
                    timeout_seconds: self.$timeout,
                    connect_timeout_seconds: self.$connect_timeout,
                }
            }
        }
    };
}

operator! {
    /// ACH Colombia's *Consultas PILA*.
    Ach "ACH" "Operator ach" {
        ach_base_url ach_auth ach_username ach_password ach_token
        ach_token_url ach_client_id ach_client_secret ach_scope
        ach_certificate_file ach_key_file ach_ca_file ach_headers
        ach_documents ach_charset ach_timeout_seconds ach_connect_timeout_seconds
    }
    /// Value of its header `User` [default: a pseudonym of the workspace]
    #[arg(long, env = "VINCULO_ACH_USER", value_name = "TEXT")]
    ach_user: String,
    /// Value of its header `Ip` [default: none]
    #[arg(long, env = "VINCULO_ACH_IP", value_name = "ADDRESS")]
    ach_ip: std::net::IpAddr,
    /// Months that questions look back, 1 to 24, `historico` [default: 24]
    #[arg(long, env = "VINCULO_ACH_MONTHS", value_name = "MONTHS")]
    ach_months: u32,
    /// Statuses that mean "nothing found" when the body is empty or a message [default: 404]
    #[arg(long, env = "VINCULO_ACH_NO_DATA_STATUSES", value_delimiter = ',', value_name = "STATUS")]
    ach_no_data_statuses: Vec<u16>,
    /// Parts of a message that mean "nothing found" [default: no se encontr, sin informacion, no
    /// existe, no registra]
    #[arg(long, env = "VINCULO_ACH_NO_DATA_MESSAGES", value_delimiter = ',', value_name = "TEXT")]
    ach_no_data_messages: Vec<String>,
}

operator! {
    /// Mareigua's query.
    Mareigua "MAREIGUA" "Operator mareigua" {
        mareigua_base_url mareigua_auth mareigua_username mareigua_password mareigua_token
        mareigua_token_url mareigua_client_id mareigua_client_secret mareigua_scope
        mareigua_certificate_file mareigua_key_file mareigua_ca_file mareigua_headers
        mareigua_documents mareigua_charset mareigua_timeout_seconds
        mareigua_connect_timeout_seconds
    }
    /// The product bought, `producto_id`
    #[arg(long, env = "VINCULO_MAREIGUA_PRODUCT", value_name = "NUMBER")]
    mareigua_product: u32,
    /// Salary that questions declare, pesos [default: 0]
    #[arg(long, env = "VINCULO_MAREIGUA_DECLARED_SALARY", value_name = "PESOS")]
    mareigua_declared_salary: u64,
    /// Sends the token in the body of the question, not in a header [default: false]
    #[arg(long, env = "VINCULO_MAREIGUA_TOKEN_IN_BODY", value_name = "BOOL", num_args = 0..=1)]
    #[arg(default_missing_value = "true")]
    mareigua_token_in_body: bool,
    /// Asks for tokens with a JSON object, not with a form [default: false]
    #[arg(long, env = "VINCULO_MAREIGUA_TOKEN_JSON", value_name = "BOOL", num_args = 0..=1)]
    #[arg(default_missing_value = "true")]
    mareigua_token_json: bool,
    /// Values of `codRespuesta` with which an enterprise bus says that it reached the service; there
    /// is no bus without
    #[arg(long, env = "VINCULO_MAREIGUA_BUS_SUCCESS", value_delimiter = ',', value_name = "CODE")]
    mareigua_bus_success: Vec<String>,
    /// `requestHeader` for the bus, a JSON object
    #[arg(long, env = "VINCULO_MAREIGUA_BUS_HEADER", hide = true, hide_env_values = true)]
    mareigua_bus_header: Secret,
}

operator! {
    /// *Ágil Data* of Asofondos.
    AgilData "AGIL_DATA" "Operator agil_data" {
        agil_data_base_url agil_data_auth agil_data_username agil_data_password agil_data_token
        agil_data_token_url agil_data_client_id agil_data_client_secret agil_data_scope
        agil_data_certificate_file agil_data_key_file agil_data_ca_file agil_data_headers
        agil_data_documents agil_data_charset agil_data_timeout_seconds
        agil_data_connect_timeout_seconds
    }
}
