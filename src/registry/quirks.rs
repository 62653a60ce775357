//! What single registries do in their own way, each with where that is written. Everything else that registries differ in
//! is found out while talking to them; this table only saves the detour, or the failure that would teach it.

/// 2^20 bytes.
const MIB: u64 = 1024 * 1024;

/// How a registry takes the bytes of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Either way; a whole blob in one request is tried first.
    Any,
    /// In one request only.
    Whole,
    /// In chunks of so many bytes, if it has more.
    Chunks(u64),
}

/// Which registries a row is about. Hosts are compared label by label, never by the end of their text.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// By host: `*` stands for one label, and for the beginning of one when a text follows it.
    Host(&'static [&'static str]),
    /// By the `service` of its token challenge: software that runs under any host.
    Service(&'static str),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quirks {
    /// What people call it.
    pub(super) name: &'static str,
    known: Known,
    /// How it takes blobs.
    pub(super) form: Form,
    /// Whether it can say where an upload that broke stands, and whether that is true.
    pub(super) resumes: bool,
    /// Whether an upload that is not needed can be cancelled.
    pub(super) cancels: bool,
    /// Whether a `Basic` challenge for a request that brought a token means no more than that the token did not do.
    pub(super) keeps_tokens: bool,
    /// How to make a repository that is not there.
    pub(super) missing: &'static str,
    /// Where all this is written.
    pub(super) sources: &'static [&'static str],
}

/// A registry of which nothing special is known.
pub(super) const PLAIN: Quirks = Quirks {
    name: "any other",
    known: Known::Host(&[]),
    form: Form::Any,
    resumes: true,
    cancels: true,
    keeps_tokens: false,
    missing: "if this registry does not do so by itself",
    sources: &[],
};

const TABLE: [Quirks; 6] = [
    Quirks {
        name: "Amazon ECR",
        known: Known::Host(&["*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com.cn"]),
        // The `Range` of an upload stays at the end of its first chunk, while all chunks are kept.
        resumes: false,
        missing: "as with `aws ecr create-repository`: a push to Amazon ECR does not do so by itself",
        sources: &["https://github.com/aws/containers-roadmap/issues/2831"],
        ..PLAIN
    },
    Quirks {
        name: "GitHub",
        known: Known::Host(&["ghcr.io"]),
        // A chunk of more than 4 MiB is refused as a range that does not fit, and of several chunks the last one wins.
        form: Form::Whole,
        resumes: false,
        missing: "or give the token the right to write packages: GitHub makes one with the first push",
        sources: &[
            "https://github.com/ocx-sh/ocx/pull/237",
            "https://github.com/clowdhaus/ocync/blob/main/docs/src/content/design/engine.md",
        ],
        ..PLAIN
    },
    Quirks {
        name: "Google Artifact Registry",
        known: Known::Host(&["*-docker.pkg.dev", "gcr.io", "*.gcr.io"]),
        form: Form::Whole,
        resumes: false,
        missing: "as with `gcloud artifacts repositories create`: a push does not do so by itself",
        sources: &[
            "https://cloud.google.com/artifact-registry/docs/reference/docker-api",
            "https://github.com/dotnet/sdk-container-builds/pull/287",
        ],
        ..PLAIN
    },
    Quirks {
        name: "Azure Container Registry",
        known: Known::Host(&["*.azurecr.io", "*.azurecr.cn", "*.azurecr.us"]),
        // A large body makes the service close the connection; an upload that broke is gone.
        form: Form::Chunks(16 * MIB),
        resumes: false,
        sources: &[
            "https://github.com/Azure/azure-sdk-for-net/pull/32059",
            "https://github.com/Azure/azure-sdk-for-python/issues/29738",
        ],
        ..PLAIN
    },
    Quirks {
        name: "Quay",
        known: Known::Host(&["quay.io"]),
        // Cancelling takes the right to delete, which its token service gives to nobody.
        cancels: false,
        sources: &["https://github.com/containers/image/blob/main/docker/docker_image_dest.go"],
        ..PLAIN
    },
    Quirks {
        name: "Harbor",
        known: Known::Service("harbor-registry"),
        keeps_tokens: true,
        missing: "or rather its project, the first part of the name: Harbor makes repositories by itself, and no projects",
        sources: &[
            "https://github.com/goharbor/harbor/issues/19588",
            "https://github.com/goharbor/harbor/issues/966",
        ],
        ..PLAIN
    },
];

/// What is special about the registry at `host`, whose token service calls it `service`.
pub(super) fn of(host: &str, service: Option<&str>) -> &'static Quirks {
    let found = TABLE.iter().find(|row| match row.known {
        Known::Host(patterns) => patterns.iter().any(|pattern| matches(pattern, host)),
        Known::Service(known) => service == Some(known),
    });
    let quirks = found.unwrap_or(&PLAIN);
    if !quirks.sources.is_empty() {
        tracing::debug!(host, registry = quirks.name, sources = ?quirks.sources, "knows its ways");
    }
    quirks
}

/// Compares label by label. The name of a host says where it belongs only as a whole.
fn matches(pattern: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let (mut wanted, mut labels) = (pattern.split('.'), host.split('.'));
    loop {
        match (wanted.next(), labels.next()) {
            (None, None) => return true,
            (Some(wanted), Some(label)) => {
                let fits = match wanted.strip_prefix('*') {
                    Some(end) => label.len() > end.len() && label.ends_with(end),
                    None => label == wanted,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_as_a_whole() {
        for (host, expected) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "Amazon ECR"),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "Amazon ECR",
            ),
            ("GHCR.io", "GitHub"),
            ("europe-west4-docker.pkg.dev", "Google Artifact Registry"),
            ("eu.gcr.io", "Google Artifact Registry"),
            ("acme.azurecr.io", "Azure Container Registry"),
            ("quay.io", "Quay"),
            ("docker.io", "any other"),
            // Look-alikes (kaniko fork #1004).
            ("evilghcr.io", "any other"),
            ("ghcr.io.evil.test", "any other"),
            ("azurecr.io", "any other"),
            ("acme.azurecr.io.evil.test", "any other"),
            ("acme.evilazurecr.io", "any other"),
            ("a.b.azurecr.io", "any other"),
            ("-docker.pkg.dev", "any other"),
            ("ghcr.io:444", "any other"),
            ("", "any other"),
        ] {
            assert_eq!(of(host, None).name, expected, "{host}");
        }
        assert_eq!(of("registry.corp", Some("harbor-registry")).name, "Harbor");
        assert_eq!(of("quay.io", Some("harbor-registry")).name, "Quay");
    }

    #[test]
    fn every_row_says_where_it_is_from_and_changes_something() {
        for row in &TABLE {
            assert!(!row.sources.is_empty(), "{}", row.name);
            assert!(
                row.sources
                    .iter()
                    .all(|source| source.starts_with("https://"))
            );
            let same = row.form == PLAIN.form
                && row.resumes == PLAIN.resumes
                && row.cancels == PLAIN.cancels
                && row.keeps_tokens == PLAIN.keeps_tokens
                && row.missing == PLAIN.missing;
            assert!(!same, "{}", row.name);
        }
    }
}
