//! What a command uses of the world, as the command line and the environment say.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::{Environment, SettingsError};
use crate::build::Context;
use crate::cli::args::{GlobalArgs, NetworkArgs};
use crate::cli::login;
use crate::cli::report::Failure;
use crate::http::{ClientCertificate, HttpSettings};
use crate::oci::Reference;
use crate::progress::Reporter;
use crate::registry::Client;

/// A server that is silent for less may just be busy.
const LEAST_WAIT: Duration = Duration::from_secs(30);

/// What a command uses of the world.
///
/// `registries` are the names of the images that it is about. Without them, even none, no login is read and no certificate
/// needed, so that what is wrong with them is in nobody's way.
pub(in crate::cli) fn context(
    arguments: &GlobalArgs,
    environment: &Environment,
    reporter: Arc<dyn Reporter>,
    registries: Option<&[Reference]>,
) -> Result<Context, Failure> {
    let http = http(&arguments.network);
    let registries = if let Some(names) = registries {
        let credentials = login::store(&arguments.network, environment, names, &*reporter)?;
        let mirrors = environment.mirrors()?;
        let client = Client::new(http.clone(), credentials, Arc::clone(&reporter))?;
        Some(client.with_mirrors(mirrors))
    } else {
        None
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(SettingsError::Runtime)?;
    let threads = arguments
        .jobs
        .and_then(|jobs| NonZeroUsize::new(jobs.into()))
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    Ok(Context {
        store: environment.store(arguments.cache_dir.as_deref(), &*reporter)?,
        registries,
        http,
        threads,
        reporter,
        runtime,
    })
}

fn http(arguments: &NetworkArgs) -> HttpSettings {
    let defaults = HttpSettings::default();
    let mut retry = defaults.retry;
    if let Some(retries) = arguments.retry {
        retry.attempts = usize::from(retries) + 1;
    }
    if let Some(timeout) = arguments.timeout {
        retry.budget = timeout;
    }
    HttpSettings {
        ca_file: arguments.ca_file.clone(),
        client_certificate: arguments.client_cert.clone().map(|certificate| {
            let key = arguments.client_key.clone();
            ClientCertificate { certificate, key }
        }),
        insecure_registries: arguments.insecure_registry.clone(),
        connect_timeout: defaults.connect_timeout.min(retry.budget),
        // Some waits fit into the time for all, but none is so short that a busy server would not do.
        read_timeout: (retry.budget / 5).max(LEAST_WAIT).min(retry.budget),
        retry,
    }
}
