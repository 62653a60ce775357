//! Second readers, to compare with.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// Unpacks gzip by another library than the program does; `None` unless all of it makes sense and gives `length` bytes.
pub(super) fn gunzip(mut bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; length];
    let mut filled = 0;
    while !bytes.is_empty() {
        bytes = behind_header(bytes)?;
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let mut state = DecompressorOxide::new();
        let (status, read, written) = decompress(&mut state, bytes, &mut out, filled, flags);
        if status != TINFLStatus::Done {
            return None;
        }
        let member = &out[filled..filled + written];
        let (trailer, rest) = bytes.get(read..)?.split_at_checked(8)?;
        let size = u32::try_from(written).ok()?;
        if trailer[..4] != crc32fast::hash(member).to_le_bytes()
            || trailer[4..] != size.to_le_bytes()
        {
            return None;
        }
        filled += written;
        bytes = rest;
    }
    (filled == length).then_some(out)
}

/// What follows the header of a member (RFC 1952, section 2.3).
fn behind_header(bytes: &[u8]) -> Option<&[u8]> {
    let (fixed, mut rest) = bytes.split_at_checked(10)?;
    let flags = fixed[3];
    if fixed[..3] != [0x1f, 0x8b, 8] {
        return None;
    }
    if flags & 4 != 0 {
        let (length, extra) = rest.split_at_checked(2)?;
        let length = u16::from_le_bytes([length[0], length[1]]);
        rest = extra.get(usize::from(length)..)?;
    }
    for text in [8, 16] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}
