// A structural schema as a function that reports everything wrong with a value. Messages are Kubernetes' own.
// OpenAPI 3.0 "Schema Object", as far as structural schemas go.
import type { StatusCause } from '../../client/kube-error.ts';
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import { deepEqual, isObject, type Json } from '../json/json.ts';
import { type Field, fieldOf } from '../validate/field.ts';
import { formatCheck } from './formats.ts';
import { checkListType } from './list-type.ts';
import { compilePattern } from './pattern.ts';

export type Validator = (field: Field) => void;

/** Compiled once per schema. Throws SyntaxError for a pattern that is none; a checked definition has none such. */
export function schemaValidator(schema: JsonSchema): Validator {
  const tests = [...ofNumbers(schema), ...ofStrings(schema), ...ofLists(schema), ...ofObjects(schema), ...ofChoices(schema)];
  const isOfType = typeTest(schema);
  const nullable = schema.nullable === true;
  return (field) => {
    if (field.value === undefined) return;
    if (field.value === null) {
      if (!nullable && schema.type !== undefined) field.invalid(`${inBody(field)} must be of type ${schema.type}: "null"`);
      return;
    }
    // What is of another type has no more to be said about.
    if (!isOfType(field.value)) return field.invalid(`${inBody(field)} must be of type ${typeName(schema)}: ${JSON.stringify(typeOf(field.value))}`);
    for (const test of tests) test(field);
  };
}

function inBody({ path }: Field): string {
  return path === '' ? 'the object in body' : `${path} in body`;
}

function typeName({ type, 'x-kubernetes-int-or-string': intOrString }: JsonSchema): string {
  return intOrString ? 'integer,string' : (type ?? 'any');
}

function typeOf(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return value === null ? 'null' : typeof value;
}

function typeTest({ type, 'x-kubernetes-int-or-string': intOrString }: JsonSchema): (value: Json) => boolean {
  if (intOrString) return (value) => typeof value === 'string' || Number.isInteger(value);
  if (type === undefined) return () => true;
  if (type === 'number') return (value) => typeof value === 'number';
  return (value) => typeOf(value) === type;
}

