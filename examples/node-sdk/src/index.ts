// A program that is of the mesh by itself: `join` asks the control plane, `startGreeter` serves, `greetingAgent` and `greet` ask.
// Copy join.ts, and one of the other two.
// Example: const server = await startGreeter(join(options), { port: 8080, ip: '10.42.0.5' });
export { type Greeting, greet, greetingAgent } from './client.ts';
export { type Environment, EnvironmentError, readEnvironment, readJoinOptions } from './environment.ts';
export { type ControlService, type JoinOptions, join, type Membership } from './join.ts';
export { type GreeterOptions, startGreeter } from './server.ts';
