// Kubernetes quantities, as far as weights of splits are written in them. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

const FACTORS: Readonly<Record<string, number>> = { n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** In thousandths, rounded up as Kubernetes does; undefined where the text is none. */
export function milliOf(quantity: number | string): number | undefined {
  const match = /^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE][+-]?[0-9]{1,2})|(n|u|m|k|M|G|Ki|Mi|Gi))?$/.exec(String(quantity));
  if (!match) return undefined;
  const [, number = '', exponent = '', suffix = ''] = match;
  // Decimal fractions such as 0.001 × 1000 must not come out a little above a whole number.
  return Math.ceil(Number((Number(number + exponent) * (FACTORS[suffix] ?? 1) * 1000).toPrecision(12)));
}
