//! What is put into an image on request, from the words that say it.

use crate::build::content::{Content, ContentError, Pairs, Python};
use crate::cli::args::{ContentArgs, HistoricArgs};

/// What is asked for. Pairs are not parsed with the other words, as what refuses those repeats them, with a secret if there is
/// one.
pub(super) fn content(
    arguments: &ContentArgs,
    historic: &HistoricArgs,
) -> Result<Content, ContentError> {
    let pairs = |flag, words: &[String]| Pairs::parse(flag, words.iter().map(String::as_str));
    Ok(Content {
        plugins: arguments.plugin.clone(),
        slim: arguments.slim,
        libraries: arguments.lib.clone(),
        settings: arguments.flink_conf.clone(),
        log4j: arguments.log4j.clone(),
        files: arguments.add.clone(),
        env: pairs("--env", &arguments.env)?,
        labels: pairs("--label", &arguments.label)?,
        annotations: pairs("--annotation", &arguments.annotation)?,
        user: arguments.user.unwrap_or_default(),
        python: python(arguments, historic),
    })
}

/// Which Python jobs need, in the words of today and of the historic `build.sh`.
fn python(arguments: &ContentArgs, historic: &HistoricArgs) -> Option<Python> {
    if historic.with_python2 {
        Some(Python::Two)
    } else if arguments.python || historic.with_python3 {
        Some(Python::Three)
    } else {
        None
    }
}
