//! Packages of Alpine that are put into a base: which are wanted, which that takes, and the layer that they become.

use std::fs::File;
use std::io::{self, Seek as _, Write};

use super::bases::ChosenBase;
use super::content::Python;
use super::context::Fetcher;
use super::lock::LockedPlatform;
use super::{BuildError, BuildRequest, Context};
use crate::base::alpine::{
    self, Dependency, DependencyError, Download, DownloadError, Index, Keys, Repository,
    RepositoryError, Selection, Source, System, packages_key,
};
use crate::base::{Base, Libc, OpenedBase};
use crate::fs;
use crate::http::{GetError, Getter};
use crate::layer::{Entry, LayerKind};
use crate::oci::{Digest, Platform};

/// How `PRETTY_NAME` of Alpine begins.
const ALPINE: &str = "Alpine Linux";
/// A public key is a few hundred bytes.
const KEY_LIMIT: u64 = 64 << 10;

/// Packages that are put into a base.
#[derive(Debug)]
pub struct Packages {
    /// What was asked for, and what that takes.
    pub selection: Selection,
    /// What stands for their layer.
    pub key: Digest,
    /// What their layer is made of.
    pub content: PackagesContent,
}

/// What the layer of packages is made of.
#[derive(Debug)]
pub enum PackagesContent {
    /// The base has everything, so there is no layer.
    Nothing,
    /// What an earlier image or a lock knows by its key.
    Known,
    /// Files, folders and links.
    Entries(Vec<Entry>),
}

/// The packages that are asked for: by the user, by the base's entry in the catalogue, and, on an Alpine that lacks what
/// Flink's scripts call, those that the catalogue gives its own bases of Alpine.
pub(super) fn wanted(base: &Base, request: &BuildRequest, chosen: &ChosenBase) -> Vec<String> {
    let mut wanted = [&chosen.packages[..], &request.packages].concat();
    let facts = &base.facts;
    let is_alpine = facts.os.as_ref().is_some_and(|os| os.starts_with(ALPINE));
    if is_alpine && !facts.missing.is_empty() {
        let mut entries = request.catalogue.entries().iter();
        let entry = entries.find(|entry| entry.libc == Libc::Musl);
        wanted.extend(entry.into_iter().flat_map(|entry| entry.packages.clone()));
    }
    if is_alpine {
        let python = request.content.python.map(Python::program);
        wanted.extend(python.map(ToOwned::to_owned));
    }
    wanted.sort();
    wanted.dedup();
    wanted
}

/// Checks what is said about packages before anything is asked for: words, and files on this machine.
pub(super) fn check(request: &BuildRequest) -> Result<(), BuildError> {
    parse_wanted(&request.packages)?;
    given_repositories(request)?;
    insert_given(&mut Keys::default(), request)
}

/// A base whose packages are locked and whose layer of them an earlier image has: nothing of it has to be looked into.
pub(super) fn known(
    platform: &Platform,
    opened: &OpenedBase,
    request: &BuildRequest,
    fetcher: &Fetcher<'_>,
) -> Option<(Base, Packages)> {
    let selection = request.lock.as_ref()?.platform(platform)?.selection()?;
    let compression = request.compression.of(LayerKind::Files);
    let key = packages_key(opened.facts_key(&request.java)?, &selection, compression);
    let facts = fetcher.last.base_facts(key)?;
    fetcher.last.layer(key, compression)?;
    let packages = Packages {
        selection,
        key,
        content: PackagesContent::Known,
    };
    Some((opened.known_as(facts, key)?, packages))
}

