//! The chart in the hands of the real Helm.
#![allow(
    clippy::print_stderr,
    reason = "which engines there are is worth telling"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::LazyLock;
use std::thread;

use serde_json::Value;

use crate::scene::configs;
use crate::support::helm::{Helm, Rendered, chart};

/// The engines that there are.
pub(crate) static ENGINES: LazyLock<Vec<Helm>> = LazyLock::new(|| {
    let engines = Helm::all();
    for engine in &engines {
        eprintln!("engine: {}", engine.name);
    }
    engines
});

/// An image, and nothing else.
pub(crate) const IMAGE: &str = "image: {repository: registry.example.com/team/job, tag: '1.0'}\n";

pub(crate) fn template(engine: &Helm, values: &str) -> Rendered {
    let rendered = engine.template(&chart(), values, "release");
    rendered.unwrap_or_else(|error| panic!("{}: {error}\n{values}", engine.name))
}

/// The only object of a kind whose name begins so.
pub(crate) fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .filter(|object| {
            object["metadata"]["name"]
                .as_str()
                .unwrap()
                .starts_with(name)
        })
        .collect();
    assert_eq!(found.len(), 1, "{kind} {name}: {found:#?}");
    found[0]
}

#[test]
fn helm_has_nothing_to_complain_of() {
    for engine in &*ENGINES {
        for (name, values) in [(String::new(), String::new())]
            .into_iter()
            .chain(configs())
        {
            let complaints = engine.lint(&chart(), &values);
            assert!(
                complaints.is_empty(),
                "{}: {name}: {complaints:#?}",
                engine.name
            );
        }
    }
}

#[test]
fn another_pod_is_another_job_and_the_services_follow() {
    let job = |engine: &Helm, values: &str| {
        let objects = template(engine, &format!("{IMAGE}{values}")).objects;
        let job = object(&objects, "Job", "release-jobmanager-");
        let revision = &job["spec"]["template"]["metadata"]["labels"]["flink-img/revision"];
        for name in ["release-jobmanager", "release-ui"] {
            let service = object(&objects, "Service", name);
            assert_eq!(&service["spec"]["selector"]["flink-img/revision"], revision);
        }
        let name = job["metadata"]["name"].as_str().unwrap();
        assert_eq!(
            name,
            format!("release-jobmanager-{}", revision.as_str().unwrap())
        );
        name.to_owned()
    };
    for engine in &*ENGINES {
        let first = job(engine, "");
        for same in [
            "ui: {nodePort: 30082}",
            "taskManager: {memory: 2048}",
            "job: {backoffLimit: 1}",
        ] {
            assert_eq!(job(engine, same), first, "{same}");
        }
        for other in [
            "job: {args: [x]}",
            "flink: {config: {a: b}}",
            "flink: {files: {masters: ''}}",
            "pod: {annotations: {a: b}}",
            "pod: {labels: {a: b}}",
            "jobManager: {labels: {a: b}}",
            "jobManager: {memory: 2048}",
        ] {
            assert_ne!(job(engine, other), first, "{other}");
        }
    }
}

#[test]
fn numbers_are_told_as_they_were_written() {
    let values = "{job: {args: [1000000, 0.5, 1e3, 12345678901]}, flink: {config: {a.size: 1073741824}}, \
                   jobManager: {memory: 1048576}, image: {repository: a.example.com/b, tag: '1'}}";
    for engine in &*ENGINES {
        let objects = template(engine, values).objects;
        let job = object(&objects, "Job", "release");
        let container = &job["spec"]["template"]["spec"]["containers"][0];
        let words: Vec<_> = container["args"].as_array().unwrap().iter().collect();
        let place = words.iter().position(|word| *word == "--").unwrap();
        assert_eq!(
            words[place + 1..],
            ["1000000", "0.5", "1000", "12345678901"]
        );
        assert!(words.contains(&&Value::from("-Da.size=1073741824")));
        assert!(words.contains(&&Value::from("-Djobmanager.memory.process.size=1048576m")));
        assert_eq!(container["resources"]["limits"]["memory"], "1048576Mi");
    }
}

