{{/*
What the operator may do where it looks after digital humans: the same list for a Role and for the
ClusterRole. No wildcard, no verb that it does not use. It may grant its Pods' Roles only what it
holds itself (configmaps get and watch, jobs get and patch): neither escalate nor bind is given.
*/}}
{{- define "operator.rules" -}}
- apiGroups: [aiqtoolkit.io]
  resources: [digitalhumans]
  # patch: the finalizer of deletionPolicy FinalBackup; the spec is never written.
  # create: the clone that a DigitalHumanRestore asks for.
  verbs: [create, get, list, patch, watch]
- apiGroups: [aiqtoolkit.io]
  resources: [digitalhumanbackups]
  # create: the backup before a human's end or a restore, by annotation, and of each scheduled run.
  # delete: those of scheduled runs that the store does not have any more; never a backup itself.
  # get: whether it is there to stay, before a Job of it that lost its owner gets it back.
  verbs: [create, delete, get, list, watch]
- apiGroups: [aiqtoolkit.io]
  resources: [digitalhumanrestores]
  # get: whether it still holds a human, after a start.
  verbs: [get, list, watch]
- apiGroups: [aiqtoolkit.io]
  resources: [digitalhumans/status, digitalhumanbackups/status, digitalhumanrestores/status]
  verbs: [patch]
# Children block their owner's deletion; some clusters ask for this right before they may.
- apiGroups: [aiqtoolkit.io]
  resources: [digitalhumans/finalizers, digitalhumanbackups/finalizers, digitalhumanrestores/finalizers]
  verbs: [update]
# Secrets: a generated Redis password is created; those a human refers to are read for a digest.
- apiGroups: [""]
  resources: [configmaps, persistentvolumeclaims, secrets, serviceaccounts, services]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [rolebindings, roles]
  verbs: [create, delete, get, list, patch, watch]
# Why a Pod does not start, for status.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if include "operator.integration" (list .Values.integrations.gatewayApi (list "gateway.networking.k8s.io/v1/HTTPRoute") .) }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [create, delete, get, list, patch, watch]
{{- end }}
{{- if include "operator.integration" (list .Values.integrations.prometheusOperator (list "monitoring.coreos.com/v1/PodMonitor") .) }}
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, prometheusrules, servicemonitors]
  verbs: [create, delete, get, list, patch, watch]
{{- end }}
{{- end -}}
