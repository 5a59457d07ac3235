// Preloaded into a gateway by scrape.mjs: tells the longest stall of its event loop since it was asked before, ms.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on('message', () => {
  // The histogram holds whole intervals between ticks, of which the resolution itself is no delay.
  process.send({ result: Math.max(0, delay.max / 1e6 - RESOLUTION_MS) });
  delay.reset();
});
