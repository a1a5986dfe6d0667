//! `vinculo operator`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use anstream::println;
use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use vinculo_operator::{country, personas};
use vinculo_server::clock::{Clock as _, SystemClock};

use crate::args::OperatorListen;
use crate::print::{DIM, HEAD};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

/// Serves the simulated operator until SIGTERM or SIGINT.
pub(crate) fn run(options: &OperatorListen) -> anyhow::Result<ExitCode> {
    let address = options.operator_listen.unwrap_or(LISTEN);
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        println!("{HEAD}Personas{HEAD:#}");
        for persona in personas() {
            let document = persona.document();
            println!("  {} {}  {}", document.kind, document.number, persona.description);
        }
        let people = country().people() - 1;
        println!("  CC 1995000000 to 1995{people:06}  the people of a made-up country");
        println!("{DIM}Every other document is unknown.{DIM:#}");
        println!("listening on http://{}", listener.local_addr()?);
        let operator = vinculo_operator::Operator::new(Arc::new(|| SystemClock.now()));
        let stopped = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        vinculo_operator::serve(listener, operator, stopped).await?;
        Ok(ExitCode::SUCCESS)
    })
}
