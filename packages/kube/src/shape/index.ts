// Checks of what a reader needs of an object, for `resourceStore({ check })`: what does not pass is skipped, and the field that is wrong is named.
// Example: const check = record({ spec: record({ ports: nullable(listOf(record({ port }))) }) });
export {
  anyNumber,
  type Check,
  checked,
  either,
  every,
  flag,
  ip,
  listOf,
  mapOf,
  nullable,
  optional,
  port,
  record,
  someText,
  text,
  type Unfit,
  unfitText,
} from './shape.ts';
