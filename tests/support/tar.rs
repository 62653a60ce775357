//! Tar archives written by hand, so that they can be as wrong as a test wants.

use std::io::Write;

/// One entry to write.
#[derive(Debug, Clone)]
pub struct Raw {
    pub name: Vec<u8>,
    pub kind: u8,
    pub size: u64,
    pub mode: u32,
    pub mtime: u64,
    pub link: Vec<u8>,
    pub data: Vec<u8>,
}

impl Raw {
    pub fn file(name: &str, data: &[u8]) -> Self {
        Self {
            name: name.into(),
            kind: b'0',
            size: data.len() as u64,
            mode: 0o644,
            mtime: 1_700_000_000,
            link: Vec::new(),
            data: data.to_vec(),
        }
    }

    pub fn of_kind(name: &str, kind: u8) -> Self {
        Self {
            kind,
            ..Self::file(name, b"")
        }
    }

    pub fn folder(name: &str) -> Self {
        Self {
            mode: 0o755,
            ..Self::of_kind(&format!("{name}/"), b'5')
        }
    }

    pub fn symlink(name: &str, target: &str) -> Self {
        Self {
            link: target.into(),
            ..Self::of_kind(name, b'2')
        }
    }

    pub fn hard_link(name: &str, target: &str) -> Self {
        Self {
            link: target.into(),
            ..Self::of_kind(name, b'1')
        }
    }

    /// A pax header for the entry that follows.
    pub fn pax(records: &[(&str, &str)]) -> Self {
        Self::pax_of_kind(b'x', records)
    }

    pub fn pax_of_kind(kind: u8, records: &[(&str, &str)]) -> Self {
        let mut body = Vec::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let mut length = rest.len();
            while length != rest.len() + length.to_string().len() {
                length = rest.len() + length.to_string().len();
            }
            body.extend(format!("{length}{rest}").into_bytes());
        }
        Self {
            kind,
            ..Self::file("pax", &body)
        }
    }

    /// A GNU long name (`L`) or long link (`K`) for the entry that follows.
    pub fn long(kind: u8, name: &str) -> Self {
        Self {
            kind,
            ..Self::file("././@LongLink", format!("{name}\0").as_bytes())
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut block = [0; 512];
        put(&mut block[0..100], &self.name);
        put(
            &mut block[100..108],
            format!("{:07o}", self.mode).as_bytes(),
        );
        put(&mut block[108..116], b"0001750");
        put(&mut block[116..124], b"0001750");
        put(
            &mut block[124..136],
            format!("{:011o}", self.size).as_bytes(),
        );
        put(
            &mut block[136..148],
            format!("{:011o}", self.mtime).as_bytes(),
        );
        block[156] = self.kind;
        put(&mut block[157..257], &self.link);
        put(&mut block[257..265], b"ustar  \0");
        put(&mut block[265..297], b"builder");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut block[148..155], format!("{sum:06o}\0").as_bytes());
        out.extend(block);
        out.extend(&self.data);
        out.resize(out.len().next_multiple_of(512), 0);
    }
}

fn put(field: &mut [u8], bytes: &[u8]) {
    assert!(
        bytes.len() <= field.len(),
        "{}",
        String::from_utf8_lossy(bytes)
    );
    field[..bytes.len()].copy_from_slice(bytes);
}

/// A tar with its end.
pub fn tar(entries: &[Raw]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        entry.write(&mut out);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    None,
    Gzip,
    Xz,
    Zstd,
}

pub fn compress(bytes: &[u8], how: Compress) -> Vec<u8> {
    match how {
        Compress::None => bytes.to_vec(),
        Compress::Gzip => {
            // Two members, as `cat a.gz b.gz` and parallel gzip programs make them.
            let mut out = Vec::new();
            let (first, second) = bytes.split_at(bytes.len() / 2);
            for part in [first, second] {
                let level = flate2::Compression::fast();
                let mut encoder = flate2::write::GzEncoder::new(&mut out, level);
                encoder.write_all(part).unwrap();
                encoder.finish().unwrap();
            }
            out
        }
        Compress::Xz => {
            let options = lzma_rust2::XzOptions::with_preset(0);
            let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap()
        }
        Compress::Zstd => zstd::encode_all(bytes, 1).unwrap(),
    }
}
