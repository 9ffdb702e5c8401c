// Reads the subject alternative names out of a certificate's DER. RFC 5280 §4.1, §4.2.1.6.
// Node's `subjectaltname` string is not used: names may contain its separators, and its quoting changed over releases.
import { type DerElement, derChildren, derElement } from './der.ts';

export type SubjectAltName = { readonly kind: 'dns'; readonly value: string } | { readonly kind: 'uri'; readonly value: string };

const SEQUENCE = 0x30;
const BOOLEAN = 0x01;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const URI = 0x86;
/** 2.5.29.17 */
const SUBJECT_ALT_NAME = '551d11';

/** DNS and URI names in the order of the certificate; other kinds are left out. Empty when the certificate cannot be read. */
export function subjectAltNames(certificate: Uint8Array): readonly SubjectAltName[] {
  const outer = derElement(certificate);
  const tbs = outer?.tag === SEQUENCE ? derChildren(outer)?.[0] : undefined;
  const extensions = tbs?.tag === SEQUENCE ? derChildren(tbs)?.find((field) => field.tag === EXTENSIONS) : undefined;
  const list = extensions && derChildren(extensions)?.[0];
  const found =
    (list &&
      derChildren(list)
        ?.map(extensionValue)
        .filter((value) => value !== undefined)) ??
    [];
  const [value] = found;
  // Two extensions of one kind make the certificate ambiguous (RFC 5280 §4.2).
  if (value === undefined || found.length !== 1) return [];
  const names = derElement(value);
  return names?.tag === SEQUENCE ? (derChildren(names)?.flatMap(generalName) ?? []) : [];
}

/** The content of the extension when it is the one looked for. */
function extensionValue(extension: DerElement): Uint8Array | undefined {
  const [id, second, third] = (extension.tag === SEQUENCE ? derChildren(extension) : undefined) ?? [];
  if (id?.tag !== OBJECT_IDENTIFIER || Buffer.from(id.content).toString('hex') !== SUBJECT_ALT_NAME) return undefined;
  const value = second?.tag === BOOLEAN ? third : second;
  return value?.tag === OCTET_STRING ? value.content : new Uint8Array();
}

function generalName(name: DerElement): SubjectAltName[] {
  const value = Buffer.from(name.content).toString('latin1');
  if (name.tag === DNS_NAME) return [{ kind: 'dns', value }];
  return name.tag === URI ? [{ kind: 'uri', value }] : [];
}
