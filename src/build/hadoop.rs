//! The jar with Hadoop: which is asked for, what it is by digest, and its bytes when somebody wants them.
//!
//! It is kept in the store as a blob among others, so that it is checked and pruned like them. Under which digest is a fact
//! about its names and the repository, which is remembered once the jar was found right. So it is asked for once, and what is
//! known of it, from then or from a lock, is enough to plan with.

use std::fs::File;
use std::io::Seek as _;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::context::Fetcher;
use super::{BuildError, BuildRequest};
use crate::error::{self, FileError, IoResultExt as _};
use crate::flink::hadoop::{
    Checksum, HadoopError, HadoopFacts, HadoopJar, JAR_LIMIT, MavenRepository, published_checksum,
};
use crate::flink::{Distribution, FlinkVersion, Known};
use crate::fs;
use crate::http::{Getter, HttpSettings};
use crate::layer::{Content, ContentSource};
use crate::memory;
use crate::oci::{BlobSource, Descriptor, Digest, LazyFile, MediaType, canonical};
use crate::progress::Reporter;
use crate::store::Store;

/// The kind under which it is remembered what a jar is.
const KIND: &str = "hadoop";
/// The media type that such jars have in the store's own notes.
const MEDIA_TYPE: &str = "application/java-archive";

/// A jar with Hadoop that goes into the image.
#[derive(Debug)]
pub struct ResolvedHadoop {
    /// Which.
    pub jar: HadoopJar,
    /// What it is.
    pub facts: HadoopFacts,
    /// Its bytes, which are had when somebody wants them.
    pub content: Content,
}

impl ResolvedHadoop {
    /// Brings the jar onto this machine, if it is not here.
    pub(super) fn bring(&self) -> Result<(), FileError> {
        if let ContentSource::Range { file, name, .. } = &self.content.source {
            file.file().at("read", Path::new(&**name))?;
        }
        Ok(())
    }
}

/// What a jar must be, and what is said of one that is not.
enum Expected<'a> {
    Checksum(&'a Checksum),
    Facts(&'a HadoopFacts, &'static str),
}

/// The jar that is asked for, if one is.
pub(super) fn asked(
    request: &BuildRequest,
    version: &FlinkVersion,
    line: Known,
) -> Result<Option<HadoopJar>, HadoopError> {
    let asked = request.hadoop.as_ref();
    asked
        .map(|asked| HadoopJar::new(&asked.version, version, line))
        .transpose()
}

/// What the jar is: as it is locked or remembered, or else as it is published, for which it is downloaded.
pub(super) fn resolve(
    jar: HadoopJar,
    request: &BuildRequest,
    fetcher: &Fetcher<'_>,
) -> Result<ResolvedHadoop, BuildError> {
    let context = fetcher.context;
    let asked = request.hadoop.as_ref();
    let source = JarSource {
        jar,
        repository: asked.map_or_else(MavenRepository::default, |asked| asked.repository.clone()),
        http: context.http.clone(),
        store: context.store.clone(),
        reporter: Arc::clone(&context.reporter),
        network: context.runtime.handle().clone(),
    };
    let locked = request
        .lock
        .as_ref()
        .and_then(|lock| lock.hadoop_facts(&source.jar));
    Ok(if let Some(locked) = locked {
        source.resolved(locked.clone(), "is not the one that is locked")
    } else {
        let facts = match source.recall() {
            Some(facts) => facts,
            None => source.learn(fetcher)?,
        };
        source.resolved(facts, "is not what it was before")
    })
}

/// Refuses a Flink that has a Hadoop already, as far as its files are known.
pub(super) fn check(
    jar: Option<&HadoopJar>,
    distribution: &Distribution,
) -> Result<(), HadoopError> {
    jar.map_or(Ok(()), |jar| jar.check(distribution))
}

/// A jar, as the store knows it.
fn descriptor(facts: &HadoopFacts) -> Descriptor {
    let media_type = MediaType::Other(MEDIA_TYPE.to_owned());
    Descriptor::new(media_type, facts.digest, facts.size)
}

/// Where a jar is had from.
#[derive(Debug, Clone)]
struct JarSource {
    jar: HadoopJar,
    repository: MavenRepository,
    http: HttpSettings,
    store: Store,
    reporter: Arc<dyn Reporter>,
    network: Handle,
}

