use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};

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

/// Look-ups under way at once. One of the operating system holds a thread as long as the system is patient, also
/// when nobody waits for it any more: there are several times as many threads, and others need some.
const LOOK_UPS: usize = 128;

/// `None` until it has ended.
type LookUp = Arc<watch::Sender<Option<Found>>>;
/// `None` when the name does not resolve.
type Found = Option<Vec<SocketAddr>>;

/// Bounds look-ups: a name has one under way, in which all who ask for it share, and all names together have
/// [`LOOK_UPS`]. A name that hangs thus holds one place, however often it is tried. Who finds no place waits,
/// and is forgotten when nobody waits for the name any more.
#[derive(Clone)]
pub(crate) struct Bounded(Arc<LookUps>);

struct LookUps {
    resolver: Arc<dyn Resolve>,
    places: Semaphore,
    under_way: Mutex<HashMap<String, LookUp>>,
}

/// A look-up that can be joined until this goes, be it by a panic.
struct Joinable {
    all: Bounded,
    name: String,
    shared: LookUp,
}

impl Bounded {
    pub(crate) fn new(resolver: Arc<dyn Resolve>) -> Self {
        let (places, under_way) = (Semaphore::new(LOOK_UPS), Mutex::default());
        Self(Arc::new(LookUps { resolver, places, under_way }))
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, LookUp>> {
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shares in the look-up of a name, which is begun when none is under way.
    fn join(&self, name: Name) -> watch::Receiver<Option<Found>> {
        let mut under_way = self.under_way();
        if let Some(shared) = under_way.get(name.as_str()) {
            return shared.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        let shared = Arc::new(sender);
        under_way.insert(name.as_str().to_owned(), Arc::clone(&shared));
        let joinable = Joinable { all: self.clone(), name: name.as_str().to_owned(), shared };
        // It goes on when whoever asked has given up, as the thread does that it holds.
        tokio::spawn(joinable.run(name));
        receiver
    }
}

impl Resolve for Bounded {
    fn resolve(&self, name: Name) -> Resolving {
        let all = self.clone();
        Box::pin(async move {
            let mut shared = all.join(name);
            let found = shared.wait_for(Option::is_some).await.map_err(|_| Unresolved)?;
            let found = found.clone().flatten().ok_or(Unresolved)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Joinable {
    async fn run(self, name: Name) {
        let places = &self.all.0.places;
        let place = tokio::select! {
            place = places.acquire() => place,
            () = self.forgotten() => return,
        };
        let found = self.all.0.resolver.resolve(name).await;
        // Whoever comes from now on asks anew.
        self.leave(&mut self.all.under_way());
        self.shared.send_replace(Some(found.ok().map(Iterator::collect)));
        drop(place);
    }

    /// Ends when nobody waits for it, and nobody can any more.
    async fn forgotten(&self) {
        loop {
            self.shared.closed().await;
            let mut under_way = self.all.under_way();
            if self.shared.receiver_count() == 0 {
                self.leave(&mut under_way);
                return;
            }
        }
    }

    fn leave(&self, under_way: &mut HashMap<String, LookUp>) {
        let is_own = |shared: &LookUp| Arc::ptr_eq(shared, &self.shared);
        if under_way.get(&self.name).is_some_and(is_own) {
            under_way.remove(&self.name);
        }
    }
}

impl Drop for Joinable {
    fn drop(&mut self) {
        self.leave(&mut self.all.under_way());
    }
}

/// Passes on only public addresses, unless private ones are allowed. It sits inside the connector:
/// what it lets through is what is dialled, so there is no second look-up to answer differently.
pub(crate) struct Judging {
    pub(crate) resolver: Bounded,
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
