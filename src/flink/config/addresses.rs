//! Opens the default configuration for a container, without a JVM and without touching anything else in it.
//!
//! From 1.15 on the configuration of a distribution binds everything to `localhost` (FLINK-24474). In a
//! container nobody could reach it then. The official images rewrite four keys at build time with Flink's own
//! tool, a Java program that drops the comments; here it is a line editor that keeps every other byte.
//!
//! It reads the two forms that Flink does: flat keys (`rest.address: localhost`) and nested mappings, with
//! dotted keys at any depth. What it does not recognise as one of its keys with exactly the value `localhost`
//! it leaves alone. In every default configuration the mapping of `taskmanager.host` has other entries, so that
//! removing the line never leaves it empty.

/// Keys whose value `localhost` becomes [`ANY`].
const OPENED: [&str; 4] = [
    "rest.address",
    "rest.bind-address",
    "jobmanager.bind-host",
    "taskmanager.bind-host",
];

/// With the value `localhost`, every task manager would tell the others to look for it in their own container.
const REMOVED: &str = "taskmanager.host";

/// All interfaces.
const ANY: &str = "0.0.0.0";

/// Opens the bind addresses in the text of `config.yaml` or `flink-conf.yaml`.
///
/// ```
/// use flink_img::flink::open_addresses;
///
/// let text = "jobmanager:\n  bind-host: localhost # here\n  rpc:\n    address: localhost\n";
/// assert_eq!(
///     open_addresses(text),
///     "jobmanager:\n  bind-host: 0.0.0.0 # here\n  rpc:\n    address: localhost\n"
/// );
/// ```
pub fn open_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    // The mappings that the current line is in: how far each is indented, and its full key.
    let mut open: Vec<(usize, String)> = Vec::new();
    // Below a block scalar (`key: |`) all that is indented further is text.
    let mut scalar: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let trimmed = body.trim_start_matches(' ');
        let indent = body.len() - trimmed.len();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            out.push_str(line);
            continue;
        }
        if scalar.is_some_and(|limit| indent > limit) {
            out.push_str(line);
            continue;
        }
        scalar = None;
        while open.last().is_some_and(|(outer, _)| *outer >= indent) {
            open.pop();
        }
        let Some((key, value)) = key_and_value(trimmed) else {
            out.push_str(line);
            continue;
        };
        let full = match open.last() {
            Some((_, outer)) => format!("{outer}.{key}"),
            None => key.to_owned(),
        };
        let word = plain(value);
        if word.is_empty() {
            open.push((indent, full));
        } else if word.starts_with(['|', '>']) {
            scalar = Some(indent);
        } else if unquoted(word) == "localhost" {
            if full == REMOVED {
                continue;
            }
            if OPENED.contains(&full.as_str()) {
                let start = body.len() - value.len() + value.find("localhost").unwrap_or(0);
                out.push_str(&line[..start]);
                out.push_str(ANY);
                out.push_str(&line[start + "localhost".len()..]);
                continue;
            }
        }
        out.push_str(line);
    }
    out
}

/// Splits `key: value`; the key may be quoted. Anything else (a list item, a flow mapping) is none of ours.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    if line.starts_with(['-', '{', '[', '&', '*', '!', '%', '?', '|', '>', '@', '`']) {
        return None;
    }
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (key, rest) = line[1..].split_once(quote)?;
        let value = rest.trim_start().strip_prefix(':')?;
        return (value.is_empty() || value.starts_with([' ', '\t'])).then_some((key, value));
    }
    let colon = line
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| line[at + 1..].is_empty() || line[at + 1..].starts_with([' ', '\t']))?;
    Some((line[..colon].trim_end(), &line[colon + 1..]))
}

/// The value without the comment and blanks around it.
fn plain(value: &str) -> &str {
    let value = value.trim();
    if value.starts_with('#') {
        return "";
    }
    let comment = value
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| value[..*at].ends_with([' ', '\t']));
    comment.map_or(value, |at| value[..at].trim_end())
}

fn unquoted(word: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of the file in 1.19 and later.
    const NESTED: &str = "\
# bind-host: localhost
env:
  java:
    opts:
      all: --add-exports=java.base/sun.net.util=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED

jobmanager:
  # To enable this, set the bind-host address, such as 0.0.0.0.
  bind-host: localhost
  rpc:
    address: localhost
    port: 6123
  memory:
    process:
      size: 1600m

taskmanager:
  bind-host: localhost
  # other TaskManagers.
  host: localhost
  numberOfTaskSlots: 1

rest:
  address: localhost
  # bind-address: localhost
";

    #[test]
    fn the_nested_default_is_opened_and_nothing_else_changes() {
        let opened = open_addresses(NESTED);
        let expected = NESTED
            .replace("\n  bind-host: localhost", "\n  bind-host: 0.0.0.0")
            .replace("rest:\n  address: localhost", "rest:\n  address: 0.0.0.0")
            .replace("  host: localhost\n", "");
        assert_eq!(opened, expected);
        assert_eq!(open_addresses(&opened), opened);
    }

    #[test]
    fn the_flat_default_is_opened() {
        let flat = "\
jobmanager.rpc.address: localhost
jobmanager.bind-host: localhost
taskmanager.bind-host: localhost
taskmanager.host: localhost
#rest.port: 8081
rest.address: localhost
rest.bind-address: localhost";
        let expected = "\
jobmanager.rpc.address: localhost
jobmanager.bind-host: 0.0.0.0
taskmanager.bind-host: 0.0.0.0
#rest.port: 8081
rest.address: 0.0.0.0
rest.bind-address: 0.0.0.0";
        assert_eq!(open_addresses(flat), expected);
    }

    #[test]
    fn spellings_of_yaml() {
        for (before, after) in [
            // Line ends, quotes, comments, blanks.
            ("rest.address: localhost\r\n", "rest.address: 0.0.0.0\r\n"),
            (
                "rest.address: \"localhost\"\n",
                "rest.address: \"0.0.0.0\"\n",
            ),
            (
                "rest.address:   'localhost'  # c\n",
                "rest.address:   '0.0.0.0'  # c\n",
            ),
            (
                "\"rest.address\": localhost\n",
                "\"rest.address\": 0.0.0.0\n",
            ),
            ("rest.address : localhost\n", "rest.address : 0.0.0.0\n"),
            // Half nested, half dotted; a comment behind the outer key.
            (
                "rest: # web\n    bind-address: localhost",
                "rest: # web\n    bind-address: 0.0.0.0",
            ),
            (
                "taskmanager:\n  host: localhost\n  x: 1\n",
                "taskmanager:\n  x: 1\n",
            ),
        ] {
            assert_eq!(open_addresses(before), after, "{before}");
        }
    }

    #[test]
    fn what_is_not_exactly_ours_stays() {
        for text in [
            "",
            "\n",
            "rest.address: localhost.example.org\n",
            "rest.address: 10.0.0.1\n",
            "rest.addresses: localhost\n",
            "x.rest.address: localhost\n",
            "outer:\n  rest:\n    address: localhost\n",
            "taskmanager.host: node-1\n",
            "jobmanager.rpc.address: localhost\njobmanager.rpc.port: 6123\n",
            "#rest.address: localhost\n",
            "note: |\n  rest.address: localhost\n  taskmanager.host: localhost\n",
            "list:\n  - rest.address: localhost\n",
            "{rest.address: localhost}\n",
            "rest.address:localhost\n",
            "a: http://localhost:8081\n",
        ] {
            assert_eq!(open_addresses(text), text);
        }
    }
}
