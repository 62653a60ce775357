"""Helm's engine for tests: reads one job a line from stdin, as JSON, and writes one line of JSON for each.

{"job": "version"}                                          -> {"ok": "v4.2.3"}
{"job": "lint", "chart": PATH, "values": YAML}              -> {"ok": [COMPLAINT, ...]}
{"job": "template", "chart": PATH, "values": YAML, "release": NAME}
                                                            -> {"ok": {"text": YAML, "notes": TEXT}}
{"job": "package", "chart": PATH, "into": FOLDER}           -> {"ok": PATH OF THE ARCHIVE}
{"job": "read", "text": YAML}                               -> {"ok": [OBJECT, ...]}, as Helm and kubectl read it
{"job": "read-python", "text": YAML}                        -> {"ok": [OBJECT, ...]}, as PyYAML reads it

What Helm refuses is {"error": WHAT IT SAYS}.
"""

import json
import sys

import helm_python
import yaml

# Of messages of `helm lint`, a hint is no complaint: that an icon is recommended.
WARNING = 2


def lint(job):
    report = helm_python.lint(
        job["chart"], helm_python.values_from_yaml(job["values"]), strict=True
    )
    found = [m["error"] for m in report["messages"] if m["severity"] >= WARNING]
    return found + [error for error in report["errors"] if error not in found]


def template(job):
    with helm_python.Chart.load(job["chart"]) as chart:
        values = helm_python.values_from_yaml(job["values"])
        rendered = chart.render(values, name=job["release"], namespace="default")
    notes = [text for name, text in rendered.items() if name.endswith("NOTES.txt")]
    texts = [text for name, text in sorted(rendered.items()) if name.endswith(".yaml")]
    return {"text": "---\n".join(text.strip("\n") + "\n" for text in texts), "notes": "".join(notes)}


def read(job):
    # The line break before the mark is gone then, as in Helm itself.
    documents = ("\n" + job["text"]).split("\n---\n")
    return [value for value in map(helm_python.values_from_yaml, documents) if value]


def read_python(job):
    return [value for value in yaml.safe_load_all(job["text"]) if value]


JOBS = {
    "version": lambda job: helm_python.helm_sdk_version(),
    "lint": lint,
    "template": template,
    "package": lambda job: helm_python.package(job["chart"], destination=job["into"]),
    "read": read,
    "read-python": read_python,
}

for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = {"ok": JOBS[job["job"]](job)}
    except helm_python.HelmError as error:
        answer = {"error": str(error)}
    # Dates and whatever else PyYAML finds are no JSON: shown as texts, they are unlike what was meant.
    print(json.dumps(answer, default=repr), flush=True)
