//! A base, repositories and a store, and what becomes of them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use flink_img::base::alpine::{
    AlpineError, Dependency, Download, DownloadError, Keys, Package, PackagesLayer, Repository,
    Selection, Source, System, choose, layer, system,
};
use flink_img::base::{
    Base, BaseFacts, BaseSource, Fetch, FetchError, ImageDocuments, JavaOverride, Surroundings,
    open,
};
use flink_img::error::Explain;
use flink_img::layer::{Compression, LayerPlan};
use flink_img::oci::{Digest, Layer, Platform, Platforms, Reference};
use flink_img::progress::Silent;
use flink_img::store::Store;
use tempfile::TempDir;

use crate::support::alpine::{KEY, Made, base, repository, write_repository};

/// No registry: the bases are files.
#[derive(Debug)]
struct NoRegistry;

impl Fetch for NoRegistry {
    fn images(&self, _: &Reference, _: &Platforms) -> Result<Vec<ImageDocuments>, FetchError> {
        unreachable!("the base is a file")
    }

    fn bring(&self, _: &mut [Layer]) -> Result<(), FetchError> {
        Ok(())
    }

    fn facts(&self, _: Digest) -> Option<BaseFacts> {
        None
    }
}

/// Gets files over HTTP, and refuses one that is larger than it may be.
#[derive(Debug)]
struct Web(tokio::runtime::Runtime);

impl Download for Web {
    fn get(&self, address: &str, limit: u64, output: &mut dyn Write) -> Result<(), DownloadError> {
        let transport = |error| DownloadError::Transport(Box::new(error));
        self.0.block_on(async {
            let response = reqwest::get(address).await.map_err(transport)?;
            match response.status().as_u16() {
                200 => {}
                404 => return Err(DownloadError::NotFound),
                status => return Err(DownloadError::Status(status)),
            }
            let bytes = response.bytes().await.map_err(transport)?;
            if bytes.len() as u64 > limit {
                return Err(DownloadError::TooLarge(limit));
            }
            output.write_all(&bytes).map_err(DownloadError::Write)
        })
    }
}

/// A folder with a base and a store.
pub(crate) struct Scene {
    folder: TempDir,
    pub(crate) store: Store,
    web: Web,
    base: BaseSource,
}

impl Scene {
    /// With a root file system as its base.
    pub(crate) fn new(tar: &[u8]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("base.tar");
        std::fs::write(&path, tar).unwrap();
        Self::on(folder, BaseSource::RootFs(path))
    }

    pub(crate) fn on(folder: TempDir, base: BaseSource) -> Self {
        let store = Store::open(&folder.path().join("store")).unwrap();
        let web = Web(tokio::runtime::Runtime::new().unwrap());
        Self {
            folder,
            store,
            web,
            base,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            fetch: &NoRegistry,
            store: &self.store,
            compression: Compression::Stored,
            threads: NonZeroUsize::MIN,
            reporter: &Silent,
        }
    }

    pub(crate) fn base(&self) -> Base {
        let java = JavaOverride::default();
        let surroundings = self.surroundings();
        let platforms = Platform::linux_amd64().into();
        let mut opened = open(&self.base, &platforms, &surroundings).unwrap();
        let opened = opened.remove(0);
        opened.look_into(&java, &surroundings).unwrap()
    }

    pub(crate) fn system(&self) -> Result<System, AlpineError> {
        system("rootfs:base.tar", &self.base(), &self.surroundings())
    }

    /// A repository in a folder with these packages.
    pub(crate) fn repository(&self, packages: &[Made]) -> Repository {
        self.folder_of(&repository(packages, &KEY))
    }

    /// A repository in a folder with these files.
    pub(crate) fn folder_of(&self, files: &BTreeMap<String, Vec<u8>>) -> Repository {
        let folder = self.path("repository");
        write_repository(&folder, files);
        Repository::Folder(folder)
    }

    pub(crate) fn choose(
        &self,
        repository: &Repository,
        wanted: &str,
    ) -> Result<Selection, AlpineError> {
        self.choose_with(repository, wanted, &self.system()?.keys()?)
    }

    pub(crate) fn choose_with(
        &self,
        repository: &Repository,
        wanted: &str,
        keys: &Keys,
    ) -> Result<Selection, AlpineError> {
        let system = self.system()?;
        let index = repository.index(&system.arch()?, keys, &self.web)?;
        choose(&system, &[index], &dependencies(wanted))
    }

