// The cluster as the policy controller sees it: meshed pods and Services, and news of them by topic.
import type { Logger } from '@weft/core';
import { createTopics, type KubeClient, objectIndex, type Pod, podKind, resourceStore, type Service, serviceKind, type Topics, versionsOf } from '@weft/kube';

export interface PolicyClusterView {
  /** Only pods that carry the label of a control plane. */
  pod(namespace: string, name: string): Pod | undefined;
  service(namespace: string, name: string): Service | undefined;
  serviceByIp(ip: string): Service | undefined;
  /** `pod NS/NAME`, `service NS/NAME`, `ip IP`. */
  readonly topics: Topics;
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  close(): void;
}

export const podTopic = (namespace: string, name: string): string => `pod ${namespace}/${name}`;
export const serviceTopic = (namespace: string, name: string): string => `service ${namespace}/${name}`;
export const ipTopic = (ip: string): string => `ip ${ip}`;

export function watchPolicyCluster(client: KubeClient, logger: Logger): PolicyClusterView {
  const topics = createTopics();
  const byIp = objectIndex<Service>(clusterIps);
  const pods = resourceStore(client, podKind, { logger, labelSelector: 'linkerd.io/control-plane-ns' });
  const services = resourceStore(client, serviceKind, { logger });
  pods.subscribe((event) => {
    for (const pod of versionsOf(event)) topics.publish(podTopic(pod.metadata.namespace ?? '', pod.metadata.name));
  });
  services.subscribe((event) => {
    byIp.apply(event);
    for (const service of versionsOf(event)) {
      topics.publish(serviceTopic(service.metadata.namespace ?? '', service.metadata.name));
      for (const ip of clusterIps(service)) topics.publish(ipTopic(ip));
    }
  });
  const synced = Promise.all([pods.synced, services.synced]).then(() => undefined);
  synced.catch(() => undefined);
  return {
    pod: (namespace, name) => pods.get(namespace, name),
    service: (namespace, name) => services.get(namespace, name),
    serviceByIp: (ip) => byIp.get(ip)[0],
    topics,
    synced,
    get isSynced() {
      return pods.isSynced && services.isSynced;
    },
    close() {
      pods.close();
      services.close();
    },
  };
}

function clusterIps(service: Service): readonly string[] {
  const { clusterIPs, clusterIP } = service.spec;
  return (clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP])).filter((ip) => ip !== '' && ip !== 'None');
}
