//! Entries as records of a tar: headers, long names, contents, padding.

use std::io::{self, Write};

use tar::{EntryType, Header};

use super::{Compressor, Entry, EntryKind, LayerError, MODIFIED};
use crate::progress::Progress;

/// Two empty records end a tar.
pub(super) const END: [u8; 1024] = [0; 1024];

/// Writes the entry with the number `number`: its header, and its bytes if it is a file.
pub(super) fn write_entry<W: Write>(
    output: &mut Compressor<W>,
    (number, entry): (usize, &Entry),
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
        EntryKind::HardLink(target) => {
            let field = &mut header.as_old_mut().linkname;
            set_name(output, EntryType::GNULongLink, target.as_str(), field)?;
            EntryType::Link
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
        EntryKind::File(content) => {
            content.copy_to(output, number, progress)?;
            Ok(pad(output, content.size)?)
        }
        EntryKind::Directory | EntryKind::Symlink(_) | EntryKind::HardLink(_) => Ok(()),
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

/// Fills the last record of 512 bytes with zeros, behind `size` bytes of content.
pub(crate) fn pad(output: &mut impl Write, size: u64) -> io::Result<()> {
    let rest = usize::try_from(size % 512).expect("below 512");
    output.write_all(&[0; 512][..(512 - rest) % 512])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_filled_up_to_whole_records() {
        for (size, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            let mut output = Vec::new();
            pad(&mut output, size).unwrap();
            assert_eq!(output, vec![0; zeros], "{size}");
        }
    }
}
