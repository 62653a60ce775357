//! `flink-img cache verify`

use indicatif::HumanBytes;
use serde_json::{Value, json};

use super::{counted, object};
use crate::cli::args::CacheVerifyArgs;
use crate::cli::output::Printer;
use crate::cli::report::Failure;
use crate::cli::settings;
use crate::progress::Reporter as _;
use crate::store::{Finding, Store, StoreError, Verified};

pub(super) fn run(
    arguments: &CacheVerifyArgs,
    store: &Store,
    printer: &Printer,
) -> Result<(), Failure> {
    let reporter = printer.reporter();
    let verified = if arguments.repair {
        store.repair(settings::now(), &*reporter)?
    } else {
        store.verify(&*reporter)?
    };
    if !verified.alone {
        printer.warn(
            "the cache cannot be locked on this file system, so what was changed within a day stays",
        );
    }
    if arguments.json {
        let object = as_object(&verified, store);
        printer.result(&object.to_string())?;
    } else {
        for finding in &verified.findings {
            printer.result(&line(finding))?;
        }
        printer.result(&summary(&verified))?;
    }
    let (faults, mended) = verified.faults();
    if faults > mended {
        return Err(StoreError::Unsound {
            path: store.root().to_owned(),
            count: faults - mended,
            mended: arguments.repair,
        }
        .into());
    }
    Ok(())
}

/// The sentence, behind what it is: a fault, one that was mended, or nothing bad.
fn line(finding: &Finding) -> String {
    let kind = match (finding.is_fault(), finding.mended) {
        (true, true) => "mended",
        (true, false) => "fault",
        (false, _) => "note",
    };
    format!("{kind}: {finding}")
}

fn summary(verified: &Verified) -> String {
    let Verified {
        blobs,
        releases,
        facts,
        unfinished,
        ..
    } = verified;
    let bytes = HumanBytes(blobs.bytes + releases.bytes + facts.bytes);
    let read = [
        counted(verified.images as u64, "image"),
        counted(blobs.count, "blob"),
        counted(releases.count, "release"),
        counted(facts.count, "fact"),
    ]
    .join(", ");
    let (faults, mended) = verified.faults();
    let found = match (faults, mended) {
        (0, _) => "nothing is wrong".to_owned(),
        (faults, 0) => counted(faults as u64, "fault"),
        (faults, mended) => format!("{}, {mended} mended", counted(faults as u64, "fault")),
    };
    let left = match unfinished.count {
        0 => String::new(),
        count => format!(
            "; {}, {}",
            counted(count, "unfinished file"),
            HumanBytes(unfinished.bytes)
        ),
    };
    format!("Read {bytes}: {read}; {found}{left}")
}

fn as_object(verified: &Verified, store: &Store) -> Value {
    let findings: Vec<Value> = verified
        .findings
        .iter()
        .map(|finding| {
            json!({
                "what": finding.trouble.word(),
                "path": finding.path.display().to_string(),
                "message": finding.to_string(),
                "fault": finding.is_fault(),
                "mended": finding.mended,
            })
        })
        .collect();
    let (faults, mended) = verified.faults();
    json!({
        "path": store.root().display().to_string(),
        "images": verified.images,
        "blobs": object(&verified.blobs),
        "releases": object(&verified.releases),
        "facts": object(&verified.facts),
        "unfinished": object(&verified.unfinished),
        "faults": faults,
        "mended": mended,
        "findings": findings,
    })
}
