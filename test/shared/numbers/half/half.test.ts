import fc from 'fast-check';
import { test } from 'tap';
import { type HalfFormat, openHalves } from '../../../../src/shared/numbers/half/half.js';

/** What 16 bits mean, from the formats' definitions. */
function meaningOf(bits: number, format: HalfFormat): number {
  const [exponentBits, digits] = format === 'bf16' ? [8, 7] : [5, 10];
  const sign = bits >>> 15 === 1 ? -1 : 1;
  const exponent = (bits >>> digits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** digits - 1)) / 2 ** digits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);

for (const format of ['bf16', 'fp16'] as const) {
  const halves = openHalves(format);
  /** The format's finite numbers that are not negative, in order. */
  const numbers = [...all.subarray(0, 2 ** 15)].map((bits) => meaningOf(bits, format)).filter(Number.isFinite);
  const largest = numbers.at(-1) ?? Number.NaN;

  /** The nearest of them, and of two as near the one with an even last bit. */
  const nearest = (x: number): number => {
    if (Number.isNaN(x)) return x;
    const magnitude = Math.min(Math.abs(x), largest);
    let [low, high] = [0, numbers.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((numbers[middle] ?? 0) <= magnitude) low = middle;
      else high = middle;
    }
    const [below, above] = [magnitude - (numbers[low] ?? 0), (numbers[high] ?? 0) - magnitude];
    const index = below < above || (below === above && low % 2 === 0) ? low : high;
    return Math.sign(x) * (numbers[index] ?? Number.NaN);
  };
  const isSame = (a: number | undefined, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));

  test(`${format}: all 65,536 unpack to what they mean`, (t) => {
    const unpacked = halves.unpack(new Uint8Array(all.buffer));
    t.same(
      [...all].filter((bits) => !isSame(unpacked[bits], Math.fround(meaningOf(bits, format)))),
      [],
    );
    t.end();
  });

  test(`${format}: what is packed unpacks to the same bits`, (t) => {
    const finite = all.filter((bits) => Number.isFinite(meaningOf(bits, format)));
    const values = halves.unpack(new Uint8Array(finite.buffer));
    t.same(halves.pack(values), finite);
    const rounded = new Float32Array(values.length);
    halves.round(values, rounded, 1);
    t.ok(
      rounded.every((value, i) => value === values[i]),
      'and rounding changes nothing',
    );
    t.end();
  });

  test(`${format}: rounds to the nearest, ties to even`, (t) => {
    const number = fc.oneof(
      fc.float(),
      fc.float({ noNaN: true, min: -70_000, max: 70_000 }),
      fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) }),
      fc.nat(numbers.length - 2).map((i) => Math.fround(((numbers[i] ?? 0) + (numbers[i + 1] ?? 0)) / 2)),
      fc.constantFrom(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, 65_519, 65_520),
    );
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 30 }), fc.constantFrom(1, 0.25, 1_024, 1 / 3), (values, scale) => {
        const given = Float32Array.from(values);
        const rounded = new Float32Array(given.length);
        halves.round(given, rounded, scale);
        const packed = halves.unpack(new Uint8Array(halves.pack(rounded).buffer));
        return values.every((_, i) => {
          const expected = nearest(Math.fround((given[i] ?? 0) * Math.fround(scale)));
          return isSame(rounded[i], expected) && isSame(packed[i], expected);
        });
      }),
      { numRuns: 3_000 },
    );
    t.pass();
    t.end();
  });

  test(`${format}: arrays of any length, and frames on any address`, (t) => {
    for (const length of [1, 7, 8, 4_095, 4_096, 4_097, 10_000]) {
      const values = Float32Array.from({ length }, (_, i) => Math.sin(i));
      const rounded = new Float32Array(length + 1).fill(-1);
      halves.round(values, rounded.subarray(0, length), 2);
      t.equal(rounded[length], -1);
      t.ok(
        values.every((value, i) => rounded[i] === nearest(value * 2)),
        `${length}`,
      );
      const bytes = new Uint8Array(2 * length + 1);
      bytes.set(new Uint8Array(halves.pack(rounded.subarray(0, length)).buffer), 1);
      t.same(halves.unpack(bytes.subarray(1)), rounded.subarray(0, length));
    }
    t.end();
  });
}
