//! Processors, which the operator wants as numbers, and of which Flink derives requests and limits.

use serde_json::{Map, Value};

use super::super::json::word;
use super::super::options::Role;
use super::{DeployError, Deployment};

/// The processors of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cpu {
    /// In thousandths, as all texts that Kubernetes keeps are whole in them.
    request: u64,
    limit: u64,
}

impl Cpu {
    /// What a role is given: `cpu`, and what `resources` says over it. Flink sets a limit whatever is said.
    pub(super) fn of(deployment: &Deployment, role: Role) -> Result<Self, DeployError> {
        let (cpu, resources) = resources(deployment, role);
        let role = values_key(role);
        let own = |kind: &str| {
            let own = resources.get(kind).and_then(|map| map.get("cpu"));
            own.filter(|value| *value != "")
        };
        let of = |kind: &str| {
            let own = own(kind);
            let text = word(own.unwrap_or(cpu));
            thousandths(&text).ok_or_else(|| {
                let key = match own {
                    Some(_) => format!("{role}.resources.{kind}.cpu"),
                    None => format!("{role}.cpu"),
                };
                let problem = format!("`{key}` is `{text}`, and must be a number of processors");
                deployment.refused(&key, problem, "write it as `2`, `0.5` or `500m`")
            })
        };
        let (request, limit) = (of("requests")?, of("limits")?);
        if limit < request {
            // One of them was said, or both would be `cpu`.
            let kind = own("limits").map_or("requests", |_| "limits");
            let key = format!("{role}.resources.{kind}.cpu");
            let problem = format!(
                "`{role}` is given more processors, {request}m, than it is limited to, {limit}m"
            );
            return Err(deployment.refused(
                &key,
                problem,
                &format!("mend `{key}` or `{role}.cpu`"),
            ));
        }
        Ok(Self { request, limit })
    }

    /// What is asked for, as a number that is whole where it can be.
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody has so many processors that a thousandth is lost"
    )]
    pub(super) fn amount(self) -> Value {
        match self.request % 1000 {
            0 => Value::from(self.request / 1000),
            _ => Value::from(self.request as f64 / 1000.0),
        }
    }

    /// What Flink multiplies it with for the limit, unless they are equal.
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody has so many processors that a thousandth is lost"
    )]
    pub(super) fn limit_factor(self) -> Option<String> {
        let factor = self.limit as f64 / self.request as f64;
        (self.limit != self.request).then(|| factor.to_string())
    }
}

/// The section of the values that is about a role.
fn values_key(role: Role) -> &'static str {
    match role {
        Role::JobManager => "jobManager",
        Role::TaskManager => "taskManager",
    }
}

/// The key of a limit that somebody wants to be away, and the option for it.
pub(super) fn unlimited(deployment: &Deployment, role: Role) -> Option<(String, String)> {
    let (_, resources) = resources(deployment, role);
    let limit = resources.get("limits").and_then(|map| map.get("cpu"))?;
    (limit == "").then(|| {
        let key = format!("{}.resources.limits.cpu", values_key(role));
        (key, limit_factor(role))
    })
}

/// The option for what Flink multiplies the processors of a role with for their limit.
pub(super) fn limit_factor(role: Role) -> String {
    format!("kubernetes.{}.cpu.limit-factor", role.name())
}

/// What the values say of the processors of a role, and of all its resources.
pub(super) fn resources(deployment: &Deployment, role: Role) -> (&Value, &Map<String, Value>) {
    let values = &deployment.values;
    match role {
        Role::JobManager => (&values.job_manager.cpu, &values.job_manager.resources),
        Role::TaskManager => (&values.task_manager.cpu, &values.task_manager.resources),
    }
}

/// A number of processors as Kubernetes reads it, in thousandths.
fn thousandths(text: &str) -> Option<u64> {
    if let Some(number) = text.strip_suffix('m') {
        return number.parse().ok().filter(|&number| number > 0);
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let part = part.trim_end_matches('0');
    if !is_number(whole) || !is_number(part) || part.len() > 3 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    let all = whole.checked_mul(1000)?.checked_add(part)?;
    (all > 0).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_read_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("1", Some(1000)),
            ("2.0", Some(2000)),
            ("0.5", Some(500)),
            ("0.125", Some(125)),
            ("1.50", Some(1500)),
            ("500m", Some(500)),
            ("1500m", Some(1500)),
            ("0", None),
            ("0m", None),
            ("0.0001", None),
            ("1k", None),
            ("-1", None),
            ("1e3", None),
            ("", None),
            (".", None),
            ("m", None),
        ] {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }

    #[test]
    fn a_limit_is_a_factor_of_the_request() {
        let cpu = |request, limit| Cpu { request, limit };
        assert_eq!(cpu(1000, 1000).limit_factor(), None);
        assert_eq!(cpu(250, 500).limit_factor().as_deref(), Some("2"));
        assert_eq!(cpu(1000, 1500).limit_factor().as_deref(), Some("1.5"));
        assert_eq!(cpu(1500, 1500).amount().to_string(), "1.5");
        assert_eq!(cpu(2000, 2000).amount().to_string(), "2");
    }
}
