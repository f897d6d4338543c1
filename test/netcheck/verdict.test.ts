import { test } from 'tap';
import type { PeerFigures } from '../../src/netcheck/check.js';
import { verdictOn, verdictOnAll } from '../../src/netcheck/verdict.js';

const good: PeerFigures = {
  ...{ name: 'a', host: 'a', roundTripMs: 0.2, roundTripP99Ms: 0.5, toMbit: 9_400, fromMbit: 9_300, clockMs: 3, clockErrorMs: 0.1 },
};

test('what is good is called so, and each fault by its name', async (t) => {
  t.equal(verdictOn(good, [good, good]), 'good');
  t.equal(verdictOn(good, []), 'good', 'one alone is compared with nobody');
  t.equal(verdictOn({ ...good, fromMbit: 94 }, [good, good]), 'slow: 94 Mbit/s, the others have 9,300 Mbit/s');
  t.match(verdictOn({ ...good, roundTripMs: 10.2, roundTripP99Ms: 11 }, [good]), /^far: 10\.2 ms there and back, in every step$/);
  t.match(verdictOn({ ...good, roundTripP99Ms: 210 }, [good]), /^uneven: one in a hundred takes 210\.0 ms/);
  t.match(verdictOn({ ...good, clockMs: -1_203 }, [good]), /^its clock is 1\.2 s behind/);
  t.equal(verdictOn({ ...good, clockMs: 1_203, clockErrorMs: 1_150 }, [good]), 'good', 'what may be no difference is none');
});

test('a limit of all together, and what a step takes', async (t) => {
  t.same(verdictOnAll({ peers: [good], toAllMbit: 9_400, fromAllMbit: 9_300 }, undefined), []);
  const peers = [good, good, good, good];
  t.match(verdictOnAll({ peers, toAllMbit: 9_400, fromAllMbit: 9_300 }, undefined), [
    /^All at once reach 9,300 Mbit\/s where .* 37,200 Mbit\/s/,
  ]);
  // Four times a million float32 each way at 1 Gbit/s is 256 ms.
  const [line] = verdictOnAll(
    { peers: peers.map((peer) => ({ ...peer, fromMbit: 250 })), toAllMbit: 1_000, fromAllMbit: 1_000 },
    1_000_000,
  );
  t.equal(line, 'A step moves 1,000,000 parameters to each of 4 and a gradient back: about 2.6e+2 ms beside what it computes.');
});