impl JarSource {
    /// Another repository may have something else under the same names.
    fn key(&self) -> Digest {
        let names = (self.repository.to_string(), self.jar.file_name());
        Digest::of(&canonical(&names))
    }

    fn recall(&self) -> Option<HadoopFacts> {
        memory::recall(&self.store, KIND, self.key())
    }

    /// Asks what the jar is: for its checksum, by which a lock that somebody wants to compare with or an earlier image knows it.
    /// If none does, it is downloaded.
    fn learn(&self, fetcher: &Fetcher<'_>) -> Result<HadoopFacts, BuildError> {
        let getter = Getter::new(&self.http)?;
        let mut scratch = fs::unnamed(&self.store.temporary())?;
        let published = published_checksum(&self.jar, &self.repository, &getter, &mut scratch);
        let checksum = self.network.block_on(published)?;
        let locked = fetcher
            .known
            .and_then(|known| known.lock.hadoop_facts(&self.jar));
        let mut known = locked
            .into_iter()
            .cloned()
            .chain(fetcher.last.hadoop(&self.jar));
        let facts = if let Some(facts) = known.find(|facts| facts.fit(&checksum)) {
            facts
        } else {
            fetcher.check_push()?;
            self.download(&Expected::Checksum(&checksum))?.0
        };
        memory::remember(&self.store, KIND, self.key(), &facts);
        Ok(facts)
    }

    /// The jar, with its bytes from the store, or else from the repository; `other` is said of one that is another.
    fn resolved(self, facts: HadoopFacts, other: &'static str) -> ResolvedHadoop {
        let jar = self.jar.clone();
        let expected = facts.clone();
        let open = move || {
            let opened = self.open(&expected, other);
            opened.map(Arc::new).map_err(error::carried)
        };
        let content = Content {
            digest: facts.digest,
            size: facts.size,
            source: ContentSource::Range {
                file: LazyFile::new(open).into(),
                name: facts.jar.as_str().into(),
                offset: 0,
            },
        };
        ResolvedHadoop {
            jar,
            facts,
            content,
        }
    }

    fn open(&self, facts: &HadoopFacts, other: &'static str) -> Result<File, BuildError> {
        let here = self
            .store
            .verified_blob(&descriptor(facts), &*self.reporter);
        let blob = match here {
            Some(blob) => blob,
            None => self.download(&Expected::Facts(facts, other))?.1,
        };
        match blob {
            BlobSource::File(path) | BlobSource::Checked(path) => Ok(fs::open(&path)?),
            _ => unreachable!("the store keeps blobs in files"),
        }
    }

    /// Brings the jar into the store, if it is what it should be.
    fn download(&self, expected: &Expected<'_>) -> Result<(HadoopFacts, BlobSource), BuildError> {
        let getter = Getter::new(&self.http)?;
        let blob = self.store.writer()?;
        let temporary = self.store.temporary();
        let mut file = blob.file().try_clone().at("read", &temporary)?;
        let total = match expected {
            Expected::Checksum(_) => None,
            Expected::Facts(facts, _) => Some(facts.size),
        };
        let progress = self.reporter.start(&self.jar.file_name(), total);
        let url = self.repository.url(&self.jar, "");
        let get = getter.get(&url, total.unwrap_or(JAR_LIMIT), &mut file);
        let size = self
            .network
            .block_on(get)
            .map_err(|error| HadoopError::download(&self.jar, &self.repository, error))?;
        progress.advance(size);
        file.rewind().at("read", &temporary)?;
        let found = HadoopFacts::of(&self.jar, &file).at("read", &temporary)?;
        let wrong = match expected {
            Expected::Checksum(checksum) => {
                (!found.fit(checksum)).then_some("does not match its checksum")
            }
            Expected::Facts(facts, other) => (**facts != found).then_some(*other),
        };
        if let Some(says) = wrong {
            progress.finish("refused");
            return Err(HadoopError::Mismatch {
                jar: self.jar.file_name(),
                repository: self.repository.to_string(),
                says,
            }
            .into());
        }
        let blob = self.store.commit(blob, found.digest)?;
        progress.finish("downloaded");
        Ok((found, blob))
    }
}
