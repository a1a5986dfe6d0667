//! The table of *Consultas PILA*.

use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::{RetryClass, ServiceConfig};

use super::{Case, Kind, Tested, connected, data, none};

pub(crate) struct OfAch;

impl Tested for OfAch {
    type Connector = Ach;
    const NAME: &'static str = "ach";
    const LACKS: &'static [(Kind, &'static str)] =
        &[(Kind::Withheld, "the contract knows no answer that is kept back")];
    const EMPTY: &'static str = "no_data:not_found";

    fn connect(service: ServiceConfig) -> Ach {
        let config = AchConfig { service, ..AchConfig::new("") };
        connected(|client, clock| Ach::new(config, client, clock))
    }

    fn table() -> Vec<Case> {
        use RetryClass::{Backoff, Never, NextWindow, Repair, Twice};
        vec![
            data(
                "complete",
                None,
                &[],
                &[
                    "2026-07 NI999500101 pension=1300000 health=1300000 ccf=1300000 salary=2600000 \
                 worker=01 planilla=E activity=1311 class=A ret=X",
                    "2026-08 NI999500102 pension=2200000 health=2200000 salary=3000000 worker=01 \
                 planilla=E activity=5613 class=B ing=X",
                ],
            ),
            data(
                "partial",
                None,
                &["period_not_readable", "foreign_row"],
                &["2026-09 NI999500102 health=3000000 salary=3000000 worker=01 planilla=E"],
            ),
            none("empty_list", 200, "no_data:not_found", None, NextWindow),
            none("not_found", 404, "no_data:not_found", None, NextWindow),
            none("not_found", 200, "no_data:not_found", None, NextWindow),
            none("bad_input", 400, "invalid_input:other", None, Never),
            none("bad_input", 422, "invalid_input:other", None, Never),
            none("bad_input", 200, "fault", None, Twice),
            none("busy", 503, "retry_later:upstream_down", None, Backoff),
            none("busy", 429, "retry_later:rate_limited", None, Backoff),
            none("busy", 401, "not_authorized", None, Repair),
            none("busy", 403, "not_authorized", None, Repair),
            none("foreign", 200, "fault", None, Twice),
        ]
    }
}
