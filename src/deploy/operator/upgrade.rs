//! What becomes of the state of a job when the operator upgrades it.

use super::{DeployError, Deployment};

/// The first line that has the newer names of the folders.
const NEWER_NAMES: (u16, u16) = (1, 20);
/// The option with the folder for checkpoints, by its newer name and its older one.
pub(super) const CHECKPOINTS: [&str; 2] = ["execution.checkpointing.dir", "state.checkpoints.dir"];
/// The same for savepoints.
pub(super) const SAVEPOINTS: [&str; 2] = [
    "execution.checkpointing.savepoint-dir",
    "state.savepoints.dir",
];

/// How a job is upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It begins anew.
    Stateless {
        /// Whether somebody asked for that.
        was_said: bool,
    },
    /// From its latest checkpoint.
    LastState,
    /// From a savepoint that is made for it.
    Savepoint,
}

impl Mode {
    /// Its name in a `FlinkDeployment`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stateless { .. } => "stateless",
            Self::LastState => "last-state",
            Self::Savepoint => "savepoint",
        }
    }
}

/// The mode that was said, if its folders are there; else the best that there are folders for.
pub(super) fn mode(deployment: &Deployment) -> Result<Mode, DeployError> {
    let mode = match deployment.values.operator.upgrade_mode.as_str() {
        "" => {
            let has_both =
                has_folder(deployment, CHECKPOINTS) && has_folder(deployment, SAVEPOINTS);
            return Ok(if has_both {
                Mode::Savepoint
            } else {
                Mode::Stateless { was_said: false }
            });
        }
        "last-state" => Mode::LastState,
        "savepoint" => Mode::Savepoint,
        _ => Mode::Stateless { was_said: true },
    };
    if !deployment.values.is_job() {
        return Ok(mode);
    }
    let needed: &[_] = match mode {
        Mode::Stateless { .. } => &[],
        Mode::LastState => &[("checkpoints", CHECKPOINTS)],
        Mode::Savepoint => &[("checkpoints", CHECKPOINTS), ("savepoints", SAVEPOINTS)],
    };
    for &(what, names) in needed {
        if !has_folder(deployment, names) {
            let problem = format!(
                "`operator.upgradeMode` is `{}`, and `flink.config` has no folder for {what}",
                mode.name()
            );
            let way_out = format!("say `{}` in `flink.config`", option(deployment, names));
            return Err(deployment.refused("operator.upgradeMode", problem, &way_out));
        }
    }
    Ok(mode)
}

/// Whether one of the options for a folder that the line knows says one.
pub(super) fn has_folder(deployment: &Deployment, names: [&str; 2]) -> bool {
    let is_said = |name| {
        let folder = deployment.options.get(name);
        folder.is_some_and(|folder| !folder.trim().is_empty())
    };
    let [newer, older] = names;
    is_said(older) || deployment.line >= NEWER_NAMES && is_said(newer)
}

/// The name that the line has for the option of a folder.
pub(super) fn option<'a>(deployment: &Deployment, [newer, older]: [&'a str; 2]) -> &'a str {
    if deployment.line >= NEWER_NAMES {
        newer
    } else {
        older
    }
}
