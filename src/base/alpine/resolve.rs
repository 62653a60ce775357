//! Which packages it takes: what is asked for, and what that depends on, but for what the base has already.
//!
//! Nothing is upgraded: a package of the base stays, and what would need another version of it is refused. Among those
//! that provide a name the choice is that of apk: the highest version under that name, then the highest
//! `provider_priority`, then the repository that was named first; at last, so that there is always one answer, the name.
//! What is provided without a version and without a priority is never chosen by itself. A package comes with what it is
//! asked to come with (`install_if`) as soon as that is there and new.
//!
//! Where a choice leads into a conflict the next one is tried, which apk does not do, up to a limit.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::dependency::Dependency;
use super::index::Index;
use super::record::Record;
use super::version::Version;

mod error;

pub use error::ResolveError;

/// How many choices are taken back before the search is given up.
const RETRIES: usize = 1000;

/// How much is looked at before the search is given up: records that are compared, and what is noted for a way back. All
/// of Alpine's packages together take a small part of it.
const STEPS: u64 = 200_000_000;

/// What was asked for in the place of a package.
const REQUEST: &str = "the request";

/// A package of a repository that has a name.
#[derive(Debug, Clone, Copy)]
struct Provider<'a> {
    /// Its place among the candidates.
    place: usize,
    version: Option<&'a Version>,
}

/// Something that is needed, and who needs it.
#[derive(Debug, Clone, Copy)]
struct Need<'a> {
    dependency: &'a Dependency,
    by: Option<&'a Record>,
}

impl Need<'_> {
    fn by(&self) -> String {
        self.by
            .map_or_else(|| REQUEST.to_owned(), |by| format!("`{}`", by.label()))
    }
}

/// How far the search has come.
#[derive(Debug, Clone, Default)]
struct State<'a> {
    needs: VecDeque<Need<'a>>,
    /// What nobody has by an obvious choice; perhaps something else brings it.
    deferred: Vec<Need<'a>>,
    /// Places of what was chosen.
    chosen: Vec<usize>,
    /// What must not be there.
    conflicts: Vec<Need<'a>>,
}

/// All that there is to choose from.
#[derive(Debug)]
struct Candidates<'a> {
    installed: &'a [Record],
    /// Packages of the repositories; the place of the repository with each.
    records: Vec<(usize, &'a Record)>,
    providers: BTreeMap<&'a str, Vec<Provider<'a>>>,
    /// How many steps are left for the whole of the search.
    left: Cell<u64>,
}

/// The packages that `wanted` takes beside those that are `installed`, by name; `world` must stay true.
///
/// Each is told by the place of its index, and its record.
pub(super) fn resolve<'a>(
    installed: &'a [Record],
    world: &'a [Dependency],
    indexes: &'a [Index],
    wanted: &'a [Dependency],
) -> Result<Vec<(usize, &'a Record)>, ResolveError> {
    resolve_within(STEPS, (installed, world), indexes, wanted)
}

fn resolve_within<'a>(
    steps: u64,
    (installed, world): (&'a [Record], &'a [Dependency]),
    indexes: &'a [Index],
    wanted: &'a [Dependency],
) -> Result<Vec<(usize, &'a Record)>, ResolveError> {
    for dependency in wanted {
        if dependency.is_conflict() {
            return Err(ResolveError::Negative(dependency.to_string()));
        }
        if dependency.tag().is_some() {
            return Err(ResolveError::Tag(dependency.to_string()));
        }
    }
    let candidates = Candidates::new(installed, indexes, steps);
    let need = |dependency, by| Need { dependency, by };
    let of_base = installed
        .iter()
        .flat_map(|record| record.depends.iter().map(move |it| need(it, Some(record))));
    let of_world = world.iter().map(|dependency| need(dependency, None));
    let state = State {
        needs: wanted.iter().map(|it| need(it, None)).collect(),
        conflicts: of_base
            .chain(of_world)
            .filter(|need| need.dependency.is_conflict())
            .collect(),
        ..State::default()
    };
    let mut state = candidates.search(state)?;
    // What did not fit once is not tried again.
    let mut failed = BTreeSet::new();
    while let Some(more) = candidates.triggered(&state, &mut failed)? {
        state = more;
    }
    let mut found: Vec<_> = state
        .chosen
        .iter()
        .map(|place| candidates.records[*place])
        .collect();
    found.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    Ok(found)
}

impl<'a> Candidates<'a> {
    fn new(installed: &'a [Record], indexes: &'a [Index], steps: u64) -> Self {
        let records: Vec<_> = indexes
            .iter()
            .enumerate()
            .flat_map(|(place, index)| index.records.iter().map(move |record| (place, record)))
            .collect();
        let mut providers = BTreeMap::<_, Vec<_>>::new();
        for (place, (_, record)) in records.iter().enumerate() {
            for (name, version) in record.offers() {
                providers
                    .entry(name)
                    .or_default()
                    .push(Provider { place, version });
            }
        }
        Self {
            installed,
            records,
            providers,
            left: Cell::new(steps),
        }
    }