function ofNumbers({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, format }: JsonSchema): Validator[] {
  const tests: Validator[] = [];
  const add = (fails: (value: number) => boolean, message: string): void => {
    tests.push((field) => {
      if (typeof field.value === 'number' && fails(field.value)) field.invalid(`${inBody(field)} should be ${message}`);
    });
  };
  if (minimum !== undefined)
    add((value) => (exclusiveMinimum ? value <= minimum : value < minimum), `greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  if (maximum !== undefined)
    add((value) => (exclusiveMaximum ? value >= maximum : value > maximum), `less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  if (multipleOf !== undefined) add((value) => !Number.isInteger(value / multipleOf), `a multiple of ${multipleOf}`);
  if (format === 'int32') add((value) => value < -(2 ** 31) || value >= 2 ** 31, 'a 32-bit integer');
  return tests;
}

function ofStrings({ minLength, maxLength, pattern, format }: JsonSchema): Validator[] {
  const tests: Validator[] = [];
  const add = (test: (field: Field, text: string) => void): void => {
    tests.push((field) => {
      if (typeof field.value === 'string') test(field, field.value);
    });
  };
  if (minLength !== undefined) {
    add((field, text) => {
      if (runes(text) < minLength) field.invalid(`${inBody(field)} should be at least ${minLength} chars long`);
    });
  }
  if (maxLength !== undefined) {
    add((field, text) => {
      if (runes(text) > maxLength) field.tooLong(maxLength);
    });
  }
  if (pattern !== undefined) {
    const expression = compilePattern(pattern);
    add((field, text) => {
      if (!expression.test(text)) field.invalid(`${inBody(field)} should match '${pattern}'`);
    });
  }
  const fits = format === undefined ? undefined : formatCheck(format);
  if (fits) {
    add((field, text) => {
      if (!fits(text)) field.invalid(`${inBody(field)} must be of type ${format ?? ''}: ${JSON.stringify(text)}`);
    });
  }
  return tests;
}

/** Characters as people count them: a pair of surrogates is one. */
function runes(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function ofLists(schema: JsonSchema): Validator[] {
  const { items, minItems, maxItems, 'x-kubernetes-list-type': listType } = schema;
  const tests: Validator[] = [];
  const add = (test: (field: Field, list: readonly Json[]) => void): void => {
    tests.push((field) => {
      if (Array.isArray(field.value)) test(field, field.value);
    });
  };
  if (minItems !== undefined) {
    add((field, list) => {
      if (list.length < minItems) field.invalid(`${inBody(field)} should have at least ${minItems} items`);
    });
  }
  if (maxItems !== undefined) {
    add((field, list) => {
      if (list.length > maxItems) field.tooMany(list.length, maxItems);
    });
  }
  if (items) {
    const each = schemaValidator(items);
    add((field) => {
      for (const item of field.items()) each(item);
    });
  }
  if (listType === 'set' || listType === 'map') add((field) => checkListType(field, schema));
  return tests;
}

function ofObjects({ properties, required, additionalProperties, minProperties, maxProperties }: JsonSchema): Validator[] {
  const tests: Validator[] = [];
  const add = (test: (field: Field) => void): void => {
    tests.push((field) => {
      if (isObject(field.value)) test(field);
    });
  };
  const size = ({ value }: Field): number => (isObject(value) ? Object.keys(value).length : 0);
  if (minProperties !== undefined) {
    add((field) => {
      if (size(field) < minProperties) field.invalid(`${inBody(field)} should have at least ${minProperties} properties`);
    });
  }
  if (maxProperties !== undefined) {
    add((field) => {
      if (size(field) > maxProperties) field.tooMany(size(field), maxProperties);
    });
  }
  for (const key of required ?? []) {
    add((field) => {
      const member = field.at(key);
      if (member.value === undefined) member.required();
    });
  }
  for (const [key, member] of Object.entries(properties ?? {})) {
    const each = schemaValidator(member);
    add((field) => each(field.at(key)));
  }
  if (typeof additionalProperties === 'object') {
    const each = schemaValidator(additionalProperties);
    add((field) => {
      for (const [key, member] of field.members()) if (!Object.hasOwn(properties ?? {}, key)) each(member);
    });
  }
  return tests;
}

function ofChoices({ enum: allowed, allOf, anyOf, oneOf, not }: JsonSchema): Validator[] {
  const tests: Validator[] = [];
  const quoted = ({ path }: Field): string => JSON.stringify(path);
  if (allowed) {
    tests.push((field) => {
      if (!allowed.some((value) => deepEqual(value as Json, field.value))) field.unsupported(allowed.map(String));
    });
  }
  for (const each of allOf ?? []) tests.push(schemaValidator(each));
  const any = (anyOf ?? []).map(schemaValidator);
  if (any.length > 0) {
    tests.push((field) => {
      if (!any.some((test) => passes(test, field))) field.invalid(`${quoted(field)} must validate at least one schema (anyOf)`);
    });
  }
  const one = (oneOf ?? []).map(schemaValidator);
  if (one.length > 0) {
    tests.push((field) => {
      const count = one.filter((test) => passes(test, field)).length;
      if (count !== 1) field.invalid(`${quoted(field)} must validate one and only one schema (oneOf). Found ${count === 0 ? 'none' : count} valid`);
    });
  }
  const never = not && schemaValidator(not);
  if (never) {
    tests.push((field) => {
      if (passes(never, field)) field.invalid(`${quoted(field)} must not validate the schema (not)`);
    });
  }
  return tests;
}

function passes(test: Validator, { value, path }: Field): boolean {
  const causes: StatusCause[] = [];
  test(fieldOf(value, causes, path));
  return causes.length === 0;
}
