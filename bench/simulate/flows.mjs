// How even flows are that share a link, and what they make of it. `listen ADDRESS FLOWS BYTES` waits for so many connections and, when so many bytes
// have come over one of them, says how many have over each, and in how many milliseconds; `connect ADDRESS BYTES` sends until it is closed.
import { createConnection, createServer } from 'node:net';

const [how, host, first, second] = process.argv.slice(2);

if (how === 'connect') {
  const socket = createConnection({ port: 5_001, host });
  socket.on('error', () => undefined);
  // All begin at once.
  socket.once('data', () => socket.write(Buffer.alloc(Number(first))));
} else {
  let startedAt = 0;
  const got = [];
  const sockets = [];
  const server = createServer((socket) => {
    const number = sockets.push(socket) - 1;
    got.push(0);
    socket
      .on('error', () => undefined)
      .on('data', (data) => {
        got[number] += data.length;
        if (got[number] < Number(second)) return;
        console.log(JSON.stringify({ got, took: performance.now() - startedAt }));
        process.exit();
      });
    if (sockets.length < Number(first)) return;
    startedAt = performance.now();
    for (const each of sockets) each.write('go');
  });
  server.listen(5_001, host, () => console.error('listens'));
}
