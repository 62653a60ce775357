//! Which base of the catalogue a build stands on: the one that is named, or the one that fits Flink.

use super::lock::Lock;
use super::{BuildError, BuildRequest};
use crate::base::{
    self, BaseError, BaseSource, Catalogue, CatalogueEntry, CatalogueError, OpenedBase,
    Surroundings,
};
use crate::error::{Explain as _, Kind};
use crate::flink::{FlinkVersion, Known};
use crate::oci::{Platform, Platforms, Reference};
use crate::progress::Reporter;

/// The base that a build stands on, as it is named.
#[derive(Debug)]
pub(super) struct ChosenBase {
    /// Where it is.
    pub(super) source: BaseSource,
    /// Where it is for each platform by itself, where the catalogue knows digests of several.
    pinned: Vec<(Platform, Reference)>,
    /// What the catalogue says is to be put into it besides, by the names of its own package manager.
    pub(super) packages: Vec<String>,
}

impl ChosenBase {
    /// A base of the catalogue: by its digest for the platform, if that is known, and refused if it is not there for one.
    fn of(entry: &CatalogueEntry, platforms: &Platforms) -> Result<Self, CatalogueError> {
        let pinned: Vec<_> = platforms
            .iter()
            .map(|platform| Ok((platform.clone(), entry.reference_for(platform)?)))
            .collect::<Result<_, CatalogueError>>()?;
        let source = match &pinned[..] {
            [(_, reference)] => reference,
            _ => &entry.reference,
        };
        Ok(Self {
            source: BaseSource::Registry(source.clone()),
            // One index tells of all platforms, unless there are digests to hold it to.
            pinned: if entry.digests.is_empty() {
                Vec::new()
            } else {
                pinned
            },
            packages: entry.packages.clone(),
        })
    }

    /// What it is called in a lock: where a file lies is not the same on every machine, and what is in it is locked.
    pub(super) fn locked_name(&self, platform: &Platform) -> String {
        let mut pinned = self.pinned.iter();
        if let Some((_, reference)) = pinned.find(|(own, _)| own == platform) {
            return reference.to_string();
        }
        let (scheme, path, name) = match &self.source {
            BaseSource::Registry(reference) => return reference.to_string(),
            BaseSource::Layout(path, name) => ("oci", path, name.as_ref()),
            BaseSource::OciArchive(path, name) => ("oci-archive", path, name.as_ref()),
            BaseSource::DockerArchive(path, name) => ("docker-archive", path, name.as_ref()),
            BaseSource::RootFs(path) => ("rootfs", path, None),
        };
        let file = path.file_name().unwrap_or(path.as_os_str()).display();
        match name {
            Some(name) => format!("{scheme}:{file}:{name}"),
            None => format!("{scheme}:{file}"),
        }
    }

    /// Opens it for all platforms: by the manifests that are locked, if some are.
    pub(super) fn open(
        &self,
        platforms: &Platforms,
        lock: Option<&Lock>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Vec<OpenedBase>, BaseError> {
        let pinned = match (lock, &self.source) {
            (Some(lock), BaseSource::Registry(reference)) => &lock.manifests(reference, platforms),
            _ => &self.pinned,
        };
        if pinned.is_empty() {
            return base::open(&self.source, platforms, surroundings);
        }
        let mut opened = Vec::new();
        for (platform, reference) in pinned {
            let source = BaseSource::Registry(reference.clone());
            opened.extend(base::open(&source, &platform.clone().into(), surroundings)?);
        }
        Ok(opened)
    }
}

/// The base to take when none is named: of those that are there for all platforms, the one that the catalogue says is the
/// default of the line, or else one with the Java that is the default of the line, or with one that works.
pub fn default_base<'a>(
    catalogue: &'a Catalogue,
    line: Known,
    platforms: &Platforms,
) -> Option<&'a CatalogueEntry> {
    let by_java = || {
        [line.line.default_java]
            .iter()
            .chain(line.line.java)
            .find_map(|java| catalogue.default_for(*java, platforms))
    };
    catalogue
        .default_of(&line.line.name(), platforms)
        .or_else(by_java)
}

/// The base that the user names: one of the catalogue, or any other.
pub(super) fn asked(request: &BuildRequest) -> Result<Option<ChosenBase>, BuildError> {
    let Some(name) = &request.base else {
        return Ok(None);
    };
    Ok(Some(match request.catalogue.named(name) {
        Some(entry) => ChosenBase::of(entry, &request.platforms)?,
        None => ChosenBase {
            source: name.parse()?,
            pinned: Vec::new(),
            packages: Vec::new(),
        },
    }))
}

/// The default base, which is told.
pub(super) fn default(
    request: &BuildRequest,
    version: &FlinkVersion,
    line: Known,
    reporter: &dyn Reporter,
) -> Result<ChosenBase, BuildError> {
    let platforms = &request.platforms;
    let entry = default_base(&request.catalogue, line, platforms).ok_or_else(|| {
        BuildError::NoDefaultBase {
            version: version.clone(),
            java: line.line.default_java,
            platforms: platforms.clone(),
        }
    })?;
    let chosen = ChosenBase::of(entry, platforms)?;
    reporter.note(&format!(
        "No base is given, so it is `{}` ({})",
        entry.name, chosen.source
    ));
    Ok(chosen)
}

/// Why a base cannot be had, with what may have been meant: a name that is not in the catalogue is looked for on Docker
/// Hub, which most likely has no such image.
pub(super) fn explain(request: &BuildRequest, error: BuildError) -> BuildError {
    let is_missing = matches!(error.kind(), Kind::NotFound | Kind::Unauthorized);
    match &request.base {
        Some(name)
            if is_missing
                && !name.contains(['/', ':', '@'])
                && request.catalogue.named(name).is_none() =>
        {
            BuildError::NoSuchBase {
                name: name.clone(),
                meant: request.catalogue.closest(name).map(ToOwned::to_owned),
                source: Box::new(error),
            }
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::lines::LINES;

    #[test]
    fn the_default_is_that_of_the_line_or_one_that_works() {
        let catalogue = Catalogue::embedded();
        for line in LINES {
            let known = Known {
                line,
                assumed: false,
            };
            let name = |platform: &str| {
                let platform: Platform = platform.parse().unwrap();
                default_base(&catalogue, known, &platform.into()).map(|entry| entry.name.clone())
            };
            let expected = match line.number {
                (1, ..11) => 8,
                (1, _) => 11,
                _ => 17,
            };
            let expected = Some(format!("ubuntu-jre{expected}"));
            for platform in ["linux/amd64", "linux/arm64"] {
                assert_eq!(name(platform), expected, "{:?} {platform}", line.number);
            }
            // Java 8 is not there for it, and before 1.10 there is no other.
            let elsewhere = match line.number {
                (1, ..10) => None,
                (1, 10) => Some("ubuntu-jre11".to_owned()),
                _ => expected,
            };
            assert_eq!(name("linux/s390x"), elsewhere, "{:?}", line.number);
            // Java 11 is not there for it, and lines before 1.18 know no later one.
            let riscv = match line.number {
                (1, ..18) => None,
                _ => Some("ubuntu-jre17".to_owned()),
            };
            assert_eq!(name("linux/riscv64"), riscv, "{:?}", line.number);
        }
    }
}
