// Bundles the operators' console: `node scripts/build-console.mjs FOLDER` writes index.html, console.js, console.css.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

// The bundler obeys its caller's environment: what is built must not depend on who builds it.
process.env.NODE_ENV = 'production';
await build({
  configFile: false,
  root: join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'console'),
  base: '/console/',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: process.argv[2],
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        entryFileNames: 'console.js',
        chunkFileNames: '[name].js',
        assetFileNames: 'console[extname]',
        codeSplitting: false,
      },
    },
  },
});
