// node scripts/run-typescript.mjs FILE ARGUMENTS: runs TypeScript as it stands, through Vite. For scripts of developers.
import { resolve } from 'node:path';
import { runnerImport } from 'vite';

const [file, ...args] = process.argv.slice(2);
process.argv.splice(1, process.argv.length, resolve(file), ...args);
await runnerImport(resolve(file));
