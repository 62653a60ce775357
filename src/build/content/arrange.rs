//! What the content becomes in the home of Flink, which follows from what the distribution has there. A pure function.

use indicatif::HumanBytes;

use super::layers::LayoutPlaces;
use super::{Content, ContentError, OpenedContent};
use crate::flink::hadoop::HadoopJar;
use crate::flink::{
    ConfigError, Configured, Distribution, DistributionKind, FlinkLayout, JobLayout, Line, Saved,
    Selection, Syntax, configure, open_addresses, real_home,
};
use crate::layer::{self, ContentSource, Entry, Owner};
use crate::progress::Reporter;

/// The file that the scripts read when they stay in the foreground, as in a container.
const LOG4J: &str = "conf/log4j-console.properties";

/// What the content becomes in the home of Flink.
#[derive(Debug, Default)]
pub(in crate::build) struct Arrangement {
    /// Links to plugins, the changed configuration, that of logging.
    pub(super) configuration: Vec<Entry>,
    selection: Selection,
    notes: Vec<String>,
}

impl Arrangement {
    /// Takes what is not wanted from the layers of Flink.
    pub(in crate::build) fn thin_out(&self, layout: &mut FlinkLayout) {
        self.selection.thin_out(&mut layout.optional);
    }
}

pub(super) fn arrange(
    distribution: &Distribution,
    line: &Line,
    content: &Content,
    opened: &OpenedContent,
) -> Result<Arrangement, ContentError> {
    let version = &distribution.version;
    let home = real_home(line, version);
    let selection = Selection::new(distribution, line, &home, &content.choice())?;
    let mut notes: Vec<_> = selection
        .already
        .iter()
        .map(|name| format!("The plugin `{name}` is in `plugins/` of Flink {version} already"))
        .collect();
    if content.slim {
        let Saved { files, bytes } = selection.saved;
        notes.push(format!(
            "`--slim` leaves out {files} files of `opt/` and `examples/` of Flink, {}",
            HumanBytes(bytes)
        ));
    }
    let mut configuration = selection.links.clone();
    let mut add = |path: &str, content: layer::Content| {
        let path = home.join(path)?;
        configuration.push(Entry::file(path, content, false, Owner::FLINK));
        Ok::<_, ContentError>(())
    };
    if !opened.settings.is_empty() {
        let (path, configured) = config_file(distribution, line, opened)?;
        add(
            path,
            layer::Content::from_bytes(configured.text.into_bytes()),
        )?;
        notes.extend(configured.notes);
    }
    if let Some(log4j) = &opened.log4j {
        add(LOG4J, log4j.clone())?;
    }
    Ok(Arrangement {
        configuration,
        selection,
        notes,
    })
}

/// The configuration file that Flink reads, with the settings in it.
fn config_file(
    distribution: &Distribution,
    line: &Line,
    opened: &OpenedContent,
) -> Result<(&'static str, Configured), ContentError> {
    let mut files = line.config.files().iter();
    let is_there = |syntax: &&Syntax| distribution.file(syntax.file()).is_some();
    let syntax = files.find(is_there).copied();
    let syntax = syntax.unwrap_or(line.config.own());
    let path = syntax.file();
    let fail = |why: &str| {
        let key = opened.settings.iter().next().map_or("", |(key, _)| key);
        ConfigError::Unchangeable {
            key: key.to_owned(),
            file: path.to_owned(),
            why: why.to_owned(),
        }
    };
    let text = match distribution.file(path).map(|file| &file.kind) {
        None => String::new(),
        Some(DistributionKind::File { content, .. }) => match &content.source {
            ContentSource::Bytes(bytes) => std::str::from_utf8(bytes)
                .map_err(|_| fail("it is no UTF-8"))?
                .to_owned(),
            _ => return Err(fail("it is larger than any configuration").into()),
        },
        Some(DistributionKind::Symlink(_)) => return Err(fail("it is a link").into()),
    };
    let text = if line.binds_to_localhost {
        open_addresses(&text)
    } else {
        text
    };
    Ok((path, configure(&text, syntax, &opened.settings)?))
}

/// Refuses what cannot be done with this distribution and this job, and says what the user should know.
pub(in crate::build) fn check(
    distribution: &Distribution,
    line: &Line,
    (content, opened): (&Content, &OpenedContent),
    (hadoop, job): (Option<&HadoopJar>, &JobLayout),
    reporter: &dyn Reporter,
) -> Result<(), ContentError> {
    let arrangement = arrange(distribution, line, content, opened)?;
    let mut layout = FlinkLayout::new(distribution, line)?;
    // The place of what is left out is free.
    arrangement.thin_out(&mut layout);
    let places = LayoutPlaces {
        flink: Some(&layout),
        configuration: &arrangement.configuration,
        hadoop,
        job,
    };
    places.check(opened, (line, &distribution.version))?;
    for note in &arrangement.notes {
        reporter.note(note);
    }
    Ok(())
}
