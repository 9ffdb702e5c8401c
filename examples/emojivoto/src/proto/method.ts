// gRPC methods of package emojivoto.v1 as grpc-js definitions, their messages described in code (the same as proto/*.proto).
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

type FieldSpec = readonly [name: string, number: number, type: string, rule?: 'repeated'];

/** One proto3 message type in package emojivoto.v1. */
export function messageType(root: protobuf.Root, name: string, fields: readonly FieldSpec[] = []): protobuf.Type {
  const type = new protobuf.Type(name);
  for (const [field, number, fieldType, rule] of fields) type.add(new protobuf.Field(field, number, fieldType, rule));
  root.define('emojivoto.v1').add(type);
  return type;
}

/** A unary method over two message types. */
export function unaryMethod<Request extends object, Response extends object>(
  service: string,
  method: string,
  request: protobuf.Type,
  response: protobuf.Type,
): MethodDefinition<Request, Response> {
  const encode = (type: protobuf.Type, value: object): Buffer => Buffer.from(type.encode(type.fromObject(value)).finish());
  const decode = (type: protobuf.Type, bytes: Buffer): object => type.toObject(type.decode(bytes), { arrays: true });
  return {
    path: `/emojivoto.v1.${service}/${method}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (value) => encode(request, value),
    requestDeserialize: (bytes) => decode(request, bytes) as Request,
    responseSerialize: (value) => encode(response, value),
    responseDeserialize: (bytes) => decode(response, bytes) as Response,
  };
}
