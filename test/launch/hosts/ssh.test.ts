import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'tap';
import { type RemoteCommand, type Ssh, startOn } from '../../../src/launch/hosts/ssh.js';

/** In the place of ssh: a shell that runs what it is to run at the other end, which is its last argument. */
const client = `sh -c 'for line; do :; done; exec sh -c "$line"' ssh`;

function ssh(script: string): Ssh {
  return { client, command: `'${process.execPath}' -e '${script}' --` };
}

/** What it says, and how it ends. */
async function outcome(child: RemoteCommand): Promise<{ stdout: string; stderr: string; code: number | null; signal: string | null }> {
  const closed = once(child, 'close');
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { stdout, stderr, code, signal };
}

test('words reach the other end as they are', async (t) => {
  const words = ['plain', 'two words', "it's", '$HOME', '`id`', '"', '', '*', 'a;b', '\\', '!x'];
  const child = startOn(ssh('console.log(JSON.stringify(process.argv.slice(1)))'), 'host', words, true);
  child.stdin.write('\n');
  const { stdout, stderr, code } = await outcome(child);
  t.same(JSON.parse(stdout), words);
  t.equal(stderr, '');
  t.equal(code, 0);
});

test('no word may end a line, and a host is never an option', async (t) => {
  for (const [host, word] of [
    ['host', 'a\nb'],
    ['a\nb', 'x'],
    ['host', '\x1b[2J'],
  ] as const)
    t.throws(() => startOn(ssh(''), host, [word], true), {
      name: 'UsageError',
      message: /expected no control characters or line ends, got "/,
    });
  const child = startOn({ client: 'printf "%s\\n"', command: 'x' }, '-F', [], true);
  t.match((await outcome(child)).stdout, /\n--\n-F\n/);
});

test('the client and the command are texts for a shell', async (t) => {
  const child = startOn({ client: `${client} -o "ProxyCommand=a b"`, command: 'A=7 sh -c "echo \\$A \\$0"' }, 'host', ['x'], true);
  child.stdin.write('\n');
  t.match(await outcome(child), { stdout: '7 x\n', code: 0 });
});

test('a command reads the first line alone, and gives its exit code back', async (t) => {
  const script = 'process.stdin.on("data", (text) => console.log(JSON.stringify(String(text)))).on("end", () => process.exit(7))';
  const child = startOn(ssh(script), 'host', [], true);
  child.stdin.write('the key\n');
  t.same(await outcome(child), { stdout: '"the key\\n"\n', stderr: '', code: 7, signal: null });
});

test('it is told to end when its client is gone', async (t) => {
  const script = 'process.on("SIGTERM", () => { console.log("told"); process.exit(3); }); console.log("up"); setInterval(() => {}, 1000)';
  const child = startOn(ssh(script), 'host', [], true);
  const ended = outcome(child);
  child.stdin.write('\n');
  await once(child.stdout, 'data');
  child.stdin.end();
  t.equal((await ended).stdout, 'up\ntold\n');
});

test('and ended by force, with what it has started, where it does not hear', async (t) => {
  const busy = 'process.on("SIGTERM", () => {}); console.log("up"); for (;;);';
  const child = startOn({ client, command: `sh -c "'${process.execPath}' -e '${busy.replaceAll('"', '\\"')}' & wait"` }, 'host', [], true);
  const ended = outcome(child);
  child.stdin.write('\n');
  await once(child.stdout, 'data');
  child.stdin.end();
  // Its output closes only when nobody is left who holds it.
  t.equal((await ended).stdout, 'up\n');
});
