//! Organizations, and the people of theirs who sign in to the dashboard.
//!
//! The command line makes both; a user sets a password by an invitation that works once.

mod codes;
mod email;
mod manage;
mod own;
mod passwords;
mod session;

pub(crate) use codes::{
    CodesOf, NewSecret, begin_codes, begun_codes, codes_of, confirm_codes, drop_codes, new_codes,
};
pub(crate) use email::Email;
pub use manage::{
    InvitedUser, OrganizationStatus, UserStatus, create_organization, create_user, disable_user,
    list_organizations, list_users, reset_user, set_up_link,
};
pub(crate) use manage::{address_of, make_user};
pub(crate) use own::{change_password, is_password};
pub(crate) use passwords::{LENGTHS, Passwords};
pub(crate) use session::{Failed, Signed, accept, invited, sign_in, sign_out, signed_in};
