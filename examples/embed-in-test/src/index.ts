// A mesh inside a test: services with a proxy each, mutual TLS between them, no privileges and no processes.
// Copy embedded-mesh.ts next to your tests.
// Example: await using mesh = await EmbeddedMesh.start(); const web = await mesh.service('web', { server });
export { EmbeddedMesh, type Service, type ServiceOptions } from './embedded-mesh.ts';
