// What there is news of in a cluster, by name.

/** A Service, its slices, and what they refer to. */
export const serviceTopic = (namespace: string, name: string): string => `service ${namespace}/${name}`;
/** Who has an address, and what is told of it. */
export const ipTopic = (ip: string): string => `ip ${ip}`;
/** The zone of a node. */
export const zoneTopic = (node: string): string => `zone ${node}`;
/** A ServiceProfile. */
export const profileTopic = (namespace: string, name: string): string => `profile ${namespace}/${name}`;
