// Discovery as a library: `discover` asks a control plane or DNS, `follow` tells of changes, `balancedClient` spreads requests.
// Copy discover.ts, and one of the other two.
// Example: const { discovery } = discover({ kind: 'dns' }); follow(discovery, 'web.example:80', console.log);
export { type BalancedAnswer, type BalancedClient, balancedClient, NoEndpointError } from './balance.ts';
export { type Discovered, discover, type Source } from './discover.ts';
export { follow } from './follow.ts';
export { OptionsError, type ProgramOptions, readOptions } from './options.ts';
