// The `format`s of strings that a server checks; others say something to people only. Kubernetes "Specifying a structural schema"; OpenAPI formats.
import { isIp, parseNetwork } from '@weft/core';
import { nameProblem } from '../validate/names.ts';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const DURATION =
  /^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+)$|^\d+ *(ns|us|µs|ms|s|m|h|d|w|nanos?|micros?|millis?|secs?|mins?|hrs?|hours?|days?|weeks?)$/;
const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const EMAIL = /^[^\s@<>]+@[^\s@<>]+$/;

const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  uuid: (text) => UUID.test(text),
  date: (text) => DATE.test(text) && !Number.isNaN(Date.parse(text)),
  'date-time': isDateTime,
  datetime: isDateTime,
  duration: (text) => DURATION.test(text),
  byte: (text) => BASE64.test(text),
  email: (text) => EMAIL.test(text),
  hostname: (text) => nameProblem(text.toLowerCase(), 'subdomain') === undefined,
  ipv4: (text) => isIp(text) && !text.includes(':'),
  ipv6: (text) => isIp(text) && text.includes(':'),
  cidr: (text) => text.includes('/') && parseNetwork(text) !== undefined,
  mac: (text) => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text),
  uri: (text) => URL.canParse(text),
  'k8s-short-name': (text) => nameProblem(text, 'label') === undefined,
  'k8s-long-name': (text) => nameProblem(text, 'subdomain') === undefined,
};

function isDateTime(text: string): boolean {
  return DATE_TIME.test(text) && !Number.isNaN(Date.parse(text.replace(' ', 'T')));
}

/** The check of a format; undefined for one that is not checked. */
export function formatCheck(format: string): ((text: string) => boolean) | undefined {
  return Object.hasOwn(CHECKS, format) ? CHECKS[format] : undefined;
}
