// Preloaded into what is measured, with --expose-gc: tells what it holds, before and after its garbage is collected.
process.on('message', () => {
  const { rss } = process.memoryUsage();
  // The second collection takes what finalisers let go of.
  globalThis.gc();
  globalThis.gc();
  const after = process.memoryUsage();
  process.send({ result: { rss, collectedRss: after.rss, heapUsed: after.heapUsed } });
});
