// The whole mesh in one process: an embedded API server, controllers, the control plane, and a local runtime that starts pods
// as processes: `loopback` anywhere without privileges, `netns` with real network namespaces and iptables on Linux as root.
// Example: const mesh = await startMesh({ programs, manifests: [yaml] }); await mesh.waitReady(); await mesh.close();
export type { ControlPlaneOptions } from './control-plane/control-plane.ts';
export { type ConnectionCounts, certificatesIssued, connectionCounts } from './demo/connections.ts';
export { type DeploymentStats, deploymentStats, histogramQuantile } from './demo/deployment-stats.ts';
export { residentMemory } from './demo/memory.ts';
export { type ProxyMetrics, scrapeProxies } from './demo/scrape.ts';
export { type Mesh, type MeshOptions, type MeshProcess, type ServicePortRef, startMesh } from './mesh.ts';
export { type ImageCatalogue, type ImageEntry, meshImages, type ProgramRole } from './runtime/images.ts';
export { netnsObstacle } from './runtime/netns/netns-runtime.ts';
export type { Programs } from './runtime/staging.ts';
