// One object of every kind, and the header that kubectl prints for it.

export const everyKind = (image: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: emojivoto, annotations: { linkerd.io/inject: enabled } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: web, namespace: emojivoto }
---
apiVersion: v1
kind: Service
metadata: { name: web-svc, namespace: emojivoto }
spec:
  selector: { app: web-svc }
  ports: [ { name: http, port: 80, targetPort: 8080 } ]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: emojivoto }
spec:
  selector: { matchLabels: { app: web-svc } }
  template:
    metadata: { labels: { app: web-svc } }
    spec:
      serviceAccountName: web
      containers:
        - name: web
          image: ${image}
          env: [ { name: WEB_PORT, value: "8080" }, { name: B, value: "2" } ]
          ports: [ { name: http, containerPort: 8080 } ]
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: rs1, namespace: emojivoto }
spec:
  selector: { matchLabels: { r: a } }
  template:
    metadata: { labels: { r: a } }
    spec: { containers: [ { name: c, image: "y:1" } ] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: cm, namespace: emojivoto }
data: { a: "1" }
---
apiVersion: v1
kind: Secret
metadata: { name: sec, namespace: emojivoto }
data: { a: MQ== }
---
apiVersion: v1
kind: Pod
metadata: { name: p1, namespace: emojivoto, labels: { app: web-svc } }
spec: { containers: [ { name: c, image: "x:1", ports: [ { containerPort: 80 } ] } ] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-abc, namespace: emojivoto, labels: { kubernetes.io/service-name: web-svc } }
addressType: IPv4
endpoints: [ { addresses: [ 10.42.0.5 ], conditions: { ready: true } } ]
ports: [ { name: http, port: 8080, protocol: TCP } ]
---
apiVersion: v1
kind: Node
metadata: { name: n1 }
---
apiVersion: v1
kind: Event
metadata: { name: p1.1, namespace: emojivoto }
involvedObject: { apiVersion: v1, kind: Pod, name: p1, namespace: emojivoto }
reason: Started
message: hello
type: Normal
source: { component: kubelet }
firstTimestamp: 2026-01-01T00:00:00Z
lastTimestamp: 2026-01-01T00:00:00Z
count: 1
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: { name: mwc }
webhooks: []
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: vwc }
webhooks: []
`;

/** Resource, an object's name, the head of its table. */
export const tableOfEveryKind: readonly (readonly [string, string, RegExp])[] = [
  ['namespaces', 'emojivoto', /^NAME +STATUS +AGE/],
  ['serviceaccounts', 'web', /^NAMESPACE +NAME +SECRETS +AGE/],
  ['services', 'web-svc', /^NAMESPACE +NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE/],
  ['deployments', 'web', /^NAMESPACE +NAME +READY +UP-TO-DATE +AVAILABLE +AGE/],
  ['replicasets', 'rs1', /^NAMESPACE +NAME +DESIRED +CURRENT +READY +AGE/],
  ['configmaps', 'cm', /^NAMESPACE +NAME +DATA +AGE/],
  ['secrets', 'sec', /^NAMESPACE +NAME +TYPE +DATA +AGE/],
  ['pods', 'p1', /^NAMESPACE +NAME +READY +STATUS +RESTARTS +AGE/],
  ['endpointslices', 'web-abc', /^NAMESPACE +NAME +ADDRESSTYPE +PORTS +ENDPOINTS +AGE/],
  ['nodes', 'n1', /^NAME +STATUS +ROLES +AGE +VERSION/],
  ['events', 'p1.1', /^NAMESPACE +LAST SEEN +TYPE +REASON +OBJECT +MESSAGE/],
  ['mutatingwebhookconfigurations', 'mwc', /^NAME +WEBHOOKS +AGE/],
  ['validatingwebhookconfigurations', 'vwc', /^NAME +WEBHOOKS +AGE/],
];
