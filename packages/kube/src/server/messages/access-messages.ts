// Who one is and what one may do. rbac.authorization.k8s.io/v1, authentication.k8s.io/v1, authorization.k8s.io/v1.
import type { MessageTexts } from './message-table.ts';

const roleBinding = 'metadata=1:ObjectMeta subjects=2:Subject[] roleRef=3:RoleRef';

export const accessMessages: MessageTexts = {
  Role: 'metadata=1:ObjectMeta rules=2:PolicyRule[]',
  ClusterRole: 'metadata=1:ObjectMeta rules=2:PolicyRule[] aggregationRule=3:AggregationRule',
  AggregationRule: 'clusterRoleSelectors=1:LabelSelector[]',
  PolicyRule: 'verbs=1:string[] apiGroups=2:string[] resources=3:string[] resourceNames=4:string[] nonResourceURLs=5:string[]',
  RoleBinding: roleBinding,
  ClusterRoleBinding: roleBinding,
  Subject: 'kind=1 apiGroup=2 name=3 namespace=4',
  RoleRef: 'apiGroup=1 kind=2 name=3',
  TokenRequest: 'metadata=1:ObjectMeta spec=2:TokenRequestSpec status=3:TokenRequestStatus',
  TokenRequestSpec: 'audiences=1:string[] boundObjectRef=3:BoundObjectReference expirationSeconds=4:int64?',
  BoundObjectReference: 'kind=1 apiVersion=2 name=3 uid=4',
  TokenRequestStatus: 'token=1 expirationTimestamp=2:Time',
  TokenReview: 'metadata=1:ObjectMeta spec=2:TokenReviewSpec status=3:TokenReviewStatus',
  TokenReviewSpec: 'token=1 audiences=2:string[]',
  TokenReviewStatus: 'authenticated=1:bool user=2:UserInfo error=3 audiences=4:string[]',
  UserInfo: 'username=1 uid=2 groups=3:string[]',
  SelfSubjectReview: 'metadata=1:ObjectMeta status=2:SelfSubjectReviewStatus',
  SelfSubjectReviewStatus: 'userInfo=1:UserInfo',
  SubjectAccessReview: 'metadata=1:ObjectMeta spec=2:AccessReviewSpec status=3:AccessReviewStatus',
  LocalSubjectAccessReview: 'metadata=1:ObjectMeta spec=2:AccessReviewSpec status=3:AccessReviewStatus',
  SelfSubjectAccessReview: 'metadata=1:ObjectMeta spec=2:AccessReviewSpec status=3:AccessReviewStatus',
  AccessReviewSpec: 'resourceAttributes=1:ResourceAttributes nonResourceAttributes=2:NonResourceAttributes user=3 groups=4:string[] uid=6',
  ResourceAttributes: 'namespace=1 verb=2 group=3 version=4 resource=5 subresource=6 name=7',
  NonResourceAttributes: 'path=1 verb=2',
  AccessReviewStatus: 'allowed=1:bool? reason=2 evaluationError=3 denied=4:bool',
  SelfSubjectRulesReview: 'metadata=1:ObjectMeta spec=2:RulesReviewSpec status=3:RulesReviewStatus',
  RulesReviewSpec: 'namespace=1',
  RulesReviewStatus: 'resourceRules=1:PolicyRule[] nonResourceRules=2:NonResourceRule[] incomplete=3:bool? evaluationError=4',
  NonResourceRule: 'verbs=1:string[] nonResourceURLs=2:string[]',
};
