// What every process of the mesh shares: flags, logging, the admin server, gRPC hosting, ordered shutdown and exit codes.
// Libraries take loggers, clocks and registries as parameters; here they are made, once, for a whole process.
// Example: await runMain({ name: 'x', version: '1', flags: { addr: listenFlag({ default: { port: 0 }, help: 'where' }) }, run: ({ flags }) => flags.addr.port });
export { type Admin, type AdminHandlerOptions, type AdminOptions, adminHandler, startAdmin } from './admin/admin.ts';
export {
  boolFlag,
  customFlag,
  dnsNameFlag,
  durationFlag,
  type Flag,
  type FlagOptions,
  floatFlag,
  intFlag,
  listFlag,
  logFilterFlag,
  logLevelFlag,
  oneOfFlag,
  type Parsed,
  portSetFlag,
  stringFlag,
} from './flags/flag.ts';
export { boundAddress, formatListenAddress, type ListenAddress, listenFlag, parseListenAddress } from './flags/listen-address.ts';
export { type FlagResult, type FlagSpec, type FlagValues, type ParseFlagsOptions, parseFlags, renderUsage } from './flags/parse-flags.ts';
export { type GrpcImplementation, type GrpcServer, type GrpcServerOptions, type GrpcService, startGrpcServer } from './grpc/grpc-server.ts';
export { type Encoded, type Settled, type WatchToCallOptions, writeWatch } from './grpc/write-watch.ts';
export { ConfigError } from './lifecycle/config-error.ts';
export { ExitCode, type MainContext, type MainOptions, type MainWorld, runMain } from './lifecycle/run-main.ts';
export { createShutdown, type Shutdown, type ShutdownOptions, type ShutdownOutcome, type ShutdownStep } from './lifecycle/shutdown.ts';
export { handleSignals } from './lifecycle/signals.ts';
export { type CreateLoggerOptions, createLogger, type LogFormat, type ProcessLogger, stderrLines } from './logging/create-logger.ts';
export { type LogThreshold, parseLogFilter, parseLogLevel } from './logging/log-level.ts';
export { VERSION } from './version.ts';
