// Port numbers, port names and other bounded numbers.
import type { Field } from './field.ts';
import { portNameProblem } from './names.ts';

export function checkPortNumber(port: Field): void {
  const number = port.integer();
  if (number !== undefined && (number < 1 || number > 65535)) port.invalid('must be between 1 and 65535, inclusive');
}

/** A port by number, or by the name of one. */
export function checkPortOrName(port: Field): void {
  if (typeof port.value === 'number') return checkPortNumber(port);
  const name = port.text();
  const problem = name === undefined ? undefined : portNameProblem(name);
  if (problem !== undefined) port.invalid(problem);
}

export function atLeast(field: Field, minimum: number): void {
  const value = field.integer();
  if (value !== undefined && value < minimum) field.invalid(`must be greater than or equal to ${minimum}`);
}
