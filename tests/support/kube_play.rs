//! Rendered objects, made such that `podman kube play` runs them without a cluster. Podman 4.3 is what Debian 12 has, and
//! what the following is about.
//!
//! What is rewritten, and why:
//!
//! - A Job or Deployment becomes the one pod of its template, with `restartPolicy: Never`: podman knows no Jobs, and would
//!   start a job that fails for ever.
//! - All pods are on the host's network, so that a test machine needs no rights to make networks. So the containers name no
//!   ports, and the options of Flink that say one say a free one instead. Each pod has an address of 127.0.0.0/8 of its own,
//!   in place of `status.podIP`, which podman does not know.
//! - A Service becomes a line in `/etc/hosts`, with the address of the pod that it selects.
//! - `$(NAME)` in arguments is expanded here, as podman does not.
//! - An `emptyDir` becomes an empty folder of the host that everybody may write to, as the kubelet makes it: podman would
//!   fill it with what the image has at that place.
//! - A file of a ConfigMap becomes a file of the host: podman cannot mount one of many.
//! - `fsGroup` becomes a supplemental group, which is what it means for a process: podman does not know it.
//! - Probes are left out: podman needs systemd for them.
//!
//! All else is as it was rendered: image, entrypoint, words and options, variables, user and groups, capabilities, the
//! read-only root, limits of memory and processors, mounts, and how a container ends. What is not seen here: scheduling,
//! probes, restarts, how Services and network policies treat traffic, rights of service accounts.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::podman::free_ports;

/// How many ports the containers of a deployment may have, together.
const MOST_PORTS: usize = 8;

/// The pods of one deployment, as podman takes them.
pub(crate) struct Pods {
    /// By the names of their containers.
    pods: BTreeMap<String, PodFiles>,
    /// The ports that were rendered, and those that are used instead.
    ports: BTreeMap<u64, u16>,
}

/// A pod in files.
pub(crate) struct PodFiles {
    /// What it is called.
    pub(crate) name: String,
    /// What its one container is called by podman.
    pub(crate) container: String,
    /// Where it can be reached.
    pub(crate) address: String,
    /// The object for `podman kube play`.
    pub(crate) manifest: PathBuf,
    /// What the environment variable `CONTAINERS_CONF` of that call is to name.
    pub(crate) settings: PathBuf,
}

impl Pods {
    /// Rewrites objects; `folder` takes all files, and what the containers write.
    pub(crate) fn new(objects: &[Value], folder: &Path) -> Self {
        let workloads: Vec<_> = of_kind(objects, &["Job", "Deployment"])
            .zip(2_u8..)
            .map(|(object, number)| Workload::new(object, number))
            .collect();
        let rendered: Vec<_> = workloads.iter().flat_map(Workload::ports).collect();
        let ports: BTreeMap<_, _> = rendered
            .iter()
            .copied()
            .zip(free_ports::<MOST_PORTS>())
            .collect();
        assert_eq!(
            ports.len(),
            rendered.len(),
            "On one network two containers cannot have the same port, nor can there be more than {MOST_PORTS}: {rendered:?}"
        );
        let scene = Scene {
            folder,
            files: of_kind(objects, &["ConfigMap"])
                .map(|object| (text(&object["metadata"]["name"]), &object["data"]))
                .collect(),
            ports,
        };
        let settings = settings(&hosts(&workloads, objects), folder);
        let pods = workloads.iter().map(|workload| {
            let manifest = folder.join(format!("{}.json", workload.name));
            fs::write(&manifest, scene.pod(workload).to_string()).unwrap();
            let role = text(&workload.container()["name"]);
            let files = PodFiles {
                name: workload.name.clone(),
                container: format!("{}-{role}", workload.name),
                address: workload.address.clone(),
                manifest,
                settings: settings.clone(),
            };
            (role, files)
        });
        Self {
            pods: pods.collect(),
            ports: scene.ports,
        }
    }

    /// The pod whose container has this name.
    pub(crate) fn of(&self, container: &str) -> &PodFiles {
        &self.pods[container]
    }

    /// The port that is used instead of one that was rendered.
    pub(crate) fn port(&self, rendered: u64) -> u16 {
        self.ports[&rendered]
    }
}

/// What makes pods.
struct Workload<'a> {
    name: String,
    address: String,
    template: &'a Value,
}

impl<'a> Workload<'a> {
    fn new(object: &'a Value, number: u8) -> Self {
        let name = text(&object["metadata"]["name"]);
        let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
        assert_eq!(
            replicas, 1,
            "{name}: on one network two pods would want the same ports"
        );
        Self {
            name,
            address: format!("127.0.0.{number}"),
            template: &object["spec"]["template"],
        }
    }

    fn container(&self) -> &'a Value {
        let containers = self.template["spec"]["containers"].as_array().unwrap();
        let [container] = &containers[..] else {
            panic!("{}: there is more than one container", self.name)
        };
        container
    }

    fn ports(&self) -> Vec<u64> {
        let ports = self.container()["ports"].as_array().unwrap().iter();
        ports
            .map(|port| port["containerPort"].as_u64().unwrap())
            .collect()
    }

    fn is_selected_by(&self, selector: &Map<String, Value>) -> bool {
        let labels = &self.template["metadata"]["labels"];
        selector.iter().all(|(key, value)| labels[key] == *value)
    }
}

/// What the pods of a deployment share.
struct Scene<'a> {
    folder: &'a Path,
    /// The data of ConfigMaps.
    files: BTreeMap<String, &'a Value>,
    ports: BTreeMap<u64, u16>,
}

