// DNS names as Kubernetes and certificates use them: LDH labels. RFC 1035 §2.3.1, RFC 1123 §2.1.

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/i;

/** One label: letters, digits and inner hyphens, at most 63 octets. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && LABEL.test(text);
}

/** Labels joined by dots, at most 253 octets, no trailing dot, no wildcard. */
export function isDnsName(text: string): boolean {
  return text.length > 0 && text.length <= 253 && text.split('.').every(isDnsLabel);
}

/** Lower-case, without one trailing dot; undefined when the rest is not a DNS name. */
export function canonicalDnsName(text: string): string | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  return isDnsName(name) ? name : undefined;
}

/** A test for names under any of the suffixes; the suffix `.` (or empty) matches every name. Case and one trailing dot are ignored. */
export function suffixMatcher(suffixes: readonly string[]): (name: string) => boolean {
  const wanted = suffixes.map((suffix) => suffix.toLowerCase().replace(/\.$/, ''));
  return (name) => {
    const plain = name.toLowerCase().replace(/\.$/, '');
    return wanted.some((suffix) => suffix === '' || plain === suffix || plain.endsWith(`.${suffix}`));
  };
}
