//! The lock of what would be built now, and what is stale in one that was written before.

use std::collections::BTreeMap;

use super::pins::no_secrets;
use super::{Change, Lock};
use crate::build::context::{Fetcher, Known};
use crate::build::last::LastImages;
use crate::build::run::Workshop;
use crate::build::{BuildError, BuildRequest, CacheUse, Context, plan, resolve};

/// Resolves everything anew and makes all layers but those of the job; `artifacts` locks the files of the job as well, but for
/// its jar.
pub fn take(
    request: &BuildRequest,
    artifacts: bool,
    context: &Context,
) -> Result<Lock, BuildError> {
    let request = without_job(request, artifacts);
    let last = LastImages::none(&request.platforms, context);
    let fetcher = Fetcher::new(context, &last, None);
    let local = resolve::open_local(&request, &fetcher, None)?;
    no_secrets(local.content())?;
    let inputs = resolve::resolve(&request, local, &fetcher)?;
    let plans = plan(&request, &inputs)?;
    let workshop = Workshop {
        plans: &plans,
        inputs: &inputs,
        cache: &CacheUse::default(),
        lock: None,
        needs_bytes: false,
        last: &last,
        context,
        made_again: BTreeMap::new(),
    };
    let made = workshop.run(None)?;
    let mut lock = Lock::of(&request, &inputs, &plans);
    if artifacts {
        lock.lock_artifacts(&inputs);
    }
    lock.lock_layers(&plans, &made.became);
    Ok(lock)
}

/// What would be another input if everything were resolved anew. What stayed the same is not fetched for that.
pub fn stale(
    request: &BuildRequest,
    lock: &Lock,
    context: &Context,
) -> Result<Vec<Change>, BuildError> {
    let request = without_job(request, lock.request.artifacts);
    let last = LastImages::none(&request.platforms, context);
    let fetcher = Fetcher::new(context, &last, None).knowing(Known {
        lock,
        java: &request.java,
    });
    let local = resolve::open_local(&request, &fetcher, None)?;
    no_secrets(local.content())?;
    let inputs = resolve::resolve(&request, local, &fetcher)?;
    let plans = plan(&request, &inputs)?;
    Ok(lock.changes_in(&request, &inputs, &plans))
}

/// The job changes with every commit, and nothing that is locked depends on it.
fn without_job(request: &BuildRequest, artifacts: bool) -> BuildRequest {
    let mut request = request.clone();
    request.job_jar = None;
    request.lock = None;
    if !artifacts {
        request.job_artifacts.clear();
    }
    request
}
