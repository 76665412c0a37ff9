const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/**
 * Whether an RSA modulus gives its factors away: small ones, two that are close to each other, or
 * the pattern of ROCA (CVE-2017-15361).
 */
export function isWeakModulus(modulus: bigint): boolean {
  return (
    modulus % 2n === 0n ||
    smallPrimes.some((prime) => modulus % BigInt(prime) === 0n) ||
    hasCloseFactors(modulus) ||
    hasRocaPattern(modulus)
  );
}

/** Fermat's method, for as many steps as a sound key never needs. */
function hasCloseFactors(modulus: bigint, steps = 100): boolean {
  let middle = squareRoot(modulus);
  if (middle * middle < modulus) middle += 1n;
  for (let step = 0; step < steps; step++, middle += 1n) {
    const rest = middle * middle - modulus;
    const root = squareRoot(rest);
    if (root * root === rest) return true;
  }
  return false;
}

/** The whole part, by Newton's method. */
function squareRoot(number: bigint): bigint {
  if (number < 2n) return number;
  let guess = 1n << BigInt(Math.ceil(number.toString(16).length * 2 + 1));
  for (;;) {
    const next = (guess + number / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

/**
 * The keys of the flawed library are powers of 65537 to every small prime; of others, one in 10^8
 * or fewer.
 */
function hasRocaPattern(modulus: bigint): boolean {
  return smallPrimes.every((prime) => powersOf65537(prime).has(Number(modulus % BigInt(prime))));
}

function powersOf65537(prime: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power);
  return powers;
}