    /// Takes steps from those that are left.
    fn spend(&self, steps: usize) -> Result<(), ResolveError> {
        let left = self.left.get().checked_sub(steps as u64);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(ResolveError::Effort)
    }

    fn record(&self, place: usize) -> &'a Record {
        self.records[place].1
    }

    /// What is there: the packages of the base, and those that were chosen.
    fn present<'s>(&'s self, state: &'s State<'a>) -> impl Iterator<Item = &'a Record> + 's {
        let chosen = state.chosen.iter().map(|place| self.record(*place));
        self.installed.iter().chain(chosen)
    }

    /// Meets all needs, or tells what the most obvious way failed on.
    fn search(&self, mut state: State<'a>) -> Result<State<'a>, ResolveError> {
        let mut first = None;
        let mut branches: VecDeque<(State<'a>, VecDeque<usize>)> = VecDeque::new();
        for _ in 0..=RETRIES {
            let failure = loop {
                let Some(need) = state.needs.pop_front() else {
                    match self.undecided(&state) {
                        None => return Ok(state),
                        Some(error) => break error,
                    }
                };
                self.spend(self.installed.len() + state.chosen.len() + 1)?;
                if self
                    .present(&state)
                    .any(|record| record.satisfies(need.dependency))
                {
                    continue;
                }
                match self.choices(&state, &need) {
                    Ok(choices) if choices.is_empty() => state.deferred.push(need),
                    Ok(mut choices) => {
                        let before = if choices.len() > 1 {
                            Some(self.noted(&state)?)
                        } else {
                            None
                        };
                        let best = choices.pop_front().expect("there is one");
                        if let Some(before) = before {
                            branches.push_back((before, choices));
                            // There are not enough retries to come back further.
                            if branches.len() > RETRIES {
                                branches.pop_front();
                            }
                        }
                        self.choose(&mut state, best);
                    }
                    Err(error) => break error,
                }
            };
            first.get_or_insert(failure);
            let Some((mut before, mut choices)) = branches.pop_back() else {
                break;
            };
            if let Some(next) = choices.pop_front() {
                if !choices.is_empty() {
                    branches.push_back((self.noted(&before)?, choices));
                }
                self.choose(&mut before, next);
            }
            state = before;
        }
        Err(first.expect("the search fails with a reason"))
    }

    /// The state for a way back.
    fn noted(&self, state: &State<'a>) -> Result<State<'a>, ResolveError> {
        let lists = [&state.deferred, &state.conflicts];
        let noted: usize = lists.into_iter().map(Vec::len).sum();
        self.spend(noted + state.needs.len() + state.chosen.len())?;
        Ok(state.clone())
    }

    fn choose(&self, state: &mut State<'a>, place: usize) {
        state.chosen.push(place);
        let record = self.record(place);
        for dependency in &record.depends {
            let by = Some(record);
            let need = Need { dependency, by };
            if dependency.is_conflict() {
                state.conflicts.push(need);
            } else {
                state.needs.push_back(need);
            }
        }
    }

    /// What can meet the need, the best first; nothing if all that can is not to be chosen by itself.
    fn choices(&self, state: &State<'a>, need: &Need<'a>) -> Result<VecDeque<usize>, ResolveError> {
        let name = need.dependency.name();
        let all = self.providers.get(name).map_or(&[][..], Vec::as_slice);
        let mut fitting: Vec<_> = all
            .iter()
            .filter(|provider| {
                let identity = self.record(provider.place).checksum;
                need.dependency.accepts(provider.version, identity)
            })
            .collect();
        let installed = self
            .installed
            .iter()
            .find(|record| record.offers().any(|(offered, _)| offered == name));
        if fitting.is_empty() {
            let (wanted, by) = (need.dependency.to_string(), need.by());
            return Err(match installed {
                Some(installed) => ResolveError::Installed {
                    installed: installed.label(),
                    wanted,
                    by,
                },
                None if all.is_empty() => ResolveError::Missing {
                    name: name.to_owned(),
                    by,
                },
                None => ResolveError::Version {
                    wanted,
                    by,
                    found: self.labels(all.iter()),
                },
            });
        }
        let rival = |provider: &&Provider<'a>| {
            let record = self.record(provider.place);
            self.rival(state, record).map(|rival| (record, rival))
        };
        let mut rivals = Vec::new();
        fitting.retain(|provider| {
            let found = rival(provider);
            let is_free = found.is_none();
            rivals.extend(found);
            is_free
        });
        if fitting.is_empty() {
            let (record, other) = rivals.swap_remove(0);
            return Err(match installed {
                Some(installed) if installed.name == record.name => ResolveError::Installed {
                    installed: installed.label(),
                    wanted: need.dependency.to_string(),
                    by: need.by(),
                },
                _ => ResolveError::Conflict {
                    package: record.label(),
                    by: need.by(),
                    other,
                },
            });
        }
        fitting.retain(|provider| {
            let record = self.record(provider.place);
            record.name == name || provider.version.is_some() || record.provider_priority > 0
        });
        fitting.sort_by(|a, b| self.prefer(a, b));
        let mut seen = BTreeSet::new();
        Ok(fitting
            .into_iter()
            .map(|provider| provider.place)
            .filter(|place| seen.insert(*place))
            .collect())
    }

    /// Which of two providers of a name is the better one.
    fn prefer(&self, a: &Provider<'a>, b: &Provider<'a>) -> Ordering {
        let ((repository_a, a_record), (repository_b, b_record)) =
            (self.records[a.place], self.records[b.place]);
        let newer = |a: &Version, b: &Version| b.compare(a);
        let named = match (a.version, b.version) {
            (Some(a), Some(b)) => newer(a, b),
            _ => Ordering::Equal,
        };
        let own = || {
            if a_record.name == b_record.name {
                newer(&a_record.version, &b_record.version)
            } else {
                Ordering::Equal
            }
        };
        let priority = |record: &Record| Reverse(record.provider_priority);
        named
            .then_with(own)
            .then_with(|| priority(a_record).cmp(&priority(b_record)))
            .then_with(|| repository_a.cmp(&repository_b))
            .then_with(|| a_record.name.cmp(&b_record.name))
    }

    /// What is there already, and cannot be there together with `record`.
    fn rival(&self, state: &State<'a>, record: &'a Record) -> Option<String> {
        // Of a name that has versions, only one can be there.
        let clash = |other: &Record| {
            other.name == record.name
                || record.offers().any(|(name, version)| {
                    let mut theirs = other.offers().filter(|(offered, _)| *offered == name);
                    theirs.any(|(_, other)| version.is_some() || other.is_some())
                })
        };
        let unwanted = |other: &&Record| {
            let mut conflicts = record.depends.iter().filter(|it| it.is_conflict());
            conflicts.any(|it| other.satisfies(it))
        };
        self.present(state)
            .find(|other| clash(other) || unwanted(other))
            .map(Record::label)
            .or_else(|| {
                let mut conflicts = state.conflicts.iter();
                let hit = conflicts.find(|need| record.satisfies(need.dependency))?;
                Some(match hit.by {
                    Some(by) => by.label(),
                    None => format!("{} in /etc/apk/world", hit.dependency),
                })
            })
    }

    /// What is needed and still not there, though nothing more is to come.
    fn undecided(&self, state: &State<'a>) -> Option<ResolveError> {
        let need = state.deferred.iter().find(|need| {
            let mut present = self.present(state);
            !present.any(|record| record.satisfies(need.dependency))
        })?;
        let name = need.dependency.name();
        let all = self.providers.get(name).map_or(&[][..], Vec::as_slice);
        Some(ResolveError::Virtual {
            name: name.to_owned(),
            by: need.by(),
            providers: self.labels(all.iter()),
        })
    }

    /// The state with one more package that comes by itself, if there is one; `failed` are the places of those that did
    /// not fit.
    fn triggered(
        &self,
        state: &State<'a>,
        failed: &mut BTreeSet<usize>,
    ) -> Result<Option<State<'a>>, ResolveError> {
        let conditions = self.records.iter().map(|(_, it)| it.install_if.len());
        self.spend(conditions.sum::<usize>() * (state.chosen.len() + 1))?;
        let is_met = |dependency: &Dependency| {
            let is_there = self
                .present(state)
                .any(|record| record.satisfies(dependency));
            is_there != dependency.is_conflict()
        };
        let is_new = |dependency: &Dependency| {
            let mut chosen = state.chosen.iter().map(|place| self.record(*place));
            chosen.any(|record| record.satisfies(dependency))
        };
        let mut ready: Vec<_> = (0..self.records.len())
            .filter(|place| !failed.contains(place))
            .filter(|place| {
                let conditions = &self.record(*place).install_if;
                conditions.iter().any(is_new) && conditions.iter().all(is_met)
            })
            .map(|place| Provider {
                place,
                version: Some(&self.record(place).version),
            })
            .collect();
        ready.sort_by(|a, b| {
            let name = |provider: &Provider<'a>| &self.record(provider.place).name;
            name(a).cmp(name(b)).then_with(|| self.prefer(a, b))
        });
        for provider in ready {
            self.spend(self.installed.len() + state.chosen.len())?;
            let record = self.record(provider.place);
            if self.rival(state, record).is_some() {
                continue;
            }
            let mut more = self.noted(state)?;
            self.choose(&mut more, provider.place);
            match self.search(more) {
                Ok(more) => return Ok(Some(more)),
                Err(ResolveError::Effort) => return Err(ResolveError::Effort),
                Err(_) => failed.insert(provider.place),
            };
        }
        Ok(None)
    }

    fn labels<'p>(&self, providers: impl Iterator<Item = &'p Provider<'a>>) -> Vec<String>
    where
        'a: 'p,
    {
        let labels: BTreeSet<_> = providers
            .map(|provider| self.record(provider.place).label())
            .collect();
        labels.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
