//! Which files a build reads and writes, so that it writes none that it reads, and none twice.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::args::NetworkArgs;
use super::report::Failure;
use crate::base::BaseSource;
use crate::build::{BuildRequest, FlinkSource};
use crate::error::{Explain, IoResultExt as _, Kind};
use crate::fs::{self, AtomicFile};
use crate::store::{Output, replaced};

/// A file that would be written although it must not be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum PathError {
    #[error("`{}` is to be written, and it is an input", .0.display())]
    Input(PathBuf),
    #[error("`{}` is to be written twice", .0.display())]
    Twice(PathBuf),
}

impl Explain for PathError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("give each output a path of its own".to_owned())
    }
}

/// The base, if it is on this machine.
pub(super) fn local_base(request: &BuildRequest) -> Option<PathBuf> {
    match request.base.as_ref()?.parse().ok()? {
        BaseSource::Registry(_) => None,
        BaseSource::Layout(path, _)
        | BaseSource::OciArchive(path, _)
        | BaseSource::DockerArchive(path, _)
        | BaseSource::RootFs(path) => Some(path),
    }
}

/// The path without links, also when there is no file yet.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    match (fs::canonicalize(fs::folder_of(path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Refuses a path that is written to although it is an input, or twice.
pub(super) fn check_distinct(
    request: &BuildRequest,
    (network, config, lock): (&NetworkArgs, Option<&PathBuf>, Option<&PathBuf>),
    outputs: &[Output],
    metadata: Option<&Path>,
) -> Result<(), PathError> {
    let flink = match &request.flink {
        FlinkSource::Archive { path, .. } | FlinkSource::Directory { path, .. } => Some(path),
        FlinkSource::Release { signatures, .. } => signatures.keys.as_ref(),
    };
    let base = local_base(request);
    let named = [
        &request.job_jar,
        &base,
        &network.authfile,
        &network.ca_file,
        &network.client_cert,
        &network.client_key,
    ];
    let inputs: Vec<_> = named
        .into_iter()
        .flatten()
        .chain(&request.job_artifacts)
        .chain(&request.package_keys)
        .map(PathBuf::as_path)
        .chain(request.content.inputs())
        .chain(flink.map(PathBuf::as_path))
        .chain(config.map(PathBuf::as_path))
        .chain(lock.map(PathBuf::as_path))
        .map(real)
        .collect();
    let mut written = Vec::new();
    for path in outputs.iter().map(Output::path).chain(metadata) {
        let real = self::real(path);
        // A layout may hold the base and take the image as well.
        // What lies in the folder of Flink would be part of the image the next time.
        let inside = matches!(&request.flink, FlinkSource::Directory { path, .. } if real.starts_with(self::real(path)));
        if inside
            || inputs.contains(&real) && !fs::metadata(&real).is_ok_and(|found| found.is_dir())
        {
            return Err(PathError::Input(path.to_owned()));
        }
        if written.contains(&real) {
            return Err(PathError::Twice(path.to_owned()));
        }
        written.push(real);
    }
    Ok(())
}

/// Whether the file is written to as it is, and not replaced: a pipe, a device, or a stream of this process.
fn is_stream(path: &Path) -> bool {
    // The streams may be redirected to regular files, which are not ours to replace either.
    let streams = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];
    streams.iter().any(|stream| path.starts_with(stream))
        || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Whether the metadata file could be written, before there is anything to write.
pub(super) fn check_metadata(path: &Path) -> Result<(), Failure> {
    if !is_stream(path) {
        // Not committed, so nothing is left.
        drop(AtomicFile::create(&replaced(path)?)?);
    }
    Ok(())
}

/// Writes the metadata file.
pub(super) fn write_metadata(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if !is_stream(path) {
        return Ok(fs::write_atomic(&replaced(path)?, bytes)?);
    }
    let mut file = std::fs::File::options()
        .append(true)
        .open(path)
        .at("write", path)?;
    Ok(file.write_all(bytes).at("write", path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Catalogue, JavaOverride};
    use crate::build::content::Content;
    use crate::flink::release::Signatures;
    use crate::layer::CompressionChoice;
    use crate::oci::Platform;
    use crate::preflight::Policy;

    #[test]
    fn inputs_are_not_written_and_outputs_once() {
        let folder = tempfile::tempdir().unwrap();
        let jar = folder.path().join("job.jar");
        fs::write_atomic(&jar, b"").unwrap();
        let request = BuildRequest {
            base: Some(format!("rootfs:{}/base.tar", folder.path().display())),
            catalogue: Catalogue::embedded(),
            platforms: Platform::linux_amd64().into(),
            java: JavaOverride::default(),
            flink: FlinkSource::Release {
                version: None,
                scala: None,
                hadoop: None,
                mirrors: Vec::new(),
                signatures: Signatures {
                    keys: Some(folder.path().join("KEYS")),
                    ..Signatures::default()
                },
            },
            hadoop: None,
            job_jar: Some(jar.clone()),
            job_artifacts: Vec::new(),
            normalizes_jars: false,
            checks: Policy::default(),
            packages: Vec::new(),
            package_repositories: Vec::new(),
            package_keys: vec![folder.path().join("acme.rsa.pub")],
            content: Content {
                libraries: vec![folder.path().join("lib.jar")],
                ..Content::default()
            },
            compression: CompressionChoice::default(),
            created: None,
            lock: None,
        };
        let archive = |name: &str| Output::OciArchive(folder.path().join(name));
        let config = folder.path().join("flink-img.toml");
        let lock = folder.path().join("flink-img.lock");
        let check = |outputs: &[Output], metadata| {
            let network = NetworkArgs::default();
            let files = (&network, Some(&config), Some(&lock));
            check_distinct(&request, files, outputs, metadata)
        };
        assert!(matches!(
            check(&[archive("job.jar")], None),
            Err(PathError::Input(_))
        ));
        assert!(matches!(
            check(&[archive("../")], Some(&jar)),
            Err(PathError::Input(_))
        ));
        for input in [
            "base.tar",
            "acme.rsa.pub",
            "lib.jar",
            "KEYS",
            "flink-img.toml",
            "flink-img.lock",
        ] {
            let refused = check(&[archive(input)], None);
            assert!(matches!(refused, Err(PathError::Input(_))), "{input}");
        }
        let twice = check(&[archive("a"), archive("./a")], None);
        assert!(matches!(twice, Err(PathError::Twice(_))));
        check(
            &[archive("a"), archive("b")],
            Some(&folder.path().join("c")),
        )
        .unwrap();
    }

    #[test]
    fn metadata_can_go_to_a_device() {
        let path = Path::new("/dev/null");
        check_metadata(path).unwrap();
        write_metadata(path, b"{}").unwrap();
    }
}