    pub(crate) fn layer(
        &self,
        repository: &Repository,
        selection: &Selection,
    ) -> Result<PackagesLayer, AlpineError> {
        let system = self.system()?;
        self.layer_with(repository, selection, &system.keys()?)
    }

    pub(crate) fn layer_with(
        &self,
        repository: &Repository,
        selection: &Selection,
        keys: &Keys,
    ) -> Result<PackagesLayer, AlpineError> {
        let source = Source {
            keys,
            repositories: std::slice::from_ref(repository),
            download: &self.web,
            store: &self.store,
            reporter: &Silent,
        };
        let (base, java) = (self.base(), JavaOverride::default());
        layer(&self.system()?, selection, (&base.config, &java), &source)
    }

    /// The layer of what is asked for.
    pub(crate) fn add(
        &self,
        repository: &Repository,
        wanted: &str,
    ) -> Result<PackagesLayer, AlpineError> {
        self.layer(repository, &self.choose(repository, wanted)?)
    }
}

pub(crate) fn dependencies(text: &str) -> Vec<Dependency> {
    text.split_ascii_whitespace()
        .map(|it| it.parse().unwrap())
        .collect()
}

/// The layer of these packages over a base with these files more, by the names of all packages.
pub(crate) fn added(
    more: &[(&str, crate::support::alpine::File)],
    packages: &[Made],
) -> Result<PackagesLayer, AlpineError> {
    let scene = Scene::new(&base(more));
    let repository = scene.repository(packages);
    let names: Vec<_> = packages.iter().map(name_of).collect();
    scene.add(&repository, &names.join(" "))
}

fn name_of(made: &Made) -> &str {
    let mut lines = made.stanza.lines();
    lines.find_map(|line| line.strip_prefix("P:")).unwrap()
}

/// The tar of a layer.
pub(crate) fn tar_of(layer: &PackagesLayer) -> Vec<u8> {
    let plan = LayerPlan::new("packages", layer.entries.clone(), Compression::Stored).unwrap();
    let (blob, _) = flink_img::layer::write(&plan, Vec::new(), NonZeroUsize::MIN, &Silent).unwrap();
    let mut tar = Vec::new();
    flate2::read::MultiGzDecoder::new(&blob[..])
        .read_to_end(&mut tar)
        .unwrap();
    tar
}

/// The entries of a layer as another reader sees them: `KIND MODE USER:GROUP PATH[ -> TARGET]`.
pub(crate) fn listed(layer: &PackagesLayer) -> Vec<String> {
    let tar = tar_of(layer);
    let mut archive = tar::Archive::new(&tar[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        let kind = match header.entry_type() {
            tar::EntryType::Directory => 'd',
            tar::EntryType::Regular => '-',
            tar::EntryType::Symlink => 'l',
            tar::EntryType::Link => 'h',
            other => panic!("{other:?}"),
        };
        let path = entry.path().unwrap().display().to_string();
        let target = entry.link_name().unwrap();
        let target = target.map_or(String::new(), |target| format!(" -> {}", target.display()));
        let (user, group) = (header.uid().unwrap(), header.gid().unwrap());
        format!(
            "{kind} {:04o} {user}:{group} {path}{target}",
            header.mode().unwrap()
        )
    });
    entries.collect()
}

/// The text of a file in a layer.
pub(crate) fn text_of(layer: &PackagesLayer, path: &str) -> Option<String> {
    let tar = tar_of(layer);
    let mut archive = tar::Archive::new(&tar[..]);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut entry = entries.find(|entry| entry.path().unwrap() == Path::new(path))?;
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    Some(text)
}

/// The paths of a layer but for those of apk's own databases.
pub(crate) fn paths(layer: &PackagesLayer) -> Vec<String> {
    let entries = layer
        .entries
        .iter()
        .map(|entry| entry.path.as_str().to_owned());
    let mut paths: Vec<_> = entries.filter(|path| !path.contains("apk/")).collect();
    paths.sort();
    paths
}

/// An error with its causes, and its hint.
pub(crate) fn told(error: &AlpineError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    assert!(!text.ends_with('.'), "{text}");
    let _ = error.hint();
    text
}

/// The names of what was chosen.
pub(crate) fn labels(selection: &Selection) -> Vec<String> {
    selection.packages.iter().map(Package::label).collect()
}
