{{/* What many objects have in common. Templates that say "the context" take the top of Helm's values, and with it `component`
(jobmanager or taskmanager) and `own` (the values of that component). */}}

{{/* flink.name is what all objects are called. */}}
{{- define "flink.name" -}}
{{- .Values.name | default .Release.Name }}
{{- end }}

{{/* flink.type is `job` or `session`. The key with a dot at the top is for those who write it as Flink writes its options. */}}
{{- define "flink.type" -}}
{{- index .Values "flink.type" | default .Values.flink.type }}
{{- end }}

{{/* flink.line is one number for major and minor version, to compare by: 1010 is 1.10. Without a version, it is the newest. */}}
{{- define "flink.line" -}}
{{- $numbers := regexFindAll "[0-9]+" (.Values.flink.version | default "2.3") 2 }}
{{- add (mul 1000 (index $numbers 0 | int)) (index $numbers 1 | int) }}
{{- end }}

{{/* flink.image names the image by its digest, if there is one. */}}
{{- define "flink.image" -}}
{{- with .Values.image }}
{{- empty .digest | ternary (printf "%s:%s" .repository .tag) (printf "%s@%s" .repository .digest) }}
{{- end }}
{{- end }}

{{/* flink.text is a text, a number or a truth as a word. Numbers are floats here, which a template prints as 1e+06. */}}
{{- define "flink.text" -}}
{{- kindIs "string" . | ternary . (toJson .) }}
{{- end }}

{{/* flink.union takes a list of mappings and gives one, where the last of equal keys counts; or nothing if it is empty. */}}
{{- define "flink.union" -}}
{{- $union := dict }}
{{- range . }}
{{- range $key, $value := . }}
{{- $_ := set $union $key $value }}
{{- end }}
{{- end }}
{{- with $union }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* flink.selectorLabels are on everything, and find the pods; with a component in the context, those of it. */}}
{{- define "flink.selectorLabels" -}}
app.kubernetes.io/name: flink
app.kubernetes.io/instance: {{ include "flink.name" . | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* flink.labels are those of objects. */}}
{{- define "flink.labels" -}}
{{ include "flink.selectorLabels" . }}
{{- with .Values.flink.version }}
app.kubernetes.io/version: {{ quote . }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* flink.jobManagerSelector finds the pods of the job manager: of a job, those of its present revision. */}}
{{- define "flink.jobManagerSelector" -}}
{{ include "flink.selectorLabels" . }}
{{- if eq (include "flink.type" .) "job" }}
flink-img/revision: {{ include "flink.revision" . | quote }}
{{- end }}
{{- end }}

{{/* flink.serviceAccount is the name of the account that the pods run as. */}}
{{- define "flink.serviceAccount" -}}
{{- with .Values.serviceAccount }}
{{- .name | default (ternary (include "flink.name" $) "default" .create) }}
{{- end }}
{{- end }}

{{/* flink.jobManager is the name of the job manager: of its service, and of a session also of its deployment. */}}
{{- define "flink.jobManager" -}}
{{ include "flink.name" . }}-jobmanager
{{- end }}
