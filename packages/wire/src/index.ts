export { type CallOptions, type RpcChannel, RpcCode, RpcError } from './rpc/channel.ts';
