// Bundles the compiled gateway: `node scripts/bundle-server.mjs FOLDER` reads FOLDER/main.js, writes FOLDER/bundle and
// makes FOLDER/main.js its door. A start then reads a handful of files in place of thousands.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

// What is built must not depend on the environment of whoever builds it.
process.env.NODE_ENV = 'production';
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = process.argv[2];
const output = join(folder, 'bundle');

await build({
  configFile: false,
  publicDir: false,
  root,
  logLevel: 'error',
  // One copy of rxjs, class-validator and yaml, in the form that can be bundled without what nobody uses.
  resolve: { conditions: ['node', 'import', 'es2015', 'module', 'default'], mainFields: ['module', 'main'] },
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: output,
    emptyOutDir: true,
    target: 'node20',
    sourcemap: true,
    rolldownOptions: {
      input: {
        main: join(folder, 'main.js'),
        // It runs in a thread of its own, from beside whoever starts it.
        'automaton-worker': join(folder, 'guardrails', 'automaton-worker.js'),
      },
      // What starts threads or serves files from its own folder, and what only a traced gateway loads.
      external: [/^gpt-tokenizer/, /^pino/, /^@fastify\/static$/, /^swagger-ui-dist/, /^@opentelemetry\/sdk-node/],
      treeshake: { moduleSideEffects: [{ test: /@nestjs\/swagger\//, sideEffects: false }] },
      output: {
        format: 'esm',
        // Nest, Swagger and errors tell classes by their names, and people read them in stack traces.
        keepNames: true,
        comments: { legal: true, annotation: false, jsdoc: false },
        // Short names of variables and private members: a process keeps its text, and a start leaves the less behind.
        minify: { compress: false, mangle: true, codegen: { removeWhitespace: true } },
        chunkFileNames: '[name].js',
        entryFileNames: '[name].js',
      },
    },
  },
});

// One character beyond Latin-1 doubles the memory of a file's text: V8 keeps it for as long as the process runs.
for (const name of readdirSync(output).filter((file) => file.endsWith('.js'))) {
  const file = join(output, name);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/[^\0-\xff]/g, escaped));
}
writeFileSync(join(folder, 'main.js'), "import './bundle/main.js';\n");

function escaped(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
