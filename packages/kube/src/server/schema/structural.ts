// Whether a schema is structural, so that pruning, defaulting and validation know what to do with every field.
// Kubernetes "Specifying a structural schema".
import type { StatusCause } from '../../client/kube-error.ts';
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import { isObject, type Json } from '../json/json.ts';
import { type Field, fieldOf, oneOf } from '../validate/field.ts';
import { compilePattern } from './pattern.ts';
import { schemaValidator } from './validator.ts';

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'];
const CHOICES = ['allOf', 'anyOf', 'oneOf'];
/** These belong to the structure and may not stand inside a choice. */
const STRUCTURE = ['type', 'default', 'additionalProperties', 'nullable', 'description', 'title'];

export type SchemaPlace = 'root' | 'structure' | 'choice';

/** Reports every problem of the schema at `field`. */
export function checkStructural(field: Field, place: SchemaPlace): void {
  if (!isObject(field.value)) return field.invalid('must be a schema');
  const intOrString = field.at('x-kubernetes-int-or-string').flag() === true;
  if (place === 'choice') {
    for (const key of STRUCTURE) if (field.at(key).present && !intOrString) field.at(key).forbidden('must not be set inside of allOf, anyOf, oneOf or not');
  } else checkType(field, place, intOrString);
  for (const key of ['required', 'enum']) field.at(key).items();
  const pattern = field.at('pattern');
  if (pattern.present) checkPattern(pattern);
  if (field.at('uniqueItems').value === true)
    field.at('uniqueItems').forbidden('uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  checkList(field, place);
  if (place === 'root') checkMetadata(field.at('properties', 'metadata'));
  for (const [, member] of field.at('properties').members()) checkStructural(member, place === 'choice' ? 'choice' : 'structure');
  const additional = field.at('additionalProperties');
  if (isObject(additional.value)) checkStructural(additional, place === 'choice' ? 'choice' : 'structure');
  for (const key of CHOICES) for (const each of field.at(key).items()) checkChoice(each, intOrString);
  if (field.at('not').present) checkStructural(field.at('not'), 'choice');
  if (place !== 'choice' && field.at('default').value !== undefined) checkDefault(field);
}

/** What metadata is says Kubernetes. A definition may only narrow the name. */
function checkMetadata(metadata: Field): void {
  if (
    metadata
      .at('properties')
      .members()
      .some(([key]) => key !== 'name' && key !== 'generateName')
  )
    metadata.forbidden('must not specify anything other than name and generateName, but metadata is implicitly specified');
}

function checkType(field: Field, place: SchemaPlace, intOrString: boolean): void {
  const type = field.at('type');
  if (place === 'root' && type.value !== 'object') return type.invalid('must be object at the root');
  if (intOrString) {
    if (type.present) type.forbidden('must be empty if x-kubernetes-int-or-string is true');
  } else if (!type.present) {
    if (field.at('x-kubernetes-preserve-unknown-fields').value !== true) type.required('must not be empty for specified object fields');
  } else oneOf(type, TYPES);
  if (field.at('properties').present && field.at('additionalProperties').present)
    field.at('additionalProperties').forbidden('additionalProperties and properties are mutual exclusive');
}

/** `anyOf: [{type: integer}, {type: string}]` is the one choice of types that is allowed: beside int-or-string. */
function checkChoice(field: Field, intOrString: boolean): void {
  if (intOrString && isObject(field.value) && Object.keys(field.value).join() === 'type') return;
  checkStructural(field, 'choice');
}

function checkList(field: Field, place: SchemaPlace): void {
  const items = field.at('items');
  if (items.present) checkStructural(items, place === 'choice' ? 'choice' : 'structure');
  else if (field.at('type').value === 'array') items.required('must be specified');
  const listType = field.at('x-kubernetes-list-type');
  oneOf(listType, ['atomic', 'set', 'map']);
  const keys = field.at('x-kubernetes-list-map-keys');
  if (listType.value === 'map' && keys.items().length === 0) keys.required('must not be empty if x-kubernetes-list-type is map');
}

function checkPattern(field: Field): void {
  const text = field.text();
  try {
    compilePattern(text ?? '');
  } catch (error) {
    field.invalid(`must be a valid regular expression: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A default must itself be what the schema asks for. Problems inside the schema are reported where they are. */
function checkDefault(field: Field): void {
  const value = field.at('default');
  const causes: StatusCause[] = [];
  try {
    schemaValidator(field.value as unknown as JsonSchema)(fieldOf(value.value as Json, causes, value.path));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    return;
  }
  for (const { message } of causes) value.invalid(message ?? 'does not follow the schema');
}
