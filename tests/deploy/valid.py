"""Holds objects of Kubernetes to its schemas: reads one object a line from stdin, as JSON, with the version of Kubernetes.

{"version": "1.25", "object": OBJECT} -> {"ok": VERSION OF THE SCHEMA} or {"error": WHAT IS WRONG}
{"version": "newest", ...}            -> the newest that there is
"""

import functools
import json
import sys

import kubernetes_validate
from kubernetes_validate import utils

# Each question would read megabytes of schemas.
utils.schema_contents = functools.cache(utils.schema_contents)

for line in sys.stdin:
    question = json.loads(line)
    version = question["version"]
    if version == "newest":
        version = kubernetes_validate.latest_version()
    try:
        answer = {"ok": kubernetes_validate.validate(question["object"], version, strict=True)}
    except kubernetes_validate.ValidationError as error:
        place = ".".join(str(part) for part in error.path)
        answer = {"error": f"{place}: {error.message}"}
    except kubernetes_validate.SchemaNotFoundError as error:
        answer = {"error": error.message}
    print(json.dumps(answer), flush=True)
