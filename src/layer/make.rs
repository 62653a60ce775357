//! A plan becomes bytes: one pass from the files through tar, diff id, compression and digest into a writer.
//!
//! The calling thread reads the files into blocks and writes what comes out; all that costs time, compressing and
//! hashing, happens beside it.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::tar::{END, write_entry};
use super::watch::{Seen, Watch};
use super::{Compressor, ContentError, EntryKind, LayerPlan};
use crate::error::{Explain, Kind};
use crate::oci::{Descriptor, DiffId, MakeBlob};
use crate::progress::{Progress, Silent};

/// What is known of a layer once it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFacts {
    /// Type, digest and size of the blob.
    pub descriptor: Descriptor,
    /// Digest of the tar inside.
    pub diff_id: DiffId,
}

/// A layer could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// An input could not be read, or changed.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The output could not be written.
    #[error("Failed to write a layer")]
    Write(#[from] io::Error),
}

impl Explain for LayerError {
    fn kind(&self) -> Kind {
        match self {
            Self::Content(error) => error.kind(),
            Self::Write(_) => Kind::Storage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Content(error) => error.hint(),
            Self::Write(error) if error.kind() == io::ErrorKind::StorageFull => Some(
                "free some space, or name a folder on a larger disk with `--cache-dir`".to_owned(),
            ),
            Self::Write(_) => None,
        }
    }
}

