// What messages of every group are made of. meta/v1.
import type { MessageTexts } from './message-table.ts';

export const metaMessages: MessageTexts = {
  ObjectMeta: `name=1 generateName=2 namespace=3 selfLink=4 uid=5 resourceVersion=6 generation=7:int64 creationTimestamp=8:Time deletionTimestamp=9:Time
    deletionGracePeriodSeconds=10:int64? labels=11:string{} annotations=12:string{} ownerReferences=13:OwnerReference[uid] finalizers=14:string[+]
    managedFields=17:ManagedFieldsEntry[]`,
  OwnerReference: 'kind=1 name=3 uid=4 apiVersion=5 controller=6:bool? blockOwnerDeletion=7:bool?',
  ManagedFieldsEntry: 'manager=1 operation=2 apiVersion=3 time=4:Time fieldsType=6 fieldsV1=7:FieldsV1 subresource=8',
  LabelSelector: 'matchLabels=1:string{} matchExpressions=2:LabelSelectorRequirement[]',
  LabelSelectorRequirement: 'key=1 operator=2 values=3:string[]',
  Condition: 'type=1 status=2 observedGeneration=3:int64 lastTransitionTime=4:Time reason=5 message=6',
  DeleteOptions: 'gracePeriodSeconds=1:int64? preconditions=2:Preconditions orphanDependents=3:bool? propagationPolicy=4 dryRun=5:string[]',
  Preconditions: 'uid=1 resourceVersion=2',
  ObjectReference: 'kind=1 namespace=2 name=3 uid=4 apiVersion=5 resourceVersion=6 fieldPath=7',
  LocalObjectReference: 'name=1',
};
