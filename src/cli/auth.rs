//! `flink-img auth check`

use serde_json::{Value, json};

use super::args::{AuthArgs, AuthCheckArgs, AuthCommand, GlobalArgs};
use super::output::Printer;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::oci::Reference;
use crate::registry::{Access, Cause, Challenged, Checked, Error, Origin, Trail};

pub(super) fn run(
    arguments: &AuthArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let AuthCommand::Check(arguments) = &arguments.command;
    let names = std::slice::from_ref(&arguments.name);
    let context = settings::context(global, environment, printer.reporter(), Some(names))?;
    let client = context
        .registries
        .as_ref()
        .expect("it was asked for with a name");
    let access = if arguments.push {
        Access::Push { mount_from: None }
    } else {
        Access::Pull
    };
    let checked = context
        .runtime
        .block_on(client.check_access(&arguments.name, access))?;
    if arguments.json {
        printer.result(&object(arguments, &checked).to_string())?;
    } else {
        for line in lines(arguments, &checked) {
            printer.result(&line)?;
        }
    }
    checked.answer.map(drop).map_err(Failure::from)
}

/// What people read.
fn lines(arguments: &AuthCheckArgs, checked: &Checked) -> Vec<String> {
    let name = &arguments.name;
    let registry = match &checked.host {
        Some(host) if host != name.registry() => {
            format!("`{}`, which is `{host}`", name.registry())
        }
        _ => format!("`{}`", name.registry()),
    };
    let user = checked.user.as_ref();
    let user = user.map_or_else(String::new, |user| format!("user `{user}`, "));
    let mut lines = vec![
        format!("registry: {registry}"),
        format!("credentials: {user}{}", checked.source),
    ];
    // Who did not answer did not ask either.
    let answered = match &checked.answer {
        Ok(_) => true,
        Err(error) => answered(error).0.is_some(),
    };
    if answered || checked.challenge.is_some() {
        let asked = asked_for(checked.challenge.as_ref());
        lines.push(format!("asked for: {asked}"));
    }
    lines.push(match &checked.answer {
        Ok(status) => format!(
            "answer: {status}: {}",
            granted(arguments.push, status.as_u16())
        ),
        Err(error) => format!("answer: {}", error.cause()),
    });
    lines
}

fn asked_for(challenge: Option<&Challenged>) -> String {
    match challenge {
        None => "nothing".to_owned(),
        Some(Challenged::Basic) => "user and password".to_owned(),
        Some(Challenged::OwnToken) => "a token, and got the one that was given".to_owned(),
        Some(Challenged::Token {
            realm,
            service,
            scopes,
        }) => {
            let service = service.as_ref();
            let service =
                service.map_or_else(String::new, |service| format!(", service `{service}`"));
            let scopes: Vec<_> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
            format!("a token of `{realm}`{service}, for {}", scopes.join(" "))
        }
    }
}

fn granted(push: bool, status: u16) -> &'static str {
    match (push, status) {
        (true, _) => "it may be pushed",
        (false, 404) => "let in, and there is no such image",
        (false, _) => "it may be pulled",
    }
}

/// What programs read.
fn object(arguments: &AuthCheckArgs, checked: &Checked) -> Value {
    let (status, reason) = match &checked.answer {
        Ok(status) => (Some(status.as_u16()), None),
        Err(error) => answered(error),
    };
    let name: &Reference = &arguments.name;
    json!({
        "name": name,
        "access": if arguments.push { "push" } else { "pull" },
        "registry": name.registry(),
        "host": checked.host,
        "user": checked.user,
        "source": source(&checked.source),
        "challenge": checked.challenge.as_ref().map(challenge),
        "granted": checked.answer.is_ok(),
        "status": status,
        "reason": reason,
    })
}

/// What the registry or its token service said.
fn answered(error: &Error) -> (Option<u16>, Option<String>) {
    match error.cause() {
        Cause::Refused { status, reason, .. }
        | Cause::NoToken { status, reason, .. }
        | Cause::Status { status, reason, .. } => (Some(status.as_u16()), reason.clone()),
        cause => (None, Some(cause.to_string())),
    }
}

fn source(trail: &Trail) -> Value {
    match trail {
        Trail::Given => json!({"kind": "command"}),
        Trail::Entry { origin, key } => {
            json!({"kind": "entry", "in": place(origin), "key": key})
        }
        Trail::Helper {
            origin,
            helper,
            server,
        } => json!({"kind": "helper", "in": place(origin), "helper": helper, "server": server}),
        Trail::Nothing { looked_in, failed } => {
            let failed = failed
                .iter()
                .map(|(helper, failure)| json!({"helper": helper, "failure": failure.to_string()}));
            json!({
                "kind": "none",
                "lookedIn": looked_in.iter().map(place).collect::<Vec<_>>(),
                "failed": failed.collect::<Vec<_>>(),
            })
        }
    }
}

fn place(origin: &Origin) -> Value {
    match origin {
        Origin::File(path) => json!({"file": path.display().to_string()}),
        Origin::Variable(name) => json!({"variable": name}),
    }
}

fn challenge(challenge: &Challenged) -> Value {
    match challenge {
        Challenged::Basic => json!({"scheme": "basic"}),
        Challenged::OwnToken => json!({"scheme": "bearer"}),
        Challenged::Token {
            realm,
            service,
            scopes,
        } => json!({"scheme": "bearer", "realm": realm, "service": service, "scopes": scopes}),
    }
}