/// Makes the layer that `plan` describes and writes its blob to `output`.
///
/// Memory does not grow with the layer; `threads` compress. The bytes depend on the plan alone.
pub fn write<W: Write>(
    plan: &LayerPlan,
    output: W,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<(W, LayerFacts), LayerError> {
    let compressor = Compressor::watched(output, plan.compression, threads, Watch::everything())?;
    let (output, size, seen) = stream(plan, compressor, progress)?;
    let blob = seen.blob.expect("everything was watched");
    let descriptor = Descriptor::new(plan.compression.media_type(), blob, size);
    let diff_id = DiffId(seen.tar.expect("everything was watched"));
    Ok((
        output,
        LayerFacts {
            descriptor,
            diff_id,
        },
    ))
}

/// Learns what the layer of `plan` will be, and keeps none of its bytes.
pub fn measure(
    plan: &LayerPlan,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<LayerFacts, LayerError> {
    write(plan, io::sink(), threads, progress).map(|(_, facts)| facts)
}

/// Makes the blob of a layer again for whoever wants its bytes, instead of keeping them.
#[derive(Debug, Clone)]
pub struct Remake {
    /// The layer.
    pub plan: Arc<LayerPlan>,
    /// How many threads compress.
    pub threads: NonZeroUsize,
}

impl MakeBlob for Remake {
    fn make(&self, output: &mut dyn Write) -> io::Result<()> {
        // Whoever receives the blob compares its digest. The files are compared here too: it is done beside the
        // stream, and an error that names the file says more than a wrong digest.
        let compression = self.plan.compression;
        let made = Compressor::watched(output, compression, self.threads, Watch::files())
            .map_err(LayerError::from)
            .and_then(|compressor| stream(&self.plan, compressor, &Silent));
        match made {
            Ok(_) => Ok(()),
            Err(LayerError::Write(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// Streams the entries of `plan` through `compressor`: its output, the size of the blob, and what was seen on the way.
fn stream<W: Write>(
    plan: &LayerPlan,
    mut compressor: Compressor<W>,
    progress: &dyn Progress,
) -> Result<(W, u64, Seen), LayerError> {
    for entry in plan.entries().iter().enumerate() {
        write_entry(&mut compressor, entry, progress)?;
    }
    compressor.write_all(&END)?;
    let (output, size, seen) = compressor.finish_watched()?;
    if let Some(changed) = seen.changed
        && let EntryKind::File(content) = &plan.entries()[changed].kind
    {
        return Err(content.changed().into());
    }
    Ok((output, size, seen))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::layer::{Compression, Content, ContentSource, Entry, ImagePath, MODIFIED, Owner};
    use crate::oci::{Digest, LayerCompression, MediaType};

    fn plan() -> LayerPlan {
        let path = |text: &str| ImagePath::new(text).unwrap();
        let long = format!("opt/{}/x.jar", "long-name-".repeat(15));
        let entries = vec![
            Entry::directory(path("opt/flink/conf"), true, Owner::FLINK),
            Entry::file(
                path("opt/flink/bin/x.sh"),
                Content::from_bytes(*b"#!/bin/sh\n"),
                true,
                Owner::FLINK,
            ),
            Entry::file(
                path(&long),
                Content::from_bytes(vec![7; 513]),
                false,
                Owner::ROOT,
            ),
            Entry::symlink(path("opt/flink/usrlib/x"), "../".repeat(60), Owner::FLINK),
            Entry::file(
                path("empty"),
                Content::from_bytes(Vec::new()),
                false,
                Owner::ROOT,
            ),
        ];
        LayerPlan::new("test", entries, Compression::COMPACT).unwrap()
    }

    /// The same, with other names for the file with the long name.
    fn with_hard_links() -> LayerPlan {
        let mut entries = plan().entries().to_vec();
        let file = entries.iter().find(|entry| entry.size() == 513).unwrap();
        let links =
            ["opt/x.jar", "opt/y.jar"].map(|path| Entry::hard_link(ImagePath::fixed(path), file));
        entries.extend(links);
        LayerPlan::new("test", entries, Compression::COMPACT).unwrap()
    }

    fn build(plan: &LayerPlan) -> (Vec<u8>, LayerFacts) {
        write(plan, Vec::new(), NonZeroUsize::MIN, &Silent).unwrap()
    }

    #[test]
    fn another_reader_sees_what_was_planned() {
        let plan = with_hard_links();
        let (blob, facts) = build(&plan);
        assert_eq!(
            facts.descriptor,
            Descriptor::of(MediaType::Layer(LayerCompression::Gzip), &blob)
        );
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(&blob[..])
            .read_to_end(&mut tar)
            .unwrap();
        assert_eq!(facts.diff_id, DiffId(Digest::of(&tar)));
        assert_eq!(tar.len() % 512, 0);

        let mut planned = plan.entries().iter();
        for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let expected = planned.next().unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            assert_eq!(path.trim_end_matches('/'), expected.path.as_str());
            let header = entry.header().clone();
            assert_eq!(header.mode().unwrap(), expected.mode);
            assert_eq!(header.mtime().unwrap(), MODIFIED);
            assert_eq!(header.uid().unwrap(), u64::from(expected.owner.user));
            assert_eq!(header.gid().unwrap(), u64::from(expected.owner.group));
            assert_eq!(
                (header.username(), header.groupname()),
                (Ok(Some("")), Ok(Some("")))
            );
            match &expected.kind {
                EntryKind::Directory => {
                    assert!(header.entry_type().is_dir() && path.ends_with('/'));
                }
                EntryKind::Symlink(target) => {
                    assert_eq!(
                        entry.link_name().unwrap().unwrap().to_str(),
                        Some(target.as_str())
                    );
                }
                EntryKind::HardLink(target) => {
                    assert!(header.entry_type().is_hard_link());
                    assert_eq!(
                        entry.link_name().unwrap().unwrap().to_str(),
                        Some(target.as_str())
                    );
                }
                EntryKind::File(content) => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    assert_eq!(Digest::of(&bytes), content.digest);
                }
            }
        }
        assert!(planned.next().is_none());
    }

    #[test]
    fn bytes_are_those_of_recipe_version_2() {
        let (_, facts) = build(&plan());
        assert_eq!(
            facts.diff_id.to_string(),
            "sha256:c2e55276414607290d4574313769ec2e5067407cc81d4ef0ec58f23546b0932f"
        );
        assert_eq!(
            facts.descriptor.digest.to_string(),
            "sha256:1e5ac4ef560df9172e8d9023e7cf89652b4486747c4f43e8e387a5b20c455ff5"
        );
    }

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    fn remake(plan: &LayerPlan) -> Remake {
        Remake {
            plan: Arc::new(plan.clone()),
            threads: TWO,
        }
    }

    #[test]
    fn a_file_that_changed_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jar");
        let blocks = vec![b'x'; 3 << 20];
        let mut other = blocks.clone();
        other[2 << 20] = b'y';
        for (now, planned) in [
            (&b"longer than planned"[..], &b"planned"[..]),
            (b"short", b"planned"),
            (b"planneX", b"planned"),
            (b"x", b""),
            (b"", b"x"),
            (&blocks[1..], &blocks),
            (&blocks, &blocks[1..]),
            (&other, &blocks),
        ] {
            crate::fs::write_atomic(&path, now).unwrap();
            for compression in [
                Compression::Stored,
                Compression::COMPACT,
                Compression::Zstd(1),
            ] {
                let content = Content {
                    digest: Digest::of(planned),
                    size: planned.len() as u64,
                    source: ContentSource::Path(path.clone()),
                };
                let entry = Entry::file(ImagePath::fixed("b"), content, false, Owner::ROOT);
                let plan = LayerPlan::new("x", vec![entry], compression).unwrap();
                let written = write(&plan, Vec::new(), TWO, &Silent).unwrap_err();
                let measured = measure(&plan, TWO, &Silent).unwrap_err();
                let made = remake(&plan).make(&mut Vec::new()).unwrap_err();
                let made = made.downcast::<LayerError>().unwrap();
                for error in [written, measured, made] {
                    assert_eq!(error.kind(), Kind::Input);
                    assert!(
                        matches!(&error, LayerError::Content(ContentError::Changed { name }) if name.ends_with("x.jar")),
                        "{error} {compression}"
                    );
                }
            }
        }
    }

    /// Takes so many bytes, and no more.
    #[derive(Debug)]
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = buffer.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Bytes that no compression makes much smaller.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn large(compression: Compression) -> LayerPlan {
        let content = Content::from_bytes(noise(12 << 20));
        let file = Entry::file(ImagePath::fixed("a"), content, false, Owner::ROOT);
        let entries = plan().entries().iter().cloned().chain([file]).collect();
        LayerPlan::new("large", entries, compression).unwrap()
    }

    #[test]
    fn an_output_that_fails_ends_everything() {
        for compression in [
            Compression::Stored,
            Compression::Gzip(1),
            Compression::Zstd(1),
        ] {
            let plan = large(compression);
            for space in [0, 5, 100_000, 5 << 20, 11 << 20] {
                let error = write(&plan, Full(space), TWO, &Silent).unwrap_err();
                let LayerError::Write(error) = error else {
                    panic!("{error}");
                };
                let made = remake(&plan).make(&mut Full(space)).unwrap_err();
                for error in [error, made] {
                    assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{compression}");
                }
            }
        }
    }

    #[test]
    fn measured_and_made_again_it_is_the_same() {
        for compression in [
            Compression::Stored,
            Compression::Gzip(1),
            Compression::Zstd(3),
        ] {
            for plan in [
                large(compression),
                LayerPlan::new("small", plan().entries().to_vec(), compression).unwrap(),
            ] {
                let (blob, facts) = write(&plan, Vec::new(), TWO, &Silent).unwrap();
                assert_eq!(measure(&plan, NonZeroUsize::MIN, &Silent).unwrap(), facts);
                let mut made = Vec::new();
                remake(&plan).make(&mut made).unwrap();
                assert!(made == blob, "{compression}");
                let media_type = compression.media_type();
                assert_eq!(facts.descriptor, Descriptor::of(media_type, &blob));
            }
        }
    }
}