/// Finds out which packages `wanted` takes on the base, as locked or else as the repositories have them, and reads them.
pub(super) fn add(
    platform: &Platform,
    (base, name): (Base, &str),
    wanted: &[String],
    request: &BuildRequest,
    fetcher: &Fetcher<'_>,
) -> Result<(Base, Packages), BuildError> {
    let context = fetcher.context;
    let wanted = parse_wanted(wanted)?;
    let system = alpine::system(name, &base, &fetcher.surroundings(request))?;
    let keys = trusted(&system, request)?;
    let repositories = repositories(&system, name, request)?;
    let files = Files::new(context)?;
    let locked = request
        .lock
        .as_ref()
        .and_then(|lock| lock.platform(platform));
    let selection = if let Some(selection) = locked.and_then(LockedPlatform::selection) {
        selection
    } else {
        let arch = system.arch()?;
        let index = |it: &Repository| it.index(&arch, &keys, &files);
        let indexes: Vec<Index> = repositories.iter().map(index).collect::<Result<_, _>>()?;
        alpine::choose(&system, &indexes, &wanted)?
    };
    fetcher.check_push()?;
    let source = Source {
        keys: &keys,
        repositories: &repositories,
        download: &files,
        store: &context.store,
        reporter: &*context.reporter,
    };
    let config = (&base.config, &request.java);
    let layer = alpine::layer(&system, &selection, config, &source)?;
    for notice in &layer.notices {
        context.reporter.warn(&notice.to_string());
    }
    let compression = request.compression.of(LayerKind::Files);
    let key = packages_key(base.facts_key, &selection, compression);
    // What adds nothing leaves the base as it is, and so the image as it would be without it.
    let (base, content) = if layer.entries.is_empty() {
        (base, PackagesContent::Nothing)
    } else {
        let base = Base {
            facts: layer.facts,
            facts_key: key,
            ..base
        };
        (base, PackagesContent::Entries(layer.entries))
    };
    let packages = Packages {
        selection,
        key,
        content,
    };
    Ok((base, packages))
}

/// The keys that the base trusts, and those that the user gives.
fn trusted(system: &System, request: &BuildRequest) -> Result<Keys, BuildError> {
    let mut keys = system.keys()?;
    insert_given(&mut keys, request)?;
    Ok(keys)
}

/// Adds the keys that the user gives.
fn insert_given(keys: &mut Keys, request: &BuildRequest) -> Result<(), BuildError> {
    for path in &request.package_keys {
        let bytes = fs::read_limited(path, KEY_LIMIT)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        keys.insert(&name, &bytes)?;
    }
    Ok(())
}

fn parse_wanted(wanted: &[String]) -> Result<Vec<Dependency>, DependencyError> {
    wanted.iter().map(|text| text.parse()).collect()
}

/// The repositories that the user names.
fn given_repositories(request: &BuildRequest) -> Result<Vec<Repository>, RepositoryError> {
    let texts = request.package_repositories.iter();
    texts.map(|text| text.parse()).collect()
}

/// Where packages come from: where the user says, or else where the base says.
fn repositories(
    system: &System,
    name: &str,
    request: &BuildRequest,
) -> Result<Vec<Repository>, BuildError> {
    let given = given_repositories(request)?;
    if !given.is_empty() {
        return Ok(given);
    }
    let own = system.repositories()?;
    if own.is_empty() {
        return Err(BuildError::NoRepository {
            base: name.to_owned(),
        });
    }
    Ok(own)
}

/// Gets files over HTTP for the packages.
#[derive(Debug)]
struct Files<'a> {
    getter: Getter,
    context: &'a Context,
}

impl<'a> Files<'a> {
    fn new(context: &'a Context) -> Result<Self, BuildError> {
        Ok(Self {
            getter: Getter::new(&context.http)?,
            context,
        })
    }

    /// Brings a file to this machine whole, as what came of one that broke is of no use.
    fn bring(&self, address: &str, limit: u64) -> Result<File, DownloadError> {
        let url = address
            .parse()
            .map_err(|error| DownloadError::Transport(Box::new(error)))?;
        let spool = fs::unnamed(&self.context.store.temporary());
        let mut file = spool.map_err(|error| DownloadError::Write(io::Error::other(error)))?;
        let get = self.getter.get(&url, limit, &mut file);
        self.context
            .runtime
            .block_on(get)
            .map_err(|error| match error {
                GetError::Status(404 | 410) => DownloadError::NotFound,
                GetError::Status(status @ (401 | 403)) => DownloadError::Unauthorized(status),
                GetError::Status(status) => DownloadError::Status(status),
                GetError::TooLarge(limit) => DownloadError::TooLarge(limit),
                GetError::Write(error) => DownloadError::Write(error),
                other => DownloadError::Transport(Box::new(other)),
            })?;
        file.rewind().map_err(DownloadError::Write)?;
        Ok(file)
    }
}

impl Download for Files<'_> {
    fn get(&self, address: &str, limit: u64, output: &mut dyn Write) -> Result<(), DownloadError> {
        tracing::debug!("asking for a file of packages");
        let mut file = self.bring(address, limit)?;
        io::copy(&mut file, output).map_err(DownloadError::Write)?;
        Ok(())
    }
}
