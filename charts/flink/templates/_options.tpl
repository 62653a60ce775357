{{/* Options of Flink, and how the containers are told of them. */}}

{{/* flink.flatten puts the options in `from` into `into`, by the whole of their keys; `prefix` is the part of the keys so far.
It gives no text. */}}
{{- define "flink.flatten" -}}
{{- range $part, $value := .from }}
{{- $key := printf "%s%s" $.prefix $part }}
{{- if kindIs "map" $value }}
{{- include "flink.flatten" (dict "from" $value "into" $.into "prefix" (printf "%s." $key)) }}
{{- else }}
{{- if hasKey $.into $key }}
{{- fail (printf "`flink.config` has the option `%s` twice, nested and with dots; leave one of them out" $key) }}
{{- end }}
{{- $words := list }}
{{- range kindIs "slice" $value | ternary $value (list $value) }}
{{- $words = include "flink.text" . | append $words }}
{{- end }}
{{- $_ := set $.into $key (join ";" $words) }}
{{- end }}
{{- end }}
{{- end }}

{{/* flink.reserved has the options that follow from other values, as JSON, and what to set instead. */}}
{{- define "flink.reserved" -}}
{{- $address := "it is the address of this cluster" }}
{{- $port := "the services and pods count on its port" }}
{{- $reserved := dict
  "jobmanager.rpc.address" $address
  "taskmanager.host" $address
  "jobmanager.rpc.port" $port
  "taskmanager.rpc.port" $port
  "taskmanager.data.port" $port
  "blob.server.port" $port
  "rest.port" "set `ui.port`, the port of the service"
  "jobmanager.memory.process.size" "set `jobManager.memory`"
  "jobmanager.heap.size" "set `jobManager.memory`"
  "taskmanager.memory.process.size" "set `taskManager.memory`"
  "taskmanager.heap.size" "set `taskManager.memory`"
  "taskmanager.numberOfTaskSlots" "set `taskManager.slots`"
  "high-availability" "set `highAvailability.enabled`"
  "high-availability.type" "set `highAvailability.enabled`"
  "high-availability.storageDir" "set `highAvailability.storageDir`"
  "kubernetes.cluster-id" "set `name`"
  "kubernetes.namespace" "it is the namespace of the release"
}}
{{- if eq (include "flink.type" .) "job" }}
{{- $_ := set $reserved "parallelism.default" "set `job.parallelism`" }}
{{- end }}
{{- toJson $reserved }}
{{- end }}

{{/* flink.memory says how large the process of the component in the context is, by the option that its line knows. */}}
{{- define "flink.memory" -}}
{{- $first := eq .component "jobmanager" | ternary 1011 1010 }}
{{- if ge (include "flink.line" . | int) $first }}
{{- dict (printf "%s.memory.process.size" .component) (printf "%dm" (int64 .own.memory)) | toJson }}
{{- else }}
{{- dict (printf "%s.heap.size" .component) (printf "%dm" (div (mul 3 .own.memory) 4)) | toJson }}
{{- end }}
{{- end }}

