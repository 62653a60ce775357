//! `flink-img bases`

use serde_json::json;

use super::args::BasesArgs;
use super::file::ConfigFile;
use super::output::Printer;
use super::report::Failure;
use super::settings;
use crate::base::{Catalogue, CatalogueEntry};
use crate::build::default_base;
use crate::flink::Known;
use crate::flink::lines::{LINES, Line};
use crate::oci::Platform;

pub(super) fn run(arguments: &BasesArgs, printer: &Printer) -> Result<(), Failure> {
    let mut folder = arguments.catalogue.clone();
    ConfigFile::find(&arguments.file, None)?.complete_catalogue(&mut folder);
    let catalogue = settings::catalogue(&folder)?;
    if arguments.json {
        let bases: Vec<_> = catalogue
            .entries()
            .iter()
            .map(|entry| object(entry, &catalogue))
            .collect();
        printer.result(&json!(bases).to_string())?;
    } else {
        for row in table(&catalogue) {
            printer.result(&row)?;
        }
    }
    Ok(())
}

/// The lines of Flink that a base is the default of, on the platform that is the default too.
fn lines_of(entry: &CatalogueEntry, catalogue: &Catalogue) -> Vec<&'static Line> {
    let is_default = |line: &&'static Line| {
        let known = Known {
            line,
            assumed: false,
        };
        default_base(catalogue, known, &Platform::linux_amd64().into()) == Some(entry)
    };
    LINES.iter().filter(is_default).collect()
}

fn object(entry: &CatalogueEntry, catalogue: &Catalogue) -> serde_json::Value {
    let texts = |platforms: &[Platform]| -> Vec<String> {
        platforms.iter().map(ToString::to_string).collect()
    };
    let digests: serde_json::Map<_, _> = entry
        .digests
        .iter()
        .map(|(platform, digest)| (platform.to_string(), json!(digest)))
        .collect();
    let lines = lines_of(entry, catalogue);
    json!({
        "name": entry.name,
        "description": entry.description,
        "reference": entry.reference,
        "java": entry.java,
        "libc": entry.libc.to_string(),
        "platforms": texts(&entry.platforms),
        "digests": digests,
        "packages": entry.packages,
        "defaultOf": lines.into_iter().map(Line::name).collect::<Vec<_>>(),
    })
}

/// The lines of a table with a head; columns are as wide as what is in them.
fn table(catalogue: &Catalogue) -> Vec<String> {
    let mut rows = vec![
        [
            "NAME",
            "JAVA",
            "LIBC",
            "DEFAULT OF",
            "REFERENCE",
            "PACKAGES",
            "PLATFORMS",
        ]
        .map(ToOwned::to_owned),
    ];
    for entry in catalogue.entries() {
        let lines = lines_of(entry, catalogue);
        let default = match lines[..] {
            [] => String::new(),
            [one] => format!("Flink {}", one.name()),
            // Lines follow each other in time, and the Java of one is not that of an older one again.
            [first, .., last] => format!("Flink {}-{}", first.name(), last.name()),
        };
        let platforms: Vec<_> = entry.platforms.iter().map(ToString::to_string).collect();
        rows.push([
            entry.name.clone(),
            entry.java.to_string(),
            entry.libc.to_string(),
            or_dash(default),
            entry.reference.to_string(),
            or_dash(entry.packages.join(",")),
            platforms.join(","),
        ]);
    }
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].len())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}
