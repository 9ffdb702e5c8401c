// Workloads, and what keeps them. apps/v1, batch/v1, autoscaling/v1, policy/v1, coordination.k8s.io/v1.
import type { MessageTexts } from './message-table.ts';

const condition = 'type=1 status=2 lastTransitionTime=3:Time reason=4 message=5';

export const workloadMessages: MessageTexts = {
  Deployment: 'metadata=1:ObjectMeta spec=2:DeploymentSpec status=3:DeploymentStatus',
  DeploymentSpec: `replicas=1:int32? selector=2:LabelSelector template=3:PodTemplateSpec strategy=4:DeploymentStrategy! minReadySeconds=5:int32
    revisionHistoryLimit=6:int32? paused=7:bool progressDeadlineSeconds=9:int32?`,
  DeploymentStrategy: 'type=1 rollingUpdate=2:RollingUpdate',
  RollingUpdate: 'maxUnavailable=1:IntOrString maxSurge=2:IntOrString',
  DeploymentStatus: `observedGeneration=1:int64 replicas=2:int32 updatedReplicas=3:int32 availableReplicas=4:int32 unavailableReplicas=5:int32
    conditions=6:DeploymentCondition[type] readyReplicas=7:int32 collisionCount=8:int32? terminatingReplicas=9:int32?`,
  DeploymentCondition: 'type=1 status=2 reason=4 message=5 lastUpdateTime=6:Time lastTransitionTime=7:Time',
  ReplicaSet: 'metadata=1:ObjectMeta spec=2:ReplicaSetSpec status=3:ReplicaSetStatus',
  ReplicaSetSpec: 'replicas=1:int32? selector=2:LabelSelector template=3:PodTemplateSpec minReadySeconds=4:int32',
  ReplicaSetStatus: `replicas=1:int32? fullyLabeledReplicas=2:int32 observedGeneration=3:int64 readyReplicas=4:int32 availableReplicas=5:int32
    conditions=6:WorkloadCondition[type] terminatingReplicas=7:int32?`,
  WorkloadCondition: condition,
  StatefulSet: 'metadata=1:ObjectMeta spec=2:StatefulSetSpec status=3:StatefulSetStatus',
  StatefulSetSpec: `replicas=1:int32? selector=2:LabelSelector template=3:PodTemplateSpec volumeClaimTemplates=4:Claim[] serviceName=5
    podManagementPolicy=6 updateStrategy=7:StatefulSetStrategy revisionHistoryLimit=8:int32? minReadySeconds=9:int32
    persistentVolumeClaimRetentionPolicy=10:ClaimRetention ordinals=11:Ordinals`,
  Claim: 'metadata=1:ObjectMeta spec=2:ClaimSpec status=3:ClaimStatus',
  ClaimStatus: 'phase=1 accessModes=2:string[] capacity=3:Quantity{}',
  StatefulSetStrategy: 'type=1 rollingUpdate=2:RollingUpdateStatefulSet',
  RollingUpdateStatefulSet: 'partition=1:int32? maxUnavailable=2:IntOrString',
  ClaimRetention: 'whenDeleted=1 whenScaled=2',
  Ordinals: 'start=1:int32',
  StatefulSetStatus: `observedGeneration=1:int64 replicas=2:int32 readyReplicas=3:int32 currentReplicas=4:int32 updatedReplicas=5:int32
    currentRevision=6 updateRevision=7 collisionCount=9:int32? conditions=10:WorkloadCondition[type] availableReplicas=11:int32`,
  DaemonSet: 'metadata=1:ObjectMeta spec=2:DaemonSetSpec status=3:DaemonSetStatus',
  DaemonSetSpec: `selector=1:LabelSelector template=2:PodTemplateSpec updateStrategy=3:DeploymentStrategy minReadySeconds=4:int32
    revisionHistoryLimit=6:int32?`,
  DaemonSetStatus: `currentNumberScheduled=1:int32? numberMisscheduled=2:int32? desiredNumberScheduled=3:int32? numberReady=4:int32?
    observedGeneration=5:int64 updatedNumberScheduled=6:int32 numberAvailable=7:int32 numberUnavailable=8:int32 collisionCount=9:int32?
    conditions=10:WorkloadCondition[type]`,
  Job: 'metadata=1:ObjectMeta spec=2:JobSpec status=3:JobStatus',
  JobSpec: `parallelism=1:int32? completions=2:int32? activeDeadlineSeconds=3:int64? selector=4:LabelSelector manualSelector=5:bool?
    template=6:PodTemplateSpec backoffLimit=7:int32? ttlSecondsAfterFinished=8:int32? completionMode=9 suspend=10:bool?
    podFailurePolicy=11:PodFailurePolicy backoffLimitPerIndex=12:int32? maxFailedIndexes=13:int32? podReplacementPolicy=14 managedBy=15
    successPolicy=16:SuccessPolicy`,
  PodFailurePolicy: 'rules=1:PodFailurePolicyRule[]',
  PodFailurePolicyRule: 'action=1 onExitCodes=2:OnExitCodes onPodConditions=3:OnPodCondition[]',
  OnExitCodes: 'containerName=1 operator=2 values=3:int32[+]',
  OnPodCondition: 'type=1 status=2',
  SuccessPolicy: 'rules=1:SuccessPolicyRule[]',
  SuccessPolicyRule: 'succeededIndexes=1 succeededCount=2:int32?',
  JobStatus: `conditions=1:JobCondition[type] startTime=2:Time completionTime=3:Time active=4:int32 succeeded=5:int32 failed=6:int32
    completedIndexes=7 ready=9:int32? failedIndexes=10 terminating=11:int32?`,
  JobCondition: 'type=1 status=2 lastProbeTime=3:Time lastTransitionTime=4:Time reason=5 message=6',
  CronJob: 'metadata=1:ObjectMeta spec=2:CronJobSpec status=3:CronJobStatus',
  CronJobSpec: `schedule=1 startingDeadlineSeconds=2:int64? concurrencyPolicy=3 suspend=4:bool? jobTemplate=5:JobTemplateSpec
    successfulJobsHistoryLimit=6:int32? failedJobsHistoryLimit=7:int32? timeZone=8`,
  JobTemplateSpec: 'metadata=1:ObjectMeta spec=2:JobSpec',
  CronJobStatus: 'active=1:ObjectReference[] lastScheduleTime=4:Time lastSuccessfulTime=5:Time',
  Scale: 'metadata=1:ObjectMeta spec=2:ScaleSpec status=3:ScaleStatus',
  ScaleSpec: 'replicas=1:int32?',
  ScaleStatus: 'replicas=1:int32? selector=2',
  PodDisruptionBudget: 'metadata=1:ObjectMeta spec=2:PodDisruptionBudgetSpec status=3:PodDisruptionBudgetStatus',
  PodDisruptionBudgetSpec: 'minAvailable=1:IntOrString selector=2:LabelSelector maxUnavailable=3:IntOrString unhealthyPodEvictionPolicy=4',
  PodDisruptionBudgetStatus: `observedGeneration=1:int64 disruptedPods=2:Time{} disruptionsAllowed=3:int32? currentHealthy=4:int32?
    desiredHealthy=5:int32? expectedPods=6:int32? conditions=7:Condition[type]`,
  Lease: 'metadata=1:ObjectMeta spec=2:LeaseSpec',
  LeaseSpec: `holderIdentity=1 leaseDurationSeconds=2:int32? acquireTime=3:MicroTime renewTime=4:MicroTime leaseTransitions=5:int32? strategy=6
    preferredHolder=7`,
};
