//! The real Helm: its engine as a library for Python, which is one of the parts, and the program `helm` where there is one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use super::parts;

/// A program in Python that answers each line of JSON with one, and has the modules of the part `helm`.
#[derive(Debug)]
pub struct Python {
    process: Mutex<(Child, ChildStdin, BufReader<ChildStdout>)>,
}

impl Python {
    /// Starts a program of `tests/deploy`.
    pub fn start(program: &str) -> Self {
        let python = parts::folder().join("helm/bin/python");
        assert!(
            python.exists(),
            "{} is missing: run `make parts` first",
            python.display()
        );
        let mut child = Command::new(python)
            .args(["-I", "-B"])
            .arg(root().join("tests/deploy").join(program))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self {
            process: Mutex::new((child, stdin, stdout)),
        }
    }

    /// What it answers, or why it refuses.
    pub fn ask(&self, question: &Value) -> Result<Value, String> {
        let mut process = self.lock();
        let (_, stdin, stdout) = &mut *process;
        writeln!(stdin, "{question}").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        let mut answer: Value = serde_json::from_str(&answer).expect("the program has failed");
        match answer.get_mut("ok") {
            Some(answer) => Ok(answer.take()),
            None => Err(answer["error"].as_str().unwrap().to_owned()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Child, ChildStdin, BufReader<ChildStdout>)> {
        // A test that failed while it asked does not concern the others.
        self.process.lock().unwrap_or_else(|poison| {
            self.process.clear_poison();
            poison.into_inner()
        })
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let (child, ..) = &mut *self.lock();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// What a chart becomes.
#[derive(Debug)]
pub struct Rendered {
    /// The objects, as Kubernetes reads them.
    pub objects: Vec<Value>,
    /// Those that are not installed: the pods of `helm test`.
    pub hooks: Vec<Value>,
    /// What the user is told; only the library shows it.
    pub notes: Option<String>,
}

/// An engine of Helm.
#[derive(Debug)]
pub struct Helm {
    /// Which one, for people.
    pub name: String,
    /// The program `helm`, if it is that.
    program: Option<PathBuf>,
    library: Python,
}

impl Helm {
    /// The library.
    pub fn library() -> Self {
        let library = Python::start("helm.py");
        let version = library.ask(&json!({"job": "version"})).unwrap();
        Self {
            name: format!("the library of Helm {}", version.as_str().unwrap()),
            program: None,
            library,
        }
    }

    /// The library, and the program `helm` if `FLINK_IMG_HELM` names one or it is on the PATH.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::library()];
        let program = std::env::var_os("FLINK_IMG_HELM").map(PathBuf::from);
        let is_named = program.is_some();
        let program = program.unwrap_or_else(|| "helm".into());
        match Command::new(&program).args(["version", "--short"]).output() {
            Ok(output) => {
                let version = String::from_utf8(output.stdout).unwrap();
                all.push(Self {
                    name: format!("{} {}", program.display(), version.trim()),
                    program: Some(program),
                    ..Self::library()
                });
            }
            Err(error) => assert!(!is_named, "FLINK_IMG_HELM cannot be run: {error}"),
        }
        all
    }

    /// Whether it is the library, which is the faster one.
    pub fn is_library(&self) -> bool {
        self.program.is_none()
    }

    /// What `helm lint --strict` complains of.
    pub fn lint(&self, chart: &Path, values: &str) -> Vec<String> {
        if self.program.is_some() {
            let arguments = ["lint", "--strict", path(chart)];
            return match self.run(&arguments, values) {
                Ok(_) => Vec::new(),
                Err(said) => vec![said],
            };
        }
        let job = json!({"job": "lint", "chart": chart, "values": values});
        let complaints = self.library.ask(&job);
        complaints.map_or_else(|error| vec![error], |found| texts(&found))
    }

    /// Renders a chart, as `helm template` does.
    pub fn template(&self, chart: &Path, values: &str, release: &str) -> Result<Rendered, String> {
        let (text, notes) = if self.program.is_some() {
            // Left to itself, an old Helm takes a cluster to be too old.
            let options = ["--namespace=default", "--kube-version=1.25.0"];
            let arguments = ["template", release, path(chart), options[0], options[1]];
            (self.run(&arguments, values)?, None)
        } else {
            let job =
                json!({"job": "template", "chart": chart, "values": values, "release": release});
            let answer = self.library.ask(&job)?;
            let text = |key: &str| answer[key].as_str().unwrap().to_owned();
            (text("text"), Some(text("notes")))
        };
        let is_hook =
            |object: &Value| object["metadata"]["annotations"]["helm.sh/hook"].is_string();
        let (hooks, objects) = self.read(&text).into_iter().partition(is_hook);
        Ok(Rendered {
            objects,
            hooks,
            notes,
        })
    }

    /// Packs a chart into an archive in `folder`.
    pub fn package(&self, chart: &Path, folder: &Path) -> PathBuf {
        if self.program.is_some() {
            let arguments = ["package", path(chart), "--destination", path(folder)];
            let said = self.run(&arguments, "").unwrap();
            return said.rsplit_once(": ").unwrap().1.trim().into();
        }
        let job = json!({"job": "package", "chart": chart, "into": folder});
        self.library.ask(&job).unwrap().as_str().unwrap().into()
    }

    /// The objects in a text, as Helm and kubectl read it.
    pub fn read(&self, text: &str) -> Vec<Value> {
        let read = self.library.ask(&json!({"job": "read", "text": text}));
        list(read.unwrap())
    }

    /// The objects in a text, as PyYAML reads it.
    pub fn read_in_python(&self, text: &str) -> Vec<Value> {
        let read = self
            .library
            .ask(&json!({"job": "read-python", "text": text}));
        list(read.unwrap())
    }

    /// Runs the program; nothing on this machine that Helm keeps for its user matters.
    fn run(&self, arguments: &[&str], values: &str) -> Result<String, String> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("values.yaml");
        std::fs::write(&file, values).unwrap();
        let mut command = Command::new(self.program.as_ref().unwrap());
        command.args(arguments).env("HOME", home.path());
        for variable in ["HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_CACHE_HOME"] {
            command.env(variable, home.path());
        }
        if arguments[0] != "package" {
            command.arg("--values").arg(&file);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr) + &text(&output.stdout))
        }
    }
}

/// The chart of this project.
pub fn chart() -> PathBuf {
    root().join("charts/flink")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("this is no list: {other}"),
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}
