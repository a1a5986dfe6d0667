use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use crate::{RefusedAddress, check_address};

/// The operating system's resolver.
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The connector replaces the port by the URL's.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The name has no address.
#[derive(Debug, Error)]
#[error("name does not resolve")]
pub(crate) struct Unresolved;

/// Passes on only public addresses, unless private ones are allowed. It sits inside the connector:
/// what it lets through is what is dialled, so there is no second look-up to answer differently.
pub(crate) struct Judging {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) private: bool,
}

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, private) = (self.resolver.resolve(name), self.private);
        Box::pin(async move {
            let found = found.await.map_err(|_| Unresolved)?;
            if private {
                return Ok(found);
            }
            let (public, refusal) = split(found);
            match refusal {
                Some(refusal) if public.is_empty() => Err(refusal.into()),
                None if public.is_empty() => Err(Unresolved.into()),
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

fn split(found: Addrs) -> (Vec<SocketAddr>, Option<RefusedAddress>) {
    let mut refusal = None;
    let mut public = Vec::new();
    for address in found {
        match check_address(address.ip()) {
            Ok(()) => public.push(address),
            Err(error) => refusal = Some(error),
        }
    }
    (public, refusal)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::split;

    #[test]
    fn of_mixed_answers_only_the_public_ones_are_dialled() {
        let answers: Vec<SocketAddr> =
            ["10.0.0.1:0", "93.184.216.34:0", "[::1]:0", "[2606:4700::1111]:0", "127.0.0.1:0"]
                .map(|address| address.parse().unwrap())
                .to_vec();
        let (public, refusal) = split(Box::new(answers.clone().into_iter()));
        assert_eq!(public, [answers[1], answers[3]]);
        assert!(refusal.is_some());
    }
}
