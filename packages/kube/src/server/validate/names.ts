// The forms of names: RFC 1123 labels and subdomains, RFC 1035 labels, port names, label keys and values.
import type { Field } from './field.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const PORT_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])*$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const DATA_KEY = /^[-._a-zA-Z0-9]+$/;

export type NameRule = 'label' | 'subdomain' | 'label1035' | 'path';

/** What is wrong with a name; undefined when nothing is. */
export function nameProblem(name: string, rule: NameRule): string | undefined {
  if (rule === 'path') return name === '.' || name === '..' || /[/%]/.test(name) ? "may not be '.' or '..' and may not contain '/' or '%'" : undefined;
  const limit = rule === 'subdomain' ? 253 : 63;
  if (name.length > limit) return `must be no more than ${limit} characters`;
  if (rule === 'label' && !LABEL.test(name)) {
    return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  }
  if (rule === 'subdomain' && !SUBDOMAIN.test(name)) {
    return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  }
  if (rule === 'label1035' && !LABEL_1035.test(name)) {
    return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
  }
  return undefined;
}

export function checkName(field: Field, rule: NameRule, message?: string): void {
  if (!field.present || field.value === '') return field.required(message);
  const name = field.text();
  const problem = name === undefined ? undefined : nameProblem(name, rule);
  if (problem !== undefined) field.invalid(problem);
}

/** IANA service names, RFC 6335 §5.1. */
export function portNameProblem(name: string): string | undefined {
  if (name.length > 15) return 'must be no more than 15 characters';
  if (!PORT_NAME.test(name)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), which may not stand at either end';
  if (name.includes('--')) return 'must not contain consecutive hyphens';
  return /[a-z]/.test(name) ? undefined : 'must contain at least one letter (a-z)';
}

/** Keys of labels and annotations: an optional DNS prefix, a slash, a name. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = slash < 0 ? key : key.slice(slash + 1);
  if (prefix !== undefined && (prefix.length > 253 || !SUBDOMAIN.test(prefix))) return 'prefix part must be a lowercase RFC 1123 subdomain';
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  return QUALIFIED_NAME.test(name)
    ? undefined
    : "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
}

function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  return LABEL_VALUE.test(value)
    ? undefined
    : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
}

/** Keys of ConfigMaps and Secrets. */
export function dataKeyProblem(key: string): string | undefined {
  if (key.length > 253) return 'must be no more than 253 characters';
  if (key === '.' || key === '..' || key.startsWith('..')) return "must not be '.' or begin with '..'";
  return DATA_KEY.test(key) ? undefined : "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
}

export function checkLabels(field: Field): void {
  for (const [key, value] of field.members()) {
    const keyProblem = labelKeyProblem(key);
    if (keyProblem !== undefined) field.invalid(`${JSON.stringify(key)}: ${keyProblem}`);
    const text = value.text();
    const valueProblem = text === undefined ? undefined : labelValueProblem(text);
    if (valueProblem !== undefined) value.invalid(valueProblem);
    if (value.value === null) value.required('must be a string');
  }
}