{{/* flink.options has all options of the component in the context, as JSON. */}}
{{- define "flink.options" -}}
{{- $line := include "flink.line" . | int }}
{{- $isHa := .Values.highAvailability.enabled }}
{{- $options := include "flink.memory" . | fromJson }}
{{- $_ := set $options "jobmanager.rpc.address" (include "flink.jobManager" .) }}
{{- $_ := set $options "jobmanager.rpc.port" "6123" }}
{{- $_ := set $options "taskmanager.numberOfTaskSlots" (include "flink.text" .Values.taskManager.slots) }}
{{- if eq .component "jobmanager" }}
{{- $_ := set $options "blob.server.port" "6124" }}
{{- $_ := set $options "rest.port" "8081" }}
{{- if $isHa }}
{{- $_ := set $options "jobmanager.rpc.address" "$(POD_IP)" }}
{{- end }}
{{- if eq (include "flink.type" .) "job" }}
{{- $_ := set $options "parallelism.default" (include "flink.text" .Values.job.parallelism) }}
{{- $_ := set $options "web.submit.enable" "false" }}
{{- $_ := set $options "web.cancel.enable" "false" }}
{{- end }}
{{- else }}
{{- $_ := set $options "taskmanager.host" "$(POD_IP)" }}
{{- $_ := set $options "taskmanager.rpc.port" "6122" }}
{{- $_ := set $options "taskmanager.data.port" "6121" }}
{{- end }}
{{- if $isHa }}
{{- if ge $line 1017 }}
{{- $_ := set $options "high-availability.type" "kubernetes" }}
{{- else }}
{{- $_ := set $options "high-availability" "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory" }}
{{- end }}
{{- $_ := set $options "high-availability.storageDir" .Values.highAvailability.storageDir }}
{{- $_ := set $options "kubernetes.cluster-id" (include "flink.name" .) }}
{{- $_ := set $options "kubernetes.namespace" "$(POD_NAMESPACE)" }}
{{- end }}
{{- if .Values.metrics.enabled }}
{{- if ge $line 1011 }}
{{- $_ := set $options "metrics.reporter.prom.factory.class" "org.apache.flink.metrics.prometheus.PrometheusReporterFactory" }}
{{- else }}
{{- $_ := set $options "metrics.reporter.prom.class" "org.apache.flink.metrics.prometheus.PrometheusReporter" }}
{{- end }}
{{- $_ := set $options "metrics.reporter.prom.port" (include "flink.text" .Values.metrics.port) }}
{{- end }}
{{- $given := dict }}
{{- include "flink.flatten" (dict "from" .Values.flink.config "into" $given "prefix" "") }}
{{- range $key, $value := $given }}
{{- $_ := set $options $key $value }}
{{- end }}
{{- toJson $options }}
{{- end }}

{{/* flink.takesOptions is not empty if the component in the context takes options as words: a job manager of a session does
since 1.16. */}}
{{- define "flink.takesOptions" -}}
{{- if or (eq .component "taskmanager") (eq (include "flink.type" .) "job") (ge (include "flink.line" . | int) 1016) }}yes{{ end }}
{{- end }}

{{/* flink.isWord is not empty if the option `key` goes on the command line. Flink's scripts read some from the configuration
alone. */}}
{{- define "flink.isWord" -}}
{{- $ofScripts := list "jobmanager.heap.mb" "jobmanager.heap.size" "taskmanager.compute.numa" "taskmanager.heap.mb" "taskmanager.heap.size" }}
{{- if and (include "flink.takesOptions" .context) (not (hasPrefix "env." .key)) (not (has .key $ofScripts)) }}yes{{ end }}
{{- end }}

{{/* flink.properties has the other options as lines, for an entrypoint that adds them to the configuration. One may end with a
line break, as a folded text does. */}}
{{- define "flink.properties" -}}
{{- range $key, $value := include "flink.options" . | fromJson }}
{{- if not (include "flink.isWord" (dict "context" $ "key" $key)) }}
{{- $value | replace "\n" " " | printf "%s: %s\n" $key }}
{{- end }}
{{- end }}
{{- end }}

{{/* flink.args are the words for the entrypoint of the component in the context. */}}
{{- define "flink.args" -}}
{{- $isOld := lt (include "flink.line" . | int) 1011 }}
{{- $isSession := eq (include "flink.type" .) "session" }}
{{- $words := list (ternary "task-manager" "taskmanager" $isOld) }}
{{- if eq .component "jobmanager" }}
{{- if $isSession }}
{{- $words = list "jobmanager" }}
{{- else }}
{{- $words = list (ternary "job-cluster" "standalone-job" $isOld) }}
{{- with .Values.job.class }}
{{- $words = concat $words (list "--job-classname" .) }}
{{- end }}
{{- with .Values.job.fromSavepoint }}
{{- $words = concat $words (list "--fromSavepoint" .) }}
{{- end }}
{{- if .Values.job.allowNonRestoredState }}
{{- $words = append $words "--allowNonRestoredState" }}
{{- end }}
{{- end }}
{{- end }}
{{- $isApart := and $isSession (eq .component "jobmanager") }}
{{- range $key, $value := include "flink.options" . | fromJson }}
{{- if include "flink.isWord" (dict "context" $ "key" $key) }}
{{- $option := printf "%s=%s" $key $value }}
{{- $words = concat $words ($isApart | ternary (list "-D" $option) (list (printf "-D%s" $option))) }}
{{- end }}
{{- end }}
{{- if and (eq .component "jobmanager") (not $isSession) }}
{{- with .Values.job.args }}
{{- $words = append $words "--" }}
{{- range . }}
{{- $words = include "flink.text" . | append $words }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $words }}
{{- end }}
