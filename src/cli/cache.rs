//! `flink-img cache info`, `flink-img cache prune` and `flink-img cache verify`

mod verify;

use std::collections::BTreeMap;
use std::time::SystemTime;

use indicatif::HumanBytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::{CacheArgs, CacheCommand, CacheInfoArgs, CachePruneArgs, GlobalArgs};
use super::output::Printer;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::progress::Reporter as _;
use crate::store::{Amount, Holding, Item, Pruned, Pruning, Store};

pub(super) fn run(
    arguments: &CacheArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let context = settings::context(global, environment, printer.reporter(), None)?;
    match &arguments.command {
        CacheCommand::Info(info) => show(info, &context.store, printer),
        CacheCommand::Prune(prune) => clean(prune, &context.store, printer),
        CacheCommand::Verify(verify) => verify::run(verify, &context.store, printer),
    }
}

fn show(arguments: &CacheInfoArgs, store: &Store, printer: &Printer) -> Result<(), Failure> {
    let items = store.contents()?;
    let amounts = by_holding(&items);
    let total = Amount::of(&items);
    if arguments.json {
        let amount = |holding| object(&amounts.get(&holding).copied().unwrap_or_default());
        let facts: BTreeMap<&str, Value> = amounts
            .iter()
            .filter_map(|(holding, amount)| match holding {
                Holding::Fact(kind) => Some((kind.as_str(), object(amount))),
                _ => None,
            })
            .collect();
        let info = json!({
            "path": store.root().display().to_string(),
            "kept": amount(Holding::Kept),
            "blobs": amount(Holding::Blob),
            "releases": amount(Holding::Release),
            "facts": facts,
            "unfinished": amount(Holding::Unfinished),
            "total": object(&total),
        });
        printer.result(&info.to_string())?;
        return Ok(());
    }
    let mut rows = vec![["", "number", "bytes", "oldest use", "last use"].map(str::to_owned)];
    rows.extend(
        amounts
            .iter()
            .map(|(holding, amount)| row(&title(holding), amount)),
    );
    rows.push(row("all", &total));
    printer.result(&store.root().display().to_string())?;
    for line in table(&rows) {
        printer.result(&line)?;
    }
    Ok(())
}

fn clean(arguments: &CachePruneArgs, store: &Store, printer: &Printer) -> Result<(), Failure> {
    let pruned = store.prune(&Pruning {
        now: settings::now(),
        older_than: arguments.older_than,
        max_size: arguments.max_size,
        dry_run: arguments.dry_run,
    })?;
    for path in pruned.removed.iter().flat_map(|item| &item.paths) {
        printer.detail(&format!("- {}", path.display()));
    }
    if !pruned.alone {
        printer.warn(
            "the cache cannot be locked on this file system, so what was used within a day stays",
        );
    }
    if let Some(limit) = arguments.max_size
        && pruned.kept.bytes > limit
    {
        printer.warn(&format!(
            "the images that were kept need {}, which is more than {}; they stay",
            HumanBytes(pruned.kept.bytes),
            HumanBytes(limit)
        ));
    }
    if arguments.json {
        printer.result(&pruned_object(&pruned, arguments.dry_run).to_string())?;
    } else {
        printer.result(&sentence(&pruned, arguments.dry_run))?;
    }
    Ok(())
}

/// How much there is of what; facts by their kind.
fn by_holding(items: &[Item]) -> BTreeMap<Holding, Amount> {
    let mut items_of: BTreeMap<Holding, Vec<&Item>> = BTreeMap::new();
    for item in items {
        items_of.entry(item.holding.clone()).or_default().push(item);
    }
    items_of
        .into_iter()
        .map(|(holding, items)| (holding, Amount::of(items)))
        .collect()
}

fn title(holding: &Holding) -> String {
    match holding {
        Holding::Kept => "blobs of kept images".to_owned(),
        Holding::Blob => "other blobs".to_owned(),
        Holding::Release => "releases".to_owned(),
        Holding::Fact(kind) => format!("facts: {kind}"),
        Holding::Unfinished => "unfinished work".to_owned(),
    }
}

fn row(title: &str, amount: &Amount) -> [String; 5] {
    let time = |time: Option<SystemTime>| {
        let time = time.and_then(timestamp);
        time.map_or_else(String::new, |time| {
            time.strftime("%Y-%m-%d %H:%MZ").to_string()
        })
    };
    [
        title.to_owned(),
        amount.count.to_string(),
        HumanBytes(amount.bytes).to_string(),
        time(amount.used.map(|(first, _)| first)),
        time(amount.used.map(|(_, last)| last)),
    ]
}

/// The rows as lines, in columns: the titles to the left, the rest to the right.
fn table(rows: &[[String; 5]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..5).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<_> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

fn object(amount: &Amount) -> Value {
    let time = |time: Option<SystemTime>| {
        let seconds = time.and_then(timestamp)?.as_second();
        Some(Timestamp::from_second(seconds).ok()?.to_string())
    };
    json!({
        "count": amount.count,
        "bytes": amount.bytes,
        "oldestUse": time(amount.used.map(|(first, _)| first)),
        "lastUse": time(amount.used.map(|(_, last)| last)),
    })
}

/// What went, without the kinds of facts.
fn counts(removed: &[Item]) -> [(&'static str, Amount); 4] {
    let amount = |wanted: fn(&Holding) -> bool| {
        Amount::of(removed.iter().filter(|item| wanted(&item.holding)))
    };
    [
        ("blob", amount(|holding| *holding == Holding::Blob)),
        ("release", amount(|holding| *holding == Holding::Release)),
        (
            "fact",
            amount(|holding| matches!(holding, Holding::Fact(_))),
        ),
        (
            "unfinished file",
            amount(|holding| *holding == Holding::Unfinished),
        ),
    ]
}

/// `1 blob`, `2 blobs`
fn counted(count: u64, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

fn sentence(pruned: &Pruned, dry_run: bool) -> String {
    let verb = if dry_run { "Would free" } else { "Freed" };
    let freed = HumanBytes(Amount::of(&pruned.removed).bytes);
    let counts: Vec<_> = counts(&pruned.removed)
        .into_iter()
        .filter(|(_, amount)| amount.count > 0)
        .map(|(name, Amount { count, .. })| counted(count, name))
        .collect();
    let what = if counts.is_empty() {
        "there was nothing to remove".to_owned()
    } else {
        counts.join(", ")
    };
    let left = HumanBytes(pruned.left.bytes);
    format!("{verb} {freed}: {what}; {left} left")
}

fn pruned_object(pruned: &Pruned, dry_run: bool) -> Value {
    let [blobs, releases, facts, unfinished] =
        counts(&pruned.removed).map(|(_, amount)| object(&amount));
    json!({
        "dryRun": dry_run,
        "freed": Amount::of(&pruned.removed).bytes,
        "left": pruned.left.bytes,
        "kept": pruned.kept.bytes,
        "removed": {
            "blobs": blobs,
            "releases": releases,
            "facts": facts,
            "unfinished": unfinished,
        },
    })
}
