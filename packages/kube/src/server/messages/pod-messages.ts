// Pods and what they are made of. core/v1.
import type { MessageTexts } from './message-table.ts';

const container = `name=1 image=2 command=3:string[] args=4:string[] workingDir=5 ports=6:ContainerPort[containerPort] env=7:EnvVar[name]
  resources=8:ResourceRequirements volumeMounts=9:VolumeMount[mountPath] livenessProbe=10:Probe readinessProbe=11:Probe lifecycle=12:Lifecycle
  terminationMessagePath=13 imagePullPolicy=14 securityContext=15:SecurityContext stdin=16:bool stdinOnce=17:bool tty=18:bool
  envFrom=19:EnvFromSource[] terminationMessagePolicy=20 volumeDevices=21:VolumeDevice[devicePath] startupProbe=22:Probe
  resizePolicy=23:ContainerResizePolicy[] restartPolicy=24`;

export const podMessages: MessageTexts = {
  Pod: 'metadata=1:ObjectMeta spec=2:PodSpec status=3:PodStatus',
  PodTemplateSpec: 'metadata=1:ObjectMeta spec=2:PodSpec',
  PodSpec: `volumes=1:Volume[name!] containers=2:Container[name] restartPolicy=3 terminationGracePeriodSeconds=4:int64? activeDeadlineSeconds=5:int64?
    dnsPolicy=6 nodeSelector=7:string{} serviceAccountName=8 serviceAccount=9 nodeName=10 hostNetwork=11:bool hostPID=12:bool hostIPC=13:bool
    securityContext=14:PodSecurityContext imagePullSecrets=15:LocalObjectReference[name] hostname=16 subdomain=17 affinity=18:Affinity
    schedulerName=19 initContainers=20:Container[name] automountServiceAccountToken=21:bool? tolerations=22:Toleration[]
    hostAliases=23:HostAlias[ip] priorityClassName=24 priority=25:int32? dnsConfig=26:PodDNSConfig shareProcessNamespace=27:bool?
    readinessGates=28:PodReadinessGate[] runtimeClassName=29 enableServiceLinks=30:bool? preemptionPolicy=31 overhead=32:Quantity{}
    topologySpreadConstraints=33:TopologySpreadConstraint[topologyKey] ephemeralContainers=34:EphemeralContainer[name] setHostnameAsFQDN=35:bool?
    os=36:PodOS hostUsers=37:bool? schedulingGates=38:PodSchedulingGate[name] resourceClaims=39:PodResourceClaim[name!]`,
  Container: container,
  EphemeralContainer: '+1:EphemeralContainerCommon targetContainerName=2',
  EphemeralContainerCommon: container,
  ContainerPort: 'name=1 hostPort=2:int32 containerPort=3:int32 protocol=4 hostIP=5',
  ContainerResizePolicy: 'resourceName=1 restartPolicy=2',
  EnvVar: 'name=1 value=2 valueFrom=3:EnvVarSource',
  EnvVarSource: 'fieldRef=1:ObjectFieldSelector resourceFieldRef=2:ResourceFieldSelector configMapKeyRef=3:KeySelector secretKeyRef=4:KeySelector',
  ObjectFieldSelector: 'apiVersion=1 fieldPath=2',
  ResourceFieldSelector: 'containerName=1 resource=2 divisor=3:Quantity',
  KeySelector: '+1:LocalObjectReference key=2 optional=3:bool?',
  EnvFromSource: 'prefix=1 configMapRef=2:EnvSource secretRef=3:EnvSource',
  EnvSource: '+1:LocalObjectReference optional=2:bool?',
  ResourceRequirements: 'limits=1:Quantity{} requests=2:Quantity{} claims=3:ResourceClaim[]',
  ResourceClaim: 'name=1 request=2',
  VolumeMount: 'name=1 readOnly=2:bool mountPath=3 subPath=4 mountPropagation=5 subPathExpr=6 recursiveReadOnly=7',
  VolumeDevice: 'name=1 devicePath=2',
  Probe: `+1:Handler initialDelaySeconds=2:int32 timeoutSeconds=3:int32 periodSeconds=4:int32 successThreshold=5:int32 failureThreshold=6:int32
    terminationGracePeriodSeconds=7:int64?`,
  Handler: 'exec=1:ExecAction httpGet=2:HTTPGetAction tcpSocket=3:TCPSocketAction grpc=4:GRPCAction',
  Lifecycle: 'postStart=1:LifecycleHandler preStop=2:LifecycleHandler stopSignal=3',
  LifecycleHandler: 'exec=1:ExecAction httpGet=2:HTTPGetAction tcpSocket=3:TCPSocketAction sleep=4:SleepAction',
  ExecAction: 'command=1:string[]',
  HTTPGetAction: 'path=1 port=2:IntOrString host=3 scheme=4 httpHeaders=5:HTTPHeader[]',
  HTTPHeader: 'name=1 value=2',
  TCPSocketAction: 'port=1:IntOrString host=2',
  GRPCAction: 'port=1:int32 service=2',
  SleepAction: 'seconds=1:int64',
  SecurityContext: `capabilities=1:Capabilities privileged=2:bool? seLinuxOptions=3:SELinuxOptions runAsUser=4:int64? runAsNonRoot=5:bool?
    readOnlyRootFilesystem=6:bool? allowPrivilegeEscalation=7:bool? runAsGroup=8:int64? procMount=9 windowsOptions=10:WindowsOptions
    seccompProfile=11:SecurityProfile appArmorProfile=12:SecurityProfile`,
  PodSecurityContext: `seLinuxOptions=1:SELinuxOptions runAsUser=2:int64? runAsNonRoot=3:bool? supplementalGroups=4:int64[] fsGroup=5:int64?
    runAsGroup=6:int64? sysctls=7:NameValue[] windowsOptions=8:WindowsOptions fsGroupChangePolicy=9 seccompProfile=10:SecurityProfile
    appArmorProfile=11:SecurityProfile supplementalGroupsPolicy=12 seLinuxChangePolicy=13`,
  Capabilities: 'add=1:string[] drop=2:string[]',
  SELinuxOptions: 'user=1 role=2 type=3 level=4',
  WindowsOptions: 'gmsaCredentialSpecName=1 gmsaCredentialSpec=2 runAsUserName=3 hostProcess=4:bool?',
  SecurityProfile: 'type=1 localhostProfile=2',
  NameValue: 'name=1 value=2',
  Toleration: 'key=1 operator=2 value=3 effect=4 tolerationSeconds=5:int64?',
  HostAlias: 'ip=1 hostnames=2:string[]',
  PodDNSConfig: 'nameservers=1:string[] searches=2:string[] options=3:NameValue[]',
  PodReadinessGate: 'conditionType=1',
  PodOS: 'name=1',
  PodSchedulingGate: 'name=1',
  PodResourceClaim: 'name=1 resourceClaimName=3 resourceClaimTemplateName=4',
  TopologySpreadConstraint: `maxSkew=1:int32 topologyKey=2 whenUnsatisfiable=3 labelSelector=4:LabelSelector minDomains=5:int32? nodeAffinityPolicy=6
    nodeTaintsPolicy=7 matchLabelKeys=8:string[]`,
  Affinity: 'nodeAffinity=1:NodeAffinity podAffinity=2:PodAffinity podAntiAffinity=3:PodAffinity',
  NodeAffinity: `requiredDuringSchedulingIgnoredDuringExecution=1:NodeSelector
    preferredDuringSchedulingIgnoredDuringExecution=2:PreferredSchedulingTerm[]`,
  NodeSelector: 'nodeSelectorTerms=1:NodeSelectorTerm[]',
  NodeSelectorTerm: 'matchExpressions=1:LabelSelectorRequirement[] matchFields=2:LabelSelectorRequirement[]',
  PreferredSchedulingTerm: 'weight=1:int32 preference=2:NodeSelectorTerm',
  PodAffinity: `requiredDuringSchedulingIgnoredDuringExecution=1:PodAffinityTerm[]
    preferredDuringSchedulingIgnoredDuringExecution=2:WeightedPodAffinityTerm[]`,
  WeightedPodAffinityTerm: 'weight=1:int32 podAffinityTerm=2:PodAffinityTerm',
  PodAffinityTerm: `labelSelector=1:LabelSelector namespaces=2:string[] topologyKey=3 namespaceSelector=4:LabelSelector matchLabelKeys=5:string[]
    mismatchLabelKeys=6:string[]`,
  PodStatus: `phase=1 conditions=2:PodCondition[type] message=3 reason=4 hostIP=5 podIP=6 startTime=7:Time containerStatuses=8:ContainerStatus[]
    qosClass=9 initContainerStatuses=10:ContainerStatus[] nominatedNodeName=11 podIPs=12:IP[ip] ephemeralContainerStatuses=13:ContainerStatus[]
    resize=14 hostIPs=16:IP[ip] observedGeneration=17:int64`,
  PodCondition: 'type=1 status=2 lastProbeTime=3:Time lastTransitionTime=4:Time reason=5 message=6 observedGeneration=7:int64',
  IP: 'ip=1',
  ContainerStatus: `name=1 state=2:ContainerState lastState=3:ContainerState ready=4:bool restartCount=5:int32 image=6 imageID=7 containerID=8
    started=9:bool?`,
  ContainerState: 'waiting=1:ContainerStateWaiting running=2:ContainerStateRunning terminated=3:ContainerStateTerminated',
  ContainerStateWaiting: 'reason=1 message=2',
  ContainerStateRunning: 'startedAt=1:Time',
  ContainerStateTerminated: 'exitCode=1:int32 signal=2:int32 reason=3 message=4 startedAt=5:Time finishedAt=6:Time containerID=7',
};
