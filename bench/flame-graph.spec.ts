import { describe, expect, it } from 'vitest';
import { callTree, flameGraph, type Profile, sharesByFolder, sharesByOrigin } from './flame-graph.mjs';

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });
/** A server that reads (10 µs), asks a gateway's file twice (20 and 30 µs), which calls Fastify (40 µs); 100 µs idle. */
const PROFILE: Profile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('read', 'node:net'), children: [4, 5] },
    { id: 4, callFrame: frame('guard', 'file:///x/flame-dist/quota/quota.guard.js'), children: [6] },
    { id: 5, callFrame: frame('guard', 'file:///x/flame-dist/quota/quota.guard.js') },
    { id: 6, callFrame: frame('send<T>', 'file:///x/node_modules/fastify/lib/reply.js') },
  ],
  samples: [2, 3, 4, 5, 6],
  timeDeltas: [100, 10, 20, 30, 40],
};

describe('a flame graph', () => {
  const tree = callTree(PROFILE);

  it('puts equal calls of one caller together, and leaves idle time out', () => {
    expect(tree.us).toBe(100);
    expect(tree.children[0]).toMatchObject({ us: 100, ownUs: 10 });
    expect(tree.children[0]?.children).toHaveLength(1);
    expect(tree.children[0]?.children[0]).toMatchObject({ us: 90, ownUs: 50, children: [{ us: 40 }] });
  });

  it('tells whose code took which share, and which folder of the gateway', () => {
    expect(sharesByOrigin(tree)).toEqual([
      ['this gateway', 0.5],
      ['Nest, Fastify and their helpers', 0.4],
      ['Node.js', 0.1],
    ]);
    expect(sharesByFolder(tree)).toEqual([['quota', 0.5]]);
  });

  it('is an image whose text is text', () => {
    const svg = flameGraph(tree, 'a <title>');
    expect(svg).toContain('a &#60;title&#62;');
    expect(svg).toContain('<title>send&#60;T&#62; fastify/lib/reply.js 40.0 %</title>');
    expect(svg).not.toContain('<script');
  });

  it('names no folder of the machine', () => {
    const nodes = [
      { id: 1, callFrame: frame('(root)'), children: [2] },
      { id: 2, callFrame: frame('probe', 'file:///home/somebody/bench/probe.mjs') },
    ];
    const svg = flameGraph(callTree({ nodes, samples: [2], timeDeltas: [1] }), 'title');
    expect(svg).toContain('probe probe.mjs');
    expect(svg).not.toContain('somebody');
  });
});
