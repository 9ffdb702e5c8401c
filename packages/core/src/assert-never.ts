// Closes a discriminated union: the compiler refuses the call while a variant is unhandled.

export function assertNever(value: never): never {
  throw new TypeError(`unhandled variant: ${JSON.stringify(value)}`);
}
