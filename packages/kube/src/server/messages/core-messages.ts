// The other kinds of the core group, and those that belong to Services. core/v1, discovery.k8s.io/v1.
import type { MessageTexts } from './message-table.ts';

export const coreMessages: MessageTexts = {
  Namespace: 'metadata=1:ObjectMeta spec=2:NamespaceSpec status=3:NamespaceStatus',
  NamespaceSpec: 'finalizers=1:string[]',
  NamespaceStatus: 'phase=1 conditions=2:NamespaceCondition[type]',
  NamespaceCondition: 'type=1 status=2 lastTransitionTime=4:Time reason=5 message=6',
  ConfigMap: 'metadata=1:ObjectMeta data=2:string{} binaryData=3:bytes{} immutable=4:bool?',
  Secret: 'metadata=1:ObjectMeta data=2:bytes{} type=3 stringData=4:string{} immutable=5:bool?',
  ServiceAccount: `metadata=1:ObjectMeta secrets=2:ObjectReference[name] imagePullSecrets=3:LocalObjectReference[name]
    automountServiceAccountToken=4:bool?`,
  Service: 'metadata=1:ObjectMeta spec=2:ServiceSpec status=3:ServiceStatus',
  ServiceSpec: `ports=1:ServicePort[port] selector=2:string{} clusterIP=3 type=4 externalIPs=5:string[] sessionAffinity=7 loadBalancerIP=8
    loadBalancerSourceRanges=9:string[] externalName=10 externalTrafficPolicy=11 healthCheckNodePort=12:int32 publishNotReadyAddresses=13:bool
    sessionAffinityConfig=14:SessionAffinityConfig ipFamilyPolicy=17 clusterIPs=18:string[] ipFamilies=19:string[]
    allocateLoadBalancerNodePorts=20:bool? loadBalancerClass=21 internalTrafficPolicy=22 trafficDistribution=23`,
  ServicePort: 'name=1 protocol=2 port=3:int32 targetPort=4:IntOrString nodePort=5:int32 appProtocol=6',
  SessionAffinityConfig: 'clientIP=1:ClientIPConfig',
  ClientIPConfig: 'timeoutSeconds=1:int32?',
  ServiceStatus: 'loadBalancer=1:LoadBalancerStatus conditions=2:Condition[type]',
  LoadBalancerStatus: 'ingress=1:LoadBalancerIngress[]',
  LoadBalancerIngress: 'ip=1 hostname=2 ipMode=3 ports=4:PortStatus[]',
  PortStatus: 'port=1:int32 protocol=2 error=3',
  Endpoints: 'metadata=1:ObjectMeta subsets=2:EndpointSubset[]',
  EndpointSubset: 'addresses=1:EndpointAddress[] notReadyAddresses=2:EndpointAddress[] ports=3:EndpointPort[]',
  EndpointAddress: 'ip=1 targetRef=2:ObjectReference hostname=3 nodeName=4',
  EndpointPort: 'name=1 port=2:int32 protocol=3 appProtocol=4',
  EndpointSlice: 'metadata=1:ObjectMeta endpoints=2:SliceEndpoint[] ports=3:SlicePort[] addressType=4',
  SliceEndpoint: `addresses=1:string[] conditions=2:SliceConditions hostname=3 targetRef=4:ObjectReference deprecatedTopology=5:string{} nodeName=6
    zone=7 hints=8:SliceHints`,
  SliceConditions: 'ready=1:bool? serving=2:bool? terminating=3:bool?',
  SliceHints: 'forZones=1:SliceHint[] forNodes=2:SliceHint[]',
  SliceHint: 'name=1',
  SlicePort: 'name=1 protocol=2 port=3:int32? appProtocol=4',
  Event: `metadata=1:ObjectMeta involvedObject=2:ObjectReference reason=3 message=4 source=5:EventSource firstTimestamp=6:Time lastTimestamp=7:Time
    count=8:int32 type=9 eventTime=10:MicroTime series=11:EventSeries action=12 related=13:ObjectReference reportingComponent=14
    reportingInstance=15`,
  EventSource: 'component=1 host=2',
  EventSeries: 'count=1:int32 lastObservedTime=2:MicroTime',
  Node: 'metadata=1:ObjectMeta spec=2:NodeSpec status=3:NodeStatus',
  NodeSpec: 'podCIDR=1 providerID=3 unschedulable=4:bool taints=5:Taint[] podCIDRs=7:string[+]',
  Taint: 'key=1 value=2 effect=3 timeAdded=4:Time',
  NodeStatus: `capacity=1:Quantity{} allocatable=2:Quantity{} phase=3 conditions=4:NodeCondition[type] addresses=5:NodeAddress[type]
    nodeInfo=7:NodeSystemInfo images=8:ContainerImage[]`,
  NodeCondition: 'type=1 status=2 lastHeartbeatTime=3:Time lastTransitionTime=4:Time reason=5 message=6',
  NodeAddress: 'type=1 address=2',
  NodeSystemInfo: `machineID=1 systemUUID=2 bootID=3 kernelVersion=4 osImage=5 containerRuntimeVersion=6 kubeletVersion=7 kubeProxyVersion=8
    operatingSystem=9 architecture=10`,
  ContainerImage: 'names=1:string[] sizeBytes=2:int64',
  Binding: 'metadata=1:ObjectMeta target=2:ObjectReference',
  Eviction: 'metadata=1:ObjectMeta deleteOptions=2:DeleteOptions',
};
