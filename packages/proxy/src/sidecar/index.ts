// The proxy as a process beside one application: environment, control-plane clients, original destinations, orderly shutdown.
// Programs that start proxies without network namespaces write the `AddressBook` that such a process follows.
// Example: process.exit(await proxyMain(process.env, process.argv.slice(2)));
export { type AddressBook, type AddressBookListener, type AddressBookResult, type ParsedAddressBook, parseAddressBook } from './address-book.ts';
export { type Config, type ConfigResult, readConfig } from './config/config.ts';
export { type ConfigProblem, type Environment, formatProblem } from './config/read-variables.ts';
export { proxyMain } from './main.ts';
export { socketOriginalDst } from './original-dst.ts';
export { type Sidecar, type SidecarOptions, startSidecar } from './sidecar.ts';
export { proxyWorkerMain } from './workers/worker-main.ts';
