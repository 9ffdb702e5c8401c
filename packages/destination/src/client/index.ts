// The client side of service discovery: endpoint sets and profiles as Watches. No Kubernetes, no gRPC server.
// The last known state is kept, marked stale, while the control plane is away.
// Example: const discovery = destinationClient({ channel, contextToken }); discovery.endpoints('web-svc.emojivoto.svc.cluster.local:80');
export { type DestinationClient, type DestinationClientOptions, destinationClient } from './destination-client.ts';
