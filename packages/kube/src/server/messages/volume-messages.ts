// Volumes of pods: those that this project meets. core/v1.
import type { MessageTexts } from './message-table.ts';

export const volumeMessages: MessageTexts = {
  Volume: 'name=1 +2:VolumeSource',
  VolumeSource: `hostPath=1:HostPathVolumeSource emptyDir=2:EmptyDirVolumeSource secret=6:SecretVolumeSource nfs=7:NFSVolumeSource
    persistentVolumeClaim=10:ClaimVolumeSource downwardAPI=16:DownwardAPIVolumeSource configMap=19:ConfigMapVolumeSource
    projected=26:ProjectedVolumeSource csi=28:CSIVolumeSource ephemeral=29:EphemeralVolumeSource image=30:ImageVolumeSource`,
  HostPathVolumeSource: 'path=1 type=2',
  EmptyDirVolumeSource: 'medium=1 sizeLimit=2:Quantity',
  SecretVolumeSource: 'secretName=1 items=2:KeyToPath[] defaultMode=3:int32? optional=4:bool?',
  NFSVolumeSource: 'server=1 path=2 readOnly=3:bool',
  ClaimVolumeSource: 'claimName=1 readOnly=2:bool',
  DownwardAPIVolumeSource: 'items=1:DownwardAPIVolumeFile[] defaultMode=2:int32?',
  DownwardAPIVolumeFile: 'path=1 fieldRef=2:ObjectFieldSelector resourceFieldRef=3:ResourceFieldSelector mode=4:int32?',
  ConfigMapVolumeSource: '+1:LocalObjectReference items=2:KeyToPath[] defaultMode=3:int32? optional=4:bool?',
  ProjectedVolumeSource: 'sources=1:VolumeProjection[] defaultMode=2:int32?',
  VolumeProjection: `secret=1:KeysProjection downwardAPI=2:DownwardAPIProjection configMap=3:KeysProjection serviceAccountToken=4:TokenProjection
    clusterTrustBundle=5:TrustBundleProjection`,
  KeysProjection: '+1:LocalObjectReference items=2:KeyToPath[] optional=4:bool?',
  DownwardAPIProjection: 'items=1:DownwardAPIVolumeFile[]',
  TokenProjection: 'audience=1 expirationSeconds=2:int64? path=3',
  TrustBundleProjection: 'name=1 signerName=2 labelSelector=3:LabelSelector path=4 optional=5:bool?',
  KeyToPath: 'key=1 path=2 mode=3:int32?',
  CSIVolumeSource: 'driver=1 readOnly=2:bool? fsType=3 volumeAttributes=4:string{} nodePublishSecretRef=5:LocalObjectReference',
  EphemeralVolumeSource: 'volumeClaimTemplate=1:ClaimTemplate',
  ClaimTemplate: 'metadata=1:ObjectMeta spec=2:ClaimSpec',
  ClaimSpec: `accessModes=1:string[] resources=2:VolumeResources volumeName=3 selector=4:LabelSelector storageClassName=5 volumeMode=6
    dataSource=7:TypedReference dataSourceRef=8:TypedReference volumeAttributesClassName=9`,
  VolumeResources: 'limits=1:Quantity{} requests=2:Quantity{}',
  TypedReference: 'apiGroup=1 kind=2 name=3 namespace=4',
  ImageVolumeSource: 'reference=1 pullPolicy=2',
};
