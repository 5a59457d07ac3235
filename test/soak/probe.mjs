// Loaded into the gateway under test (NODE_OPTIONS --import): tells its memory and what it holds when it is asked.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

process.on('message', () => {
  collect();
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  process.send({ rss, heapUsed, external, resources });
});
// Asking must not keep a gateway alive that wants to end.
process.channel.unref();
