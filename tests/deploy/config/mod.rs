//! What a configuration means, and where it comes from.

mod facts;
mod refused;
mod said;
mod schema;

use flink_img::deploy::{Config, DeployError, Deployment, ImageFacts};
use flink_img::error::Explain;

/// What is known of an image that nobody could look at.
fn unread(name: &str) -> ImageFacts {
    ImageFacts {
        name: name.parse().unwrap(),
        flink: None,
        java: None,
        job_jar: None,
        job_class: None,
        was_read: false,
    }
}

/// Completes what was said, with an image that nobody could look at.
fn complete(config: Config) -> Result<Deployment, DeployError> {
    let image = config.image()?;
    let name = image.map_or_else(
        || "ghcr.io/acme/job:1".to_owned(),
        |image| image.to_string(),
    );
    config.complete(&unread(&name), None)
}

fn read(text: &str) -> Result<Deployment, DeployError> {
    complete(Config::parse("config.yaml", text)?)
}

/// The sentence, and the way out behind an arrow.
fn told(error: &DeployError) -> String {
    match error.hint() {
        Some(hint) => format!("{error} -> {hint}"),
        None => error.to_string(),
    }
}
