// `npm start`: compiles what is stale, then is the gateway: one process, so that a signal reaches it.
import { build } from './build.mjs';

build();
await import('../dist/main.js');
