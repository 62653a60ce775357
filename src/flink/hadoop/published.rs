//! What is published beside a jar.

use std::fs::File;
use std::io::{Read as _, Seek as _};

use super::{Checksum, HadoopError, HadoopJar, MavenRepository};
use crate::error::IoResultExt as _;
use crate::http::{GetError, Getter};

/// Ten times as large as any of them.
pub const JAR_LIMIT: u64 = 512 << 20;
/// A checksum is a line.
const CHECKSUM_LIMIT: u64 = 64 << 10;

/// The best checksum that `repository` has for `jar`; `scratch` is a file for what comes.
pub async fn published_checksum(
    jar: &HadoopJar,
    repository: &MavenRepository,
    getter: &Getter,
    scratch: &mut File,
) -> Result<Checksum, HadoopError> {
    for extension in Checksum::extensions() {
        let url = repository.url(jar, &format!(".{extension}"));
        match getter.get(&url, CHECKSUM_LIMIT, scratch).await {
            Ok(_) => {}
            Err(GetError::Status(404 | 410)) => continue,
            Err(error) => return Err(HadoopError::download(jar, repository, error)),
        }
        let mut bytes = Vec::new();
        scratch
            .rewind()
            .and_then(|()| scratch.read_to_end(&mut bytes))
            .at("read", "a checksum".as_ref())?;
        let name = jar.file_name();
        return Checksum::from_file(&bytes, extension, &name).map_err(|source| {
            HadoopError::Checksum {
                file: format!("{name}.{extension}"),
                repository: repository.to_string(),
                source,
            }
        });
    }
    Err(HadoopError::NoChecksum {
        jar: jar.file_name(),
        repository: repository.to_string(),
    })
}