#[test]
fn the_archive_has_the_whole_chart_and_nothing_else() {
    for engine in &*ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let archive = engine.package(&chart(), folder.path());
        let name = archive.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "flink-0.1.0.tgz");
        let listed = Command::new("tar").arg("-tzf").arg(&archive).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        let mut listed: Vec<_> = listed.lines().map(str::to_owned).collect();
        listed.sort();
        let listing = Command::new("find")
            .args([".", "-type", "f", "-printf", "flink/%P\n"])
            .current_dir(chart())
            .output();
        let listing = String::from_utf8(listing.unwrap().stdout).unwrap();
        let mut files: Vec<_> = listing.lines().map(str::to_owned).collect();
        files.sort();
        assert_eq!(listed, files, "{}", engine.name);
        let rendered = engine.template(&archive, IMAGE, "release").unwrap();
        assert_eq!(rendered.objects, template(engine, IMAGE).objects);
    }
}

#[test]
fn the_chart_says_where_it_is_from() {
    let text = std::fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let about = ENGINES[0].read(&text).remove(0);
    assert_eq!(about["home"], env!("CARGO_PKG_REPOSITORY"));
    assert_eq!(about["apiVersion"], "v2");
    assert_eq!(about["type"], "application");
    assert_eq!(about["kubeVersion"], ">=1.25.0-0");
}

#[test]
fn notes_have_the_commands_that_come_next() {
    let engine = &ENGINES[0];
    let notes = |values: &str| template(engine, &format!("{IMAGE}{values}")).notes.unwrap();

    let job = notes("");
    let objects = template(engine, IMAGE).objects;
    let name = &object(&objects, "Job", "release")["metadata"]["name"];
    let wait = format!(
        "  kubectl wait --namespace default --for=condition=complete --timeout=-1s job/{}\n  \
         helm uninstall release --namespace default\n",
        name.as_str().unwrap()
    );
    assert!(job.contains(&wait), "{job}");
    assert!(job.contains("set image.digest"), "{job}");

    let session = notes("flink.type: session\nui: {port: 80}");
    assert!(
        session.contains("port-forward --namespace default service/release-ui 8081:80\n"),
        "{session}"
    );
    assert!(session.contains("flink run -m localhost:8081"), "{session}");
    assert!(!session.contains("helm uninstall"), "{session}");

    assert!(!session.contains("high availability"), "{session}");

    let high = notes("highAvailability: {enabled: true, storageDir: s3://bucket/ha}\nname: high");
    let forget = "--namespace default --selector app=high,configmap-type=high-availability\n";
    assert!(high.contains(forget), "{high}");

    let hidden = notes("flink.type: session\nui: {type: None}");
    assert!(
        hidden.contains("service/release-jobmanager 8081:8081\n"),
        "{hidden}"
    );
}

#[test]
fn the_test_pod_ends_once_the_port_answers() {
    for engine in &*ENGINES {
        let places =
            "pod: {nodeSelector: {disk: ssd}, tolerations: [{key: flink, operator: Exists}]}";
        let hooks = template(engine, &format!("{IMAGE}{places}")).hooks;
        assert_eq!(hooks.len(), 1);
        let pod = &hooks[0]["spec"];
        assert_eq!(pod["nodeSelector"]["disk"], "ssd", "where Flink may run");
        assert_eq!(pod["tolerations"][0]["key"], "flink");
        let container = &hooks[0]["spec"]["containers"][0];
        assert_eq!(
            container["image"], "registry.example.com/team/job:1.0",
            "the image itself has all that it takes"
        );
        let env = container["env"].as_array().unwrap();
        assert_eq!(env[0]["value"], "release-jobmanager");
        assert_eq!(env[1]["value"], "8081");

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            for answer in ["503 Service Unavailable", "200 OK"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                reader.read_line(&mut request).unwrap();
                assert_eq!(request, "GET /config HTTP/1.0\r\n");
                write!(stream, "HTTP/1.0 {answer}\r\n\r\n{{}}").unwrap();
            }
        });
        let command = container["command"].as_array().unwrap();
        let words: Vec<_> = command.iter().map(|word| word.as_str().unwrap()).collect();
        let output = Command::new("timeout")
            .arg("60")
            .args(words)
            .envs([("HOST", "127.0.0.1"), ("PORT", &port.to_string())])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("503"), "{said}");
        assert!(said.contains("200"), "{said}");
        server.join().unwrap();
    }
}
