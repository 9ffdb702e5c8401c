// grpc_server_* as every Linkerd controller has them. spec/control-plane.md §5.
import { ResponderBuilder, ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder, status } from '@grpc/grpc-js';
import type { Clock, Counter, MetricRegistry } from '@weft/core';
import type { GrpcService } from './grpc-server.ts';

const HANDLING_BUCKETS_S = [0.1, 1, 300, 3600];

/** `OK`, `NotFound`: the names that Go's middleware uses. */
function codeName(code: number): string {
  const name = status[code] ?? 'UNKNOWN';
  return name === 'OK' ? name : name.toLowerCase().replace(/(^|_)([a-z])/g, (_all, _gap, letter: string) => letter.toUpperCase());
}

export function grpcMetrics(registry: MetricRegistry, services: readonly GrpcService[], clock: Clock): ServerInterceptor {
  const started = registry.counter('grpc_server_started_total', 'Total number of RPCs started on the server.');
  const handled = registry.counter('grpc_server_handled_total', 'Total number of RPCs completed on the server, regardless of success or failure.');
  const received = registry.counter('grpc_server_msg_received_total', 'Total number of RPC stream messages received on the server.');
  const sent = registry.counter('grpc_server_msg_sent_total', 'Total number of gRPC stream messages sent by the server.');
  const handling = registry.histogram(
    'grpc_server_handling_seconds',
    'Histogram of response latency of gRPC that had been application-level handled by the server.',
    HANDLING_BUCKETS_S,
  );

  const methods = new Map<string, { readonly labels: Record<string, string>; readonly sent: Counter; readonly received: Counter; readonly started: Counter }>();
  for (const [definition] of services) {
    for (const { path, requestStream, responseStream } of Object.values(definition)) {
      const [, service = '', method = ''] = path.split('/');
      const type = requestStream ? (responseStream ? 'bidi_stream' : 'client_stream') : responseStream ? 'server_stream' : 'unary';
      const labels = { grpc_type: type, grpc_service: service, grpc_method: method };
      methods.set(path, { labels, sent: sent.with(labels), received: received.with(labels), started: started.with(labels) });
    }
  }

  return (descriptor, call) => {
    const method = methods.get(descriptor.path);
    if (!method) return new ServerInterceptingCall(call);
    const begin = clock.now();
    method.started.inc();
    let done = false;
    const finish = (code: number): void => {
      if (done) return;
      done = true;
      handled.with({ ...method.labels, grpc_code: codeName(code) }).inc();
      handling.with(method.labels).observe((clock.now() - begin) / 1000);
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMessage((message, next) => {
        method.received.inc();
        next(message);
      })
      .withOnCancel(() => finish(status.CANCELLED))
      .build();
    const responder = new ResponderBuilder()
      .withStart((next) => next(listener))
      .withSendMessage((message, next) => {
        method.sent.inc();
        next(message);
      })
      .withSendStatus((sentStatus, next) => {
        finish(sentStatus.code ?? status.OK);
        next(sentStatus);
      })
      .build();
    return new ServerInterceptingCall(call, responder);
  };
}
