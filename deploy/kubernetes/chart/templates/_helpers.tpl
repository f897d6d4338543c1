{{- define "bpnn-dist.labels" -}}
app.kubernetes.io/name: bpnn-dist
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "bpnn-dist.keySecret" -}}
{{- if .Values.keySecret }}{{ .Values.keySecret }}
{{- else if .Values.key }}{{ .Release.Name }}-key
{{- else }}{{ fail "expected the run's keys: write them with `bpnn-dist keygen run.key`, and give --set-file key=run.key, or keySecret with the name of a Secret" }}
{{- end }}
{{- end }}

{{/* Pods as a restricted namespace wants them. */}}
{{- define "bpnn-dist.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.user }}
  runAsGroup: {{ .Values.user }}
  fsGroup: {{ .Values.user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "bpnn-dist.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
env:
  # Which engine is the fastest is noted below it.
  - { name: HOME, value: /tmp }
{{- end }}

{{- define "bpnn-dist.volumes" -}}
- { name: tmp, emptyDir: { sizeLimit: 256Mi } }
- name: key
  secret: { secretName: {{ include "bpnn-dist.keySecret" . }}, defaultMode: 0400, items: [{ key: key, path: key }] }
{{- if .Values.dataClaim }}
- { name: data, persistentVolumeClaim: { claimName: {{ .Values.dataClaim }}, readOnly: true } }
{{- end }}
{{- end }}

{{- define "bpnn-dist.mounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: key, mountPath: /key, readOnly: true }
{{- if .Values.dataClaim }}
- { name: data, mountPath: /data, readOnly: true }
{{- end }}
{{- end }}
