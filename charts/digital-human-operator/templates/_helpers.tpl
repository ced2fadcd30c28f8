{{/* Name of the objects; leaves room for suffixes. */}}
{{- define "operator.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "operator.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "operator.name" .) -}}
{{- end -}}

{{- define "operator.lease" -}}
{{- .Values.leaderElection.leaseName | default (include "operator.name" .) -}}
{{- end -}}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: digital-human
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Reference of an image: (dict "image" .Values.image "root" $). A digest wins over the tag. */}}
{{- define "operator.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default (print .root.Chart.AppVersion (default "" .suffix))) -}}
{{- end -}}
{{- end -}}

{{/* Namespaces of the scope namespaced, as a JSON list. */}}
{{- define "operator.namespaces" -}}
{{- .Values.namespaces | default (list .Release.Namespace) | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* Non-empty when the rights of an integration are granted: (list "auto" (list "g/v/Kind") $). */}}
{{- define "operator.integration" -}}
{{- $mode := index . 0 -}}
{{- $root := index . 2 -}}
{{- if eq $mode "enabled" -}}
true
{{- else if eq $mode "auto" -}}
{{- range index . 1 -}}
{{- if $root.Capabilities.APIVersions.Has . -}}true{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