impl Scene<'_> {
    fn pod(&self, workload: &Workload<'_>) -> Value {
        let mut metadata = workload.template["metadata"].clone();
        metadata["name"] = json!(workload.name);
        let mut spec = workload.template["spec"].clone();
        spec["hostNetwork"] = json!(true);
        spec["restartPolicy"] = json!("Never");
        let security = spec["securityContext"].as_object_mut().unwrap();
        if let Some(group) = security.remove("fsGroup") {
            security.insert("supplementalGroups".to_owned(), json!([group]));
        }
        self.mounts(workload, &mut spec);
        let container = spec["containers"][0].as_object_mut().unwrap();
        for key in ["ports", "livenessProbe", "readinessProbe"] {
            container.remove(key);
        }
        let variables = variables(container, &workload.address);
        let mut said = Vec::new();
        for word in container["args"].as_array_mut().unwrap() {
            let mut new = text(word);
            for (name, value) in &variables {
                new = new.replace(&format!("$({name})"), value);
            }
            if let Some((option, port)) = new.split_once(".port=")
                && let Ok(port) = port.parse()
                && let Some(free) = self.ports.get(&port)
            {
                said.push(port);
                new = format!("{option}.port={free}");
            }
            *word = json!(new);
        }
        for port in workload.ports() {
            assert!(
                said.contains(&port),
                "{}: no option says the port {port}",
                workload.name
            );
        }
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
    }

    /// Puts folders and files of the host in the place of volumes.
    fn mounts(&self, workload: &Workload<'_>, spec: &mut Value) {
        let folder = self.folder.join(&workload.name);
        let mut volumes = Vec::new();
        let mut maps = BTreeMap::new();
        for volume in spec["volumes"].as_array().unwrap() {
            let name = text(&volume["name"]);
            if let Some(map) = volume["configMap"]["name"].as_str() {
                maps.insert(name, self.files[map]);
            } else if volume["emptyDir"].is_object() {
                let path = folder.join(&name);
                fs::create_dir_all(&path).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
                volumes.push(on_host(&name, &path, "Directory"));
            } else {
                volumes.push(volume.clone());
            }
        }
        for (number, mount) in (0..).zip(
            spec["containers"][0]["volumeMounts"]
                .as_array_mut()
                .unwrap(),
        ) {
            let Some(map) = maps.get(&text(&mount["name"])) else {
                continue;
            };
            let key = text(&mount["subPath"]);
            let path = folder.join(&key);
            fs::write(&path, text(&map[&key])).unwrap();
            let name = format!("file-{number}");
            volumes.push(on_host(&name, &path, "File"));
            mount["name"] = json!(name);
            mount.as_object_mut().unwrap().remove("subPath");
        }
        spec["volumes"] = json!(volumes);
    }
}

/// The variables of a container, with the address of its pod put in.
fn variables(container: &mut Map<String, Value>, address: &str) -> BTreeMap<String, String> {
    let Some(Value::Array(variables)) = container.get_mut("env") else {
        return BTreeMap::new();
    };
    for variable in &mut *variables {
        if variable["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP" {
            *variable = json!({ "name": variable["name"], "value": address });
        }
    }
    let variables = variables.iter();
    variables
        .map(|variable| (text(&variable["name"]), text(&variable["value"])))
        .collect()
}

/// Writes podman's settings, and tells where.
fn settings(hosts: &str, folder: &Path) -> PathBuf {
    let hosts_file = folder.join("hosts");
    fs::write(&hosts_file, hosts).unwrap();
    // Podman's own limits are those of a large machine; equal ones, as 4.3 mistakes the soft for the hard ones.
    let text = format!(
        "[containers]\n\
         default_ulimits = [\"nofile=16384:16384\", \"nproc=4096:4096\"]\n\
         base_hosts_file = \"{}\"\n",
        hosts_file.display()
    );
    let file = folder.join("containers.conf");
    fs::write(&file, text).unwrap();
    file
}

/// The names that pods can be reached under: their own, and those of Services.
fn hosts(workloads: &[Workload<'_>], objects: &[Value]) -> String {
    let own = workloads
        .iter()
        .map(|workload| (&workload.address, workload.name.clone()));
    let services = of_kind(objects, &["Service"]).map(|service| {
        let name = text(&service["metadata"]["name"]);
        let selector = service["spec"]["selector"].as_object().unwrap();
        let mut selected = workloads
            .iter()
            .filter(|workload| workload.is_selected_by(selector));
        let workload = selected
            .next()
            .unwrap_or_else(|| panic!("The Service {name} selects no pod"));
        assert!(
            selected.next().is_none(),
            "The Service {name} selects pods of two kinds"
        );
        (&workload.address, name)
    });
    let lines = own.chain(services);
    let lines = lines.map(|(address, name)| format!("{address} {name}\n"));
    ["127.0.0.1 localhost\n".to_owned()]
        .into_iter()
        .chain(lines)
        .collect()
}

fn of_kind<'a>(objects: &'a [Value], kinds: &'a [&str]) -> impl Iterator<Item = &'a Value> {
    let is_one = |object: &&Value| kinds.iter().any(|kind| object["kind"] == *kind);
    objects.iter().filter(is_one)
}

fn on_host(name: &str, path: &Path, type_: &str) -> Value {
    json!({ "name": name, "hostPath": { "path": path.to_str().unwrap(), "type": type_ } })
}

fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
