//! Code lists of the regulation (Resolución 2388 de 2016 and its annexes), with their dates.
//!
//! The lists are embedded and read once, at the first look-up. Every look-up takes the code as it
//! is written in the forms and answers `None` for a code the list does not have: administrators
//! merge and rename, kinds come and go, and an unknown code is a fact to carry on, not an error.

mod activity;
mod due;
mod entity;
mod money;
mod payer;
mod place;
mod table;
mod validity;
mod worker;

pub use activity::{Activity, RiskActivity, activities, activity, risk_activities, risk_activity};
pub use due::due_business_day;
pub use entity::{
    Entity, Operator, family_fund, family_funds, health_provider, health_providers, operator,
    operators, pension_fund, pension_funds, risk_insurer, risk_insurers,
};
pub use money::{
    InvalidRate, MinimumWage, Rate, RateKind, minimum_wage, minimum_wages, monthly_hours, rate,
    solidarity_fund_rate, wage_figures,
};
pub use payer::{
    ContributorClass, ContributorType, DocumentType, Letters, PlanillaType, contributor_class,
    contributor_classes, contributor_type, contributor_types, document_type, document_types,
    planilla_type, planilla_types,
};
pub use place::{Municipality, is_department, municipalities, municipality};
pub use validity::Validity;
pub use worker::{
    Duty, EmploymentType, Family, WorkerSubtype, WorkerType, worker_subtype, worker_subtypes,
    worker_type, worker_types,
};
