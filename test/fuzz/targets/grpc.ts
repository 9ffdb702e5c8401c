// gRPC's framing and status: messages do not depend on how the bytes were cut; refusals are RpcErrors.
import { RpcError } from '@weft/wire';
import { frameMessage, MessageReader } from '../../../packages/wire/src/rpc/grpc-framing.ts';
import { errorOf } from '../../../packages/wire/src/rpc/grpc-status.ts';
import { attempt, type FuzzTarget, hold, kindOf, raw, texts } from '../target.ts';

const MAX_BYTES = 4_096;

function read(chunks: readonly Buffer[]): { readonly messages: readonly Buffer[]; readonly pending: number } {
  const reader = new MessageReader(MAX_BYTES);
  const messages = chunks.flatMap((chunk) => reader.push(chunk));
  return { messages, pending: reader.pending };
}

const framing: FuzzTarget = {
  name: 'grpc-framing',
  tokens: raw('\0\0\0\0\0', '\0\0\0\0\x05', '\x01', '\0\0\0\x10\0', '\0\xff\xff\xff\xff'),
  seeds: () => [
    Buffer.concat([frameMessage(Buffer.from('hello')), frameMessage(Buffer.alloc(0)), frameMessage(Buffer.alloc(300))]),
    frameMessage(Buffer.alloc(MAX_BYTES)),
  ],
  run(input) {
    const third = Math.floor(input.length / 3);
    const whole = attempt(() => read([input]), RpcError);
    const cut = attempt(() => read([input.subarray(0, third), input.subarray(third, third + 1), input.subarray(third + 1)]), RpcError);
    if ('error' in whole || 'error' in cut) {
      hold('error' in whole && 'error' in cut && whole.error.code === cut.error.code, 'cut bytes end differently');
      return kindOf(whole.error);
    }
    const { messages, pending } = whole.value;
    hold(messages.length === cut.value.messages.length && pending === cut.value.pending, 'cut bytes give other messages');
    const back = Buffer.concat([...messages.map(frameMessage), input.subarray(input.length - pending)]);
    hold(back.equals(input), 'the messages, framed, are not the input');
    return `${Math.min(messages.length, 3)} ${pending > 0}`;
  },
};

const status: FuzzTarget = {
  name: 'grpc-status',
  tokens: ['%', '%20', '%C3', '%zz', '\n', '0', '16', '17', '-1'],
  seeds: () => texts('0\n', '5\nnot%20found', '14\n%F0%9F%98%80', '200\napplication/grpc+proto'),
  run(input) {
    const [first = '', second = ''] = input.toString('latin1').split('\n');
    const end = { headers: undefined, resetCode: 0, connectionLost: false, cause: undefined };
    const error = errorOf({ ...end, trailers: { 'grpc-status': first, 'grpc-message': second } });
    errorOf({ ...end, headers: { 'content-type': second, ':status': first }, trailers: undefined, resetCode: Number(first) });
    return String(error?.code);
  },
};

export const grpcTargets = [framing, status];
