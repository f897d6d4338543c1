import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { test } from 'tap';
import { floatsAt, readHdf5, writeFloats, writeHdf5 } from '../../../src/formats/keras/hdf5.js';

/** Files of h5py 3: create_dataset('k', shape=(4, 2), dtype='f4', external=[('secret', 0, 32)]), and a virtual dataset of k in other.h5. */
const external =
  'eNrr9HBx4+WS4mIAAQ4OBhYGAQZk8B8KdrCi8mHyCVCaEUp3QOkVTDBxRrCcBFRcEGo+urqQIFdXkOr/aABmTwELhOZgGAUjEXi4OgaA6AgoH5ZKTzChqstGS48eFNrLyMAGMYsRxteA0EwQAWiyZIA5A53PDEz5IJWCCvJQOQUGcQ4G8XqoPCswRYPkmZggBrIDzWeEWgfKOQY40r0CA0wckrOYGWE5RgE95GgSDwpo8RDAgqquODW5KLUEEQ8wdcF+/i4gf8H8o8A8mrbJAQDASjpT';
const virtual =
  'eNrr9HBx4+WS4mIAAQ4OBhYGAQZk8B8KGCTQ+FCQAKUZoXQHlF7BBBNnBMtBtTMIQs1HVxcS5OoKUv0fDcDsMWCB0BwMo2AkAg9XxwAQHQHlw1LpCSZUddlo6dGDQnsZGdggZjHC+BoQmgkiAE2WDDBnoPOZgSkfpFJQQR4qp8AgzsEgXg+VZwWmaJA8EzPEQA6oz1iYYUkdYo8QlAvi7TbmA3qzYEDiIdjP3wWUo2H5UIF5NG2OglEwVIG7s78PI1KBCis3AxjQCtL8kozUIr0MU2AJy4wkDCvrYHwJND6kDITwk1ev/w4Tm8A/GvajYBSMglEwCkbBKBgFo2AUjIJRMApGAb0AAP9BNpY=';

test('a model is in one file: no other is opened for its values', async (t) => {
  const folder = t.testdir({ secret: 'A'.repeat(64) });
  const home = process.cwd();
  process.chdir(folder);
  t.teardown(() => process.chdir(home));
  await writeHdf5(join(folder, 'other.h5'), (file) => writeFloats(file, 'k', new Float32Array(8).fill(1), [4, 2]));
  for (const [name, base64] of Object.entries({ external, virtual }))
    writeFileSync(`${name}.h5`, inflateSync(Buffer.from(base64, 'base64')));
  await writeHdf5('link.h5', (file) => void file.create_external_link(join(folder, 'other.h5'), '/k', 'k'));
  for (const [name, other] of Object.entries({ external: 'secret', virtual: 'other.h5', link: 'other.h5' })) {
    await t.rejects(
      readHdf5(`${name}.h5`, 'model', (file) => floatsAt(file, 'k', [4, 2], 'model')),
      {
        name: 'DataError',
        message: new RegExp(`^model: its values are in another file \\(.*${other}\\), which is not opened: save the model as one file$`),
      },
      name,
    );
  }
  t.same(await readHdf5('other.h5', 'model', (file) => floatsAt(file, 'k', [4, 2], 'model')), new Float32Array(8).fill(1));
});
