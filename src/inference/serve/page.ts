import { quoted } from '../../shared/text/shellWord.js';
import type { Model } from '../model.js';

/** A page that says how to ask a model, for people. */
export function page(model: Model): string {
  const { spec, network, schema, classes, folder } = model;
  const example = schema
    ? JSON.stringify({
        rows: [
          Object.fromEntries(schema.inputs.map((column) => [column.name, column.kind === 'category' ? (column.categories?.[0] ?? '') : 0])),
        ],
      })
    : `{"inputs": [[0, 0, ...]]}`;
  const isImage = spec.inputShape.length >= 2;
  const commands = [
    `curl -H 'content-type: application/json' -d ${quoted(example)} http://HOST:PORT/predict`,
    ...(isImage ? ["curl -H 'content-type: image/png' --data-binary @image.png http://HOST:PORT/predict"] : []),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>bpnn-dist: ${escaped(folder)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
pre { overflow: auto; padding: .75rem; border: 1px solid #8888; border-radius: 4px }
dt { font-weight: 600 }
</style>
</head>
<body>
<main>
<h1>${escaped(folder)}</h1>
<dl>
<dt>Inputs</dt><dd>${network.inputs}, of shape [${spec.inputShape.join(', ')}], as they stand in the data's files</dd>
${schema ? `<dt>Columns</dt><dd>${schema.inputs.map(({ name }) => escaped(name)).join(', ')}</dd>` : ''}
<dt>Outputs</dt><dd>${network.outputs}</dd>
${classes ? `<dt>Classes</dt><dd>${classes.map(escaped).join(', ')}</dd>` : ''}
</dl>
<h2>How to ask</h2>
${commands.map((command) => `<pre tabindex="0"><code>${escaped(command)}</code></pre>`).join('\n')}
<ul>
<li><a href="/openapi.json">/openapi.json</a>: all of it, for programs</li>
<li><a href="/healthz">/healthz</a>: is it well?</li>
<li><a href="/metrics">/metrics</a>: figures for Prometheus</li>
</ul>
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
