//! Pods of the operator beside those of plain manifests.

use super::*;

/// A template over another, as the operator puts them: lists by the places of their items.
fn overlay(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(under), Value::Array(over)) => {
            for (at, value) in over.iter().enumerate() {
                match under.get_mut(at) {
                    Some(below) => overlay(below, value),
                    None => under.push(value.clone()),
                }
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// The fields of these names.
fn only(value: &Value, names: &[&str]) -> Map<String, Value> {
    let map = value.as_object().unwrap().clone().into_iter();
    map.filter(|(key, _)| names.contains(&key.as_str()))
        .collect()
}

#[test]
fn pods_of_the_operator_are_those_of_plain_manifests() {
    for (path, text) in configurations() {
        // The operator has other ways with files, and a mount more for a standalone job.
        let Ok((value, _)) = flink_deployment(&deployment(&text)) else {
            continue;
        };
        if text.contains("files:") || text.contains("standalone") {
            continue;
        }
        let objects = objects(&deployment(&text));
        for (key, role) in [("jobManager", "jobmanager"), ("taskManager", "taskmanager")] {
            let mut theirs = value["spec"]["podTemplate"].clone();
            overlay(&mut theirs, &value["spec"][key]["podTemplate"]);
            let ours = scene::pod(&objects, role);
            let pod = [
                "affinity",
                "enableServiceLinks",
                "imagePullSecrets",
                "nodeSelector",
                "priorityClassName",
                "securityContext",
                "terminationGracePeriodSeconds",
                "tolerations",
                "topologySpreadConstraints",
                "volumes",
            ];
            let container = ["envFrom", "securityContext", "volumeMounts"];
            let [their_pod, our_pod] =
                [&theirs, ours].map(|template| only(&template["spec"], &pod));
            assert_eq!(their_pod, our_pod, "{}: {role}", path.display());
            let [their_container, our_container] = [&theirs, ours]
                .map(|template| only(&template["spec"]["containers"][0], &container));
            assert_eq!(their_container, our_container, "{}: {role}", path.display());
            let mut labels = ours["metadata"]["labels"].clone();
            labels.as_object_mut().unwrap().remove("flink-img/revision");
            assert_eq!(
                theirs["metadata"]["labels"],
                labels,
                "{}: {role}",
                path.display()
            );
            assert_eq!(
                theirs["metadata"].get("annotations"),
                ours["metadata"].get("annotations"),
                "{}: {role}",
                path.display()
            );
        }
    }
}
