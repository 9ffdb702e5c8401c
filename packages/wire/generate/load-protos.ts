// The .proto files as protobufjs reflection: what the generator and the tests read.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

export const PROTO_DIR = fileURLToPath(new URL('../proto', import.meta.url));

/** The linkerd2-proxy-api, then the APIs of others, which have a folder each. */
export function protoFiles(): string[] {
  const [own, foreign]: [string[], string[]] = [[], []];
  for (const file of readdirSync(PROTO_DIR, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.proto')) (file.includes('/') ? foreign : own).push(file);
  }
  return [...own.sort(), ...foreign.sort()];
}

/** All files, resolved. `keepCase` keeps field names as they are written; otherwise they are camel-cased like in the codecs. */
export function loadProtos(options: { readonly keepCase: boolean }): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith('google/') ? target : `${PROTO_DIR}/${target}`);
  root.loadSync(protoFiles(), { keepCase: options.keepCase, alternateCommentMode: true });
  root.resolveAll();
  return root;
}
