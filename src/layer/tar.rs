//! A plan becomes bytes: one pass from the files through tar, diff id, compression and digest into a writer.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use tar::{EntryType, Header};

use super::compress::Compressor;
use super::{Content, ContentError, Entry, EntryKind, LayerPlan, MODIFIED};
use crate::error::{Explain, Kind};
use crate::oci::{Descriptor, DiffId, HashingWriter, LayerCompression, MediaType};
use crate::progress::Progress;

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
    let blob = HashingWriter::new(output);
    let compressor = Compressor::new(blob, plan.compression, threads)?;
    let mut archive = HashingWriter::new(compressor);
    for entry in plan.entries() {
        write_entry(&mut archive, entry, progress)?;
    }
    // Two empty records end a tar.
    archive.write_all(&[0; 1024])?;
    let (compressor, diff_id, _) = archive.finish();
    let (output, digest, size) = compressor.finish()?.finish();
    let media_type = MediaType::Layer(LayerCompression::Gzip);
    Ok((
        output,
        LayerFacts {
            descriptor: Descriptor::new(media_type, digest, size),
            diff_id: DiffId(diff_id),
        },
    ))
}

fn write_entry(
    output: &mut impl Write,
    entry: &Entry,
    progress: &dyn Progress,
) -> Result<(), LayerError> {
    let mut header = Header::new_gnu();
    header.set_mtime(MODIFIED);
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.user.into());
    header.set_gid(entry.owner.group.into());
    header.set_size(entry.size());
    let mut path = entry.path.as_str().to_owned();
    let kind = match &entry.kind {
        EntryKind::Directory => {
            path.push('/');
            EntryType::Directory
        }
        EntryKind::File(_) => EntryType::Regular,
        EntryKind::Symlink(target) => {
            let field = &mut header.as_old_mut().linkname;
            set_name(output, EntryType::GNULongLink, target, field)?;
            EntryType::Symlink
        }
    };
    header.set_entry_type(kind);
    set_name(
        output,
        EntryType::GNULongName,
        &path,
        &mut header.as_old_mut().name,
    )?;
    header.set_cksum();
    output.write_all(header.as_bytes())?;
    match &entry.kind {
        EntryKind::File(content) => write_content(output, content, progress),
        EntryKind::Directory | EntryKind::Symlink(_) => Ok(()),
    }
}

/// Puts a name into its field of 100 bytes; a longer one goes into a GNU record of its own before the entry.
fn set_name(
    output: &mut impl Write,
    long: EntryType,
    name: &str,
    field: &mut [u8; 100],
) -> io::Result<()> {
    let bytes = name.as_bytes();
    let kept = bytes.len().min(field.len());
    field[..kept].copy_from_slice(&bytes[..kept]);
    if kept == bytes.len() {
        return Ok(());
    }
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64 + 1);
    header.set_entry_type(long);
    header.set_cksum();
    output.write_all(header.as_bytes())?;
    output.write_all(bytes)?;
    output.write_all(&[0])?;
    pad(output, bytes.len() as u64 + 1)
}

fn write_content(
    output: &mut impl Write,
    content: &Content,
    progress: &dyn Progress,
) -> Result<(), LayerError> {
    content.copy_to(|piece| {
        output.write_all(piece)?;
        progress.advance(piece.len() as u64);
        Ok::<(), LayerError>(())
    })?;
    Ok(pad(output, content.size)?)
}

/// Fills the last record of 512 bytes with zeros, behind `size` bytes of content.
pub(crate) fn pad(output: &mut impl Write, size: u64) -> io::Result<()> {
    let rest = usize::try_from(size % 512).expect("below 512");
    output.write_all(&[0; 512][..(512 - rest) % 512])
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::layer::{Compression, ContentSource, ImagePath, Owner};
    use crate::oci::Digest;
    use crate::progress::Silent;

    #[test]
    fn content_is_filled_up_to_whole_records() {
        for (size, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            let mut output = Vec::new();
            pad(&mut output, size).unwrap();
            assert_eq!(output, vec![0; zeros], "{size}");
        }
    }

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

    fn build(plan: &LayerPlan) -> (Vec<u8>, LayerFacts) {
        write(plan, Vec::new(), NonZeroUsize::MIN, &Silent).unwrap()
    }

    #[test]
    fn another_reader_sees_what_was_planned() {
        let (blob, facts) = build(&plan());
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

        let plan = plan();
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
    fn bytes_are_those_of_recipe_version_1() {
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

    #[test]
    fn a_file_that_changed_is_noticed() {
        for now in ["longer than planned", "short", "planneX"] {
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().write_all(now.as_bytes()).unwrap();
            let content = Content {
                digest: Digest::of(b"planned"),
                size: 7,
                source: ContentSource::Path(file.path().to_owned()),
            };
            let entry = Entry::file(ImagePath::fixed("a"), content, false, Owner::ROOT);
            let plan = LayerPlan::new("x", vec![entry], Compression::Stored).unwrap();
            let error = write(&plan, Vec::new(), NonZeroUsize::MIN, &Silent).unwrap_err();
            assert!(
                matches!(error, LayerError::Content(ContentError::Changed { .. })),
                "{now}"
            );
        }
    }
}
