const decimalSuffixes = (exponent: number) => ({ base: 10n, exponent });
const binarySuffixes = (exponent: number) => ({ base: 2n, exponent });
const suffixes: Readonly<Record<string, { readonly base: bigint; readonly exponent: number }>> = {
  n: decimalSuffixes(-9),
  u: decimalSuffixes(-6),
  m: decimalSuffixes(-3),
  '': decimalSuffixes(0),
  k: decimalSuffixes(3),
  M: decimalSuffixes(6),
  G: decimalSuffixes(9),
  T: decimalSuffixes(12),
  P: decimalSuffixes(15),
  E: decimalSuffixes(18),
  Ki: binarySuffixes(10),
  Mi: binarySuffixes(20),
  Gi: binarySuffixes(30),
  Ti: binarySuffixes(40),
  Pi: binarySuffixes(50),
  Ei: binarySuffixes(60),
};

/** Compared digits after the decimal point; Kubernetes keeps nine. */
const precision = 30;

/**
 * The value of a Kubernetes quantity (`500m`, `1Gi`, `2e3`) in a fixed unit; undefined for anything else. A bigint,
 * because as floating-point numbers `0.7` and `700m` would differ.
 */
export function quantity(text: string | number): bigint | undefined {
  const match = /^([+-]?)(?=\.?\d)(\d{0,40})(?:\.(\d{0,20}))?(?:[eE]([+-]?\d{1,2}))?([a-zA-Z]*)$/.exec(
    String(text),
  );
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', power = '0', suffix = ''] = match;
  const factor = suffixes[suffix];
  if (!factor) return undefined;
  const isBinary = factor.base === 2n;
  const shift = precision - fraction.length + Number(power) + (isBinary ? 0 : factor.exponent);
  const digits = BigInt(`${whole}${fraction}`) * (isBinary ? 2n ** BigInt(factor.exponent) : 1n);
  const value = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return sign === '-' ? -value : value;
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A Go duration (`1h`, `1h0m0s`, `90s`, `0`) in milliseconds; undefined for anything else. */
export function goDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  const terms = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  return terms.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? 0), 0);
}
