//! Numbers in the headers of zip files, which are little-endian; what is behind the end of the bytes is 0.

fn bytes_at<const N: usize>(bytes: &[u8], place: usize) -> [u8; N] {
    let found = place
        .checked_add(N)
        .and_then(|end| bytes.get(place..end))
        .and_then(|found| found.try_into().ok());
    found.unwrap_or([0; N])
}

pub(super) fn u16_at(bytes: &[u8], place: usize) -> u16 {
    u16::from_le_bytes(bytes_at(bytes, place))
}

pub(super) fn u32_at(bytes: &[u8], place: usize) -> u32 {
    u32::from_le_bytes(bytes_at(bytes, place))
}

pub(super) fn u64_at(bytes: &[u8], place: usize) -> u64 {
    u64::from_le_bytes(bytes_at(bytes, place))
}
