import { test } from 'tap';
import { isNpy, readNpyHeader } from '../../../src/data/arrays/npy.js';
import { DataError } from '../../../src/shared/text/errors.js';
import { npyBytes, npyWithHeader } from '../../fixtures/arrays.js';

const none = new Uint8Array();

test('the header as NumPy writes it', (t) => {
  const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (700, 8), }";
  const head = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(`${text.padEnd(117)}\n`)]);
  t.ok(isNpy(head));
  t.same(readNpyHeader('x', head), { shape: [700, 8], dtype: 'float32', byteOrder: 'LE', valuesAt: 128 });
  t.end();
});

test('versions 1, 2 and 3', (t) => {
  for (const version of [1, 2, 3] as const) {
    t.match(
      readNpyHeader('x', npyBytes('<i8', [5], none, { version })),
      { shape: [5], dtype: 'int64', valuesAt: 128 },
      `version ${version}`,
    );
  }
  t.end();
});

test('every type has its name, in both byte orders', (t) => {
  const types = {
    b1: 'bool',
    u1: 'uint8',
    i1: 'int8',
    u2: 'uint16',
    i2: 'int16',
    u4: 'uint32',
    i4: 'int32',
    u8: 'uint64',
    i8: 'int64',
    f4: 'float32',
    f8: 'float64',
  };
  for (const [code, dtype] of Object.entries(types)) {
    const little = code.endsWith('1') ? '|' : '<';
    t.match(readNpyHeader('x', npyBytes(little + code, [1], none)), { dtype, byteOrder: 'LE' });
    t.match(readNpyHeader('x', npyBytes(`>${code}`, [1], none)), { dtype, byteOrder: 'BE' });
  }
  t.end();
});

test("a Python 2 shape's long integers are read", (t) => {
  const head = npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }", none);
  t.same(readNpyHeader('x', head).shape, [3, 4]);
  t.end();
});

test('arrays that are not read say why, and what to do', (t) => {
  const refuses = (head: Buffer, message: string): void => {
    t.throws(() => readNpyHeader('x.npy', head), new DataError(message));
  };
  refuses(
    npyBytes('<f4', [2, 2], none, { fortran: true }),
    "x.npy: expected values in C order and not float16, got Fortran order: save it anew with np.save(file, np.ascontiguousarray(array, 'float32'))",
  );
  refuses(
    npyBytes('|O', [2], none),
    "x.npy: expected an array of numbers, got Python objects (a pickle), which are never loaded: save it with array.astype('float32')",
  );
  refuses(
    npyWithHeader("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", none),
    'x.npy: expected an array of numbers, got records with named fields: save each field as a file of its own',
  );
  for (const descr of ['<c8', '<U10', '=f4']) {
    refuses(
      npyBytes(descr, [2], none),
      'x.npy: expected values of type float16, bool, uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32, float64, ' +
        `got '${descr}': save it with array.astype('float32')`,
    );
  }
  refuses(npyBytes('<f4', [], none), 'x.npy: expected an array of one dimension or more, got a single number');
  t.end();
});

test('damaged headers are named', (t) => {
  const whole = npyBytes('<f4', [2], none);
  const refuses = (head: Buffer, message: string): void => {
    t.throws(() => readNpyHeader('x.npy', head), new DataError(message));
  };
  refuses(whole.subarray(0, 6), 'x.npy: its .npy header is cut short: expected at least 10 bytes, got 6');
  refuses(whole.subarray(0, 9), 'x.npy: its .npy header is cut short: expected at least 10 bytes, got 9');
  refuses(
    npyBytes('<f4', [2], none, { version: 2 }).subarray(0, 11),
    'x.npy: its .npy header is cut short: expected at least 12 bytes, got 11',
  );
  refuses(whole.subarray(0, 50), 'x.npy: its .npy header is cut short: expected 128 bytes, got 50');
  refuses(
    Buffer.concat([whole.subarray(0, 6), Buffer.from([4, 0]), whole.subarray(8)]),
    'x.npy: expected a .npy file of version 1, 2 or 3, got version 4',
  );
  refuses(
    Buffer.concat([whole.subarray(0, 6), Buffer.from([2, 0, 0xff, 0xff, 0xff, 0xff])]),
    'x.npy: expected a .npy header of at most 65547 bytes, got 4294967307: it is no plain array',
  );
  refuses(npyWithHeader("{'shape': (2,)}", none), `x.npy: expected a .npy header with 'descr', got "{'shape': (2,)}"`);
  refuses(npyWithHeader("{'descr': '<f4'}", none), `x.npy: expected a .npy header with 'fortran_order', got "{'descr': '<f4'}"`);
  refuses(
    npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (2, x)}", none),
    `x.npy: expected a .npy header with 'shape', got "{'descr': '<f4', 'fortran_order': False, 'shape': (2, x)}"`,
  );
  t.end();
});
