{{/* Pods of the job manager and of the task managers; all of these take the context. */}}

{{/* flink.podAnnotations are those of the user under ours. The digest of files makes new pods when these change. */}}
{{- define "flink.podAnnotations" -}}
{{- $ours := dict }}
{{- with .Values.flink.java }}
{{- $_ := set $ours "flink-img/java" . }}
{{- end }}
{{- with .Values.flink.files }}
{{- $_ := toJson . | sha256sum | trunc 8 | set $ours "flink-img/files" }}
{{- end }}
{{- include "flink.union" (list .Values.pod.annotations .own.annotations $ours) }}
{{- end }}

{{/* flink.podMetadata has them, and the labels of the user under ours. */}}
{{- define "flink.podMetadata" -}}
{{- $ours := include "flink.selectorLabels" . | fromYaml }}
{{- with .Values.flink.version }}
{{- $_ := set $ours "app.kubernetes.io/version" . }}
{{- end }}
{{- with include "flink.podAnnotations" . -}}
annotations:
  {{- . | nindent 2 }}
{{ end -}}
labels:
  {{- include "flink.union" (list .Values.pod.labels .own.labels $ours) | nindent 2 }}
{{- end }}

{{/* flink.revision tells one pod of a job from another. The template of a Job cannot be changed, so each has a Job of its own. */}}
{{- define "flink.revision" -}}
{{- $metadata := include "flink.podMetadata" . | fromYaml }}
{{- include "flink.podSpec" . | fromYaml | dict "metadata" $metadata "spec" | toJson | sha256sum | trunc 8 }}
{{- end }}

{{/* flink.pod is the template of a pod. */}}
{{- define "flink.pod" -}}
{{- $metadata := include "flink.podMetadata" . | fromYaml }}
{{- if and (eq .component "jobmanager") (eq (include "flink.type" .) "job") }}
{{- $_ := include "flink.revision" . | set $metadata.labels "flink-img/revision" }}
{{- end -}}
metadata:
  {{- toYaml $metadata | nindent 2 }}
spec:
  {{- include "flink.podSpec" . | nindent 2 }}
{{- end }}

{{/* flink.resources are what memory and cpu say, and what the user adds to it; nothing written takes a limit away. */}}
{{- define "flink.resources" -}}
{{- $resources := omit .own.resources "requests" "limits" }}
{{- range $kind := list "requests" "limits" }}
{{- $amounts := dict "cpu" (include "flink.text" $.own.cpu) "memory" (printf "%dMi" (int64 $.own.memory)) }}
{{- range $key, $amount := index $.own.resources $kind }}
{{- if eq (toString $amount) "" }}
{{- $_ := unset $amounts $key }}
{{- else }}
{{- $_ := set $amounts $key $amount }}
{{- end }}
{{- end }}
{{- $_ := set $resources $kind $amounts }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{/* flink.env are variables of the container. */}}
{{- define "flink.env" -}}
{{- $env := list }}
{{- if or .Values.highAvailability.enabled (eq .component "taskmanager") }}
{{- $env = dict "fieldRef" (dict "fieldPath" "status.podIP") | dict "name" "POD_IP" "valueFrom" | append $env }}
{{- end }}
{{- if .Values.highAvailability.enabled }}
{{- $env = dict "fieldRef" (dict "fieldPath" "metadata.namespace") | dict "name" "POD_NAMESPACE" "valueFrom" | append $env }}
{{- end }}
{{- with include "flink.properties" . }}
{{- $env = dict "name" "FLINK_PROPERTIES" "value" . | append $env }}
{{- end }}
{{- with concat $env .Values.pod.env .own.env }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* flink.podSpec is what runs. */}}
{{- define "flink.podSpec" -}}
{{- $isJobManager := eq .component "jobmanager" -}}
automountServiceAccountToken: {{ .Values.highAvailability.enabled }}
enableServiceLinks: false
{{- if and $isJobManager (eq (include "flink.type" .) "job") }}
restartPolicy: OnFailure
{{- end }}
serviceAccountName: {{ include "flink.serviceAccount" . | quote }}
terminationGracePeriodSeconds: {{ int64 .Values.pod.terminationGracePeriodSeconds }}
{{- with .Values.pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with include "flink.union" (list .Values.pod.nodeSelector .own.nodeSelector) }}
nodeSelector:
  {{- . | nindent 2 }}
{{- end }}
{{- with concat .Values.pod.tolerations .own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .own.affinity | default .Values.pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and .Values.spread.enabled (not $isJobManager) }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ .Values.spread.topologyKey | quote }}
    whenUnsatisfiable: {{ .Values.spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "flink.selectorLabels" . | nindent 8 }}
{{- end }}
containers:
  - name: {{ .component }}
    image: {{ include "flink.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      {{- include "flink.args" . | nindent 6 }}
    {{- with include "flink.env" . }}
    env:
      {{- . | nindent 6 }}
    {{- end }}
    {{- with concat .Values.pod.envFrom .own.envFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      - name: rpc
        containerPort: {{ ternary 6123 6122 $isJobManager }}
      {{- if $isJobManager }}
      - name: blob
        containerPort: 6124
      - name: ui
        containerPort: 8081
      {{- else }}
      - name: data
        containerPort: 6121
      {{- end }}
      {{- if .Values.metrics.enabled }}
      - name: metrics
        containerPort: {{ int64 .Values.metrics.port }}
      {{- end }}
    resources:
      {{- include "flink.resources" . | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop:
          - ALL
      readOnlyRootFilesystem: {{ .Values.security.readOnlyRootFilesystem }}
    {{- if .Values.probes.enabled }}
    livenessProbe:
      tcpSocket:
        port: rpc
      initialDelaySeconds: {{ int64 .Values.probes.initialDelaySeconds }}
      periodSeconds: {{ int64 .Values.probes.periodSeconds }}
    {{- if $isJobManager }}
    readinessProbe:
      tcpSocket:
        port: ui
      periodSeconds: 10
    {{- end }}
    {{- end }}
    volumeMounts:
      - name: tmp
        mountPath: /tmp
      - name: log
        mountPath: /opt/flink/log
      {{- range $name, $_ := .Values.flink.files }}
      - name: files
        mountPath: {{ printf "/opt/flink/conf/%s" $name | quote }}
        subPath: {{ $name | quote }}
        readOnly: true
      {{- end }}
      {{- with concat .Values.pod.volumeMounts .own.volumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: tmp
    emptyDir: {}
  - name: log
    emptyDir: {}
  {{- if .Values.flink.files }}
  - name: files
    configMap:
      name: {{ include "flink.name" . }}-files
  {{- end }}
  {{- with concat .Values.pod.volumes .own.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- /* Helm cuts line breaks off the end of an object, so it must not be in the words of a user. */}}
securityContext:
  {{- include "flink.podSecurity" . | nindent 2 }}
{{- end }}

{{/* flink.podSecurity is who a pod runs as. */}}
{{- define "flink.podSecurity" -}}
runAsNonRoot: true
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- $id := index $.Values.security $key }}
{{- if not (kindIs "invalid" $id) }}
{{ $key }}: {{ int64 $id }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}
