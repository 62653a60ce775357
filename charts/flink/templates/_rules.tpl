{{/* flink.rules refuses values that no schema can tell to be wrong. It takes the top of Helm's values and gives no text. */}}
{{- define "flink.rules" -}}
{{- include "flink.rules.name" . }}
{{- include "flink.rules.image" . }}
{{- include "flink.rules.type" . }}
{{- include "flink.rules.highAvailability" . }}
{{- include "flink.rules.files" . }}
{{- include "flink.rules.options" . }}
{{- include "flink.rules.variables" . }}
{{- if and .Values.podMonitor.enabled (not .Values.metrics.enabled) }}
{{- fail "`podMonitor.enabled` needs `metrics.enabled`" }}
{{- end }}
{{- end }}

{{- define "flink.rules.name" -}}
{{- $name := include "flink.name" . }}
{{- $what := empty .Values.name | ternary "`name` is not set, and the name of the release is" "`name` is" }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
{{- fail (printf "%s `%s`; it must begin with a letter and have only a-z, 0-9 and `-`, which is not at its end" $what $name) }}
{{- end }}
{{- if gt (len $name) 40 }}
{{- fail (printf "%s `%s`, which has %d characters; `name` may have 40" $what $name (len $name)) }}
{{- end }}
{{- end }}

{{- define "flink.rules.image" -}}
{{- with .Values.image }}
{{- if not .repository }}
{{- fail "`image.repository` is empty; it must name the image that is to run" }}
{{- end }}
{{- if not (or .tag .digest) }}
{{- fail "`image.digest` and `image.tag` are empty; one of them must say which image of the repository is to run" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What of `flink.type` is a default cannot be seen, so only a contradiction of what is none is found. */}}
{{- define "flink.rules.type" -}}
{{- with index .Values "flink.type" }}
{{- if and (eq $.Values.flink.type "session") (ne . "session") }}
{{- fail (printf "`flink.type` is `session` below `flink`, and `%s` with a dot; leave one of them out" .) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "flink.rules.highAvailability" -}}
{{- if .Values.highAvailability.enabled }}
{{- if not .Values.highAvailability.storageDir }}
{{- fail "`highAvailability.enabled` needs `highAvailability.storageDir`, a folder that all job managers reach" }}
{{- end }}
{{- if lt (include "flink.line" . | int) 1012 }}
{{- fail (printf "`highAvailability.enabled` needs Flink 1.12 or newer, and `flink.version` is `%s`" .Values.flink.version) }}
{{- end }}
{{- else if gt (int64 .Values.jobManager.replicas) 1 }}
{{- fail (printf "`jobManager.replicas` is %d, which needs `highAvailability.enabled`" (int64 .Values.jobManager.replicas)) }}
{{- end }}
{{- end }}

{{- define "flink.rules.files" -}}
{{- range $name, $_ := .Values.flink.files }}
{{- if has $name (list "config.yaml" "flink-conf.yaml") }}
{{- fail (printf "`flink.files` has `%s`; options belong into `flink.config`" $name) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "flink.rules.options" -}}
{{- $given := dict }}
{{- include "flink.flatten" (dict "from" .Values.flink.config "into" $given "prefix" "") }}
{{- $reserved := include "flink.reserved" . | fromJson }}
{{- range $key, $_ := $given }}
{{- with index $reserved $key }}
{{- fail (printf "`flink.config` has `%s`, which follows from other values: %s" $key .) }}
{{- end }}
{{- if and $.Values.metrics.enabled (hasPrefix "metrics.reporter.prom." $key) }}
{{- fail (printf "`flink.config` has `%s`, which follows from other values: set `metrics.port`, or leave `metrics.enabled` off" $key) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The last of equal variables counts, and one of the user would take the place of that with our options. */}}
{{- define "flink.rules.variables" -}}
{{- range $component := list "jobManager" "taskManager" }}
{{- $own := index $.Values $component }}
{{- if include "flink.properties" (dict "Values" $.Values "Release" $.Release "component" (lower $component) "own" $own) }}
{{- range concat $.Values.pod.env $own.env }}
{{- if eq .name "FLINK_PROPERTIES" }}
{{- fail (printf "`env` has `FLINK_PROPERTIES`, in which the %s is given options already; say its options in `flink.config`" (lower $component)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
