// Unary gRPC servers and clients of the demo application: plain, as if there were no mesh.
import {
  Client,
  credentials,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

/** Channel options shared by all: the mesh is on the path, an HTTP proxy from the environment is not. */
const OPTIONS = { 'grpc.enable_http_proxy': 0 } as const;

export interface RunningServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startRpcServer(
  port: number,
  host: string,
  methods: readonly ServiceDefinition[string][],
  implementation: UntypedServiceImplementation,
): Promise<RunningServer> {
  const server = new Server();
  server.addService(Object.fromEntries(methods.map((method) => [methodName(method), method])), implementation);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, actual) => (error ? reject(error) : resolve(actual)));
  });
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.tryShutdown(() => resolve());
        setTimeout(() => server.forceShutdown(), 2000).unref();
      }),
  };
}

export interface RpcClient {
  call<Request, Response>(method: MethodDefinition<Request, Response>, request: Request): Promise<Response>;
  close(): void;
}

/** `address` is `host:port`; a call waits at most ten seconds. */
export function rpcClient(address: string): RpcClient {
  const client = new Client(address, credentials.createInsecure(), OPTIONS);
  return {
    call: (method, request) =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + 10_000;
        client.makeUnaryRequest(method.path, method.requestSerialize, method.responseDeserialize, request, { deadline }, (error, response) => {
          if (error) reject(error);
          else if (response === undefined) reject(new Error(`${method.path}: empty answer`));
          else resolve(response);
        });
      }),
    close: () => client.close(),
  };
}

export function methodName(method: { readonly path: string }): string {
  return method.path.slice(method.path.lastIndexOf('/') + 1);
}
