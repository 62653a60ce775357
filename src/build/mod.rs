//! The story of a build: what was asked, what is, what will be, the bytes, and where they go.
//!
//! ```text
//! BuildRequest --resolve--> Inputs --plan--> BuildPlan --run--> Image --publish--> registry, store, files
//! ```
//!
//! `resolve` does the input and output that learns facts; `plan` is a pure function of them; `run` makes the layers
//! that are not there yet; `publish` gives each target what it lacks.

mod context;
mod error;
mod plan;
mod publish;
mod request;
mod resolve;
mod run;
mod runtime;
mod users;

pub use context::Context;
pub use error::BuildError;
pub use plan::{BaseSummary, BuildPlan, plan};
pub use publish::{Published, Targets, publish};
pub use request::{BuildRequest, FlinkSource};
pub use resolve::{Inputs, LocalInputs, open_local, resolve};
pub use run::run;
